"""Commands that look, against an API server that only reads: pages in full, and how each failure is told."""

import json
import os
from pathlib import Path

import pytest

from delivery_operator.cli import complete, standing
from delivery_operator.cluster.resources import DEPLOYMENTS, PODS, RELEASES, SERVICES
from tests.unit.cli import world
from tests.unit.cli.apiserver import Server
from tests.unit.cli.conftest import Delivery, Golden

ORDER = "/apis/delivery.dev/v1alpha1/namespaces/shop/deliveryservices/order"


@pytest.mark.parametrize("words", [("describe", "order"), ("ps",), ("releases", "order")])
def test_pages(words: tuple[str, ...], server: Server, delivery: Delivery, golden: Golden) -> None:
    world.populate(server)
    ended = delivery(*words)
    assert (ended.code, ended.err) == (0, "")
    golden(f"pages/{words[0]}.txt", ended.out)


def test_a_service_that_serves_has_no_problems(server: Server, delivery: Delivery, golden: Golden) -> None:
    world.populate(server, world.ready())
    ended = delivery("describe", "order")
    golden("pages/describe-ready.txt", ended.out)
    assert "Problems" not in ended.out


@pytest.mark.parametrize("words", [("describe", "order"), ("ps", "order"), ("ps",)])
def test_a_rotation_is_shown_with_the_pods_that_hold_the_old_value(
    words: tuple[str, ...], server: Server, delivery: Delivery, golden: Golden
) -> None:
    body = world.ready()
    message = "pods of older releases may hold the old value; keep the old credential valid until they are gone"
    pods = ["order-web-5d8f-a", "order-web-5d8f-b"]
    body["status"]["rotation"] = [
        {
            "secret": "db",
            "release": "order-r2",
            "pods": pods,
            "morePods": True,
            "safeToRevoke": False,
            "message": message,
        },
        {"secret": "stripe", "release": "order-r1", "safeToRevoke": True, "message": "…"},
    ]
    world.populate(server, body)
    ended = delivery(*words)
    assert (ended.code, ended.err) == (0, "")
    golden(f"pages/rotation-{words[0]}.txt", ended.out)
    if words[0] == "describe":
        page = json.loads(delivery("describe", "order", "-o", "json").out)
        assert page["rotation"] == [{"service": "order", **each} for each in body["status"]["rotation"]]


def test_output_for_programs_has_the_same_facts(server: Server, delivery: Delivery) -> None:
    world.populate(server)
    page = json.loads(delivery("describe", "order", "-o", "json").out)
    assert page["processes"] == json.loads(delivery("ps", "order", "-o", "json").out)
    assert page["releases"] == json.loads(delivery("releases", "order", "-o", "json").out)
    assert page["problems"][0] == {
        "severity": "Error",
        "reason": "MigrationFailed",
        "about": "DeliveryRelease order-r2",
        "message": "the migration failed with exit code 7; the end of its output: no such table: orders",
        "remedy": "read the output in the message, mend it, and `kubectl delivery retry order`",
    }
    web = next(each for each in page["processes"] if each["process"] == "web")
    assert (web["wanted"], web["ready"], web["updated"], web["restarts"]) == (3, 2, 3, 5)
    assert web["scaling"] == {"min": 2, "max": 8}


def test_an_empty_namespace_says_so(server: Server, delivery: Delivery) -> None:
    ended = delivery("ps", "-n", "empty")
    assert (ended.code, ended.out, ended.err) == (0, "", "no processes in namespace empty\n")
    assert server.url


def test_problems_of_a_service_nobody_has_answered() -> None:
    unanswered = {"metadata": {"name": "order", "generation": 1}, "spec": {}}
    assert [each.reason for each in standing.problems(unanswered)] == ["NoAnswer"]
    assert standing.sentence(unanswered) == "no operator has answered yet"
    behind = world.ready()
    behind["metadata"]["generation"] = 5
    assert [each.reason for each in standing.problems(behind)] == ["Behind"]
    assert standing.sentence(behind).startswith("the operator has not answered the newest spec yet; before it: Serving")
    assert not standing.holds(behind, "Ready")


def test_the_context_says_where(server: Server, delivery: Delivery) -> None:
    world.populate(server)
    assert delivery("releases", "order", "--context", "here").code == 0
    ended = delivery("releases", "order", "--context", "bare")
    assert (ended.code, ended.err.split(";")[0]) == (4, "error: there is no DeliveryService order in namespace default")
    assert delivery("releases", "order", "--context", "bare", "-n", "shop").code == 0


def test_a_kubeconfig_may_be_named(server: Server, delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    world.populate(server)
    path = os.environ["KUBECONFIG"]
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", "/nonexistent")
    assert delivery("releases", "order", "--kubeconfig", path).code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--context", "nowhere"), "no cluster is configured: "),
        (("--kubeconfig", "/nonexistent/config"), "no cluster is configured: "),
    ],
)
def test_no_cluster_is_configured(words: tuple[str, ...], message: str, server: Server, delivery: Delivery) -> None:
    ended = delivery("ps", *words)
    assert ended.code == 3
    assert ended.err.startswith(f"error: {message}")
    assert ended.err.endswith("; set KUBECONFIG, or name one with --context\n")
    assert server.queries == {}


