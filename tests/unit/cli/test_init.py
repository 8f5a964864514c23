"""`init` writes a DeliveryService that admission takes, from flags or from questions."""

import yaml

from delivery_operator.admission.validate import validate
from tests.unit.cli.conftest import Delivery

IMAGE = "registry.example.com/shop/order:v1.0.0"


def test_a_name_and_an_image_are_enough(delivery: Delivery) -> None:
    ended = delivery("init", "order", "--image", IMAGE)
    assert (ended.code, ended.err) == (0, "")
    body = yaml.safe_load(ended.out)
    assert validate(body) == []
    assert body["metadata"] == {"name": "order"}
    assert body["spec"] == {
        "image": IMAGE,
        "processes": {"web": {"command": ["order"], "port": {"number": 8080, "protocol": "http"}}},
    }


def test_everything_from_flags(delivery: Delivery) -> None:
    ended = delivery(
        *("init", "order", "--image", IMAGE, "-n", "shop", "--environment", "production"),
        *("--repository", "https://git.example.com/shop/order", "--revision", "v1.0.0"),
        *("--process", "web=order web --fast", "--process", "sweep=order sweep", "--port", "web=50051/grpc"),
        *("--schedule", "sweep=*/10 * * * *", "--backing-service", "db=postgresql:15"),
        *("--backing-service", "events=kafka", "--backing-service", "search=opensearch", "--migrate", "order migrate"),
    )
    assert ended.code == 0
    body = yaml.safe_load(ended.out)
    assert validate(body) == []
    spec = body["spec"]
    assert spec["environment"] == "production"
    assert spec["processes"]["web"] == {
        "command": ["order", "web", "--fast"],
        "port": {"number": 50051, "protocol": "grpc"},
    }
    assert spec["processes"]["sweep"]["schedule"] == "*/10 * * * *"
    assert spec["backingServices"] == [
        {"name": "db", "type": "postgresql", "version": "15", "secret": "order-db", "env": {"DATABASE_URL": "url"}},
        {
            "name": "events",
            "type": "kafka",
            "version": "4.0.0",
            "secret": "order-events",
            "env": {"KAFKA_BROKERS": "brokers"},
        },
        {"name": "search", "type": "opensearch", "secret": "order-search", "env": {"SEARCH_URL": "url"}},
    ]
    assert spec["release"]["migrate"]["command"] == ["order", "migrate"]
    assert ended.err.splitlines()[0] == "next: create the Secret order-db with the key url"


def test_questions_go_to_standard_error_and_the_object_to_standard_output(delivery: Delivery) -> None:
    answers = ["order", IMAGE, "web=order web", "", "web=8080", "", "db=postgresql:15", "", "order migrate"]
    ended = delivery("init", stdin="\n".join(answers) + "\n")
    assert ended.code == 0, ended.err
    assert "Name of the service" in ended.err
    body = yaml.safe_load(ended.out)
    assert validate(body) == []
    assert body["spec"]["processes"] == {
        "web": {"command": ["order", "web"], "port": {"number": 8080, "protocol": "http"}}
    }
    assert body["spec"]["backingServices"][0]["name"] == "db"
    assert body["spec"]["release"]["migrate"]["command"] == ["order", "migrate"]


def test_flags_that_do_not_fit_are_told(delivery: Delivery) -> None:
    start = ("init", "order", "--image", IMAGE)
    for words, message in (
        (("--process", "web"), "--process web lacks a part; write it as --process web=COMMAND"),
        (("--process", "web=w", "--port", "mail=1"), "--port names process mail, and there is none"),
        (("--process", "web=w", "--port", "web=http"), "--port web=http has no number"),
        (("--process", "web=w", "--port", "web=1/smtp"), "spec.processes.web.port.protocol: Input should be"),
        (("--revision", "v1.0.0"), "--repository is missing; give --repository and --revision together"),
    ):
        ended = delivery(*start, *words)
        assert ended.code == 2
        assert message in ended.err


def test_a_worker_is_described_by_questions_too(delivery: Delivery) -> None:
    ended = delivery("init", stdin=f"order\n{IMAGE}\nwork=order work\n\n\n\n\n")
    assert ended.code == 0, ended.err
    assert yaml.safe_load(ended.out)["spec"]["processes"] == {"work": {"command": ["order", "work"]}}


def test_what_admission_would_refuse_is_not_written(delivery: Delivery) -> None:
    for words, message in (
        (("Order_1", "--image", IMAGE), "metadata.name"),
        (("order", "--image", "order:latest"), "latest"),
        (("order", "--image", IMAGE, "--process", "web=echo it's"), "--process web echo it's: No closing quotation"),
        (("order", "--image", IMAGE, "--migrate", "it's"), "--migrate it's: No closing quotation"),
        (("order", "--image", IMAGE, "--process", "web=w", "--port", "web=²"), "--port web=² has no number"),
    ):
        ended = delivery("init", *words)
        assert (ended.code, ended.out) == (2, ""), words
        assert message in ended.err
