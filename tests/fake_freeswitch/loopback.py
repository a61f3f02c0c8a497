"""A loopback channel steps out of a call when both its ends talk with somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_freeswitch import bridging, recorders
from tests.fake_freeswitch.channel import Channel, is_true

if TYPE_CHECKING:
    from tests.fake_freeswitch.switch import FakeFreeSwitch

STEPS_OUT_AFTER_S = 2.0
LONGEST_CHAIN = 8  # loopback channels one behind the other


async def steps_out(switch: FakeFreeSwitch, outer: Channel) -> None:
    """Wait for that, and let those talk directly who talk through it."""
    inner = outer.other_half
    assert inner is not None
    both = (outer, inner)

    def is_over() -> bool:
        return not (outer.up and inner.up)

    def talk() -> bool:
        return all(each.bridged and each.answered for each in both)

    while not is_over():
        await outer.until(lambda: talk() or is_over(), None, [inner])
        if not await outer.until(lambda: not talk(), STEPS_OUT_AFTER_S, [inner]):
            break
    if is_over() or not all(_may(each) for each in both):
        return
    ends = [_behind(each) for each in both]
    for half, end in zip(both, ends, strict=True):
        if end is not None:
            recorders.move(half, end)
    one, other = ends
    if one is not None and other is not None:
        bridging.uuid_bridge(one, other)


def _may(half: Channel) -> bool:
    said = half.get("loopback_bowout")
    return not said or is_true(said)


def _behind(half: Channel) -> Channel | None:
    """With whom a half talks, through other loopback channels, too."""
    found: Channel | None = half.peer
    for _ in range(LONGEST_CHAIN):
        if found is None or found.other_half is None or not _may(found):
            return found
        found = found.other_half.peer
    return None
