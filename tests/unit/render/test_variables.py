"""The environment of a container (factor III): exactly the variables of the table, each where the table says."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from delivery_operator.api.environ import PROVIDED, RESERVED, Given
from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.render.errors import RenderError
from delivery_operator.render.manifests import Manifest, render
from delivery_operator.render.platform import Platform
from delivery_operator.render.restricted import pod_template
from tests.unit.support import builders

OTLP = {"telemetry": {"otlp": {"endpoint": "http://otel:4317", "samplePercent": 50}}}
SENTRY = {"telemetry": {"sentry": {"name": "sentry", "key": "dsn"}}}
CODEBASE = {"repository": "https://git.example.com/shop/order", "revision": "v1.4.2+build.7"}
ROUTED = {"exposure": {"domain": "example.com"}}
DB: Final[dict[str, Any]] = {"name": "db", "type": "postgresql", "secret": "db"}
NOTHING: Final[Mapping[str, Any]] = {}

ALWAYS = frozenset(each.name for each in PROVIDED if each.when == "always")
PROCESS = ALWAYS | {"SHUTDOWN_DRAIN_SECONDS"}


def containers(environment: Mapping[str, Any] = NOTHING, /, **changes: Any) -> dict[str, dict[str, Any]]:
    """The container of each child that makes pods, by the child's name."""
    spec = {"image": "order:v1", "processes": {"web": {"command": ["web"]}}, **changes}
    platform = Platform(DeliveryEnvironmentSpec.model_validate(environment))
    manifests = render("order", "shop", builders.parsed(spec), builders.BUNDLE, platform)
    return {
        each["metadata"]["name"]: pod_template(each)["spec"]["containers"][0]
        for each in manifests
        if pod_template(each)
    }


def values(container: dict[str, Any]) -> dict[str, Any]:
    """Variables to value, or to where it comes from."""
    env = {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}
    assert len(env) == len(container["env"]), "a variable is there twice"
    return env


def web(environment: Mapping[str, Any] = NOTHING, /, **changes: Any) -> dict[str, Any]:
    return values(containers(environment, **changes)["order-web"])


def process(**fields: Any) -> dict[str, Any]:
    return {"processes": {"web": {"command": ["web"], **fields}}}


NO_TRACES = frozenset({"OTEL_SDK_DISABLED"})
TRACES = frozenset({"OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"})
EXPORTER = frozenset({"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"})
REPORTS = frozenset({"SENTRY_DSN", "SENTRY_ENVIRONMENT"})


SITUATIONS: Final = (
    pytest.param({}, {}, NO_TRACES, id="a bare worker"),
    pytest.param({}, process(port={"number": 8080}), NO_TRACES | {"PORT"}, id="a port"),
    pytest.param({}, process(metrics={"port": 9090}), NO_TRACES | {"METRICS_PORT"}, id="metrics"),
    pytest.param(ROUTED, process(port={"number": 8080}, expose={}), NO_TRACES | {"PORT", "PUBLIC_HOST"}, id="a route"),
    pytest.param(
        ROUTED,
        process(port={"number": 8080}, expose={"type": "loadBalancer"}),
        NO_TRACES | {"PORT"},
        id="a load balancer",
    ),
    pytest.param({}, {"codebase": CODEBASE}, NO_TRACES | {"DELIVERY_REVISION"}, id="a codebase"),
    pytest.param({}, {"backingServices": [{**DB, "files": True}]}, NO_TRACES | {"SERVICE_BINDING_ROOT"}, id="files"),
    pytest.param(OTLP, {}, TRACES | EXPORTER, id="a collector"),
    pytest.param(OTLP, {"tracing": {"enabled": False}}, NO_TRACES | EXPORTER, id="a collector, and no traces"),
    pytest.param(SENTRY, {}, NO_TRACES | REPORTS, id="the environment's Sentry"),
    pytest.param(
        SENTRY,
        {"codebase": CODEBASE},
        NO_TRACES | REPORTS | {"DELIVERY_REVISION", "SENTRY_RELEASE"},
        id="Sentry and a codebase",
    ),
    pytest.param({}, {"sentry": {"name": "own", "key": "dsn"}}, NO_TRACES | REPORTS, id="a Sentry of its own"),
)


