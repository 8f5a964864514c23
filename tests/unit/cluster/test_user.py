"""Which cluster the command line acts on: that of kubectl, whatever kubeconfigs there are."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery_operator.cluster.connection import NoConfiguration
from delivery_operator.cluster.user import find_cluster

CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "here",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
    "contexts": [
        {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
        {"name": "bare", "context": {"cluster": "c", "user": "u"}},
    ],
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a kubeconfig, in no pod."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(home: Path, content: str | None = None) -> None:
    folder = home / ".kube"
    folder.mkdir()
    (folder / "config").write_text(yaml.safe_dump(CONFIG) if content is None else content)


async def test_a_kubeconfig_comes_before_the_pods_own_account(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for kubectl: a person in a pod acts on the cluster that they chose."""
    write(home)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    place = await find_cluster(None, None)
    assert (place.connection.host, place.namespace) == ("https://127.0.0.1:1", "shop")


async def test_a_context_that_is_named_needs_no_current_one(home: Path) -> None:
    write(home, yaml.safe_dump({**CONFIG, "current-context": "gone"}))
    assert (await find_cluster(None, "bare")).namespace == "default"
    with pytest.raises(NoConfiguration, match="gone"):
        await find_cluster(None, None)


async def test_a_home_that_cannot_be_found_is_asked_for_by_nobody_who_names_a_kubeconfig(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container with a user of its own, say: neither HOME nor a line in /etc/passwd."""
    write(home)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    monkeypatch.setenv("KUBECONFIG", str(home / ".kube" / "config"))
    assert (await find_cluster(None, None)).namespace == "shop"
    monkeypatch.delenv("KUBECONFIG")
    with pytest.raises(NoConfiguration):
        await find_cluster(None, None)


async def test_without_a_kubeconfig_it_says_so(home: Path) -> None:
    with pytest.raises(NoConfiguration):
        await find_cluster(None, None)
    with pytest.raises(NoConfiguration, match="missing is not there"):
        await find_cluster(str(home / "missing"), None)


@pytest.mark.parametrize(
    "content", ["", "[]", "a: [", "clusters: 7", "contexts: [{name: here}]\ncurrent-context: here"]
)
async def test_what_is_no_kubeconfig_is_told_in_one_line(home: Path, content: str) -> None:
    write(home, content)
    with pytest.raises(NoConfiguration) as refused:
        await find_cluster(None, None)
    assert "\n" not in str(refused.value)


async def test_a_kubeconfig_that_may_not_be_read_is_named(home: Path) -> None:
    write(home)
    with pytest.raises(NoConfiguration, match="directory"):
        await find_cluster(str(home / ".kube"), None)
