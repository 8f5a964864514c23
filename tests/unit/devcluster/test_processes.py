import os
import signal
import subprocess
from pathlib import Path

import pytest

from devcluster import processes
from devcluster.processes import Identity, alive, clean_environment, identify, kill, spawn

SLEEP = ["/bin/sleep", "1000"]


def test_a_spawned_process_runs_apart_with_its_output_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "shell.log"
    script = "pwd; echo problem >&2; echo $$ $(ps -o sid= -p $$); cat; exec sleep 1000"
    process = spawn(["/bin/sh", "-c", script], log, clean_environment(), cwd=tmp_path)
    try:
        while not log.read_text().count("\n") >= 3:
            assert alive(process)
        directory, problem, ids = log.read_text().splitlines()
        pid, session = ids.split()
        assert (directory, problem) == (str(tmp_path), "problem")
        assert int(pid) == int(session) == process.pid
    finally:
        assert kill(process)
    assert not alive(process)


def test_a_descriptor_is_handed_over_under_another_number(tmp_path: Path) -> None:
    read, write = os.pipe()
    process = spawn(["/bin/sh", "-c", "echo hello >&7"], tmp_path / "log", clean_environment(), fds={7: write})
    os.close(write)
    with os.fdopen(read) as pipe:
        assert pipe.read() == "hello\n"  # and the end of file: nobody else holds it
    kill(process)


def test_a_program_that_is_not_there_says_so_in_its_log(tmp_path: Path) -> None:
    process = spawn(["/no/such/program"], tmp_path / "log", clean_environment())
    os.waitpid(process.pid, 0)
    assert not alive(process)
    assert "/no/such/program" in (tmp_path / "log").read_text()


def test_a_process_with_the_same_pid_is_another_one() -> None:
    with subprocess.Popen(SLEEP) as child:
        real = identify(child.pid)
        assert real is not None
        recycled = Identity(child.pid, real.start - 1)

        assert not alive(recycled)
        assert kill(recycled), "what it named is gone"
        assert alive(real), "and nobody else was signalled"

        assert kill(real)
        assert child.wait() == -signal.SIGKILL or child.returncode == 0  # collected by kill, or by wait


def test_a_zombie_counts_as_gone() -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert identify(child) is None
    os.waitpid(child, 0)


def test_without_proc_a_pid_has_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    with subprocess.Popen(SLEEP) as child:
        found = identify(child.pid)
        assert found == Identity(child.pid, 0)
        assert alive(found)
        child.kill()
    assert not alive(found)
    assert processes.boot_id() == ""


def test_daemons_do_not_get_proxies_or_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com")
    monkeypatch.setenv("CLOUD_TOKEN", "secret")
    assert set(clean_environment()) <= {"HOME", "LANG", "TMPDIR", "TZ", "PATH"}
