"""What a real Asterisk said (tests/data/ami), acted out: what each policy makes of it.

Everything between the wire and the disk but the bridge's loop: parser, translator, calls. The PBX's
answers come as fast as a real one gives them, rests take their time, and no time passes in reality.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec

from ami_bridge.asterisk.protocol import Frame, parse
from ami_bridge.asterisk.translate import Translator
from ami_bridge.call.machine import Call
from ami_bridge.facts import Channel
from ami_bridge.rehearsal.rehearsal import Rehearsal
from ami_bridge.told import Told
from hushtape.config import Pbx
from hushtape.policy import parse as policies
from hushtape.policy.schema import Destination, Policy
from hushtape.recordings.manifest import Handoff

FOLDER = Path(__file__).parent / "data" / "ami"
EXAMPLES = Path(__file__).parents[1] / "examples" / "policies"
START_TAKES_S = 0.010
STOP_TAKES_S = 0.005
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LONG_AFTER = datetime(2100, 1, 1, tzinfo=UTC)

# In the sessions the caller rings a service whose main queue and payment line are these; the
# explorer's other queues are ways to the same adviser.
MAIN_QUEUES = (
    "surrey-contact-centre",
    "customer-service",
    "two-1",  # rings two telephones at once
    "local-1",  # its member is a Local channel
    "loc",  # so here, and it is optimised away
    "locn",
    "fwd-1",  # its member's telephone is forwarded
)
OTHER_QUEUE = "surrey-adult-care"
PAYMENT_LINE = "710"
SERVICE_NUMBERS = (
    *("0345 600 9009", "0345 600 9008", "0345 600 9007", "01799 510510"),
    *(f"01632 960{line}" for line in (110, 111, 112, 115, 116, 117, 119, 120, 121, 125, 141)),
)
ADVISERS = ("211", "221")

PBX = Pbx(
    kind="asterisk",
    host="127.0.0.1",
    spool="/spool",
    outside_contexts=("from-outside", "announce"),
    queues={"611": MAIN_QUEUES[0], "612": OTHER_QUEUE, "621": "customer-service"},
    # 50X are colleagues behind a dialplan of their own, 651 is a conference; 700 and 691, where
    # calls are parked, are in nobody's configuration.
    extensions=("2XX", "50X", "651", "7[1-5]0"),
    outside=("9.", "*[678]00."),
    outside_prefix="9",
)


def moved_in(policy: Policy) -> Policy:
    """Give a policy the lines of the sessions in place of its own; its words stay what they are."""
    calls = msgspec.structs.replace(
        policy.calls,
        queues=MAIN_QUEUES if policy.calls.queues else (),
        numbers=SERVICE_NUMBERS if policy.calls.numbers else (),
    )
    outbound = msgspec.structs.replace(
        policy.outbound, extensions=ADVISERS if policy.outbound.extensions else ()
    )
    lines = policy.payment.lines

    def own(destination: Destination) -> Destination:
        if destination.name not in lines:
            return destination
        return msgspec.structs.replace(destination, extensions=(PAYMENT_LINE,))

    return msgspec.structs.replace(
        policy,
        calls=calls,
        outbound=outbound,
        destination=tuple(own(destination) for destination in policy.destination),
    )


@cache
def council(name: str) -> Policy:
    """One of the five published policies, with the lines of the sessions."""
    return moved_in(policies.load(EXAMPLES / f"{name}.toml"))


@cache
def called_by_nobody(name: str) -> Policy:
    """A council's policy whose partners are none of those that the sessions ring.

    Whom a policy lists as a place where recording stops, an outbound call to isn't recorded.
    """
    policy = council(name)
    partners = tuple(
        msgspec.structs.replace(each, numbers=("01632 960999",) if each.numbers else ())
        for each in policy.destination
    )
    return msgspec.structs.replace(policy, destination=partners)


def said(session: str) -> bytes:
    """What the PBX said."""
    return (FOLDER / f"{session}.ami").read_bytes()


def frames(data: bytes) -> tuple[Frame, ...]:
    """Every event, as it came."""
    found = [parse(raw, LONG_AGO) for raw in data.split(b"\r\n\r\n")]
    return tuple(frame for frame in found if frame.get("Event"))


@cache
def told(session: str) -> tuple[Told, ...]:
    """What was told in a session; times are those of the PBX."""
    return translated(said(session))


def translated(data: bytes) -> tuple[Told, ...]:
    """What follows from what a PBX said."""
    translator, at, found = Translator(PBX), LONG_AGO, []
    for frame in frames(data):
        at = frame.sent or at
        # What a fact says of its channel is what was known then.
        for each in translator.translate(frame, at):
            channel = each.channel
            now = Channel(*(getattr(channel, name) for name in Channel.__slots__))
            found.append(Told(now, each.fact))
    return tuple(found)


@cache
def began(session: str) -> datetime:
    """When the first thing happened."""
    return min(stamp for frame in frames(said(session)) if (stamp := frame.sent) is not None)


@dataclass
class Acted:
    """What came of a session.

    Args:
        began: when the first thing happened.
    """

    began: datetime
    calls: list[Call] = field(default_factory=list)
    handoffs: list[Handoff] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    def seconds(self, at: datetime) -> float:
        """Say when something was, on the session's own clock."""
        return (at - self.began).total_seconds()


def act(facts: Iterable[Told], policies: Sequence[Policy], start: datetime) -> Acted:
    """Let facts happen under policies."""
    rehearsal = Rehearsal(policies, "pbx1", START_TAKES_S, STOP_TAKES_S)
    for each in facts:
        rehearsal.tell(each.channel, each.fact)
    done = rehearsal.finish(LONG_AFTER)
    return Acted(
        start,
        [each.call for each in done if each.call is not None],
        [each.handoff for each in done if each.handoff is not None],
        [alarm for each in done for alarm in each.alarms],
    )