@pytest.mark.parametrize(("environment", "changes", "more"), SITUATIONS)
def test_a_process_has_exactly_the_variables_of_its_situation(
    environment: dict[str, Any], changes: dict[str, Any], more: frozenset[str]
) -> None:
    """F3-4, F9-10, F11-1, OB-1."""
    assert web(environment, **changes).keys() == PROCESS | more


def test_the_situations_show_every_variable_of_the_table() -> None:
    shown = frozenset[str]().union(
        *(more for situation in SITUATIONS if isinstance(more := situation.values[2], frozenset))
    )
    assert PROCESS | shown == {each.name for each in PROVIDED}


def test_a_job_has_what_all_have_and_nothing_of_a_process() -> None:
    """F12-2: the same release, environment and variables; what it does in the place of the process type."""
    found = containers(
        OTLP,
        **process(port={"number": 8080}, metrics={"port": 9090}),
        config={"KEY": {"secretKeyRef": {"name": "s", "key": "k"}}},
        release={"migrate": {"command": ["m"]}, "contract": {"command": ["c"]}},
    )
    migrate, contract, web_ = (values(found[name]) for name in ("migrate", "contract", "order-web"))
    assert migrate.keys() == web_.keys() - {"PORT", "METRICS_PORT", "SHUTDOWN_DRAIN_SECONDS"}
    assert migrate["DELIVERY_PROCESS"] == "migrate"
    assert contract["DELIVERY_PROCESS"] == "contract"
    assert found["migrate"].get("envFrom") == found["order-web"].get("envFrom")


def test_what_they_hold() -> None:
    env = web(
        OTLP | ROUTED | {"defaults": {"logLevel": "warning"}},
        environment="production",
        codebase=CODEBASE,
        tracing={"samplePercent": 7},
        sentry={"name": "own", "key": "dsn"},
        backingServices=[{**DB, "files": True}],
        **process(port={"number": 8080}, metrics={"port": 9090}, expose={}, shutdown={"drainSeconds": 20}),
    )
    assert env == {
        "PORT": "8080",
        "METRICS_PORT": "9090",
        "SHUTDOWN_DRAIN_SECONDS": "20",
        "PUBLIC_HOST": "order.example.com",
        "DELIVERY_SERVICE": "order",
        "DELIVERY_PROCESS": "web",
        "DELIVERY_ENVIRONMENT": "production",
        "DELIVERY_RELEASE": {"fieldRef": {"fieldPath": "metadata.labels['delivery.dev/release']"}},
        "DELIVERY_REVISION": "v1.4.2+build.7",
        "POD_NAME": {"fieldRef": {"fieldPath": "metadata.name"}},
        "POD_NAMESPACE": {"fieldRef": {"fieldPath": "metadata.namespace"}},
        "POD_IP": {"fieldRef": {"fieldPath": "status.podIP"}},
        "NODE_NAME": {"fieldRef": {"fieldPath": "spec.nodeName"}},
        "SERVICE_BINDING_ROOT": "/bindings",
        "OTEL_SERVICE_NAME": "order",
        "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=shop,service.version=v1.4.2+build.7,"
        "service.instance.id=$(POD_NAMESPACE).$(POD_NAME).order,deployment.environment.name=production,"
        "k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME),k8s.node.name=$(NODE_NAME),"
        "k8s.container.name=order",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4317",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.07",
        "SENTRY_DSN": {"secretKeyRef": {"name": "own", "key": "dsn"}},
        "SENTRY_ENVIRONMENT": "production",
        "SENTRY_RELEASE": "v1.4.2+build.7",
        "LOG_LEVEL": "warning",
        "PYTHONUNBUFFERED": "1",
    }


