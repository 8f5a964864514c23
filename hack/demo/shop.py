"""The services in their namespace: released from their manifests, and called."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo import backing
from demo.images import EXAMPLES, ROOT
from demo.narrate import DemoError
from demo.tools import Tools
from devcluster.errors import ToolError

NAMESPACE = backing.NAMESPACE
SERVICE = EXAMPLES / "order" / "deliveryservice.yaml"
HERE = Path(__file__).parent
PORT = 50051
READY_SECONDS = 300
ADMISSION_SECONDS = 60
LEARNING = ("failed to configure policy", "not yet synced to use for admission")
"""What an API server says that has just started, or just got the policy: it does not know environments yet."""


def deploy(tools: Tools, tell: Callable[[str], None], *services: str) -> None:
    """Apply DeliveryServices as a user would, and wait until they are ready.

    Args:
        tools: the cluster's.
        tell: is told what a service's status says meanwhile.
        services: folders of examples; order if none is given.

    Raises:
        DemoError: a service is stalled, or not ready in time.
    """
    services = services or ("order",)
    for service in services:
        admitted(tools, EXAMPLES / service / "deliveryservice.yaml")
    for service in services:
        _ready(tools, tell, str(backing.manifest(service)["metadata"]["name"]))


def _ready(tools: Tools, tell: Callable[[str], None], name: str) -> None:
    """Wait for one of them.

    `kubectl wait --for=condition=Ready` would do, but not say why it takes long, nor end when nothing more will happen.
    """
    deadline = time.monotonic() + READY_SECONDS
    told = ""
    while time.monotonic() < deadline:
        service = json.loads(tools.cluster.kubectl("get", "deliveryservice", name, "-n", NAMESPACE, "-o", "json"))
        conditions = _conditions(service)
        ready = conditions.get("Ready", {})
        if ready and ready["message"] != told:
            told = ready["message"]
            tell(f"{name}: {ready['reason']}: {told}")
        if ready.get("status") == "True":
            return
        if conditions.get("Stalled", {}).get("status") == "True":
            raise DemoError(f"the {name} service is stalled: nothing more will happen by itself")
        time.sleep(0.3)
    raise DemoError(f"the {name} service was not ready within {READY_SECONDS} s")


def admitted(tools: Tools, manifest: Path) -> None:
    """Apply a service, again while the API server does not know environments yet.

    Raises:
        ToolError: it is refused, for another reason or for too long.
    """
    deadline = time.monotonic() + ADMISSION_SECONDS
    while True:
        try:
            tools.kubectl("apply", "-f", str(manifest))
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
    answers = [json.loads(line) for line in client(tools, "order", "call.py").splitlines()]
    return [(method, json.dumps(order)) for answer in answers for method, order in answer.items()]


def client(tools: Tools, service: str, script: str, *arguments: str) -> str:
    """Run one of the scripts here with a service's own client; gives what it printed.

    Raises:
        DemoError: it was not answered as it should be.
        PortForwardError: the Service could not be reached.
    """
    with tools.cluster.port_forward(f"service/{service}-service", PORT, "-n", NAMESPACE) as port:
        done = tools.program(
            *(str(ROOT / "hack" / "uv"), "run", "--quiet", "--frozen", "--directory", str(EXAMPLES / service)),
            *("python", str(HERE / script), f"127.0.0.1:{port}", *arguments),
        )
    if done.returncode:
        raise DemoError(f"the {service} service did not answer as it should: {done.stderr.strip()}")
    return done.stdout
