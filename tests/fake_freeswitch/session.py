"""The life of a channel: what it does in each of its states, and how it executes applications."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from tests.fake_freeswitch import bridging, dialplan, recorders
from tests.fake_freeswitch.channel import Q850, Channel, State, Steps
from tests.fake_freeswitch.expand import expanded
from tests.fake_freeswitch.registry import APPLICATIONS

if TYPE_CHECKING:
    from tests.fake_freeswitch.switch import FakeFreeSwitch

DEEPEST = 32  # of subroutines in subroutines
# What can't be done before there is sound.
NEED_MEDIA = frozenset(
    (
        "att_xfer",
        "callcenter",
        "conference",
        "endless_playback",
        "fifo",
        "intercept",
        "playback",
        "read",
        "record_session",
        "soft_hold",
        "stop_record_session",
        "three_way",
        "valet_park",
    )
)
LOCKED_TIMEOUT_S = 30.0


async def live(switch: FakeFreeSwitch, channel: Channel) -> None:
    """The whole life of a channel."""
    if channel.state is State.NONE:
        channel.state = State.INIT
    while channel.state < State.HANGUP:
        channel.running = channel.state
        channel.stir()
        channel.again = False
        _say_callstate(channel)
        switch.fire("CHANNEL_STATE", channel)
        if channel.running is State.NEW:
            channel.state = State.INIT
            continue
        if channel.running is State.INIT:
            switch.fire("CHANNEL_CREATE", channel)
        work = _WORK.get(channel.running)
        if work is not None:
            channel.work = switch.loop.create_task(work(switch, channel))
            await asyncio.wait({channel.work})
            if not channel.work.cancelled() and (error := channel.work.exception()):
                switch.failed(f"{channel} in {channel.running.name}", error)
                channel.hangup("DESTINATION_OUT_OF_ORDER")
        await channel.until(lambda: channel.state is not channel.running or channel.again)
    await _end(switch, channel)


def _say_callstate(channel: Channel) -> None:
    """One who calls rings anew whenever it comes into the dialplan."""
    if channel.direction != "inbound":
        return
    if channel.running is State.ROUTING:
        channel.set_callstate("RINGING")
    elif channel.answered:
        channel.set_callstate("ACTIVE")
    elif channel.early:
        channel.set_callstate("EARLY")


async def _end(switch: FakeFreeSwitch, channel: Channel) -> None:
    """What is told when a channel has hung up."""
    channel.running = State.HANGUP
    switch.fire("CHANNEL_STATE", channel)
    recorders.stop_all(switch, channel)
    if channel.other_half is not None:
        channel.other_half.hangup(channel.cause)
    channel.set_callstate("HANGUP")
    await asyncio.sleep(0)
    channel.state = channel.running = State.REPORTING
    switch.fire("CHANNEL_STATE", channel)
    channel.set("hangup_cause", channel.cause)
    channel.set("hangup_cause_q850", str(Q850.get(channel.cause, 0)))
    switch.fire("CHANNEL_HANGUP_COMPLETE", channel, {"Hangup-Cause": channel.cause}, first=True)
    await asyncio.sleep(0)
    await channel.until(lambda: not channel.locks, LOCKED_TIMEOUT_S)
    switch.fire("CHANNEL_DESTROY", channel)
    channel.state = channel.running = State.DESTROY
    switch.channels.pop(channel.uuid, None)
    channel.stir()
    switch.fire("CHANNEL_STATE", channel)


# ---------------------------------------------------------------------- states


async def _init(switch: FakeFreeSwitch, channel: Channel) -> None:
    if channel.direction == "outbound":
        switch.fire("CHANNEL_ORIGINATE", channel)
    channel.set_state(State.ROUTING)


async def _routing(switch: FakeFreeSwitch, channel: Channel) -> None:
    """Find what to do. A leg that is dialled has nobody to ask."""
    transferred, channel.moving, channel.redirected = channel.moving, False, False
    if channel.originating and channel.direction == "outbound":
        channel.set_state(State.CONSUME_MEDIA)
        return
    if channel.direction == "outbound" and not channel.hits_dialplan:
        flip(switch, channel)
    channel.hits_dialplan = True
    steps = None if transferred else channel.steps  # a loopback channel may bring its own
    if steps is None:
        steps = await dialplan.hunt(switch, channel, channel.profile)
    if transferred and channel.profile.dialplan == dialplan.INLINE and channel.profile.rdnis:
        channel.profile.destination_number = channel.profile.rdnis
    if steps is None:
        channel.hangup("NO_ROUTE_DESTINATION")
        return
    channel.steps = steps
    channel.set_state(State.EXECUTE)


def flip(switch: FakeFreeSwitch, channel: Channel) -> None:
    """A leg that was dialled enters the dialplan: now it is a caller."""
    profile = channel.profile
    before = (profile.caller_id_name, profile.caller_id_number)
    profile.caller_id_name, profile.caller_id_number = (
        profile.callee_id_name,
        profile.callee_id_number,
    )
    profile.callee_id_name, profile.callee_id_number = before
    profile.logical_direction = "inbound"
    for name, value in zip(("name", "number"), before, strict=True):
        channel.set(f"pre_transfer_caller_id_{name}", value)
    channel.set("channel_cid_flipped", "yes")
    switch.fire("CALL_UPDATE", channel)


async def _execute(switch: FakeFreeSwitch, channel: Channel) -> None:
    """Execute what the dialplan has found, to its end."""
    channel.moving = channel.redirected = False
    steps = channel.steps
    while steps is not None and steps.todo and channel.ready:
        await execute(switch, channel, *steps.todo.popleft())
        steps = channel.steps
    if channel.ready:
        channel.hangup("NORMAL_CLEARING")


async def _consume(switch: FakeFreeSwitch, channel: Channel) -> None:
    """Wait, and do what is asked for from outside."""
    channel.moving = False
    if channel.uuid_bridge_originator or channel.redirected:
        channel.set_state(State.RESET)
        return
    await serve_until(switch, channel, lambda: not channel.ready)


async def _reset(switch: FakeFreeSwitch, channel: Channel) -> None:
    channel.moving = False
    if channel.uuid_bridge_originator:
        channel.set_state(State.SOFT_EXECUTE)


async def _hibernate(switch: FakeFreeSwitch, channel: Channel) -> None:
    channel.set_state(State.RESET)


async def _park(switch: FakeFreeSwitch, channel: Channel) -> None:
    channel.moving = False
    switch.fire("CHANNEL_PARK", channel)
    try:
        await serve_until(switch, channel, lambda: not channel.ready)
    finally:
        switch.fire("CHANNEL_UNPARK", channel)


_WORK: dict[State, Callable[[FakeFreeSwitch, Channel], Coroutine[Any, Any, None]]] = {
    State.INIT: _init,
    State.ROUTING: _routing,
    State.EXECUTE: _execute,
    State.SOFT_EXECUTE: bridging.soft_execute,
    State.EXCHANGE_MEDIA: bridging.exchange_media,
    State.CONSUME_MEDIA: _consume,
    State.HIBERNATE: _hibernate,
    State.RESET: _reset,
    State.PARK: _park,
}


# ---------------------------------------------------------------------- applications


async def execute(switch: FakeFreeSwitch, channel: Channel, name: str, data: str) -> None:
    """Execute one application on a channel."""
    if not channel.up:
        return
    data = await expanded(switch, channel, data)
    function = APPLICATIONS.get(name)
    if function is None:
        channel.hangup("DESTINATION_OUT_OF_ORDER")
        return
    if name in NEED_MEDIA and channel.direction == "inbound":
        pre_answer(channel)
    said = {"Application": name, "Application-Data": data}
    channel.set("current_application_data", data)
    channel.set("current_application", name)
    channel.set("current_application_response")
    switch.fire("CHANNEL_EXECUTE", channel, said)
    try:
        await function(switch, channel, data)
    finally:
        response = channel.get("current_application_response") or "_none_"
        switch.fire("CHANNEL_EXECUTE_COMPLETE", channel, {**said, "Application-Response": response})


async def execute_steps(switch: FakeFreeSwitch, channel: Channel, steps: Steps) -> None:
    """Execute a subroutine."""
    while steps.todo and channel.ready:
        await execute(switch, channel, *steps.todo.popleft())


async def execute_on(switch: FakeFreeSwitch, channel: Channel, prefix: str) -> None:
    """Execute what the variables ask for that begin with a word, such as execute_on_answer."""
    for name, value in list(channel.variables.items()):
        if name.startswith(prefix):
            for text in [value] if isinstance(value, str) else value:
                await execute_text(switch, channel, text)


async def execute_text(switch: FakeFreeSwitch, channel: Channel, text: str) -> None:
    """Execute ``app data`` or ``app:data``; with two colons beside what the channel does."""
    ends = next((at for at, each in enumerate(text) if each in " :"), len(text))
    if text[ends : ends + 2] == "::":
        switch.broadcast(channel, text[:ends], text[ends + 2 :])
        return
    await execute(switch, channel, text[:ends], text[ends + 1 :])


async def serve(switch: FakeFreeSwitch, channel: Channel) -> None:
    """Execute what is asked for from outside, if anything is."""
    while channel.private and channel.up:
        await execute(switch, channel, *channel.private.popleft())


async def serve_until(
    switch: FakeFreeSwitch,
    channel: Channel,
    true: Callable[[], bool],
    timeout_s: float | None = None,
) -> bool:
    """Wait, and execute meanwhile what is asked for from outside; false: not in time."""
    ends = None if timeout_s is None else switch.loop.time() + timeout_s
    while True:
        left = None if ends is None else max(0.0, ends - switch.loop.time())
        if not await channel.until(lambda: true() or bool(channel.private), left):
            return False
        if true():
            return True
        await serve(switch, channel)


# ---------------------------------------------------------------------- answering


def progress(channel: Channel) -> None:
    """It rings there."""
    if channel.up and not channel.answered and not channel.ring_ready:
        if channel.other_half is not None and channel.is_inner_half:
            progress(channel.other_half)
        channel.ring_ready = True
        channel.profile.progress_us = channel.switch.now_us()
        channel.switch.fire("CHANNEL_PROGRESS", channel)
        channel.set_callstate("RINGING")
        channel.stir()


def pre_answer(channel: Channel) -> None:
    """Early media: it is heard before it is answered."""
    if channel.up and not channel.answered and not channel.early:
        if channel.other_half is not None and channel.is_inner_half:
            pre_answer(channel.other_half)
        channel.early = True
        channel.profile.progress_media_us = channel.switch.now_us()
        channel.set("endpoint_disposition", "EARLY MEDIA")
        channel.switch.fire("CHANNEL_PROGRESS_MEDIA", channel)
        channel.set_callstate("EARLY")
        channel.stir()


def answer(channel: Channel) -> None:
    """It is answered."""
    if not channel.up or channel.answered:
        return
    channel.switch.advance()
    if channel.other_half is not None and channel.is_inner_half:
        answer(channel.other_half)
    channel.answered = True
    channel.profile.answered_us = channel.switch.now_us()
    channel.switch.fire("CHANNEL_ANSWER", channel)
    channel.set("endpoint_disposition", "ANSWER")
    channel.set_callstate("ACTIVE")
    if channel.line is not None:
        channel.line.answered(channel)
    channel.stir()
    if any(name.startswith("execute_on_answer") for name in channel.variables):
        channel.switch.beside(execute_on(channel.switch, channel, "execute_on_answer"))