def test_a_variable_stands_before_those_that_refer_to_it() -> None:
    """Kubernetes puts $(POD_NAME) in only where POD_NAME comes earlier in the list."""
    names = list(web())
    assert max(names.index(name) for name in ("POD_NAME", "POD_NAMESPACE", "NODE_NAME")) < names.index(
        "OTEL_RESOURCE_ATTRIBUTES"
    )


@pytest.mark.parametrize(("percent", "ratio"), [(0, "0"), (1, "0.01"), (10, "0.1"), (33, "0.33"), (100, "1")])
def test_a_share_is_a_ratio(percent: int, ratio: str) -> None:
    assert web(OTLP, tracing={"samplePercent": percent})["OTEL_TRACES_SAMPLER_ARG"] == ratio


def test_the_environments_sentry_may_be_missing_and_a_services_own_may_not() -> None:
    assert web(SENTRY)["SENTRY_DSN"] == {"secretKeyRef": {"name": "sentry", "key": "dsn", "optional": True}}
    own = web(SENTRY, sentry={"name": "own", "key": "dsn"})
    assert own["SENTRY_DSN"] == {"secretKeyRef": {"name": "own", "key": "dsn"}}


DEFAULTED = [each.name for each in PROVIDED if each.given is Given.DEFAULTED]


@pytest.mark.parametrize("name", DEFAULTED)
def test_a_services_own_config_wins_over_a_default(name: str) -> None:
    """A literal is in the release's ConfigMap, over which `env` would win."""
    everything = OTLP | SENTRY
    literal = web(everything, codebase=CODEBASE, config={name: {"value": "own"}})
    assert name not in literal
    referred = web(everything, codebase=CODEBASE, config={name: {"secretKeyRef": {"name": "own", "key": "k"}}})
    assert referred[name] == {"secretKeyRef": {"name": "own", "key": "k"}}
    bound = web(everything, codebase=CODEBASE, backingServices=[{**DB, "env": {name: "k"}}])
    assert bound[name] == {"secretKeyRef": {"name": "db", "key": "k"}}


@pytest.mark.parametrize("name", RESERVED)
def test_a_fact_about_the_pod_stays_one_and_is_there_once(name: str) -> None:
    """Admission refuses it already; a spec that was stored before cannot do it either."""
    everything: dict[str, Any] = {
        "codebase": CODEBASE,
        **process(port={"number": 8080}, metrics={"port": 9090}, expose={}),
    }
    files = [{**DB, "files": True}]
    mine = [{**DB, "files": True, "env": {name: "k"}}]
    assert web(ROUTED, **everything, backingServices=mine) == web(ROUTED, **everything, backingServices=files)


def test_a_collector_of_its_own_takes_a_services_traces() -> None:
    env = web(config={"OTEL_EXPORTER_OTLP_ENDPOINT": {"value": "http://jaeger:4317"}})
    assert "OTEL_SDK_DISABLED" not in env
    assert env["OTEL_TRACES_SAMPLER_ARG"] == "1"


def test_a_dsn_of_its_own_is_told_where_and_what_it_reports() -> None:
    env = web(codebase=CODEBASE, config={"SENTRY_DSN": {"secretKeyRef": {"name": "own", "key": "dsn"}}})
    assert env["SENTRY_DSN"] == {"secretKeyRef": {"name": "own", "key": "dsn"}}
    assert (env["SENTRY_ENVIRONMENT"], env["SENTRY_RELEASE"]) == ("default", "v1.4.2+build.7")


