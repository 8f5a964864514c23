"""Sites for plans with a real API server, and the session's account of its plans."""

import pytest

from tests.support.faults import page
from tests.support.faults.record import Record, read
from tests.support.faults.sample import EVERYTHING, SEED
from tests.support.sites import kube, open_site, site

__all__ = ["kube", "open_site", "site"]

RECORDS = pytest.StashKey[list[Record]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RECORDS] = []
    config.pluginmanager.register(Account(config.stash[RECORDS]), "faults' account")


def pytest_report_header() -> str:
    return f"faults: {'every plan' if EVERYTHING else 'a part of the plans'}, FAULTS_SEED={SEED}"


class Account:
    """Adds up what the workers tell."""

    def __init__(self, records: list[Record]) -> None:
        self._records = records

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self._records += read(report.user_properties)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for level in sorted({each.level for each in self._records}):
            of_level = [each for each in self._records if each.level == level]
            plans, different = sum(each.plans for each in of_level), sum(each.different for each in of_level)
            what = "steps" if level == "walks" else "plans"
            terminalreporter.write_line(
                f"faults, {level}: {plans} {what}, {different} came to another end; FAULTS_SEED={SEED}"
            )

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the page when everything was run and ended well: half a run would tell half the truth."""
        if EVERYTHING and exitstatus == pytest.ExitCode.OK and page.complete(self._records):
            page.write(self._records)
