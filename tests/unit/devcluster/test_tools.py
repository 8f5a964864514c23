import re

from devcluster.tools import PROGRAMS, SOURCE


def test_what_is_built_is_what_go_mod_and_our_own_source_name() -> None:
    [block] = re.findall(r"^tool \((.*?)^\)", (SOURCE / "go.mod").read_text(), re.DOTALL | re.MULTILINE)
    tools = [line.rpartition("/")[2] for line in block.split()]
    own = [path.parent.name for path in SOURCE.glob("*/main.go")]
    assert sorted([*tools, *own]) == sorted(PROGRAMS)
