"""How a policy is walked: a few views of the call, each complete for what it looks at.

A call's recorders don't depend on each other, and where the call is doesn't depend on how they do.
What takes facts of two views at once is looked at by random tests (test_call_properties.py).
So one view takes every fact about where it is, with a PBX that does at once what it is asked; in
others the PBX answers as it likes, or not at all, while one fact of each effect comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from ami_bridge.facts import (
    Adopted,
    Answered,
    BridgeEnds,
    ConsultationBegan,
    ConsultationEnded,
    ConsultedGone,
    Fact,
    Held,
    HungUp,
    JoinedTalk,
    LeftTalk,
    LegGone,
    LinkReturned,
    NobodyListened,
    OptedOut,
    Parked,
    PaymentBegan,
    PaymentEnded,
    PermissionGiven,
    Talker,
    TransferFailed,
)
from ami_bridge.walk.facts import (
    Happening,
    People,
    answers,
    entries,
    leg,
    lines,
    people,
    places,
    talks,
    transfers,
    ways,
)
from ami_bridge.walk.reading import Reading
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import (
    Asker,
    DestinationKind,
    OnConsultation,
    OnTransfer,
    PaymentWay,
    Permission,
    Policy,
)
from hushtape.recordings.manifest import Direction

Telling = Callable[[datetime], Fact]


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at.

    Args:
        happenings: all that comes from outside the machine.
        late: the channels on which the PBX answers as it likes, or not at all: "outside" for the
            outside party's, "leg" for agents'. On the others it does at once what it is asked.
        taken_over: another bridge may go on with the call, knowing nothing but its note.
    """

    name: str
    happenings: tuple[Happening, ...]
    late: str = ""
    taken_over: bool = False


def views(policy: Policy, arrival: Arrival) -> list[View]:
    """Name the views that a policy needs, of calls that begin in one way."""
    who = people(policy)
    moved, agents = _kinds(policy, arrival), [*answers(who)[:1], *talks(who)[:2]]
    first, pays = [*moved, *agents], _payments(policy)
    few = [*moved, *answers(who)[:1], *_talks_of(policy, who), *_in_between(arrival, _PARKED)]
    found = [
        View("where it goes", (*_moves(policy, arrival, who), *_ends())),
        View("who is there", (*_company(policy, arrival, who), *_ends())),
        View("lines of agents", (*lines(who), *first, *_ends())),
        View("payments", (*pays[:2], *few, *_in_between(arrival, _LEAVES), *_ends())),
        View("several payments", (*pays, *first, *_in_between(arrival, _PARKED), *_ends())),
        View("recorders", (*pays[:1], *_bridge(), *moved, agents[0], *_ends()), late="outside"),
        View("another bridge", (*pays[:2], *_bridge(), *first, *_ends()), taken_over=True),
    ]
    outbound = arrival.direction is Direction.OUTBOUND
    if policy.opt_out.by or (outbound and policy.outbound.permission is not Permission.NONE):
        consent = (*_consent(), *pays[:2], *first, *_ends())
        found.append(View("consent", consent, taken_over=True))
    recorded = [
        each for each in policy.destination if each.on_consultation is OnConsultation.RECORD
    ]
    if recorded:
        consulting = (*_consultations(policy, who), *pays[:1], *_bridge()[:3], *moved, agents[0])
        found.append(View("consultations", (*consulting, *_ends()), late="leg"))
    else:
        consulting = (*_consultations(policy, who), *few)
        found.append(View("consultations", (*consulting, *_ends())))
    held = (*_consultations(policy, who), *pays[:4], *agents, *_ends())
    found.append(View("a payment line on the telephone", held))
    return found


_LEAVES = ("the caller leaves the talk",)
_PARKED = ("the caller is parked",)


def _moves(policy: Policy, arrival: Arrival, who: People) -> Iterable[Happening]:
    """Every way to every place, while nobody but the agent is in the talk."""
    yield from transfers(policy)
    yield from entries(policy, arrival)
    yield from answers(who)
    yield from talks(who)[:2]
    yield from _in_between(arrival)


def _company(policy: Policy, arrival: Arrival, who: People) -> Iterable[Happening]:
    """Everybody who may be in the talk, wherever the call was sent."""
    yield from _one_of_each(policy, arrival, who)
    yield from (each for each in transfers(policy) if each.words.startswith("attended"))
    yield from answers(who)
    yield from talks(who)
    yield from _in_between(arrival, (*_PARKED, "for a while nobody listened"))


def _in_between(arrival: Arrival, only: tuple[str, ...] = ()) -> Iterable[Happening]:
    found = [
        Happening(
            "somebody else is rung, and answers", lambda at: Answered(at=at, arrival=arrival)
        ),
        Happening("the caller leaves the talk", lambda at: LeftTalk(at=at)),
        Happening("the caller joins a talk", lambda at: JoinedTalk(at=at)),
        Happening("the caller is parked", lambda at: Parked(at=at)),
        Happening("a transfer fails", lambda at: TransferFailed(at=at)),
        Happening("somebody holds", lambda at: Held(at=at)),
        Happening("for a while nobody listened", lambda at: NobodyListened(at=at)),
    ]
    return [each for each in found if not only or each.words in only]


