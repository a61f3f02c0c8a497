"""Two channels that talk with each other, and how a bridge begins and ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.fake_freeswitch.channel import Channel, State

if TYPE_CHECKING:
    from tests.fake_freeswitch.switch import FakeFreeSwitch

LEAD_S = 0.2  # a talk is so old before anything else is executed in it
ANSWER_TIMEOUT_S = 60.0
MEETS_WITHIN_S = 10.0
STEP_S = 0.02
HEARS_AFTER_S = 0.06  # so long after they are bridged two hear each other


class Link:
    """A talk of two."""

    def __init__(self, one: Channel, other: Channel) -> None:
        self.one, self.other = one, other
        self.ended = False  # neither hears the other any more
        self.clean: set[Channel] = set()  # who was sent elsewhere
        self.left: set[Channel] = set()  # whose side has ended

    def partner(self, channel: Channel) -> Channel:
        """Return the other one."""
        return self.other if channel is self.one else self.one


async def talk(switch: FakeFreeSwitch, one: Channel, other: Channel) -> None:
    """Let two channels talk until one of them hangs up or is sent elsewhere.

    Runs in the first one's task. What becomes of the two afterwards is done here, too.
    """
    if not await _connect(switch, one, other):
        return
    link = Link(one, other)
    other.link = link
    other.set_state(State.EXCHANGE_MEDIA)
    other.set("bridge_channel", one.name)
    other.set("bridge_uuid", one.uuid)
    other.set("signal_bond", one.uuid)
    for name, value in (("channel", other.name), ("uuid", other.uuid)):
        one.set(f"bridge_{name}", value)
    one.set("signal_bond", other.uuid)
    cancelled = None
    try:
        await _side(switch, link, one)
    except asyncio.CancelledError as error:
        cancelled = error
    one.bridge_originator = False
    while not link.left >= {other}:  # its side may be busy with an application still
        try:
            await other.until(
                lambda: other in link.left or other.state > State.REPORTING, MEETS_WITHIN_S, [one]
            )
        except asyncio.CancelledError as error:
            cancelled = error
            continue
        break
    for each, peer in ((one, other), (other, one)):
        if each.cause:
            peer.set("bridge_hangup_cause", each.cause)
    other.set("call_uuid", other.uuid)
    _tell(switch, "CHANNEL_UNBRIDGE", one, other)
    if not one.moving and not one.redirected and one not in link.clean and one.up:
        await _afterwards(switch, one, other)
    if cancelled is not None:
        raise cancelled


async def _connect(switch: FakeFreeSwitch, one: Channel, other: Channel) -> bool:
    one.profile.callee_id_name = other.profile.callee_id_name
    one.profile.callee_id_number = other.profile.callee_id_number
    one.bridge_originator, other.bridge_originator = True, False
    from tests.fake_freeswitch import session

    if other.answered and not one.answered:
        session.answer(one)
    if not one.up or not other.up:
        other.hangup(one.cause or "ORIGINATOR_CANCEL")
        return False
    other.set_state(State.CONSUME_MEDIA)
    other.set("call_uuid", one.uuid)
    now = switch.now_us()
    one.profile.bridged_us = other.profile.bridged_us = now
    _tell(switch, "CHANNEL_BRIDGE", one, other)
    one.set("bridge_to", other.uuid)
    other.set("bridge_to", one.uuid)
    one.set("last_bridge_to", other.uuid)
    other.set("last_bridge_to", one.uuid)
    if one.other_half is not None:  # that one is shown with whom it talks through this one
        shown = one.other_half.profile
        shown.caller_id_name = other.profile.callee_id_name
        shown.caller_id_number = other.profile.callee_id_number
    if not other.answered and not other.early:
        answers = await one.until(
            lambda: other.answered or other.early or not other.up, ANSWER_TIMEOUT_S, [other]
        )
        if not answers or not other.up:
            other.hangup("ALLOTTED_TIMEOUT")
            _tell(switch, "CHANNEL_UNBRIDGE", one, other)
            return False
    return True


async def _side(switch: FakeFreeSwitch, link: Link, channel: Channel) -> None:
    """One side of a talk: hear the other, and do what is asked for from outside."""
    from tests.fake_freeswitch import session

    partner = link.partner(channel)
    ended_by_move = False
    try:
        switch.advance()
        channel.bridged, channel.peer, channel.deaf = True, partner, True
        switch.loop.call_later(HEARS_AFTER_S, _hears, channel)
        partner.stir()
        await channel.until(lambda: partner.bridged or not _goes_on(link, channel), MEETS_WITHIN_S)
        is_over = await channel.until(lambda: not _goes_on(link, channel), LEAD_S, [partner])
        if not is_over and channel.ready:
            await session.execute_on(switch, channel, "execute_on_pre_bridge")
        while _goes_on(link, channel):
            await channel.until(
                lambda: (
                    not _goes_on(link, channel)
                    or bool(channel.private)
                    or _answers_now(channel, partner)
                ),
                None,
                [partner],
            )
            if _answers_now(channel, partner):
                session.answer(channel)
            if _goes_on(link, channel) and channel.private:
                await _aside(switch, channel)
        await asyncio.sleep(STEP_S)  # it is seen with the next frame of sound
    except asyncio.CancelledError:
        ended_by_move = channel.up
        raise
    finally:
        switch.advance()
        if channel.moving or ended_by_move:
            link.clean.add(channel)
        link.ended = True
        channel.set("bridge_to")
        channel.bridged = False
        if channel.peer is partner:
            channel.peer = None
        _ends_hold(switch, channel, partner, link)
        link.left.add(channel)
        channel.stir()
        partner.stir()


def _answers_now(channel: Channel, partner: Channel) -> bool:
    """Whether the caller is to be answered, since the other has."""
    return partner.answered and not channel.answered and channel.direction == "inbound"


def _hears(channel: Channel) -> None:
    channel.switch.advance()
    channel.deaf = False


async def _aside(switch: FakeFreeSwitch, channel: Channel) -> None:
    """Execute something in a talk; the other one hears nothing of it meanwhile."""
    from tests.fake_freeswitch import session

    switch.advance()
    peer, channel.peer = channel.peer, None
    behind = peer.peer if peer is not None else None
    if peer is not None and behind is channel:
        peer.peer = None
    try:
        await session.execute(switch, channel, *channel.private.popleft())
    finally:
        switch.advance()
        if peer is not None and peer.bridged and channel.bridged:
            channel.peer = peer
            if behind is channel:
                peer.peer = channel


def _goes_on(link: Link, channel: Channel) -> bool:
    partner = link.partner(channel)
    return (
        not link.ended
        and channel.ready
        and partner.up
        and not partner.moving
        and (partner.bridged or partner not in link.left)
    )


def _ends_hold(switch: FakeFreeSwitch, channel: Channel, partner: Channel, link: Link) -> None:
    """Who hangs up with the other on hold takes that one along."""
    if not channel.holding:
        return
    if partner.ready and partner.state is not State.PARK and partner not in link.clean:
        partner.hangup(partner.cause or "NORMAL_CLEARING")
    from tests.fake_freeswitch import holding

    holding.end(switch, channel, partner)


async def _afterwards(switch: FakeFreeSwitch, one: Channel, other: Channel) -> None:
    """What becomes of the one who rang, when the other is gone."""
    from tests.fake_freeswitch import transferring

    cause = other.cause or "NORMAL_CLEARING"
    if not other.answered:
        return
    if one.true("park_after_bridge"):
        one.set_state(State.PARK)
    elif where := one.get("transfer_after_bridge"):
        one.set("transfer_after_bridge")
        extension, _, rest = where.partition(":")
        plan, _, context = rest.partition(":")
        transferring.session_transfer(one, extension, plan, context)
    elif one.true("hangup_after_bridge"):
        one.hangup(cause)


async def exchange_media(switch: FakeFreeSwitch, channel: Channel) -> None:
    """The side of the one who was rung."""
    link: Link | None = channel.link
    channel.link = None
    channel.moving = False
    if link is None:
        channel.hangup("DESTINATION_OUT_OF_ORDER")
        return
    from tests.fake_freeswitch import transferring

    await _side(switch, link, channel)
    stays = channel.moving or channel.redirected or channel.inner_bridge
    stays = stays or channel in link.clean
    if stays or channel.state is not State.EXCHANGE_MEDIA:
        if channel.state is State.EXCHANGE_MEDIA and channel.ready:
            channel.set_state(State.PARK)
        return
    if channel.true("park_after_bridge"):
        channel.set_state(State.PARK)
    elif where := channel.get("transfer_after_bridge"):
        channel.set("transfer_after_bridge")
        extension, _, rest = where.partition(":")
        plan, _, context = rest.partition(":")
        transferring.session_transfer(channel, extension, plan, context)
    else:
        channel.hangup("NORMAL_CLEARING" if channel.answered else "ORIGINATOR_CANCEL")


def _tell(switch: FakeFreeSwitch, name: str, one: Channel, other: Channel) -> None:
    both = {"Bridge-A-Unique-ID": one.uuid, "Bridge-B-Unique-ID": other.uuid}
    switch.fire(name, one, both, first=True)


# ---------------------------------------------------------------------- uuid_bridge


def uuid_bridge(one: Channel, other: Channel) -> bool:
    """Take two channels out of whatever they do, and let them talk; false: they can't."""
    switch = one.switch
    heard = [each for each in (one, other) if each.answered or each.early]
    if not one.up or not other.up or not heard:
        return False
    if one.direction == "outbound" and not one.hits_dialplan:
        _become_caller(one)
    if heard[0] is not one:
        one, other = other, one
    if other.direction == "outbound":
        other.hits_dialplan = False
    switch.advance()
    for each, peer in ((one, other), (other, one)):
        each.set("bridge_channel", peer.name)
        each.set("bridge_uuid", peer.uuid)
        each.set("signal_bond", peer.uuid)
    _turn_about(one, other)
    one.set("uuid_bridge_to", other.uuid)
    for each in (other, one):
        for name in ("destination_number", "caller_id_name", "caller_id_number"):
            each.set(f"original_{name}", each.profile.field(name))
        before = each.profile
        each.profile = before.copy()
        each.profile.index = before.index + 1
    other.profile.originator, other.other_type = one.profile.copy(), "originator"
    one.profile.originatee, one.other_type = other.profile.copy(), "originatee"
    one.profile.callee_id_name = other.profile.callee_id_name
    one.profile.callee_id_number = other.profile.callee_id_number
    other.profile.caller_id_name = one.profile.caller_id_name
    other.profile.caller_id_number = one.profile.caller_id_number
    for each, peer in ((one, other), (other, one)):
        each.moving = each.redirected = True
        each.originating = False
        source = f"{switch.now_us() // 1_000_000}:{each.uuid}:uuid_br:{peer.uuid}"
        each.profile.transfer_source = source
        each.push("transfer_history", source)
        each.set("transfer_source", source)
        each.uuid_bridge_originator = False
        each.bridge_originator = False
    one.uuid_bridge_originator = True
    for each in (one, other):
        is_asleep = each.state is State.HIBERNATE
        each.set_state(State.CONSUME_MEDIA if is_asleep else State.HIBERNATE)
    return True


