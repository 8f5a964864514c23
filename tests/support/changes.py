"""Changes to the sample service: those that admission refuses, with what it says; those that it takes; of these, those
that ask for what is not there."""

from collections.abc import Callable
from typing import Any

from tests.support.kube import Object

Change = Callable[[Object], None]


def _set(*path: str, value: Any) -> Change:
    def change(spec: Object) -> None:
        for name in path[:-1]:
            spec = spec.setdefault(name, {})
        spec[path[-1]] = value

    return change


def _image(image: str) -> Change:
    return _set("image", value=image)


def _config(**variables: Object) -> Change:
    return _set("config", value=variables)


def _web(**fields: Any) -> Change:
    return lambda spec: spec["processes"]["web"].update(fields)


def _process(name: str) -> Change:
    return _set("processes", name, value={"command": ["run"]})


def _run_at(schedule: str) -> Change:
    return _set("processes", "sweep", value={"command": ["sweep"], "schedule": schedule})


DIGEST = "registry.example.com/shop/order@sha256:" + "0123456789abcdef" * 4
SECRET = {"secretKeyRef": {"name": "s", "key": "k"}}

REFUSED = [
    ("untagged image", _image("registry.example.com/shop/order"), "image must carry a tag or digest, such as"),
    ("port taken for a tag", _image("registry.example.com:5000/shop/order"), "image must carry a tag or digest"),
    ("latest", _image("registry.example.com/shop/order:latest"), "write the release's tag, such as"),
    ("space in an image", _image("registry.example.com/shop/or der:v1"), "image must carry a tag or digest"),
    ("short digest", _image("registry.example.com/shop/order@sha256:0123"), "image must carry a tag or digest"),
    (
        "capital letter in an image",
        _image("registry.example.com/shop/Order:v1"),
        "image is no name of an image",
    ),
    ("two dots in an image", _image("registry.example.com/shop/or..der:v1"), "image is no name of an image"),
    (
        "image that ends in a dash",
        _image("registry.example.com/shop/order-:v1"),
        "image is no name of an image",
    ),
    ("tag of 129 characters", _image(f"registry.example.com/shop/order:{'v' * 129}"), "must carry a tag or digest"),
    (
        "capital letter in a process's image",
        _web(image=DIGEST.replace("order", "Order")),
        "image is no name of an image",
    ),
    ("revision is a branch", _set("codebase", "revision", value="main"), "must be a SemVer tag such as v1.4.2"),
    (
        "password in the repository",
        _set("codebase", "repository", value="https://ci:hunter2@git.example.com/x"),
        "write the URL without user and password",
    ),
    ("no process", _set("processes", value={}), "spec.processes"),
    ("upper-case process", _process("Web"), "a process name has at most 20 lower-case letters"),
    ("long process name", _process("a" * 21), "a process name has at most 20 lower-case letters"),
    ("colliding process", _process("service"), "use another name"),
    ("empty command", _web(command=[]), "spec.processes.web.command"),
    ("port out of range", _web(port={"number": 70000}), "spec.processes.web.port.number"),
    ("unknown protocol", _web(port={"number": 1, "protocol": "udp"}), '"http", "grpc", "tcp"'),
    ("negative replicas", _web(replicas=-1), "spec.processes.web.replicas"),
    (
        "grace shorter than the drain",
        _web(shutdown={"drainSeconds": 15, "preStopSeconds": 3, "graceSeconds": 18}),
        "shutdown.graceSeconds must be greater than preStopSeconds + drainSeconds",
    ),
    (
        "grace shorter than the default drain",
        _web(shutdown={"graceSeconds": 10}),
        "raise it, or leave it out for preStop + drain + 5",
    ),
    ("not a quantity", _web(resources={"requests": {"cpu": "lots"}}), "spec.processes.web.resources.requests.cpu"),
    (
        "unknown resource",
        _web(resources={"limits": {"disk": "1Gi"}}),
        "resources: write cpu, memory, ephemeral-storage",
    ),
    (
        "request above its limit",
        _web(resources={"requests": {"memory": "1Gi"}, "limits": {"memory": "1000Mi"}}),
        "resources: a request must not be greater than its limit",
    ),
    ("half a device", _web(resources={"limits": {"example.com/gpu": "500m"}}), "devices are given whole"),
    (
        "device without a limit",
        _web(resources={"requests": {"example.com/gpu": "1"}}),
        "devices are not shared; give the same number",
    ),
    (
        "not an address range",
        _set("network", value={"destinations": [{"cidr": "10.20.0.300/16", "ports": [443]}]}),
        "an address range must be its first address and the length of its prefix",
    ),
    (
        "address in the middle of a range",
        _set("network", value={"destinations": [{"cidr": "10.20.1.0/16", "ports": [443]}]}),
        "an address range must be its first address and the length of its prefix",
    ),
    ("label key", _web(nodeSelector={"a b": ""}), "keys of labels and annotations have at most 63 letters"),
    ("long domain of a key", _web(nodeSelector={"a" * 254 + "/b": ""}), "keys of labels and annotations have"),
    ("object name", _set("imagePullSecrets", value=["a.-b"]), "spec.imagePullSecrets[0] in body should match"),
    ("schedule backwards", _run_at("0 18-8 * * *"), "schedule: a range must go from less to more"),
    ("schedule backwards by name", _run_at("0 8 * * FRI-MON"), "schedule: a range must go from less to more"),
    ("schedule from a number to a name", _run_at("0 8 * * 1-FRI"), "schedule: a range must go from less to more"),
    ("variable without a source", _config(A={}), "exactly one of value, secretKeyRef and configMapKeyRef"),
    ("variable with two sources", _config(A={"value": "x", **SECRET}), "exactly one of value"),
    ("variable name", _config(**{"1A": {"value": "x"}}), "variable names have letters, digits and '_'"),
    ("literal token", _config(STRIPE_TOKEN={"value": "x"}), "put it in a Secret and use secretKeyRef"),
    ("literal API key", _config(STRIPE_API_KEY={"value": "x"}), "put it in a Secret and use secretKeyRef"),
    ("literal password", _config(PASSWORD={"value": "x"}), "put it in a Secret and use secretKeyRef"),
    (
        "URL with a password",
        _config(DATABASE_URL={"value": "postgres://u:p@db/x"}),
        "a literal value holds a URL with a password; put it in a Secret",
    ),
    ("PORT is the operator's", _config(PORT={"value": "1"}), "are set by the operator; use another name"),
    ("optional literal", _config(A={"value": "x", "optional": True}), "optional applies to references"),
    (
        "variable set twice",
        _config(DATABASE_URL=SECRET),
        "a variable is set both in config and in backingServices[].env; keep one of them",
    ),
    (
        "variable set by two bindings",
        _set(
            "backingServices",
            value=[
                {"name": name, "type": "postgresql", "secret": "db", "env": {"DATABASE_URL": "url"}} for name in "ab"
            ],
        ),
        "a variable is set by two backing services; keep one of them",
    ),
    (
        "two bindings of one name",
        _set(
            "backingServices",
            value=[{"name": "db", "type": "postgresql", "secret": "db", "env": {variable: "url"}} for variable in "AB"],
        ),
        "Duplicate value",
    ),
    ("spread twice over one label", _web(spread=["zone", "zone"]), "Duplicate value"),
    ("key that is a folder", _config(A={"secretKeyRef": {"name": "a", "key": ".."}}), "spec.config.A.secretKeyRef.key"),
    ("key that begins with two dots", _config(A={"secretKeyRef": {"name": "a", "key": "..a"}}), "secretKeyRef.key"),
    ("no image", lambda spec: spec.pop("image"), "spec.image: Required value"),
    ("unknown field", _set("imagee", value="x"), 'unknown field "spec.imagee"'),
    ("unknown field of a process", _web(replica=1), 'unknown field "spec.processes.web.replica"'),
]

