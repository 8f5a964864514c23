"""How a page is read: its fences, what is done with each, and how a transcript is held against what was printed."""

from pathlib import Path

import pytest

from tests.support import absent
from tests.support.pages import BadBlock, Use, read
from tests.support.shell import CommandFailed, Shell, missing_line, steps


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tests.support.pages.ROOT", tmp_path)
    return tmp_path / "page.md"


@pytest.mark.parametrize(
    ("fence", "use"),
    [
        ("yaml", Use.OBJECTS),
        ('yaml {title="a.yaml"}', Use.OBJECTS),
        ('yaml {fragment="DeliveryService.spec"}', Use.FRAGMENT),
        ('yaml {values="values.yaml"}', Use.VALUES),
        ('yaml {absent="argocd"}', Use.ABSENT),
        ("sh", Use.RUN),
        ("sh {fails}", Use.RUN),
        ("console", Use.TRANSCRIPT),
        ('sh {elsewhere="tests/x.py::test_x"}', Use.ELSEWHERE),
        ("mermaid", Use.SHOWN),
        ("text", Use.SHOWN),
    ],
)
def test_the_use_of_a_block(page: Path, fence: str, use: Use) -> None:
    page.write_text(f"# A\n\n```{fence}\na: 1\n```\n")
    (block,) = read(page).blocks

    assert (block.use, block.text, block.line) == (use, "a: 1\n", 3)


@pytest.mark.parametrize(
    "fence", ["", "bash", "yaml {skip}", 'sh {title="x"}', "json", 'yaml {fragment="a" absent="b"}']
)
def test_a_block_of_no_known_kind_is_an_error(page: Path, fence: str) -> None:
    page.write_text(f"```{fence}\na\n```\n")
    (block,) = read(page).blocks

    with pytest.raises(BadBlock, match=r"page\.md:1: no test knows"):
        _ = block.use


@pytest.mark.parametrize(("text", "said"), [("```sh\nls\n", "has no end"), ("```Shell -x\n```\n", "cannot be read")])
def test_a_fence_that_is_not_whole_is_an_error(page: Path, text: str, said: str) -> None:
    page.write_text(text)

    with pytest.raises(BadBlock, match=said):
        read(page)


def test_a_page_says_what_it_starts_from(page: Path) -> None:
    page.write_text("---\nstarts: order\n---\n# A\n\n1. Do\n\n    ```sh {fails}\n    false\n    ```\n")
    found = read(page)

    assert found.starts == "order"
    assert [(block.text, block.fails) for block in found.blocks] == [("false\n", True)]


def test_a_shell_keeps_what_a_script_sets(tmp_path: Path) -> None:
    with Shell(tmp_path / "here", {"A": "1"}) as shell:
        shell.run("export B=2\ncd /")
        assert shell.run('echo "$A $B $PWD"') == "1 2 /\n"
        assert shell.run("cat") == "", "a script has no standard input"


def test_a_shell_tells_which_command_failed(tmp_path: Path) -> None:
    with Shell(tmp_path / "here", {}) as shell, pytest.raises(CommandFailed, match="exit code 3 of: sh -c 'exit 3'"):
        shell.run("echo before\nsh -c 'exit 3'\necho after")


def test_a_script_that_has_to_fail_may_and_one_that_does_not_is_an_error(tmp_path: Path) -> None:
    with Shell(tmp_path / "here", {}) as shell:
        assert "so" in shell.run("echo so\nfalse", fails=True)
        assert shell.run("echo on") == "on\n"
        with pytest.raises(CommandFailed, match="should have failed"):
            shell.run("true", fails=True)


def test_a_script_that_does_not_end_is_an_error(tmp_path: Path) -> None:
    with Shell(tmp_path / "here", {}) as shell, pytest.raises(CommandFailed, match="did not end in time"):
        shell.run("sleep 60", seconds=0.2)


def test_a_transcript_is_commands_and_what_they_print() -> None:
    assert steps("$ ls \\\n  -l\na b\n\n$ true\n") == [("ls \\\n  -l", ["a b"]), ("true", [])]
    with pytest.raises(ValueError, match="begins with a command"):
        steps("a b\n")


PRINTED = "NAME    READY   AGE\norder   True    41s\ncart    False   3m5s\n"


@pytest.mark.parametrize(
    ("expected", "missing"),
    [
        (["NAME READY AGE", "order  True  2m"], None),
        (["NAME READY AGE", "cart False 40s"], None),
        (["order … 40s"], None),
        (["cart…"], None),
        (["order True"], "order True"),
        (["order False 40s"], "order False 40s"),
        (["cart False 3m", "order True 3m"], "order True 3m"),
        (["other"], "other"),
    ],
)
def test_what_a_transcript_shows_is_printed_in_that_order(expected: list[str], missing: str | None) -> None:
    assert missing_line(expected, PRINTED) == missing


@pytest.mark.parametrize(
    ("owner", "body", "problem"),
    [
        (
            "fluxcd",
            {"kind": "Kustomization", "spec": {"interval": "1m", "prune": True, "wai": True}},
            "no field .spec.wai",
        ),
        ("argocd", {"kind": "Application", "spec": {"project": "default", "sync": {}}}, "no field spec.sync"),
        ("argocd", {"kind": "Kustomization", "spec": {}}, "is no API of argocd"),
    ],
)
def test_objects_of_an_absent_api_are_held_against_what_is_known(
    owner: str, body: dict[str, object], problem: str
) -> None:
    source = {"sourceRef": {"kind": "GitRepository", "name": "shop"}}
    version = "kustomize.toolkit.fluxcd.io/v1" if body["kind"] == "Kustomization" else "argoproj.io/v1alpha1"
    spec = body["spec"]
    assert isinstance(spec, dict)
    if owner == "fluxcd":
        spec |= source
    whole = {"apiVersion": version, "kind": body["kind"], "metadata": {"name": "shop"}, "spec": spec}

    (found,) = absent.problems(owner, [whole])
    assert problem in found
