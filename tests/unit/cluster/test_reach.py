"""Where the operator may look."""

import asyncio

import pytest

from delivery_operator.cluster.reach import Reach


def test_all_is_open_at_first() -> None:
    reach = Reach(("shop", "pay"))
    assert reach.scopes == reach.open == ("shop", "pay")


def test_a_closed_namespace_is_not_covered() -> None:
    reach = Reach(("shop", "pay"))
    reach.set("pay", is_open=False)
    assert reach.open == ("shop",)
    assert (reach.covers("shop"), reach.covers("pay"), reach.covers("other")) == (True, False, False)
    assert (reach.closed("shop"), reach.closed("pay"), reach.closed("other")) == (False, True, False)


def test_the_whole_cluster_covers_every_namespace() -> None:
    assert Reach((None,)).covers("shop")


async def test_one_that_opens_wakes_who_waits_for_it() -> None:
    reach = Reach(("shop",))
    reach.set("shop", is_open=False)
    waiting = asyncio.create_task(reach.entered("shop"))
    await asyncio.sleep(0)
    assert not waiting.done()
    reach.set("shop", is_open=True)
    await asyncio.wait_for(waiting, 5)


async def test_one_that_closes_wakes_who_waits_for_that() -> None:
    reach = Reach(("shop",))
    waiting = asyncio.create_task(reach.left("shop"))
    await asyncio.sleep(0)
    assert not waiting.done()
    reach.set("shop", is_open=False)
    await asyncio.wait_for(waiting, 5)


def test_all_of_the_cluster_is_one() -> None:
    assert (Reach((None,)).everywhere, Reach(("shop",)).everywhere) == (True, False)


@pytest.mark.parametrize("scope", [None, "system"])
async def test_what_is_not_to_be_looked_into_is_no_matter_of_it(scope: str | None) -> None:
    await asyncio.wait_for(Reach(("shop",)).entered(scope), 5)