def _one_of_each(policy: Policy, arrival: Arrival, who: People) -> list[Happening]:
    """One transfer for each thing that one may do, a Redirect, and every queue."""
    reading = Reading(policy)
    found: dict[object, str] = {}
    for words, place in places(policy):
        kind = place.kind is DestinationKind.QUEUE, reading.transfer(place, "blind")
        found.setdefault(kind, words)
    blind = [f"blind transfer to {words}" for words in found.values()]
    moved = [each for each in transfers(policy) if each.words in blind]
    redirected = [each for each in transfers(policy) if each.words.startswith("redirected")]
    return [*moved, *redirected[:1], *entries(policy, arrival)]


def _kinds(policy: Policy, arrival: Arrival) -> list[Happening]:
    """One fact for each thing that facts do to a recorder."""
    reading = Reading(policy)
    found: dict[OnTransfer, str] = {}
    for words, place in places(policy):
        found.setdefault(reading.transfer(place, "blind"), f"blind transfer to {words}")
    entered: dict[OnTransfer, Happening] = {}
    for each in entries(policy, arrival):
        queue = each.words.removeprefix("enters queue ")
        entered.setdefault(reading.queue(queue, on_the_way=False), each)
    return [
        *(each for each in transfers(policy) if each.words in found.values()),
        *entered.values(),
    ]


def _talks_of(policy: Policy, who: People) -> list[Happening]:
    """The agent, nobody, somebody of each outcome, and a payment line beside the agent."""
    said = _alone(policy, who)
    return [*talks(who)[:2], *(each for each in talks(who) if each.words in said)]


def _alone(policy: Policy, who: People) -> list[str]:
    """Somebody of each outcome, alone with the caller; and a payment line beside the agent."""
    reading = Reading(policy)
    found: dict[OnTransfer, str] = {}
    for other in who.others:
        found.setdefault(reading.transfer(other.place, "unseen"), other.telephone)
    said = [f"{name} is in the talk" for name in found.values()]
    if OnTransfer.SILENT in found:
        said.append(f"the agent and {found[OnTransfer.SILENT]} are in the talk")
    return said


def _payments(policy: Policy) -> list[Happening]:
    found = []
    for way in ways(policy):
        found += [
            Happening(f"a payment begins, by {way}", _began(way)),
            Happening(f"a payment is over, by {way}", _ended(way)),
        ]
    return found


def _began(way: PaymentWay) -> Telling:
    return lambda at: PaymentBegan(at=at, way=way)


def _ended(way: PaymentWay) -> Telling:
    return lambda at: PaymentEnded(at=at, way=way)


def _consent() -> list[Happening]:
    return [
        *(Happening(f"opt-out by the {by}", _opts_out(by)) for by in Asker),
        *(
            Happening(f"permission is given, by {by}", _permits(by))
            for by in Permission
            if by is not Permission.NONE
        ),
    ]


def _opts_out(by: Asker) -> Telling:
    return lambda at: OptedOut(at=at, by=by)


def _permits(by: Permission) -> Telling:
    return lambda at: PermissionGiven(at=at, by=by)


def _bridge() -> list[Happening]:
    return [
        Happening("the bridge ends", lambda at: BridgeEnds(at=at)),
        Happening("a bridge goes on with the call", lambda at: Adopted(at=at)),
        Happening("the link was away and is back", lambda at: LinkReturned(at=at)),
        Happening("somebody holds", lambda at: Held(at=at)),
    ]


def _consultations(policy: Policy, who: People) -> list[Happening]:
    reading = Reading(policy)
    found: dict[tuple[bool, bool], tuple[str, Place]] = {}
    for words, place in places(policy):
        kind = reading.consultation(place), reading.transfer(place, "unseen") is OnTransfer.SILENT
        found.setdefault(kind, (words, place))
    channel = leg(who.agent)
    began = []
    for words, place in found.values():
        began.append(Happening(f"the agent consults {words}", _consults(who, place, ())))
    for other in _others_in_a_consultation(reading, who):
        allowed = found.get((True, False))
        if allowed is not None:
            name = f"{other.telephone} joins the agent's consultation"
            began.append(Happening(name, _consults(who, allowed[1], (other,))))
    stranger = leg(who.others[0])
    return [
        *began,
        Happening(
            "somebody who hasn't the call consults",
            lambda at: ConsultationBegan(
                at=at, leg=stranger, place=next(iter(found.values()))[1], telephone="a stranger"
            ),
        ),
        Happening(
            "the consultation is over", lambda at: ConsultationEnded(at=at, leg=channel.uniqueid)
        ),
        Happening("whom the agent had called is gone", lambda at: ConsultedGone(at=at)),
        Happening("the agent's channel is gone", lambda at: LegGone(at=at, leg=channel.uniqueid)),
    ]


def _others_in_a_consultation(reading: Reading, who: People) -> Iterable[Talker]:
    found: dict[bool, Talker] = {}
    for other in who.others:
        found.setdefault(reading.consultation(other.place), other)
    return found.values()


def _consults(who: People, place: Place, talkers: tuple[Talker, ...]) -> Telling:
    channel, telephone = leg(who.agent), who.agent.telephone
    return lambda at: ConsultationBegan(
        at=at, leg=channel, place=place, telephone=telephone, talkers=talkers
    )


def _ends() -> list[Happening]:
    return [Happening("the caller hangs up", lambda at: HungUp(at=at))]
