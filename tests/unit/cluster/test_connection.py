"""Finding the cluster: a kubeconfig, a pod's service account, or neither."""

from pathlib import Path

import pytest
import yaml

from delivery_operator.cluster.connection import NoConfiguration, connect


def kubeconfig(folder: Path, user: dict[str, str]) -> str:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443/", "insecure-skip-tls-verify": True}}],
        "users": [{"name": "u", "user": user}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return str(path)


@pytest.mark.parametrize(
    ("user", "header"),
    [
        pytest.param({"token": "abc"}, "Bearer abc", id="a token"),
        pytest.param({}, None, id="nothing to say, as with a client certificate"),
    ],
)
async def test_a_kubeconfig_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: dict[str, str], header: str | None
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, user))
    connection = await connect()
    assert connection.host == "https://127.0.0.1:6443"
    assert await connection.authorization() == header
    async with connection.session() as session:
        assert not session.closed


async def test_a_kubeconfig_that_is_named_comes_before_the_pods_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sets KUBECONFIG in a pod means it."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, {"token": "abc"}))
    assert (await connect()).host == "https://127.0.0.1:6443"


@pytest.mark.parametrize("in_a_pod", [True, False])
async def test_without_either_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, in_a_pod: bool
) -> None:
    if in_a_pod:
        monkeypatch.delenv("KUBECONFIG", raising=False)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        monkeypatch.delenv("KUBERNETES_SERVICE_PORT", raising=False)
    else:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    with pytest.raises(NoConfiguration, match="set KUBECONFIG"):
        await connect()