def _turn_about(one: Channel, other: Channel) -> None:
    """Each is to show the other who it is: the second one of a talk is the one who is called."""
    if one.is_called if one.direction == "inbound" else not one.hits_dialplan:
        _swap(one)
        if one.direction == "inbound":
            other.is_called = False
    if not other.is_called if other.direction == "inbound" else other.hits_dialplan:
        _swap(other)
        if other.direction == "inbound":
            other.is_called = True


def _swap(channel: Channel) -> None:
    profile = channel.profile
    before = profile.caller_id_name, profile.caller_id_number
    profile.caller_id_name = profile.callee_id_name
    profile.caller_id_number = profile.callee_id_number
    profile.callee_id_name, profile.callee_id_number = before


def _become_caller(channel: Channel) -> None:
    _swap(channel)
    channel.profile.logical_direction = "inbound"
    channel.hits_dialplan = True


async def soft_execute(switch: FakeFreeSwitch, channel: Channel) -> None:
    """Meet the one who was named by uuid_bridge."""
    channel.moving = False
    if not channel.uuid_bridge_originator:
        channel.redirected = False
        await channel.until(lambda: False)
        return
    other = switch.find(channel.get("uuid_bridge_to"))
    channel.set("uuid_bridge_to")
    if other is None:
        channel.uuid_bridge_originator = False
        channel.hangup("DESTINATION_OUT_OF_ORDER")
        return
    while other.up and channel.up and other.running is not State.SOFT_EXECUTE:
        if other.running is State.RESET and other.state is State.RESET:
            other.set_state(State.SOFT_EXECUTE)
        await asyncio.sleep(STEP_S)
    channel.redirected = channel.uuid_bridge_originator = False
    if not other.up:
        channel.hangup("DESTINATION_OUT_OF_ORDER")
        return
    for each, peer in ((channel, other), (other, channel)):
        said = {"Application": "uuid_bridge", "Application-Data": peer.uuid}
        switch.fire("CHANNEL_EXECUTE", each, said)
    other.redirected = False
    await talk(switch, channel, other)
    if channel.up and not channel.moving and channel.state is State.SOFT_EXECUTE:
        if channel.redirected:  # somebody else is about to have it
            await channel.until(lambda: False)
        channel.set_state(State.EXECUTE)
