"""Consultations by key: att_xfer, and the talk of three that may come of one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.fake_freeswitch.channel import State, Steps
from tests.fake_freeswitch.originate import OriginateError
from tests.fake_freeswitch.registry import application

if TYPE_CHECKING:
    from tests.fake_freeswitch.channel import Channel
    from tests.fake_freeswitch.switch import FakeFreeSwitch

CANCEL_KEY, HANGUP_KEY, JOIN_KEY = "#", "*", "0"


@application("att_xfer")
async def att_xfer(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Ring a third one while the other waits; whoever hangs up has sent him on."""
    bond = switch.find(channel.get("signal_bond"))
    channel.set("soft_holding_uuid", bond.uuid if bond else "")
    if bond is not None and channel.true("recording_follow_attxfer"):
        switch.recorders.move(bond, channel)

    def keep(_: Channel) -> None:
        if bond is not None and bond.up:
            bond.redirected = True

    channel.hooks.append(keep)
    try:
        third = await switch.originate(data, by=channel)
    except OriginateError:
        _given_back(channel, bond)
        return
    channel.on_key = _keys(switch, channel, third)
    channel.inner_bridge = third.inner_bridge = True
    try:
        await switch.talk(channel, third)
    finally:
        channel.on_key = None
        channel.inner_bridge = third.inner_bridge = False
        _sort_out(switch, channel, third, bond)
        channel.set("soft_holding_uuid")


def _given_back(channel: Channel, bond: Channel | None) -> None:
    channel.set("signal_bond", bond.uuid if bond else "")
    channel.set("soft_holding_uuid")


def _sort_out(
    switch: FakeFreeSwitch, channel: Channel, third: Channel, bond: Channel | None
) -> None:
    """The talk with the third one is over: who is left talks with whom?"""
    if bond is None or not bond.up:
        return
    channel.set("signal_bond", bond.uuid)
    if third.up and not channel.up:
        if channel.true("recording_follow_attxfer"):
            switch.recorders.move(channel, third)
        done = switch.bridge(third, bond)
        third.set("att_xfer_result", "success" if done else "failure")
        return
    if third.up:  # he has joined the talk: whoever of the two leaves, the others stay together
        _stays_with(switch, channel, third, bond)
        _stays_with(switch, bond, third, channel)
    done = switch.bridge(channel, bond)
    channel.set("att_xfer_result", "success" if done else "failure")


def _stays_with(switch: FakeFreeSwitch, leaving: Channel, third: Channel, other: Channel) -> None:
    leaving.set("xfer_uuids", f"{third.uuid} {other.uuid}")

    def left(_: Channel) -> None:
        if third.up and other.up:
            switch.bridge(third, other)

    leaving.hooks.append(left)


def _keys(switch: FakeFreeSwitch, channel: Channel, third: Channel) -> Callable[[str], bool]:
    """What a key does in the talk with the third one."""

    def pressed(key: str) -> bool:
        if key == (channel.get("attxfer_hangup_key") or HANGUP_KEY)[0]:
            switch.hangup(channel, "NORMAL_CLEARING")
        elif key == (channel.get("attxfer_cancel_key") or CANCEL_KEY)[0]:
            switch.hangup(third, "NORMAL_CLEARING")
        elif key == (channel.get("attxfer_conf_key") or JOIN_KEY)[0]:
            execute_now(third, "three_way", channel.uuid)
            channel.set("hangup_after_bridge")
        else:
            return False
        return True

    return pressed


def execute_now(channel: Channel, name: str, data: str) -> None:
    """Take a channel out of whatever it does: it executes this one application."""
    channel.steps = Steps(name, name, deque([(name, data)]))
    channel.hits_dialplan = True
    channel.set_state(State.EXECUTE)


@application("three_way")
async def three_way(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Be heard in somebody's talk, and hear both."""
    target = switch.find(data)
    if target is None:
        return
    switch.advance()
    listening = _Listening(channel, target)
    try:
        await channel.until(lambda: not listening.goes_on(switch), others=[target])
    finally:
        listening.stop(switch)


class _Listening:
    """A third one in a talk: who hears whom, as the talk stands."""

    def __init__(self, channel: Channel, target: Channel) -> None:
        self._channel, self._target = channel, target
        self._with: list[Channel] = []

    def goes_on(self, switch: FakeFreeSwitch) -> bool:
        """Whether there is a talk still. Its two change: the talk may only just begin."""
        now = [self._target, *([self._target.peer] if self._target.peer else [])]
        if now != self._with:
            self._leave(switch)
            self._with = now
            for each in now:
                each.joined.append(self._channel)
                self._channel.joined.append(each)
        return self._target.up

    def stop(self, switch: FakeFreeSwitch) -> None:
        """Be heard no more."""
        self._leave(switch)

    def _leave(self, switch: FakeFreeSwitch) -> None:
        switch.advance()
        for each in self._with:
            each.joined.remove(self._channel)
            self._channel.joined.remove(each)
        self._with = []
