"""What the agent and somebody else say to each other while the outside party waits."""

from __future__ import annotations

from ami_bridge.call import payment
from ami_bridge.call.recorder import Signal, Track
from ami_bridge.call.standing import Standing
from ami_bridge.facts import (
    Command,
    ConsultationBegan,
    ConsultationEnded,
    LegGone,
    RaiseAlarm,
    Talker,
)
from hushtape.policy import decide
from hushtape.policy.decide import Verdict
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import EndedBy, Leg


def began(call: Standing, fact: ConsultationBegan) -> list[Command]:
    """Record it, on the agent's channel, where the policy says so."""
    verdict = _verdict(call, fact)
    agent = Talker(fact.leg.uniqueid, fact.place, telephone=fact.telephone)
    if call.stage in (Stage.RECORDED, Stage.SILENT) and call.company.knows(agent):
        commands = payment.line_consulted(call, fact)
        if commands or call.stage is Stage.SILENT:
            return commands
    if call.stage is not Stage.RECORDED or not call.company.knows(agent):
        return []  # what somebody else does who is in the talk is no part of the call
    consulting = call.papers.consulting
    if consulting is None or consulting.reason != verdict.reason:
        call.tell(fact.at, "the agent consults somebody", verdict.reason)
        call.papers.consult(fact.at, verdict.reason)
    track = _track(call, fact.leg.uniqueid)
    if not verdict.allowed or call.ending:
        if track is None:
            return []
        return track.signal(call, Signal.UNWANTED, fact.at, EndedBy.CONSULTED)
    call.consultations = [each for each in call.consultations if each is track or not each.idle]
    if track is None:
        track = Track(leg=Leg.CONSULTATION, channel=fact.leg)
        call.consultations.append(track)
    return track.signal(call, Signal.WANTED, fact.at)


def _verdict(call: Standing, fact: ConsultationBegan) -> Verdict:
    """Judge whom the agent has called, and everybody who is there by now."""
    verdict = decide.on_consultation(call.policy, fact.place)
    for talker in fact.talkers:
        if verdict.allowed and not talker.stands_in:
            verdict = decide.on_consultation(call.policy, talker.place)
    return verdict


def ended(call: Standing, fact: ConsultationEnded) -> list[Command]:
    """Stop its recorder, however the talk goes on."""
    if call.papers.consulting is not None:
        call.tell(fact.at, "the consultation is over")
    call.papers.close_consultation(fact.at)
    track = _track(call, fact.leg)
    if track is None:
        return []
    return track.signal(call, Signal.UNWANTED, fact.at, EndedBy.CONSULTED)


def leg_gone(call: Standing, fact: LegGone) -> list[Command]:
    """The agent's channel is gone, and its recorder with it."""
    track = _track(call, fact.leg)
    if track is None:
        return []
    if call.papers.consulting is not None:
        call.tell(fact.at, "the consultation is over: the agent's channel is gone")
    call.papers.close_consultation(fact.at)
    commands = track.signal(call, Signal.UNWANTED, fact.at, EndedBy.CONSULTED)
    # What the stop would have shown, the hang-up shows: nothing is to be sent.
    track.signal(call, Signal.CHANNEL_GONE, fact.at, EndedBy.CONSULTED)
    return [each for each in commands if isinstance(each, RaiseAlarm)]


def _track(call: Standing, uniqueid: str) -> Track | None:
    for track in call.consultations:
        if track.channel is not None and track.channel.uniqueid == uniqueid:
            return track
    return None
