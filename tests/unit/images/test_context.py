"""What a build can see decides whether it is made again."""

from pathlib import Path

import pytest

from devcluster.images.context import excluded, fingerprint, ignore_file, parse, visible


def write(root: Path, *paths: str) -> None:
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)


@pytest.mark.parametrize(
    ("rules", "path", "out"),
    [
        ("", "a", False),
        ("# a\n\n", "a", False),
        ("a", "a", True),
        ("a", "a/b/c", True),
        ("a", "b/a", False),
        ("/a/", "a/b", True),
        ("*.md", "README.md", True),
        ("*.md", "docs/README.md", False),
        ("**/*.md", "docs/deep/README.md", True),
        ("**/*.md", "README.md", True),
        ("docs/**", "docs/deep/README.md", True),
        ("temp?", "temp1", True),
        ("temp?", "temp12", False),
        ("v[0-9]", "v1", True),
        ("v[0-9]", "vx", False),
        ("*\n!keep", "keep", False),
        ("*\n!keep", "keep/below", False),
        ("*\n!keep", "other", True),
        ("*\n!keep\nkeep/not", "keep/not/this", True),
        ("!keep\n*", "keep", True),
        ("a.b", "axb", False),
    ],
)
def test_dockerignore(rules: str, path: str, out: bool) -> None:  # noqa: FBT001
    assert excluded(path, parse(rules)) is out


def test_only_what_is_not_ignored_is_visible(tmp_path: Path) -> None:
    write(tmp_path, "a", ".git/config", "src/b.py", "src/__pycache__/b.pyc", "docs/c")
    (tmp_path / ".dockerignore").write_text("*\n!src\n**/__pycache__\n")
    assert visible(tmp_path, tmp_path / ".dockerignore") == ["src/b.py"]


def test_a_file_in_an_ignored_folder_can_be_taken_back(tmp_path: Path) -> None:
    write(tmp_path, "deep/er/a", "deep/er/b", "other/a")
    (tmp_path / ".dockerignore").write_text("deep\nother\n!deep/er/a\n")
    assert visible(tmp_path, tmp_path / ".dockerignore") == ["deep/er/a"]


def test_without_dockerignore_everything_counts(tmp_path: Path) -> None:
    write(tmp_path, "a", "b/c")
    assert visible(tmp_path, tmp_path / ".dockerignore") == ["a", "b/c"]


def test_the_rules_beside_a_dockerfile_come_before_those_of_the_context(tmp_path: Path) -> None:
    write(tmp_path, ".dockerignore", "order/Dockerfile", "user/Dockerfile", "user/Dockerfile.dockerignore")
    assert ignore_file(tmp_path, tmp_path / "order" / "Dockerfile") == tmp_path / ".dockerignore"
    assert ignore_file(tmp_path, tmp_path / "user" / "Dockerfile") == tmp_path / "user" / "Dockerfile.dockerignore"


def test_the_fingerprint_follows_content_name_mode_and_links(tmp_path: Path) -> None:
    write(tmp_path, "a")
    seen = {fingerprint(tmp_path, tmp_path / ".dockerignore")}
    (tmp_path / "a").chmod(0o755)
    seen.add(fingerprint(tmp_path, tmp_path / ".dockerignore"))
    (tmp_path / "a").write_text("other")
    seen.add(fingerprint(tmp_path, tmp_path / ".dockerignore"))
    (tmp_path / "a").rename(tmp_path / "b")
    seen.add(fingerprint(tmp_path, tmp_path / ".dockerignore"))
    (tmp_path / "link").symlink_to("b")
    seen.add(fingerprint(tmp_path, tmp_path / ".dockerignore"))
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("nowhere")
    seen.add(fingerprint(tmp_path, tmp_path / ".dockerignore"))
    assert len(seen) == 6


def test_the_fingerprint_does_not_follow_times_and_ignored_files(tmp_path: Path) -> None:
    write(tmp_path, "a", "ignored/b")
    (tmp_path / ".dockerignore").write_text("ignored\n")
    before = fingerprint(tmp_path, tmp_path / ".dockerignore")
    (tmp_path / "a").touch()
    write(tmp_path, "ignored/c")
    assert fingerprint(tmp_path, tmp_path / ".dockerignore") == before
