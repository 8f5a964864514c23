import subprocess

from devcluster.home import Home
from devcluster.processes import identify
from devcluster.sessions import Sessions, session_name


def test_the_last_to_leave_is_told_so(home: Home) -> None:
    sessions = Sessions(home, "dev")
    own = session_name()
    with subprocess.Popen(["sleep", "1000"]) as other:
        process = identify(other.pid)
        assert process is not None
        sessions.join(own)
        sessions.join(f"{process.pid}-{process.start}")
        with sessions.leave(own) as last:
            assert not last
        other.kill()
        other.wait()
    sessions.join(own)
    with sessions.leave(own) as last:
        assert last, "one that was killed without leaving does not count"


def test_leaving_what_one_never_joined_is_no_error(home: Home) -> None:
    with Sessions(home, "dev").leave("1-1") as last:
        assert last