def test_references_are_in_a_stable_order_after_what_the_operator_gives() -> None:
    """F3-10, F4-4: own references first, then those of backing services by name, then their pools."""
    env = containers(
        config={
            "B": {"configMapKeyRef": {"name": "flags", "key": "b"}},
            "A": {"secretKeyRef": {"name": "s", "key": "a"}, "optional": True},
            "LITERAL": {"value": "x"},
        },
        backingServices=[
            {"name": "mq", "type": "kafka", "secret": "kafka", "env": {"BROKERS": "brokers"}},
            {**DB, "env": {"URL": "url", "PASS": "pass"}, "pool": {}},
        ],
    )["order-web"]["env"]
    assert env[len(PROCESS | NO_TRACES) :] == [
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "a", "optional": True}}},
        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "flags", "key": "b"}}},
        {"name": "PASS", "valueFrom": {"secretKeyRef": {"name": "db", "key": "pass"}}},
        {"name": "URL", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}},
        {"name": "BROKERS", "valueFrom": {"secretKeyRef": {"name": "kafka", "key": "brokers"}}},
        {"name": "DB_POOL_MAX_OPEN", "value": "25"},
        {"name": "DB_POOL_MAX_IDLE", "value": "25"},
        {"name": "DB_POOL_MAX_LIFETIME_SECONDS", "value": "300"},
    ]


def test_a_pool_is_named_by_its_binding_and_config_wins_over_it() -> None:
    """F4-5."""
    binding = {**DB, "name": "read-only", "pool": {"maxOpen": 5}, "env": {"URL": "url"}}
    env = web(backingServices=[binding], config={"READ_ONLY_POOL_MAX_IDLE": {"value": "1"}})
    assert env["READ_ONLY_POOL_MAX_OPEN"] == "5"
    assert "READ_ONLY_POOL_MAX_IDLE" not in env


def test_whole_secrets_come_first_so_that_literals_win() -> None:
    """Of `envFrom` the last entry wins."""
    found = containers(
        config={"MODE": {"value": "live"}},
        configFrom=[
            {"name": "z", "secret": "stripe", "prefix": "STRIPE_", "optional": True},
            {"name": "a", "configMap": "flags"},
        ],
    )["order-web"]["envFrom"]
    assert found[:2] == [
        {"configMapRef": {"name": "flags"}},
        {"secretRef": {"name": "stripe", "optional": True}, "prefix": "STRIPE_"},
    ]
    assert found[2]["configMapRef"]["name"].startswith("order-config-")
    assert len(found) == 3


def test_imports_need_no_literals() -> None:
    found = containers(configFrom=[{"name": "a", "configMap": "flags"}])["order-web"]["envFrom"]
    assert found == [{"configMapRef": {"name": "flags"}}]


def provisioned(bindings: dict[str, str]) -> list[Manifest]:
    database = {"apiVersion": "example.com/v1", "kind": "Database", "name": "order"}
    binding = {"name": "db", "type": "postgresql", "provisionedService": database, "env": {"URL": "url"}}
    spec = {"image": "order:v1", **process(), "backingServices": [binding]}
    return render("order", "shop", builders.parsed(spec), builders.BUNDLE, Platform(bindings=bindings))


def test_a_provisioned_service_gives_the_secret_its_status_names() -> None:
    (deployment,) = [each for each in provisioned({"db": "order-db-7f"}) if each["kind"] == "Deployment"]
    env = values(pod_template(deployment)["spec"]["containers"][0])
    assert env["URL"] == {"secretKeyRef": {"name": "order-db-7f", "key": "url"}}
    with pytest.raises(RenderError, match="backing service db: its provisioned service names no Secret yet"):
        provisioned({})


@pytest.mark.parametrize("revision", ["v1,evil=1", "$(POD_NAME)", "a b", "ü=1"])
def test_a_revision_stays_one_attribute(revision: str) -> None:
    """Admission refuses it already; neither OpenTelemetry's syntax nor Kubernetes' $(NAME) takes it for more."""
    env = web(codebase={**CODEBASE, "revision": revision})
    attributes = env["OTEL_RESOURCE_ATTRIBUTES"].split(",")
    assert len(attributes) == 8
    assert attributes[1].startswith("service.version=")
    assert "$(" not in attributes[1]
    assert env["DELIVERY_REVISION"].replace("$$", "$") == revision
    assert "$(" not in env["DELIVERY_REVISION"].replace("$$", "")
