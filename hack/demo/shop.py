"""The example's namespace: PostgreSQL, its Secret, the order service, and a call to it."""

import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from demo.images import ROOT
from demo.narrate import DemoError
from demo.tools import Tools
from devcluster.errors import ToolError

NAMESPACE = "shop"
SECRET = "db-credentials"  # noqa: S105 the name of a Secret
BACKING = ROOT / "examples" / "backing" / "postgresql.yaml"
ORDER = ROOT / "examples" / "order"
SERVICE = ORDER / "deliveryservice.yaml"
CALL = Path(__file__).with_name("call.py")
PORT = 50051
READY_SECONDS = 300
ADMISSION_SECONDS = 60
LEARNING = ("failed to configure policy", "not yet synced to use for admission")
"""What an API server says that has just started, or just got the policy: it does not know environments yet."""


def prepare(tools: Tools) -> None:
    """Make the namespace, under the restricted pod security standard, and the Secret if it is not there.

    The password is random and kept: PostgreSQL's data was made with it.
    """
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    apply(tools, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
    if tools.exists("secret", SECRET, NAMESPACE):
        return
    password = secrets.token_urlsafe(24)
    url = f"postgres://order:{password}@postgresql.{NAMESPACE}:5432/order"
    apply(
        tools,
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET, "namespace": NAMESPACE},
            "stringData": {"username": "order", "password": password, "url": url},
        },
    )


def start_postgres(tools: Tools) -> None:
    """Run PostgreSQL and wait until it answers."""
    tools.kubectl("apply", "-f", str(BACKING))
    tools.kubectl("rollout", "status", "-n", NAMESPACE, "statefulset/postgresql", "--timeout=180s")


def deploy(tools: Tools, tell: Callable[[str], None]) -> None:
    """Apply the DeliveryService as a user would, and wait until it is ready, telling what its status says meanwhile.

    `kubectl wait --for=condition=Ready` would do, but not say why it takes long, nor end when nothing more will happen.

    Raises:
        DemoError: the service is stalled, or not ready in time.
    """
    admitted(tools)
    deadline = time.monotonic() + READY_SECONDS
    told = ""
    while time.monotonic() < deadline:
        service = json.loads(tools.cluster.kubectl("get", "deliveryservice", "order", "-n", NAMESPACE, "-o", "json"))
        conditions = _conditions(service)
        ready = conditions.get("Ready", {})
        if ready and ready["message"] != told:
            told = ready["message"]
            tell(f"{ready['reason']}: {told}")
        if ready.get("status") == "True":
            return
        if conditions.get("Stalled", {}).get("status") == "True":
            raise DemoError("the order service is stalled: nothing more will happen by itself")
        time.sleep(0.3)
    raise DemoError(f"the order service was not ready within {READY_SECONDS} s")


def admitted(tools: Tools) -> None:
    """Apply the service, again while the API server does not know environments yet.

    Raises:
        ToolError: it is refused, for another reason or for too long.
    """
    deadline = time.monotonic() + ADMISSION_SECONDS
    while True:
        try:
            tools.kubectl("apply", "-f", str(SERVICE))
        except ToolError as error:
            if time.monotonic() > deadline or not learning(error):
                raise
            time.sleep(1)
        else:
            return


def learning(error: ToolError) -> bool:
    """Whether the API server refused a service only because it does not know the policy's environments yet."""
    return any(said in str(error) for said in LEARNING)


def _conditions(service: dict[str, Any]) -> dict[str, Any]:
    """Conditions by type; none while the status does not answer to the newest spec."""
    status = service.get("status", {})
    if status.get("observedGeneration") != service["metadata"]["generation"]:
        return {}
    return {condition["type"]: condition for condition in status["conditions"]}


def call(tools: Tools) -> list[tuple[str, str]]:
    """Call CreateOrder and GetOrder through the Service, with the order service's own client.

    Returns:
        Method and answer of each call.

    Raises:
        DemoError: there was no answer, or not the right one.
        PortForwardError: the Service could not be reached.
    """
    with tools.cluster.port_forward("service/order-service", PORT, "-n", NAMESPACE) as port:
        done = tools.program(
            *(str(ROOT / "hack" / "uv"), "run", "--quiet", "--frozen", "--directory", str(ORDER)),
            *("python", str(CALL), f"127.0.0.1:{port}"),
        )
    if done.returncode:
        raise DemoError(f"the order service did not answer as it should: {done.stderr.strip()}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [(method, json.dumps(order)) for answer in answers for method, order in answer.items()]


def apply(tools: Tools, manifest: dict[str, object]) -> None:
    """Apply one object."""
    tools.kubectl("apply", "--server-side", "--field-manager=demo", "-f", "-", manifest=yaml.safe_dump(manifest))