UNMET = [
    ("Secret that is missing", _config(A={"secretKeyRef": {"name": "absent", "key": "k"}})),
    ("ConfigMap that is missing", _config(A={"configMapKeyRef": {"name": "absent", "key": "k"}})),
    ("key that the Secret lacks", _config(A={"secretKeyRef": {"name": "db", "key": "absent"}})),
    (
        "binding whose Secret is missing",
        _set(
            "backingServices",
            value=[{"name": "cache", "type": "redis", "secret": "absent", "env": {"REDIS_URL": "url"}}],
        ),
    ),
]

TAKEN = [
    ("the sample itself", lambda _: None),
    ("digest", _image(DIGEST)),
    ("registry with a port", _image("registry.example.com:5000/shop/order:v1")),
    ("image without a registry", _image("order:v1")),
    ("image with dashes and underscores", _image("Registry.example.com/a-b/c__d/e---f.g:V1_a.b-c")),
    ("registry at an IPv6 address", _image("[2001:db8::1]:5000/shop/order:v1")),
    ("tag and digest", _image(DIGEST.replace("@", ":v1@"))),
    ("commit", _set("codebase", "revision", value="3f9c2ab")),
    ("SemVer with build", _set("codebase", "revision", value="v1.2.3-rc.1+build.5")),
    ("grace longer than the drain", _web(shutdown={"drainSeconds": 15, "preStopSeconds": 3, "graceSeconds": 19})),
    ("URL without a password", _config(URL={"value": "https://user@example.com/x:y@z"})),
    ("token by reference", _config(STRIPE_TOKEN=SECRET)),
    ("name that only contains TOKEN", _config(TOKEN_LIFETIME={"value": "1h"})),
    ("key with dots", _config(A={"secretKeyRef": {"name": "a", "key": ".a..b"}})),
    ("optional reference", _config(A={**SECRET, "optional": True})),
    ("empty literal", _config(A={"value": ""})),
    ("no replicas", _web(replicas=0)),
    ("request without a limit", _web(resources={"requests": {"memory": "10Gi"}})),
    ("device", _web(resources={"limits": {"example.com/gpu": "1", "memory": "1Gi"}})),
    ("ranges and steps", _run_at("*/10,30-59/2 8-18 1-7 JAN-MAR,6 MON-FRI")),
    ("schedule by name", _run_at("@daily")),
    ("IPv6 range", _set("network", value={"destinations": [{"cidr": "2001:db8::/32", "ports": [443]}]})),
    ("longest names", _process("a" * 20)),
    *UNMET,
]
