"""The command line where pods have logs and processes have exit codes."""

import os
import subprocess
import sys
import threading

import pytest

from demo import shop
from tests.support.kube import wait_for
from tests.support.node import OrderShop

pytestmark = pytest.mark.timeout(400)


def delivery(order: OrderShop, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `kubectl delivery` in the namespace of the order service."""
    command, *rest = words
    return subprocess.run(
        [sys.executable, "-m", "delivery_operator.cli", command, "--namespace", shop.NAMESPACE, *rest],
        env={**os.environ, "KUBECONFIG": str(order.cluster.kubeconfig_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_run_streams_the_output_and_ends_with_the_exit_code(order: OrderShop) -> None:
    """F12-1, F12-2: the same image, environment and identity as the processes."""
    program = "import os, sys; print(os.environ['DELIVERY_SERVICE'], 'DATABASE_URL' in os.environ); sys.exit(3)"
    ended = delivery(order, "run", "order", "--", "python3", "-c", program)
    assert ended.stdout == "order True\n", ended.stderr
    assert ended.returncode == 3


def test_logs_of_all_pods_by_process_release_and_trace(order: OrderShop) -> None:
    order.call()
    number = order.newest_release()["spec"]["number"]
    pods = {each["metadata"]["name"] for each in order.pods(number, "web")}

    def told() -> str:
        return delivery(order, "logs", "order", "web", "--release", str(number)).stdout

    wait_for(lambda: {line.split()[0] for line in told().splitlines()} == pods, "a line of each pod", 60, told)
    assert "INFO " in told()
    assert '{"' not in "".join(line.split(" ", 1)[1][:2] for line in told().splitlines()), "JSON is made readable"
    raw = delivery(order, "logs", "order", "web", "--raw", "--tail", "1").stdout
    assert all(line.startswith("{") for line in raw.splitlines())
    assert delivery(order, "logs", "order", "--trace", "no-such-trace").stdout == ""


def test_following_logs_shows_what_comes(order: OrderShop) -> None:
    words = ("logs", "order", "web", "--follow", "--tail", "0")
    with subprocess.Popen(
        [sys.executable, "-m", "delivery_operator.cli", *words, "-n", shop.NAMESPACE],
        env={**os.environ, "KUBECONFIG": str(order.cluster.kubeconfig_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        lines: list[str] = []
        reading = threading.Thread(target=lines.extend, args=(following.stdout,))
        reading.start()

        def shown() -> bool:
            order.call()
            return any("CreateOrder" in line for line in lines)

        try:
            wait_for(shown, "a line of a call", 60, lambda: "".join(lines))
        finally:
            following.terminate()
            reading.join()
