"""One order through all five services on real pods."""

from contextlib import suppress
from typing import Any

import pytest

from demo import story
from demo.__main__ import FULL
from tests.support.kube import wait_for
from tests.support.whole_shop import SERVICES, WholeShop


@pytest.mark.timeout(600)
def test_one_order_is_one_trace_in_every_service(whole: WholeShop) -> None:
    """X-1, OB-1, LG-4: one trace id in the log of each of the five, and spans that hang together."""
    wait_for(lambda: hangs_together(whole), "a trace of spans that hang together", 120)


def hangs_together(whole: WholeShop) -> bool:
    """Play the story; a process of which the collector heard nothing for seconds has dropped its spans for good."""
    trace = story.play(whole.tools, FULL, lambda _: None)
    lines = story.lines(whole.tools, SERVICES, trace)
    assert {line.split()[1].split("-")[0] for line in lines} == set(SERVICES), "\n".join(lines)

    client = trace.parent.split("-")[2]

    def spans() -> list[dict[str, Any]]:
        """Those of all services, once each of their parents is there as well: a process tells its own when it likes."""
        found = whole.spans(trace.id)
        known = {each["span_id"] for each in found} | {client}
        told = {each["service"] for each in found} >= {f"{each}_service" for each in SERVICES}
        return found if told and {each["parent_span_id"] for each in found} <= known else []

    with suppress(AssertionError):
        return bool(wait_for(spans, "spans of all services", 30))
    return False
