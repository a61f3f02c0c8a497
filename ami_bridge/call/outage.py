"""What a call makes of a bridge that ends or begins, and of a link that was away."""

from __future__ import annotations

from ami_bridge.call import consent, meeting, payment, talk
from ami_bridge.call.recorder import Recorder, Signal
from ami_bridge.call.standing import Standing
from ami_bridge.facts import Adopted, BridgeEnds, Command, LinkReturned, NobodyListened
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import EndedBy


def bridge_ends(call: Standing, fact: BridgeEnds) -> list[Command]:
    """Stop every recorder: nobody would stop it in time."""
    if call.ending:
        return []
    call.tell(fact.at, "the bridge ends: the recorder stops")
    call.ending = True
    commands = call.signal(Signal.UNWANTED, fact.at, EndedBy.BRIDGE_ENDED)
    return commands + call.end_consultations(fact.at, EndedBy.BRIDGE_ENDED)


def adopted(call: Standing, fact: Adopted) -> list[Command]:
    """Go on with a predecessor's call; what its recorders do isn't known."""
    commands: list[Command] = []
    for track in call.consultations:
        track.wanted = False  # nobody knows whether the agent still consults
        commands += track.signal(call, Signal.UNWANTED, fact.at, EndedBy.BRIDGE_ENDED)
        commands += track.signal(call, Signal.ADOPTED, fact.at, EndedBy.BRIDGE_ENDED)
    if call.stage is Stage.OVER:
        return commands + call.track.signal(call, Signal.ADOPTED, fact.at)
    call.tell(fact.at, "a new bridge has taken the call over")
    # The timers were the predecessor's; and nothing is begun that would have to be stopped.
    call.ending = True
    if call.permitting:
        commands += consent.await_permission(call, fact.at)
    if call.paying is not None and call.paying.rest:
        commands += payment.await_end(call, call.paying, fact.at)
    if call.left_talk_at is not None:
        commands += talk.unexplained(call, call.left_talk_at)
    commands += meeting.not_together(call) + meeting.among_strangers(call)
    call.ending = False
    call.track.wanted = call.stage is Stage.RECORDED
    commands += call.signal(Signal.ADOPTED, fact.at, EndedBy.BRIDGE_ENDED)
    if call.track.wanted and call.recorder is Recorder.NONE:
        commands += call.signal(Signal.WANTED, fact.at)
    return commands


def link_returned(call: Standing, fact: LinkReturned) -> list[Command]:
    """What was asked while the link was away may never have come to the PBX."""
    call.tell(fact.at, "the link to the PBX was lost and is back")
    commands: list[Command] = []
    for track in call.tracks:
        commands += track.signal(call, Signal.LINK_RETURNED, fact.at)
    return commands


def nobody_listened(call: Standing, fact: NobodyListened) -> list[Command]:
    """Whoever was expected may have been and gone; somebody else may have been there.

    Where somebody who has the call is there still, or nobody was yet, nothing is lost.
    """
    company, draft = call.company, call.track.draft
    company.expected = False
    if call.stage is not Stage.RECORDED or draft is None:
        return []
    if company.talkers or not company.heard:
        return []
    draft.unwanted_since(fact.at, EndedBy.LINK_LOST)
    return call.signal(Signal.WANTED_ANEW, fact.at, EndedBy.LINK_LOST)
