"""What an Asterisk says, for channels of our choosing, and a translator that hears it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ami_bridge.asterisk.protocol import Frame, parse
from ami_bridge.asterisk.translate import Translator
from ami_bridge.facts import Fact, QueueEntered, TalkChanged
from ami_bridge.told import Told
from hushtape import config

Kind = TypeVar("Kind", bound=Fact)

SESSIONS = Path(__file__).parents[3] / "data" / "ami"
NOW = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)
SINCE = datetime(2026, 11, 21, 13, 4, tzinfo=UTC)
PBX = config.Pbx(
    kind="asterisk",
    host="127.0.0.1",
    spool="/spool",
    outside_contexts=("from-outside",),
    queues={"611": "surrey-contact-centre", "612": "surrey-adult-care"},
    extensions=("2XX", "710"),
    outside=("9.",),
    outside_prefix="9",
)
CALLER, AGENT, COLLEAGUE, OUTSIDE = "1.1", "1.2", "1.3", "1.4"
NAMES = {
    CALLER: "PJSIP/trunk-00000001",
    AGENT: "PJSIP/211-00000002",
    COLLEAGUE: "PJSIP/212-00000003",
    OUTSIDE: "PJSIP/outside1-00000004",
    "1.22": "PJSIP/211-00000022",
    "1.8": "Local/211@internal-00000008;1",
    "1.9": "Local/211@internal-00000008;2",
}


def frames(session: str) -> Iterator[Frame]:
    data = (SESSIONS / f"{session}.ami").read_bytes()
    for raw in data.split(b"\r\n\r\n"):
        yield parse(raw, NOW)


def replay(session: str) -> tuple[str, list[Told]]:
    """Return the caller's channel and what was told of it."""
    translator = Translator(PBX)
    told = [
        each for frame in frames(session) for each in translator.translate(frame, frame.sent or NOW)
    ]
    caller = next(each.channel for each in told if isinstance(each.fact, QueueEntered))
    return caller.name, [each for each in told if each.channel is caller]


def event(**headers: str) -> dict[str, str]:
    return {key.replace("_", "-"): value for key, value in headers.items()}


def newchannel(uniqueid: str = "1.1", context: str = "from-outside", **more: str) -> dict[str, str]:
    return event(
        Event="Newchannel",
        Uniqueid=uniqueid,
        Channel=f"PJSIP/trunk-{uniqueid}",
        Context=context,
        Exten="01737276000",
        **more,
    )


def join(uniqueid: str = "1.1", **more: str) -> dict[str, str]:
    return event(Event="QueueCallerJoin", Uniqueid=uniqueid, Queue="help-line", **more)


class Pbx:
    """Says what an Asterisk says."""

    def __init__(self) -> None:
        self.translator = Translator(PBX)

    def says(self, name: str, **headers: str) -> list[Told]:
        return self.translator.translate(event(Event=name, **headers), NOW)

    def rings(self, uniqueid: str, extension: str = "s", context: str = "internal") -> None:
        self.says(
            "Newchannel",
            Uniqueid=uniqueid,
            Channel=NAMES[uniqueid],
            Context=context,
            Exten=extension,
            CallerIDNum=NAMES[uniqueid][6:9] if context == "internal" else "07900123001",
        )

    def dials(self, caller: str, called: str, extension: str) -> None:
        self.says(
            "DialBegin", Uniqueid=caller, DestUniqueid=called, Exten=extension, DialString="x"
        )

    def answers(
        self, caller: str, called: str, extension: str, status: str = "ANSWER"
    ) -> list[Fact]:
        told = self.says(
            "DialEnd",
            Uniqueid=caller,
            DestUniqueid=called,
            Exten=extension,
            DialStatus=status,
            CallerIDName="Zoë",
        )
        return [each.fact for each in told]

    def enters(
        self, bridge: str, uniqueid: str, extension: str = "", kind: str = "basic"
    ) -> list[Told]:
        return self.says(
            "BridgeEnter",
            Uniqueid=uniqueid,
            BridgeUniqueid=bridge,
            BridgeType=kind,
            Exten=extension,
        )

    def leaves(self, bridge: str, uniqueid: str) -> list[Told]:
        return self.says("BridgeLeave", Uniqueid=uniqueid, BridgeUniqueid=bridge)

    def user(self, uniqueid: str, act: str, by: str, name: str = "Hushtape") -> list[Told]:
        return self.says("UserEvent", UserEvent=name, Uniqueid=uniqueid, Act=act, By=by)

    def channel(self, uniqueid: str) -> object:
        return self.translator.channel(uniqueid)


def arrived() -> Pbx:
    """Somebody outside has rung, and the dialplan has him."""
    pbx = Pbx()
    pbx.translator.translate(newchannel(), NOW)
    return pbx


def inbound(dialled: str = "0199200211") -> Pbx:
    """Somebody outside has dialled an adviser's own number."""
    pbx = Pbx()
    pbx.rings(CALLER, dialled, "from-outside")
    pbx.rings(AGENT)
    pbx.dials(CALLER, AGENT, dialled)
    return pbx


def outbound(caller: str = AGENT) -> Pbx:
    """An adviser has dialled somebody outside."""
    pbx = Pbx()
    pbx.rings(caller, "902079460010")
    pbx.rings(OUTSIDE, "s", "from-outside")
    pbx.dials(caller, OUTSIDE, "902079460010")
    return pbx


def local_call() -> Pbx:
    pbx = inbound("03456009009")
    pbx.rings("1.8", "211")
    pbx.rings("1.9", "211")
    for bridge, uniqueid in (("b2", AGENT), ("b2", "1.9"), ("b1", "1.8"), ("b1", CALLER)):
        pbx.enters(bridge, uniqueid)
    return pbx


def queue_call() -> Pbx:
    """A caller who talks with the queue's adviser."""
    pbx = inbound("03456009009")
    pbx.says("QueueCallerJoin", Uniqueid=CALLER, Queue="surrey-contact-centre", Exten="03456009009")
    for uniqueid in (AGENT, CALLER):
        pbx.enters("b1", uniqueid, "03456009009")
    return pbx


def second_line() -> tuple[Pbx, list[Told]]:
    pbx = queue_call()
    pbx.says("Hold", Uniqueid=AGENT)
    pbx.rings("1.22", "212")
    pbx.rings(COLLEAGUE)
    pbx.enters("b2", COLLEAGUE)
    return pbx, pbx.enters("b2", "1.22", "212")


def status(uniqueid: str, **headers: str) -> dict[str, str]:
    return event(Event="Status", Uniqueid=uniqueid, Channel=NAMES[uniqueid], **headers)


def living(*talks: tuple[str, str], **headers: str) -> list[dict[str, str]]:
    return [
        status(
            uniqueid,
            BridgeID=bridge,
            Exten="03456009009" if uniqueid == CALLER else "",
            Context="from-outside" if uniqueid == CALLER else "internal",
            **headers,
        )
        for uniqueid, bridge in talks
    ]


def of(told: list[Told], uniqueid: str, kind: type[Kind]) -> list[Kind]:
    return [
        each.fact
        for each in told
        if each.channel.uniqueid == uniqueid and isinstance(each.fact, kind)
    ]


def company(told: list[Told], uniqueid: str = CALLER) -> list[list[str]]:
    """With whom somebody talks, each time that it was told."""
    return [
        [talker.uniqueid for talker in fact.talkers] for fact in of(told, uniqueid, TalkChanged)
    ]
