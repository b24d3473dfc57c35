"""A short soak: what hostile requests leave behind in the memory of the nodes. `make soak` is the long one."""

from collections.abc import Sequence

import pytest

from tests.client import Shop
from tests.soak.hostile import HEAVY_KINDS, QUICK
from tests.soak.run import MOST_MB, Soak

ROUNDS = 150
"""A front that remembers the longest paths and hosts alone grows by more than that in these."""


FEW_ROUNDS = 40
"""What is left of the largest bodies comes to more than that in these, if nobody looks for it."""


@pytest.mark.parametrize(("kinds", "count"), [(QUICK, ROUNDS), (HEAVY_KINDS, FEW_ROUNDS)], ids=["quick", "heavy"])
def test_hostile_requests_leave_nothing_behind(shop: Shop, kinds: Sequence[str], count: int) -> None:
    soak = Soak(shop.store, nodes=("front", "order-1"), kinds=kinds)
    soak.warm_up()
    rounds = iter(range(count))
    soak.run(lambda: next(rounds, None) is None)
    assert all(mb <= MOST_MB for mb in soak.growth_mb.values()), soak.progress()
    assert soak.unanswered <= soak.sent / 20, f"{soak.unanswered} without an answer of {soak.progress()}"
