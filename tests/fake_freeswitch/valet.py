"""mod_valet_parking: a caller is put into a numbered place, and fetched from there by anybody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tests.fake_freeswitch.registry import application
from tests.fake_freeswitch.sound import plays

if TYPE_CHECKING:
    from tests.fake_freeswitch.channel import Channel
    from tests.fake_freeswitch.switch import FakeFreeSwitch

SUBCLASS = "valet_parking::info"
ANNOUNCED_AFTER_S = 1.5  # nothing is heard before; then the place would be said
SILENCE = "silence_stream://-1"

_Lots = dict[tuple[str, str], "Channel"]
_LOTS: WeakKeyDictionary[FakeFreeSwitch, _Lots] = WeakKeyDictionary()


@application("valet_park")
async def valet_park(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Park the channel in a place, or fetch who is parked there."""
    lots = _LOTS.setdefault(switch, {})
    lot, place, *more = data.split(" ")
    if place == "auto":
        _, first, last = more
        numbers = (str(each) for each in range(int(first), int(last) + 1))
        place = next(each for each in numbers if (lot, each) not in lots)
    else:
        parked = lots.get((lot, place))
        if parked is not None and parked.up:
            del lots[lot, place]
            _tell(switch, parked, "bridge", lot, place, channel.uuid)
            switch.bridge(parked, channel)
            await asyncio.get_running_loop().create_future()  # until it is taken from here
    lots[lot, place] = channel
    try:
        if more:
            await asyncio.sleep(ANNOUNCED_AFTER_S)
        _tell(switch, channel, "hold", lot, place)
        channel.set("valet_lot_extension", place)
        music = channel.get("valet_hold_music") or channel.get("hold_music") or SILENCE
        try:
            async with plays(switch, channel, music, loops=True):
                await asyncio.get_running_loop().create_future()
        finally:
            _tell(switch, channel, "exit", lot, place)
    finally:
        if lots.get((lot, place)) is channel:
            del lots[lot, place]


def _tell(
    switch: FakeFreeSwitch, channel: Channel, action: str, lot: str, place: str, fetcher: str = ""
) -> None:
    headers = {"Valet-Lot-Name": lot, "Valet-Extension": place, "Action": action}
    if fetcher:
        headers["Bridge-To-UUID"] = fetcher
    switch.custom(SUBCLASS, channel, headers)
