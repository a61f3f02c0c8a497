"""A channel is sent elsewhere."""

from __future__ import annotations

from tests.fake_freeswitch.channel import Channel, State

MOST_TRANSFERS = 70


def session_transfer(
    channel: Channel, extension: str, dialplan: str = "", context: str = ""
) -> bool:
    """Send a channel to an extension, from wherever it is."""
    switch = channel.switch
    if not channel.up:
        return False
    left = channel.get("max_forwards")
    forwards = int(left) - 1 if left.isdecimal() else MOST_TRANSFERS
    if forwards <= 0:
        channel.hangup("EXCHANGE_ROUTING_ERROR")
        return False
    switch.advance()
    channel.run_hooks()
    channel.set("max_forwards", str(forwards))
    channel.originating = False
    profile = channel.hunt[-1] if channel.hunt else channel.profile
    asked = dialplan
    dialplan = dialplan or channel.get("force_transfer_dialplan") or profile.dialplan
    if dialplan.lower() == "inline" and not asked:
        dialplan = ""
    context = context or channel.get("force_transfer_context") or profile.context
    before = channel.profile
    new = profile.copy()
    new.dialplan = dialplan or "XML"
    new.context = context or "default"
    new.rdnis = profile.destination_number
    new.destination_number = extension or "service"
    new.index = before.index + 1
    new.profile_created_us = before.transfer_us = switch.now_us()
    channel.set("signal_bond")
    partner = channel.peer
    if partner is not None:
        partner.set("signal_bond")
    channel.profile = new
    channel.hunt.clear()
    channel.moving = True
    if channel.holding:
        channel.holding = False
    source = (
        f"{switch.now_us() // 1_000_000}:{channel.uuid}:bl_xfer:"
        f"{extension}/{new.context}/{new.dialplan}"
    )
    new.transfer_source = source
    channel.push("transfer_history", source)
    channel.set("transfer_source", source)
    channel.steps = None
    if channel.state is State.ROUTING:
        channel.again = True
        channel.interrupt()
    channel.set_state(State.ROUTING)
    return True


def park(channel: Channel) -> None:
    """Take a channel out of whatever it does, and let it wait."""
    channel.switch.advance()
    channel.originating = False
    channel.moving = True
    channel.set_state(State.PARK)


def transfer_text(channel: Channel, text: str) -> bool:
    """Send it to ``EXTENSION [DIALPLAN [CONTEXT]]``; an extension may be quoted."""
    return session_transfer(channel, *words(text)[:3])


def words(text: str) -> list[str]:
    """Split at spaces, but not between quotes, and take these away."""
    found: list[str] = []
    now, quoted, any_ = "", False, False
    for each in text:
        if each == "'":
            quoted, any_ = not quoted, True
        elif each == " " and not quoted:
            if now or any_:
                found.append(now)
            now, any_ = "", False
        else:
            now += each
    if now or any_:
        found.append(now)
    return found
