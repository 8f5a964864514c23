"""The demo's first apply: an API server that has just got the policy judges no service yet."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from demo import shop
from demo.tools import Tools
from devcluster.errors import ToolError

LEARNING = "denied request: failed to configure policy: failed to find resource referenced by paramKind"


def refusing(*errors: str) -> tuple[Tools, list[str]]:
    """Tools whose kubectl fails with these errors, one after the other, and then succeeds."""
    left, calls = list(errors), []

    def kubectl(*words: str, **_: Any) -> str:
        calls.append(words[0])
        if left:
            raise ToolError(1, ["kubectl", *words], "", left.pop(0))
        return ""

    return cast("Tools", SimpleNamespace(kubectl=kubectl)), calls


def test_it_is_tried_again_until_environments_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.shop.time.sleep", lambda _: None)
    tools, calls = refusing(LEARNING, "not yet synced to use for admission")
    shop.admitted(tools, shop.SERVICE)
    assert calls == ["apply"] * 3


def test_any_other_refusal_is_told_at_once() -> None:
    tools, calls = refusing("image must carry a tag or digest")
    with pytest.raises(ToolError, match="image must carry"):
        shop.admitted(tools, shop.SERVICE)
    assert calls == ["apply"]
