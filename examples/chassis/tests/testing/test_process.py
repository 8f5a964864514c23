"""A process ends with all that it started."""

import os
import signal
import sys
from pathlib import Path

import psutil

from chassis_testing.process import Process
from chassis_testing.waiting import wait_until

PARENT = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, {handler})
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("up", child.pid, flush=True)
time.sleep(600)
"""
OBEDIENT = "lambda *_: sys.exit(0)"
DEAF = "signal.SIG_IGN"


def start(folder: Path, handler: str) -> tuple[Process, psutil.Process]:
    log = folder / "log"
    script = PARENT.format(handler=handler)
    process = Process([sys.executable, "-c", script], folder=folder, environment={}, log=log)
    assert wait_until(lambda: log.read_text().endswith("\n"), 30)
    return process, psutil.Process(int(log.read_text().split()[1]))


def test_a_crash_takes_the_children_along(tmp_path: Path) -> None:
    process, child = start(tmp_path, OBEDIENT)
    process.kill()
    assert process.exit_code == -signal.SIGKILL
    assert not psutil.pid_exists(process.pid)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_one_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    process, child = start(tmp_path, DEAF)
    process.stop(signal.SIGTERM, 0.2)
    assert process.exit_code == -signal.SIGKILL
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_one_that_has_ended_is_not_signalled_again(tmp_path: Path) -> None:
    process, child = start(tmp_path, OBEDIENT)
    os.kill(process.pid, signal.SIGTERM)
    assert wait_until(lambda: process.exit_code is not None, 30)
    process.stop(signal.SIGTERM, 1)
    process.kill()
    assert process.exit_code == 0
    child.kill()


def test_gets_the_given_environment_only(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = {"ONLY": "this"}
    script = "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))"
    process = Process([sys.executable, "-c", script], folder=tmp_path, environment=environment, log=log)
    assert wait_until(lambda: process.exit_code == 0, 30)
    assert log.read_text() == "['ONLY']\n"
