"""The defaults of a DeliveryService, each of which a requirement names or our documents give."""

import pytest

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.process import Process, Protocol, Shutdown
from delivery_operator.api.service import FailurePolicy
from tests.unit.support import builders


def test_what_need_not_be_written() -> None:
    spec = builders.parsed({"image": "order:1", "processes": {"web": {"command": ["web"], "port": {"number": 80}}}})
    web = spec.processes["web"]
    assert web.port is not None
    assert web.port.protocol is Protocol.HTTP
    assert web.pods == 1
    assert spec.release.on_failure is FailurePolicy.ROLLBACK
    assert spec.release.progress_deadline_seconds == 600
    assert spec.release.migrate is None


def test_what_an_environment_need_not_say() -> None:
    defaults = DeliveryEnvironmentSpec().defaults
    assert defaults.requests == {"cpu": "50m", "memory": "128Mi"}
    assert defaults.limits == {"memory": "256Mi"}
    assert defaults.log_level == "info"


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ({}, True),
        ({"tier": "staging"}, True),
        ({"tier": "production"}, False),
        ({"tier": "production", "policy": {"preReleases": True}}, True),
        ({"tier": "development", "policy": {"preReleases": False}}, False),
    ],
)
def test_production_takes_no_pre_release_unless_it_says_so(said: dict[str, object], taken: bool) -> None:  # noqa: FBT001 a column of the table
    """F1-7."""
    assert DeliveryEnvironmentSpec.model_validate(said).pre_releases is taken


def test_a_migration_is_tried_five_times_in_ten_minutes() -> None:
    """F12-5, W-4: backoffLimit 4 is four retries."""
    migrate = builders.parsed(builders.spec()).release.migrate
    assert migrate is not None
    assert (migrate.backoff_limit, migrate.timeout_seconds) == (4, 600)


@pytest.mark.parametrize(
    ("shutdown", "grace"),
    [
        (Shutdown(), 23),
        (Shutdown(pre_stop_seconds=0, drain_seconds=0), 5),
        (Shutdown(grace_seconds=99), 99),
    ],
)
def test_grace_is_pause_and_drain_and_five(shutdown: Shutdown, grace: int) -> None:
    """F9-10."""
    assert shutdown.grace == grace


def test_names_are_camel_case_on_the_wire_and_snake_case_here() -> None:
    shutdown = {"preStopSeconds": 1, "drainSeconds": 2}
    process = Process.model_validate({"command": ["web"], "shutdown": shutdown})
    assert process.shutdown.pre_stop_seconds == 1
    assert process.model_dump(by_alias=True, exclude_unset=True)["shutdown"] == shutdown
