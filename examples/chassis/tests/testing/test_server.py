"""What goes wrong with a server is said with its log, and leaves nothing behind."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from chassis_testing.errors import MissingProgramError, StartError
from chassis_testing.kafka import Kafka
from chassis_testing.mongodb import MongoDB
from chassis_testing.network import greeting, listens
from chassis_testing.postgresql import PostgreSQL
from chassis_testing.rabbitmq import RabbitMQ
from chassis_testing.redis import Redis
from chassis_testing.server import Server
from chassis_testing.stripe_mock import StripeMock
from chassis_testing.waiting import wait_until


class Failing(Server):
    """Ends at once."""

    name = "failing"

    def command(self) -> Sequence[str | Path]:
        return [sys.executable, "-c", "raise SystemExit('no such option')"]

    def answers(self) -> bool:
        return listens(self.port)


class Silent(Failing):
    """Runs, and answers nobody."""

    name = "silent"
    start_timeout = 0.5

    def command(self) -> Sequence[str | Path]:
        return [sys.executable, "-c", "import time; print('thinking', flush=True); time.sleep(600)"]


class Listening(Failing):
    """Accepts connections and says nothing."""

    name = "listening"

    def command(self) -> Sequence[str | Path]:
        script = f"import socket, time; s = socket.create_server(('127.0.0.1', {self.port})); time.sleep(600)"
        return [sys.executable, "-c", script]


def test_one_that_ends_shows_its_log() -> None:
    server = Failing()
    with pytest.raises(StartError, match=r"failing ended with exit code 1\. Its log:\nno such option"):
        server.start()
    server.close()
    assert not server.folder.exists()


def test_one_that_does_not_answer_is_ended() -> None:
    server = Silent()
    with pytest.raises(StartError, match=r"silent did not answer within 0\.5 s"):
        server.start()
    with pytest.raises(StartError, match="silent does not run"):
        _ = server.pid
    server.close()
    server.close()


def test_an_outage_ends_when_the_test_fails_within_it() -> None:
    with Listening.running() as server:
        first = server.pid
        with pytest.raises(ZeroDivisionError), server.outage():
            raise ZeroDivisionError
        assert listens(server.port)
        assert server.pid != first


def test_starting_twice_is_starting_once() -> None:
    with Listening.running() as server:
        first = server.pid
        server.start()
        assert server.pid == first


def test_a_silent_port_gives_a_short_greeting() -> None:
    with Listening.running() as server:
        assert greeting(server.port, 4) == b""


def test_waiting_ends() -> None:
    assert not wait_until(lambda: False, 0)


@pytest.mark.parametrize(
    ("kind", "service"),
    [
        (PostgreSQL, "postgresql"),
        (Redis, "redis"),
        (RabbitMQ, "rabbitmq"),
        (Kafka, "kafka"),
        (MongoDB, "mongodb"),
        (StripeMock, "stripe-mock"),
    ],
)
def test_a_missing_program_names_its_installer(
    kind: type[Server], service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("POSTGRES_BIN", str(tmp_path))
    monkeypatch.setenv("CHASSIS_TESTING_HOME", str(tmp_path))
    monkeypatch.setattr("chassis_testing.programs.RABBITMQ_SCRIPTS", tmp_path)
    with pytest.raises(MissingProgramError, match=f"run `python -m chassis_testing.install {service}`"):
        kind.running().__enter__()