def test_a_cluster_that_does_not_answer(server: Server, delivery: Delivery, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "gone"
    kubeconfig.write_text((tmp_path / "kubeconfig").read_text().replace(server.url, "http://127.0.0.1:1"))
    ended = delivery("ps", "--kubeconfig", str(kubeconfig))
    assert ended.code == 3
    assert ended.err.startswith("error: http://127.0.0.1:1 does not serve: ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("code", "exit_code", "message"),
    [
        (401, 3, "the API server does not accept your credentials; log in again"),
        (403, 5, "deliveryservices is forbidden; ask for that right"),
        (404, 4, "there is no DeliveryService order in namespace shop"),
        (422, 5, "deliveryservices is forbidden; mend what it names"),
        (503, 3, "does not serve: deliveryservices is forbidden; check the address"),
    ],
)
def test_each_answer_of_the_api_server_has_its_code(
    code: int, exit_code: int, message: str, server: Server, delivery: Delivery
) -> None:
    server.failures[ORDER] = (code, "deliveryservices is forbidden")
    ended = delivery("releases", "order")
    assert ended.code == exit_code
    assert message in ended.err
    assert ended.err.count("\n") == 1


def test_kinds_that_are_not_installed_lead_to_doctor(server: Server, delivery: Delivery) -> None:
    world.populate(server)
    server.failures[RELEASES.path("shop")] = (404, "404 page not found")
    ended = delivery("releases", "order")
    assert ended.code == 4
    assert "kubectl delivery doctor tells whether the operator's kinds are installed" in ended.err


def test_logs_are_merged_with_the_pod_before_each_line(server: Server, delivery: Delivery) -> None:
    world.populate(server)
    server.logs["order-web-1"] = '{"event": "served", "level": "info", "trace_id": "t1"}\nplain\n'
    ended = delivery("logs", "order")
    assert ended.code == 0
    assert ended.out == "order-web-1 INFO    served trace_id=t1\norder-web-1 plain\n"
    assert ended.err == "", "a pod that never started has no log, and that is no failure"

    assert delivery("logs", "order", "--trace", "t1").out == "order-web-1 INFO    served trace_id=t1\n"
    assert delivery("logs", "order", "--raw").out == server.logs["order-web-1"]
    assert delivery("logs", "order", "mail").out == ""
    delivery("logs", "order", "web", "--release", "7", "--since", "2m", "--tail", "5", "--previous")
    assert server.queries[PODS.path("shop")][-1]["labelSelector"] == (
        "delivery.dev/service=order,delivery.dev/process=web,delivery.dev/release=7"
    )


def test_what_is_asked_of_a_log(server: Server, delivery: Delivery) -> None:
    world.populate(server)
    server.logs["order-web-1"] = "x\n" * 3
    delivery("logs", "order", "--since", "2m", "--tail", "5", "--previous")
    assert server.queries[PODS.path("shop", "order-web-1", "log")] == [
        {"container": "order", "sinceSeconds": "120", "tailLines": "5", "previous": "true"}
    ]


def test_a_log_that_cannot_be_read_is_noted(server: Server, delivery: Delivery) -> None:
    world.populate(server)
    ended = delivery("logs", "order")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "note: order-web-1 has no log: container is waiting to start\n"


class Completion:
    """What the shell has so far."""

    def __init__(self, **params: str) -> None:
        self.params = params


def test_names_are_completed_from_the_cluster(server: Server) -> None:
    world.populate(server)
    assert complete.service_names(Completion(), "or") == ["order"]
    assert complete.service_names(Completion(), "x") == []
    assert complete.service_names(Completion(namespace="other"), "") == []
    order = Completion(service="order")
    assert complete.process_names(order, "") == ["web", "sweep"]
    assert complete.process_assignments(order, "w") == ["web="]
    assert complete.task_names(order, "s") == ["seed"]


def test_a_cluster_that_does_not_answer_completes_to_nothing(server: Server) -> None:
    server.failures[SERVICES.path("shop")] = (403, "no")
    assert complete.service_names(Completion(), "") == []
    assert complete.service_names(Completion(context="nowhere"), "") == []


def test_actions_decline_what_makes_no_sense(server: Server, delivery: Delivery) -> None:
    world.populate(server, world.ready())
    assert DEPLOYMENTS.kind
    for words, code in (
        (("retry", "order"), 1),
        (("rollback", "order"), 1),
        (("rollback", "order", "9"), 4),
        (("scale", "order", "sweep=1"), 1),
        (("scale", "order", "web=1-2"), 1),
        (("run", "order"), 2),
        (("run", "order", "clean"), 4),
    ):
        ended = delivery(*words)
        assert ended.code == code, words
        assert ended.err.startswith("error: ")
