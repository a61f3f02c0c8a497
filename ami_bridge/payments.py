"""What a PBX's dialplan says of payments, and whose calls it means. Pure.

The subroutines are in dialplan/. They run on the outside party's channel, or where that isn't to be
had: on the second channel of an agent who rings a payment line, and on the far half of a Local
channel, or of a loopback one. What silences is believed of all who may be meant; what ends silence
of those only who surely are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ami_bridge.consulting import Consulting
from ami_bridge.facts import (
    Channel,
    ConsultedGone,
    ForeignRecorder,
    PaymentBegan,
    PaymentEnded,
    SilenceAsked,
)
from ami_bridge.talks import Talks
from ami_bridge.told import Told
from hushtape.policy.schema import PaymentWay

Event = Mapping[str, str]

ACTS = ("payment-began", "payment-ended", "silence")
MOST_CONCERNED = 20  # channels of one question; a conference of more isn't surely silent
CLOCK_S = 1.0  # so much a note may be older than the last that was heard, and still be news

# Digits of Asterisk's, or a uuid of FreeSWITCH's.
_NONCE = re.compile(r"\d{6,36}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_PAID = re.compile(r"(began:[^:]{1,20}:[a-z]{1,20}):(\d{1,11}(?:\.\d{1,6})?)", re.ASCII)
_NOTE = re.compile(r"began:(\d{1,11}(?:\.\d{1,6})?):([a-z]{1,20})", re.ASCII)
STOPPED = (PaymentWay.KEY, PaymentWay.DIALPLAN, PaymentWay.TRANSFER)  # by the dialplan itself
_WORDS = {
    PaymentWay.KEY: "the agent's key: a payment begins",
    PaymentWay.DIALPLAN: "the dialplan: a payment begins",
    PaymentWay.TRANSFER: "the dialplan: a payment line is about to be rung",
    PaymentWay.EVENT: "an event: a payment begins",
    PaymentWay.API: "a desktop: a payment begins",
}


def note(at: datetime, way: PaymentWay) -> str:
    """Write what the dialplan writes into ``HUSHTAPE_PAYMENT``."""
    return f"began:{at.timestamp():.3f}:{way}"


def read_note(text: str, at: datetime, since: datetime) -> PaymentBegan:
    """Read ``HUSHTAPE_PAYMENT``; one that can't be read is a payment all the same.

    Args:
        at: now, on the PBX's clock.
        since: until then everything was heard, so a payment that began before and isn't known is
            one that somebody has ended.
    """
    began, way = since, PaymentWay.DIALPLAN
    found = _NOTE.fullmatch(text)
    if found is not None:
        said = datetime.fromtimestamp(float(found[1]), UTC)
        began = min(said, at) if said >= since - timedelta(seconds=CLOCK_S) else since
        way = next((each for each in PaymentWay if each == found[2]), PaymentWay.DIALPLAN)
    what = f"{_WORDS[way]}, while nobody listened"
    return PaymentBegan(at=began, way=way, what=what, stops=way in STOPPED)


def read_paid(text: str, at: datetime, since: datetime) -> tuple[PaymentBegan | PaymentEnded, ...]:
    """Read ``HUSHTAPE_PAID``: what of it nobody has heard, its beginning and its end or the end.

    Args:
        at, since: as for ``read_note``.
    """
    found = _PAID.fullmatch(text)
    if found is None:
        return ()
    listened = since - timedelta(seconds=CLOCK_S)
    ended_at = min(datetime.fromtimestamp(float(found[2]), UTC), at)
    if ended_at < listened:
        return ()
    began = read_note(found[1], at, since)
    ended = PaymentEnded(at=max(began.at, ended_at), way=began.way, noted=True)
    noted = _NOTE.fullmatch(found[1])
    unheard = noted is None or datetime.fromtimestamp(float(noted[1]), UTC) >= listened
    return (began, ended) if unheard else (ended,)


@dataclass(frozen=True, slots=True)
class _Question:
    """What a channel has asked, until its payment is over."""

    way: PaymentWay
    callers: tuple[Channel, ...]


class _Meant(NamedTuple):
    """Somebody whose call it may be."""

    channel: Channel
    waits: bool  # while his agent is on the channel that says so


class Payments:
    """Payments of one PBX.

    Args:
        channels: every channel that is known, by uniqueid; the translator's own.
        talks: who is in a bridge with whom.
        consulting: which agent has called somebody.
        waits_for: names those who wait while a channel is rung, where the PBX tells that.
        is_overheard: tells whether something that isn't ours to stop hears one of these channels.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        talks: Talks,
        consulting: Consulting,
        waits_for: Callable[[Channel], list[Channel]] = lambda channel: [],
        is_overheard: Callable[[list[Channel]], bool] = lambda channels: False,
    ) -> None:
        self._channels = channels
        self._talks = talks
        self._consulting = consulting
        self._waits_for = waits_for
        self._is_overheard = is_overheard
        self._asked: dict[str, _Question] = {}  # by the asking channel's uniqueid

    def said(self, event: Event, channel: Channel, at: datetime) -> Iterator[Told]:
        """Take in an event of the dialplan whose ``Act`` is one of ACTS."""
        by = event.get("By", "")
        match event.get("Act"):
            case "payment-began":
                yield from self._began(by, channel, event.get("Linkedid", ""), at)
            case "payment-ended":
                yield from self._ended(by, channel, event.get("Linkedid", ""), at)
            case "silence":
                yield from self._silence(event, channel, at)

    def noted(
        self, text: str, channel: Channel, linkedid: str, at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Take in a channel's ``HUSHTAPE_PAYMENT``; the channel itself is told first."""
        fact = read_note(text, at, since)
        meant = [each.channel for each in self._meant(channel, linkedid)]
        if fact.way is PaymentWay.TRANSFER:
            self._asked[channel.uniqueid] = _Question(fact.way, tuple(meant))
        yield Told(channel, fact)
        yield from (Told(each, fact) for each in meant if each is not channel)

    def paid(
        self, text: str, channel: Channel, linkedid: str, at: datetime, since: datetime
    ) -> Iterator[Told]:
        """Take in a channel's ``HUSHTAPE_PAID``, before any channel's ``HUSHTAPE_PAYMENT``.

        What a key ended was the payment of that channel's call, and of no other's in the same talk.
        """
        facts = read_paid(text, at, since)
        for fact in facts:
            meant = []
            if fact.way is not PaymentWay.KEY:
                meant = [each.channel for each in self._meant(channel, linkedid)]
            yield Told(channel, fact)
            yield from (Told(each, fact) for each in meant if each is not channel)

    def gone(self, uniqueid: str, at: datetime) -> Iterator[Told]:
        """Take in that a channel is gone: what it had asked for others is void."""
        question = self._asked.pop(uniqueid, None)
        for caller in question.callers if question is not None else ():
            if caller.uniqueid != uniqueid:
                yield Told(caller, ConsultedGone(at=at))

    def foreign(self, channel: Channel, linkedid: str, at: datetime) -> Iterator[Told]:
        """Tell of a recorder that isn't ours, of each call that it may hear."""
        for meant in self._meant(channel, linkedid):
            yield Told(meant.channel, ForeignRecorder(at=at, on=channel))

    def concerned(self, channel: Channel) -> list[Channel]:
        """Name those whose call a channel may belong to."""
        return [each.channel for each in self._meant(channel, "")]

    def overheard(self, caller: Channel) -> bool:
        """Tell whether something that isn't ours to stop hears a call."""
        return self._is_overheard(self._around([caller]))

    def around(self, caller: Channel) -> tuple[Channel, ...]:
        """Name every channel on which a caller may be recorded, his own the first."""
        return tuple(self._around([caller]))

    def _began(self, by: str, channel: Channel, linkedid: str, at: datetime) -> Iterator[Told]:
        way = _way(by)
        if way is PaymentWay.KEY:
            # It runs on whom the agent talks to: an event on the agent's own channel is of a key
            # that the caller has pressed, or of one that a colleague has.
            meant = self._behind(channel) if self._talks.is_half(channel.uniqueid) else [channel]
        else:
            meant = [each.channel for each in self._meant(channel, linkedid)]
        fact = PaymentBegan(at=at, way=way, what=_WORDS[way], stops=way in STOPPED)
        for each in meant:
            each.paying = fact
            yield Told(each, fact)

    def _ended(self, by: str, channel: Channel, linkedid: str, at: datetime) -> Iterator[Told]:
        way = _way(by)
        if way is PaymentWay.EVENT and by != PaymentWay.EVENT:
            return
        by_dialplan = way is not PaymentWay.EVENT  # it has emptied the variable, too
        question = self._asked.pop(channel.uniqueid, None) if way is PaymentWay.DIALPLAN else None
        if way is PaymentWay.KEY:
            meant = [channel]  # in a talk of three it comes twice
        elif question is not None:
            way, meant = question.way, list(question.callers)
        else:
            meant = [each.channel for each in self._meant(channel, linkedid)]
        for each in meant:
            each.paying = None
            noted = by_dialplan and each.uniqueid == channel.uniqueid
            yield Told(each, PaymentEnded(at=at, way=way, noted=noted))

    def _silence(self, event: Event, channel: Channel, at: datetime) -> Iterator[Told]:
        """A guard's question is the beginning of its payment, too."""
        nonce = event.get("Nonce", "")
        way = PaymentWay.TRANSFER
        if event.get("By", PaymentWay.TRANSFER) == PaymentWay.DIALPLAN:
            way = PaymentWay.DIALPLAN
        meant = self._meant(channel, event.get("Linkedid", ""))
        callers = tuple(each.channel for each in meant)
        for caller, waits in meant:
            fact = PaymentBegan(at=at, way=way, what=_WORDS[way], stops=True, consulting=waits)
            caller.paying = fact
            yield Told(caller, fact)
        self._asked[channel.uniqueid] = _Question(way, callers)
        around = self._around([channel, *callers])
        sure = bool(_NONCE.fullmatch(nonce)) and len(around) <= MOST_CONCERNED
        if self._talks.is_half(channel.uniqueid) and not callers:
            sure = False
        asked = SilenceAsked(
            at=at,
            nonce=nonce,
            way=way,
            callers=callers,
            channels=tuple(around[:MOST_CONCERNED]),
            sure=sure,
            overheard=self._is_overheard(around),
        )
        yield Told(channel, asked)

    def _meant(self, channel: Channel, linkedid: str) -> list[_Meant]:
        """Say whose call a channel may belong to."""
        found: dict[str, _Meant] = {}
        near = [channel] if not self._talks.is_half(channel.uniqueid) else []
        near += self._heard(channel) + self._behind(channel)
        for each in near:
            found.setdefault(each.uniqueid, _Meant(each, waits=False))
        waiting = [each.caller for each in self._consulting.going_on(channel.uniqueid)]
        waiting += self._consulting.on_other_lines(channel)
        waiting += self._waits_for(channel)
        if self._talks.is_half(channel.uniqueid):
            waiting += self._consulting.dialling_with(linkedid)
        for each in waiting:
            found.setdefault(each.uniqueid, _Meant(each, waits=True))
        return list(found.values())

    def _heard(self, channel: Channel) -> list[Channel]:
        heard = self._talks.company(channel.uniqueid)
        return [self._channels[one.uniqueid] for one in heard if one.uniqueid in self._channels]

    def _behind(self, channel: Channel) -> list[Channel]:
        heard = (
            self._talks.behind(channel.uniqueid) if self._talks.is_half(channel.uniqueid) else []
        )
        return [self._channels[one.uniqueid] for one in heard if one.uniqueid in self._channels]

    def _around(self, some: list[Channel]) -> list[Channel]:
        """Add all who are in a bridge with them, the halves of Local channels, too."""
        found = {each.uniqueid: each for each in some}
        for each in some:
            bridge = self._talks.bridge_of(each.uniqueid)
            members = self._talks.members(bridge) if bridge else []
            heard = [one.uniqueid for one in self._talks.company(each.uniqueid)]
            legs = [one.leg.uniqueid for one in self._consulting.waited_for(each.uniqueid)]
            for uniqueid in (*members, *heard, *legs):
                if uniqueid in self._channels:
                    found.setdefault(uniqueid, self._channels[uniqueid])
        return list(found.values())


def _way(by: str) -> PaymentWay:
    """Read a ``By``; whatever the dialplan doesn't say is somebody else's event."""
    for way in (PaymentWay.KEY, PaymentWay.DIALPLAN):
        if by == way:
            return way
    return PaymentWay.EVENT
