"""A telephone puts the other one on hold, and takes him off again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fake_freeswitch.channel import Channel

if TYPE_CHECKING:
    from tests.fake_freeswitch.switch import FakeFreeSwitch


def hold(channel: Channel) -> None:
    """A telephone holds: whom it talks with hears music."""
    if not channel.holding:
        mark(channel.switch, channel, held=True)


def unhold(channel: Channel, *, by_switch: bool = False) -> None:
    """It is back."""
    if channel.holding:
        mark(channel.switch, channel, held=False, by_switch=by_switch)


def end(switch: FakeFreeSwitch, channel: Channel, partner: Channel) -> None:
    """A talk is over, and with it the hold."""
    channel.holding = False
    _music(switch, partner, on=False)
    if channel.up:
        channel.set_callstate("UNHELD")
    switch.fire("CHANNEL_UNHOLD", channel)


def mark(switch: FakeFreeSwitch, channel: Channel, *, held: bool, by_switch: bool = False) -> None:
    """Begin or end a hold, and tell it."""
    switch.advance()
    channel.holding = held
    partner = channel.peer
    if partner is None:
        partner = switch.find(channel.get("bridge_to"))
    if held:
        channel.profile.last_hold_us = switch.now_us()
        channel.set_callstate("HELD")
        switch.fire("CHANNEL_HOLD", channel)
    if partner is not None:
        _music(switch, partner, on=held)
    if not held:
        if channel.up:
            channel.set_callstate("ACTIVE" if by_switch else "UNHELD")
        switch.fire("CHANNEL_UNHOLD", channel)
        if channel.up:
            channel.set_callstate("ACTIVE")


def _music(switch: FakeFreeSwitch, channel: Channel, *, on: bool) -> None:
    music = channel.get("hold_music") or switch.hold_music
    if on and music:
        channel.hold_sound = switch.studio.source(music, loops=True)[0]
        channel.playing = channel.hold_sound
    elif channel.hold_sound is not None:
        if channel.playing is channel.hold_sound:
            channel.playing = None
        channel.hold_sound = None
