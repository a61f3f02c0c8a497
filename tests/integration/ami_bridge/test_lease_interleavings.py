"""Whatever becomes of the bridges of a PBX and of their links, no two of them hold the lease.

Many more plays are in tests/long.
"""

from __future__ import annotations

import asyncio
import random
from itertools import cycle

from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.lease import TAKE_OVER_S, VALID_S
from tests import virtual_time
from tests.rivals import ACTS, LONGEST_S, OWNERS, WAYS_S, Act, Bridge, FakePbx, perform, random_play

EXAMPLES = 100
PLAYS = 400
SEED = 20261121

acts = st.tuples(
    st.sampled_from((0.0, 0.001, 0.4, 0.9, 1.4, 1.6, 2.0, 5.0, VALID_S, TAKE_OVER_S, 17.0)),
    st.sampled_from(OWNERS),
    st.sampled_from(ACTS),
    st.sampled_from((0.5, 1.1, 3.0, VALID_S - 1, VALID_S + 0.1, TAKE_OVER_S, 20.0, LONGEST_S)),
    st.lists(st.sampled_from(WAYS_S), min_size=1, max_size=12),
)


def assert_one_holds(play: list[Act]) -> int:
    """Return how often somebody came to hold."""
    stage, holders = virtual_time.run(perform(play))
    assert stage.pbx.doubles == []
    assert holders == (1 if stage.living else 0)
    return sum(len(bridge.began_s) for bridge in stage.pbx.bridges)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(acts, min_size=3, max_size=30))
def test_no_two_hold_and_in_the_end_one_does(play: list[Act]) -> None:
    assert_one_holds(play)


def test_nor_in_plays_that_are_made_up() -> None:
    held = [assert_one_holds(random_play(random.Random(SEED + n))) for n in range(PLAYS)]
    assert sum(each > 1 for each in held) > PLAYS / 4  # or this would prove little


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.sampled_from(WAYS_S), min_size=60, max_size=60), st.data())
def test_any_ways_at_any_time(ways_s: list[float], data: st.DataObject) -> None:
    """Each way of each bridge as long as it likes: nobody may be served well, but never twice."""
    begins_s = data.draw(st.lists(st.sampled_from((0.0, 0.3, 1.0, 15.0)), min_size=3, max_size=3))

    async def scene() -> None:
        pbx = FakePbx()
        way = cycle(ways_s)
        for owner, begin_s in zip(OWNERS, begins_s, strict=True):
            await asyncio.sleep(begin_s)
            Bridge(pbx, owner, lambda: next(way))
        for _ in range(200):
            await asyncio.sleep(1)
            assert len(pbx.holders()) <= 1

    virtual_time.run(scene())
