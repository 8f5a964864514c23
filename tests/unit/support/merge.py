"""Server-side apply by one field manager, in small: what it sets is set, what it set before and no longer sets goes."""

from copy import deepcopy
from typing import Any

from delivery_operator.engine.objects import Object


def applied(live: Object, before: Object, manifest: Object) -> dict[str, Any]:
    """Answer with the object that results from applying a manifest.

    Args:
        live: the object as it is.
        before: the manifest last applied.
        manifest: the manifest applied now.
    """
    result = _merged(live, before, manifest)
    assert isinstance(result, dict)
    return result


def _merged(live: Any, before: Any, new: Any) -> Any:
    if isinstance(new, dict):
        live = live if isinstance(live, dict) else {}
        before = before if isinstance(before, dict) else {}
        dropped = set(before) - set(new)
        return {
            **{name: deepcopy(value) for name, value in live.items() if name not in dropped},
            **{name: _merged(live.get(name), before.get(name), value) for name, value in new.items()},
        }
    if isinstance(new, list) and all(isinstance(each, dict) and "name" in each for each in new):
        live = live if isinstance(live, list) else []
        before = before if isinstance(before, list) else []
        ours = {each["name"] for each in [*before, *new]}
        old = {each["name"]: each for each in before}
        present = {each["name"]: each for each in live}
        return [_merged(present.get(each["name"]), old.get(each["name"]), each) for each in new] + [
            deepcopy(each) for each in live if each["name"] not in ours
        ]
    return deepcopy(new)
