"""What walks are made of (the method of Acto, SOSP '23): right and wrong specs, one after the other."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from delivery_operator.api.service import KIND
from tests.support import generate, shop
from tests.support.changes import REFUSED, TAKEN, UNMET, Change
from tests.support.kube import Object
from tests.support.mutate import mutated

NAMESPACE: Final = "shop"
MOST_STEPS: Final = 4


@dataclass(frozen=True)
class Step:
    """One spec on a walk.

    Attributes:
        spec: the whole of it.
        given: whether the Secrets and ConfigMaps that it names are made first.
    """

    spec: Object
    given: bool


def home() -> Object:
    """The spec that every walk begins with and comes back to."""
    spec: Object = shop.service(NAMESPACE)["spec"]
    return spec


def walks(number: int) -> settings:
    """So many of them; one that fails is told as it is and not made shorter, which would take very long."""
    checks = [
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ]
    return settings(
        max_examples=number, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=checks
    )


def _changed(changes: list[Change]) -> Object:
    spec = home()
    for change in changes:
        change(spec)
    return spec


def _sampled(rows: list[Any], most: int) -> st.SearchStrategy[Object]:
    changes: list[Change] = [row[1] for row in rows]
    return st.lists(st.sampled_from(changes), min_size=1, max_size=most).map(_changed)


def _spec(body: Object) -> Object:
    spec = body.get("spec")
    return deepcopy(spec) if isinstance(spec, dict) else {}


_GENERATED: Final = generate.objects(KIND, NAMESPACE)
_SPECS: Final = (
    _sampled(TAKEN, 3),
    _sampled(REFUSED, 1),
    _GENERATED.map(_spec),
    mutated(st.builds(shop.service, st.just(NAMESPACE))).map(_spec),
)
_GIVEN: Final = st.sampled_from([True, True, False])
# Random specs ask for what is missing too rarely: a walk that waits must not be left to luck.
_UNMET: Final = st.builds(Step, _sampled(UNMET, 1), st.sampled_from([False]))
_STEP: Final = st.one_of(*(st.builds(Step, spec, _GIVEN) for spec in _SPECS), _UNMET)
STEPS: Final = st.lists(_STEP, min_size=1, max_size=MOST_STEPS)
