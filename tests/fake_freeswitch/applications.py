"""The applications of the dialplan that all modules share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.fake_freeswitch import bridging, dialplan, digits, session, transferring
from tests.fake_freeswitch.channel import Channel, Profile
from tests.fake_freeswitch.dialstring import assignments
from tests.fake_freeswitch.originate import OriginateError, originate
from tests.fake_freeswitch.registry import application

if TYPE_CHECKING:
    from tests.fake_freeswitch.switch import FakeFreeSwitch

PACKET_S = 0.02
READ_TIMEOUT_MS = 1000
PLAYED, NOT_FOUND = "FILE PLAYED", "FILE NOT FOUND"


# ---------------------------------------------------------------------- variables


@application("set")
async def set_(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Set a variable."""
    name, _, value = data.partition("=")
    channel.set(name, "" if value == "_undef_" else value)


@application("unset")
async def unset(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Take a variable away."""
    channel.set(data)


@application("set_profile_var")
async def set_profile_var(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Change who calls."""
    name, _, value = data.partition("=")
    if hasattr(channel.profile, name):
        setattr(channel.profile, name, value)


@application("set_global")
async def set_global(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Set a variable of the whole switch."""
    name, _, value = data.partition("=")
    switch.set_global(name, value)


@application("event")
async def event(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Tell an event."""
    said: Mapping[str, str] = assignments(data)
    name = said.get("Event-Name", "CHANNEL_APPLICATION")
    rest = {key: value for key, value in said.items() if key != "Event-Name"}
    switch.fire(name, channel, rest)


@application("log", "info", "verbose_events")
async def log(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Write into a log that nobody reads."""


# ---------------------------------------------------------------------- the call


@application("answer")
async def answer(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Answer."""
    session.answer(channel)


@application("pre_answer")
async def pre_answer(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Be heard before the answer."""
    session.pre_answer(channel)


@application("ring_ready")
async def ring_ready(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Say that it rings."""
    session.progress(channel)


@application("hangup")
async def hangup(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Hang up."""
    channel.hangup(data or "NORMAL_CLEARING")


@application("transfer")
async def transfer(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Go elsewhere; with -bleg or -both the other one, too."""
    words = transferring.words(data)
    partner = channel.peer
    if words and words[0] in ("-bleg", "-both"):
        which = words.pop(0)
        if partner is not None:
            transferring.session_transfer(partner, *words[:3])
        if which == "-bleg":
            return
    transferring.session_transfer(channel, *words[:3])


@application("sched_transfer")
async def sched_transfer(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Go elsewhere after some time."""
    when, *where = transferring.words(data)

    def go() -> None:
        if channel.up:
            transferring.session_transfer(channel, *where[:3])

    switch.loop.call_later(float(when.lstrip("+")), go)


@application("park")
async def park(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Wait, for ever."""
    switch.fire("CHANNEL_PARK", channel)
    try:
        await session.serve_until(switch, channel, lambda: not channel.ready)
    finally:
        switch.fire("CHANNEL_UNPARK", channel)


@application("execute_extension")
async def execute_extension(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """A subroutine: ``EXTENSION [DIALPLAN [CONTEXT]]``."""
    words = data.split(" ")
    if len(channel.hunt) >= session.DEEPEST:
        return
    own = channel.profile
    profile = own.copy()
    profile.destination_number = words[0]
    profile.dialplan = words[1] if len(words) > 1 else own.dialplan
    profile.context = words[2] if len(words) > 2 else own.context
    steps = await dialplan.hunt(switch, channel, profile)
    if steps is None:
        return
    channel.hunt.append(profile)
    try:
        await session.execute_steps(switch, channel, steps)
    finally:
        _leave(channel, profile)


def _leave(channel: Channel, profile: Profile) -> None:
    """Out of a subroutine: from now on the call is where it was in its own dialplan."""
    if profile in channel.hunt:
        channel.hunt.clear()


@application("bridge")
async def bridge(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Ring somebody, and talk with whoever answers."""
    try:
        leg = await originate(switch, data, by=channel)
    except OriginateError as error:
        channel.set("last_bridge_hangup_cause", error.cause)
        failed(channel, error.cause)
        return
    await bridging.talk(switch, channel, leg)


def failed(channel: Channel, cause: str) -> None:
    """Nobody was reached: go on, if that is allowed."""
    allowed = channel.get("continue_on_fail")
    if allowed and (channel.true("continue_on_fail") or cause in allowed.split(",")):
        return
    channel.hangup(cause)


# ---------------------------------------------------------------------- sounds and keys


@application("sleep")
async def sleep(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Wait for some milliseconds: it ends with a packet of sound."""
    packets = -(-int(data or "0") // 20)
    await session.serve_until(switch, channel, lambda: not channel.ready, packets * PACKET_S)


@application("playback", "endless_playback")
async def playback(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Play a sound."""
    if channel.get("current_application") == "endless_playback":
        while channel.ready and await play(switch, channel, data) == PLAYED:
            pass
    else:
        channel.set("current_application_response", await play(switch, channel, data))


async def play(switch: FakeFreeSwitch, channel: Channel, name: str) -> str:
    """Play a sound to its end, and do meanwhile what is asked for; how that went."""
    try:
        source, length_s = switch.studio.source(name)
    except (OSError, KeyError, ValueError, EOFError):
        return NOT_FOUND
    switch.fire("PLAYBACK_START", channel, {"Playback-File-Path": name})
    switch.advance()
    before, channel.playing = channel.playing, source
    channel.break_sound = False
    try:
        await session.serve_until(
            switch, channel, lambda: not channel.ready or channel.break_sound, length_s
        )
    finally:
        switch.advance()
        if channel.playing is source:
            channel.playing = before
        done = {"Playback-File-Path": name, "Playback-Status": "done"}
        switch.fire("PLAYBACK_STOP", channel, done)
    return PLAYED


@application("read")
async def read(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Keys: ``MIN MAX SOUND VARIABLE TIMEOUT TERMINATORS DIGIT-TIMEOUT``."""
    words = data.split(" ")
    least, most, sound, name = int(words[0]), int(words[1]), words[2], words[3]
    timeout_ms = int(words[4]) if len(words) > 4 else READ_TIMEOUT_MS
    enders = words[5] if len(words) > 5 else "#"
    if enders == "none":
        enders = ""
    channel.set(name)
    timeout_ms = max(timeout_ms, 1000)
    between_ms = int(words[6]) if len(words) > 6 else timeout_ms
    keys = await collected(
        switch, channel, least, most, sound, timeout_ms, enders, between_ms=between_ms
    )
    channel.set("read_result", "success" if len(keys) >= least else "timeout")
    channel.set(name, keys)


async def collected(
    switch: FakeFreeSwitch,
    channel: Channel,
    least: int,
    most: int,
    sound: str,
    timeout_ms: int,
    enders: str,
    *,
    between_ms: int = 0,
) -> str:
    """Wait for keys; the first has so much time, each further one `between_ms`, if it is said."""
    keys, ended = "", False

    def take() -> bool:
        nonlocal keys, ended
        while channel.pressed and not ended:
            key = channel.pressed.popleft()
            if key in enders:
                channel.set("read_terminator_used", key)
                ended = True
            else:
                keys += key
                ended = len(keys) >= most
        return ended

    channel.reading = True
    playing = asyncio.ensure_future(play(switch, channel, sound)) if sound else None
    try:
        while playing is not None and not playing.done() and channel.ready:
            waiting = asyncio.ensure_future(
                channel.until(lambda: bool(channel.pressed) or not channel.ready)
            )
            await asyncio.wait({playing, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if channel.pressed:
                channel.break_sound = True
                channel.stir()
                await asyncio.wait({playing})
        while channel.ready and not take():
            limit_ms = between_ms if keys and between_ms else timeout_ms
            arrived = await channel.until(
                lambda: bool(channel.pressed) or not channel.ready, limit_ms / 1000
            )
            if not arrived:
                break
    finally:
        channel.reading = False
        if playing is not None and not playing.done():
            playing.cancel()
    return keys


@application("bind_digit_action")
async def bind_digit_action(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Bind a key."""
    digits.bind(channel, data)


@application("digit_action_set_realm")
async def digit_action_set_realm(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Listen to the keys of one realm."""
    digits.set_realm(channel, data.partition(",")[0])


@application("clear_digit_action")
async def clear_digit_action(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Forget the keys."""
    channel.digits = None


@application("send_dtmf")
async def send_dtmf(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Send keys to the telephone; without a ~ bound keys don't hear them."""
    keys = data.partition("@")[0]
    if keys.startswith("~") and channel.other_half is not None:
        digits.received(channel.other_half, keys[1:], from_phone=True)
    elif channel.other_half is not None:
        digits.received(channel.other_half, keys, from_phone=False)


@application("echo")
async def echo(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """Wait, for ever."""
    await session.serve_until(switch, channel, lambda: not channel.ready)


@application("soft_hold", "hold")
async def hold(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """The telephone is told to hold."""
    switch.hold(channel)


@application("unhold")
async def unhold(switch: FakeFreeSwitch, channel: Channel, data: str) -> None:
    """And back."""
    switch.unhold(channel)
