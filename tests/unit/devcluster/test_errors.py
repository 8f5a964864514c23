import subprocess
from pathlib import Path

from devcluster.errors import DevclusterError, StartError, ToolError, tail


def test_a_failed_start_shows_component_log_and_its_end(tmp_path: Path) -> None:
    log = tmp_path / "kube-apiserver.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))

    text = str(StartError("kube-apiserver", "ended while dev was starting", log))

    assert text.startswith("kube-apiserver: ended while dev was starting")
    assert "line 80\n" in text
    assert "line 79\n" not in text
    assert text.endswith(f"Log: {log}")


def test_a_log_that_was_never_written_is_no_second_error(tmp_path: Path) -> None:
    assert tail(tmp_path / "absent.log") == ""
    assert "etcd: did not start" in str(StartError("etcd", "did not start", tmp_path / "absent.log"))


def test_a_failed_tool_is_what_callers_of_pytest_kind_expect_and_says_more() -> None:
    error = ToolError(1, ["kubectl", "get", "nothing"], "", 'error: no resource type "nothing"\n')

    assert isinstance(error, subprocess.CalledProcessError)
    assert isinstance(error, DevclusterError)
    assert str(error) == 'kubectl get nothing: exit code 1: error: no resource type "nothing"'
