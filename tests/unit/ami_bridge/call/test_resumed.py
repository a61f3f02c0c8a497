"""A call of which only its channel's note is left: its bridge, and that one's disk, are gone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from structlog.testing import capture_logs

from ami_bridge.bridge import Bridge
from ami_bridge.call import noted
from ami_bridge.call.machine import Call
from ami_bridge.call.noted import NotedSegment
from ami_bridge.call.recorder import Recorder
from ami_bridge.facts import (
    Adopted,
    AgentAnswered,
    Channel,
    Claimed,
    Command,
    Fact,
    Held,
    HungUp,
    NoteState,
    OptedOut,
    PermissionGiven,
    Rest,
    Rested,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    TalkChanged,
    Talker,
    TransferCompleted,
)
from hushtape.policy.decide import Arrival
from hushtape.policy.schema import Asker, OptOut, Permission, Policy
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import Direction, EndedBy, Leg, StopSeen
from tests.samples import REASON
from tests.unit.ami_bridge.call.test_company import ADVISER, COLLEAGUE
from tests.unit.ami_bridge.call.test_consultation import LEG
from tests.unit.ami_bridge.call.test_consultation import began as consultation_began
from tests.unit.ami_bridge.call.test_machine import (
    BACK_OFFICE,
    PAYMENT_LINE,
    POLICIES,
    answered,
    at,
    entered,
    handoff_of,
    only,
    rested,
    started,
    stopped,
    transfer,
)
from tests.unit.ami_bridge.test_bridge import (
    FakeKept,
    FakeOutbox,
    FakeStation,
    asked,
    channel,
    make,
    until,
)

pytestmark = pytest.mark.usefixtures("short_rests")

REIGATE = POLICIES["reigate-banstead"]
UTTLESFORD = POLICIES["uttlesford"]
SURREY = POLICIES["surrey"]
TAKEN: list[Fact] = [
    started(0.01),
    AgentAnswered(at=at(1), agent="PJSIP/231", talker=ADVISER),
    TalkChanged(at=at(1), talkers=(ADVISER,)),
]


def noted_by(*facts: Fact, policy: Policy = REIGATE) -> str:
    """Play a call, and return the note that its bridge left on the channel."""
    first = facts[0]
    call = Call(
        id="20261121-130500-abcdefgh",
        pbx="pbx1",
        pbx_call="1.1",
        policy=policy,
        began=first,  # type: ignore[arg-type]
        reason=REASON,
    )
    told = call.begin()
    for fact in facts[1:]:
        told += call.apply(fact)
    return [each.text for each in told if isinstance(each, NoteState)][-1]


def claimed(
    note: str, *talkers: Talker, waits_in: str = "", seconds: float = 60, since: float = 50
) -> Claimed:
    arrival = Arrival(at=at(seconds), direction=Direction.INBOUND, dialled="01737276000")
    return Claimed(
        at=at(seconds),
        arrival=arrival,
        number="07900123003",
        note=note,
        since=at(since),
        talkers=talkers,
        waits_in=waits_in,
    )


def resumed(note: str, policy: Policy = REIGATE) -> Call:
    state = noted.read(note)
    return Call.resumed(state, "pbx1", "1.1", policy, claimed(note))


# the call


def test_its_segments_are_named_as_its_pbx_names_them() -> None:
    first = NotedSegment(1, Leg.OUTSIDE, at(0), at(5))
    second = NotedSegment(2, Leg.OUTSIDE, at(9), None)
    note = noted_by(entered(0), *TAKEN)
    state = replace(noted.read(note), segments=(first, second))
    for one_file, sides in ((True, ["both"]), (False, ["outside", "inside"])):
        call = Call.resumed(state, "pbx1", "1.1", REIGATE, claimed(note), one_file=one_file)
        (kept,) = call.papers.segments
        assert [holds for holds, _ in kept.files] == sides


def test_it_goes_on_as_the_call_that_it_was() -> None:
    note = noted_by(entered(0), *TAKEN)
    call = resumed(note)
    assert call.stage is Stage.RECORDED
    told = call.apply(Adopted(at=at(60)))
    assert only(StopEveryRecorder, told) == [StopEveryRecorder(1)], "its recorder's id is lost"
    call.apply(stopped(60.01))
    (start,) = only(StartRecorder, call.apply(rested(60.1, 1)))
    assert isinstance(start, StartRecorder)
    assert start.segment == 2, "the numbers go on"
    call.apply(started(60.11, 2))
    handoff = handoff_of(call.apply(HungUp(at=at(90))))
    assert handoff.id == "20261121-130500-abcdefgh"
    assert handoff.call.started_at == at(0), "what is kept, and how long, counts from then"
    assert handoff.keep.until == at(0) + timedelta(days=14)
    assert [(each.number, each.ended_by) for each in handoff.segments] == [
        (1, EndedBy.BRIDGE_ENDED),
        (2, EndedBy.HANG_UP),
    ]
    assert [each.cut_s for each in handoff.segments] == [0, 0], "nothing forbidden was missed"
    assert handoff.call.queues == ("help-line",)
    assert handoff.party.number == "07900123003"


@pytest.mark.parametrize(
    ("away", "stage"),
    [
        (transfer(5, PAYMENT_LINE), Stage.SILENT),
        (transfer(5, BACK_OFFICE), Stage.UNRECORDED),
    ],
)
@pytest.mark.parametrize("shown", [True, False])
def test_where_it_is_silent_it_stays_so_and_whatever_may_run_is_stopped(
    away: Fact, stage: Stage, shown: bool
) -> None:
    """The note doesn't say whether the stop was shown: perhaps it never was."""
    note = noted_by(entered(0), *TAKEN, away, *([stopped(5.01)] if shown else []))
    call = resumed(note)
    assert call.stage is stage
    told = call.apply(Adopted(at=at(60)))
    assert only(StopEveryRecorder, told) == [StopEveryRecorder(1)]
    told = call.apply(stopped(60.01)) + call.apply(rested(60.1, 1))
    assert not only(StartRecorder, told)
    assert call.stage is stage
    handoff = handoff_of(call.apply(HungUp(at=at(90))))
    (segment,) = handoff.segments
    assert (segment.ended_at, segment.stop, segment.cut_s) == (at(5), StopSeen.UNSEEN, 0)


def test_one_that_was_about_to_start_when_the_payment_began_is_stopped() -> None:
    call = resumed(noted_by(entered(0), transfer(0.005, PAYMENT_LINE)))
    assert only(StopEveryRecorder, call.apply(Adopted(at=at(60))))


def test_a_hang_up_before_the_pbx_was_asked_is_a_hang_up() -> None:
    call = resumed(noted_by(entered(0), *TAKEN, transfer(5, BACK_OFFICE)))
    (segment,) = handoff_of(call.apply(HungUp(at=at(61)))).segments
    assert (segment.ended_at, segment.stop, segment.cut_s) == (at(5), StopSeen.UNSEEN, 0)


def test_who_declined_has_declined() -> None:
    policy = msgspec.structs.replace(REIGATE, opt_out=OptOut(by=(Asker.CALLER,)))
    note = noted_by(entered(0), *TAKEN, OptedOut(at=at(5), by=Asker.CALLER), policy=policy)
    call = resumed(note, policy)
    call.apply(Adopted(at=at(60)))
    call.apply(entered(70))
    assert call.stage is Stage.DECLINED
    assert handoff_of(call.apply(HungUp(at=at(90)))).discard is not None


@pytest.mark.parametrize(("seconds", "left_s"), [(20, 40.0), (300, 0.0)])
def test_permission_is_waited_for_as_long_as_it_was_to_be(seconds: float, left_s: float) -> None:
    note = noted_by(answered(0), started(0.01), policy=SURREY)
    call = resumed(note, SURREY)
    told = call.apply(Adopted(at=at(seconds)))
    (rest,) = [each for each in told if getattr(each, "pause_s", None) is not None]
    assert rest.pause_s == left_s  # type: ignore[attr-defined]
    call.apply(stopped(seconds + 0.01))
    call.apply(Rested(at=at(seconds + 0.1), rest=2))
    assert call.stage is Stage.RECORDED, "one pause is not taken for another"
    call.apply(started(seconds + 0.2, segment=2))
    call.apply(PermissionGiven(at=at(seconds + 1), by=Permission.KEY))
    handoff = handoff_of(call.apply(HungUp(at=at(400))))
    assert handoff.discard is None
    assert handoff.call.direction is Direction.OUTBOUND


def test_no_other_pause_is_taken_for_the_time_that_permission_has() -> None:
    call = resumed(noted_by(answered(0), started(0.01), policy=SURREY), SURREY)
    call.apply(Held(at=at(55)))
    (rest,) = [each for each in call.apply(stopped(55.01)) if isinstance(each, Rest)]
    call.apply(Rested(at=at(55.1), rest=rest.rest))
    assert call.stage is Stage.RECORDED


def test_without_permission_it_is_destroyed() -> None:
    call = resumed(noted_by(answered(0), started(0.01), policy=SURREY), SURREY)
    call.apply(Adopted(at=at(20)))
    call.apply(rested(60, 1))
    assert call.stage is Stage.DECLINED
    assert handoff_of(call.apply(HungUp(at=at(90)))).discard is not None


def test_of_a_consultation_under_way_nothing_is_kept_that_nobody_can_date() -> None:
    note = noted_by(
        entered(0, "customer-service"),
        *TAKEN,
        consultation_began(5),
        started(5.01, 2),
        policy=UTTLESFORD,
    )
    call = resumed(note, UTTLESFORD)
    stops = only(StopEveryRecorder, call.apply(Adopted(at=at(60))))
    assert {each.leg.uniqueid if each.leg else "" for each in stops} == {"", call.legs[0].uniqueid}
    call.apply(stopped(60.01))
    call.apply(stopped(60.02, 2))
    handoff = handoff_of(call.apply(HungUp(at=at(90))))
    beside = {each.leg: each for each in handoff.segments}[Leg.CONSULTATION]
    assert beside.number == 2
    assert beside.stop is StopSeen.UNSEEN
    assert beside.ended_at == beside.started_at
    assert call.segments == 2, "and the numbers go on after it"


CONSULTED = [
    entered(0, "customer-service"),
    *TAKEN,
    consultation_began(5),
    started(5.01, 2),
]


def test_what_runs_on_the_agents_channel_is_stopped_too() -> None:
    call = resumed(noted_by(*CONSULTED, policy=UTTLESFORD), UTTLESFORD)
    (leg,) = call.legs
    assert (leg.uniqueid, leg.name) == (LEG.uniqueid, LEG.name)
    told = call.apply(Adopted(at=at(60)))
    stops = [each.leg for each in told if isinstance(each, StopEveryRecorder)]
    assert leg in stops
    assert None in stops, "and on the caller's"
    told = call.apply(stopped(60.01, 2)) + call.apply(rested(60.1, 1))
    assert not only(StartRecorder, told), "nobody knows whether the agent still consults"


@pytest.mark.parametrize("alive", [True, False])
async def test_an_agents_channel_that_is_gone_needs_no_stop(alive: bool) -> None:
    note = noted_by(*CONSULTED, policy=UTTLESFORD)
    station = FakeStation(gone=set() if alive else {LEG.uniqueid})
    bridge = make(FakeOutbox(), FakeKept())
    bridge.tell(station, channel(), claimed(note, ADVISER))
    bridge.link_up(station, at(60))
    await until(lambda: not bridge._tasks)
    assert (LEG.uniqueid in asked(station, StopEveryRecorder)) is alive
    assert "1.1" in asked(station, StopEveryRecorder)


async def test_an_unknown_call_is_stopped_again_and_again_until_it_is_or_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ami_bridge.bridge.STUCK_REST_S", 0)
    tries = 0

    class Stubborn(FakeStation):
        async def carry_out(self, channel: Channel, command: Command) -> Fact | None:
            nonlocal tries
            tries += 1
            if tries == 3:
                self.gone.add(channel.uniqueid)
            return StopUnconfirmed(at=at(60), segment=0)

    station, bridge = Stubborn(), make(FakeOutbox())
    with capture_logs() as logs:
        bridge.tell(station, channel(), claimed("scribble"))
        await until(lambda: not bridge._tasks)
    assert tries == 3
    assert sum("aren't stopped" in each.get("what", "") for each in logs) == 2


@pytest.mark.parametrize(
    ("talkers", "waits_in", "there"),
    [
        ((ADVISER,), "", True),
        ((ADVISER, COLLEAGUE), "", True),
        ((COLLEAGUE,), "help-line", False),
        ((), "help-line", True),  # the adviser consults somebody, or it waits in the queue
        ((), "revenues", False),
        ((), "", False),
    ],
)
def test_whether_it_is_where_it_was(
    talkers: tuple[Talker, ...], waits_in: str, there: bool
) -> None:
    note = noted_by(entered(0), *TAKEN)
    assert resumed(note).is_where_it_was(claimed(note, *talkers, waits_in=waits_in)) is there


def test_after_more_segments_than_a_note_holds_the_numbers_go_on() -> None:
    facts: list[Fact] = [entered(0), started(0.01)]
    for number in range(1, 30):
        facts += [entered(number * 10), stopped(number * 10 + 1, number)]
        facts += [rested(number * 10 + 2, number), started(number * 10 + 3, number + 1)]
    call = resumed(noted_by(*facts))
    assert call.segments == 30
    call.apply(Adopted(at=at(1000)))
    call.apply(stopped(1000.01, 30))
    (start,) = only(StartRecorder, call.apply(rested(1000.1, 1)))
    assert isinstance(start, StartRecorder)
    assert start.segment == 31


def test_the_same_note_is_not_written_twice() -> None:
    note = noted_by(entered(0), *TAKEN)
    call = resumed(note)
    first = only(NoteState, call.apply(Adopted(at=at(60))))
    assert len(first) == 1
    assert only(NoteState, call.apply(JUST_TIME)) == []


JUST_TIME = Rested(at=at(61), rest=99)


# the bridge


async def taken_over(
    fact: Claimed, *, one_file: bool = False
) -> tuple[Bridge, FakeStation, FakeOutbox, FakeKept]:
    outbox, station, kept = FakeOutbox(), FakeStation(one_file=one_file), FakeKept()
    bridge = make(outbox, kept)
    bridge.tell(station, channel(), fact)
    bridge.link_up(station, at(60))
    await until(lambda: not bridge._tasks)
    return bridge, station, outbox, kept


async def test_a_bridge_takes_a_call_over_by_its_note() -> None:
    note = noted_by(entered(0), *TAKEN)
    bridge, station, outbox, kept = await taken_over(claimed(note, ADVISER))
    assert asked(station, StopEveryRecorder) == ["1.1"]
    (start,) = [each for _, each in station.carried_out if isinstance(each, StartRecorder)]
    assert start.segment == 2
    assert list(kept.calls) == ["20261121-130500-abcdefgh"], "from now on it is on the disk"
    bridge.tell(station, channel(), HungUp(at=at(90)))
    await until(lambda: outbox.put_in)
    assert [each.number for each in outbox.put_in[0].segments] == [1, 2]


@pytest.mark.parametrize("one_file", [True, False])
async def test_its_pbx_says_how_many_files_its_recorders_have(one_file: bool) -> None:
    note = noted_by(entered(0), *TAKEN)
    _, station, _, kept = await taken_over(claimed(note, ADVISER), one_file=one_file)
    (start,) = [each for _, each in station.carried_out if isinstance(each, StartRecorder)]
    assert (start.outside_file == start.inside_file) is one_file
    assert kept.load()[0].call.one_file is one_file


async def test_one_that_is_elsewhere_was_sent_there_while_nobody_saw() -> None:
    note = noted_by(entered(0), *TAKEN)
    bridge, station, outbox, _ = await taken_over(claimed(note, COLLEAGUE))
    assert asked(station, StopEveryRecorder)
    assert asked(station, StartRecorder) == []
    bridge.tell(station, channel(), HungUp(at=at(90)))
    await until(lambda: outbox.put_in)
    (segment,) = outbox.put_in[0].segments
    assert segment.ended_at == at(50), "from the last sign on it is uncertain"


async def test_payment_stays_silent_under_the_next_bridge() -> None:
    note = noted_by(entered(0), *TAKEN, transfer(5, PAYMENT_LINE), stopped(5.01))
    bridge, station, _, _ = await taken_over(claimed(note, ADVISER, waits_in="help-line"))
    for fact in (
        TalkChanged(at=at(70), talkers=(ADVISER,)),
        TransferCompleted(at=at(71), place=BACK_OFFICE),
        AgentAnswered(at=at(72), agent="PJSIP/231", talker=ADVISER),
    ):
        bridge.tell(station, channel(), fact)
    await until(lambda: not bridge._tasks)
    assert asked(station, StartRecorder) == []
    assert set(asked(station, StopEveryRecorder)) == {"1.1"}


@pytest.mark.parametrize(
    "note",
    [
        "",
        "20261121-130500-abcdefgh;recorded",
        "scribble",
        noted.write(
            replace(noted.read(noted_by(entered(0))), policy="of-another-town", segments=())
        ),
        noted.write(replace(noted.read(noted_by(entered(0))), version="1999-01-01")),
    ],
)
async def test_a_note_that_says_nothing_to_us_stops_whatever_records_and_is_told(
    note: str,
) -> None:
    with capture_logs() as logs:
        bridge, station, outbox, kept = await taken_over(claimed(note, ADVISER))
    assert asked(station, StopEveryRecorder) == ["1.1"]
    assert asked(station, StartRecorder) == []
    (alarm,) = [each for each in logs if each["event"] == "alarm"]
    named = [each for each in ("of-another-town", "1999-01-01") if each in note]
    assert (named[0] if named else "can't be read") in alarm["what"]
    assert ("no file in the policies' folder is that version" in alarm["what"]) == bool(named)
    assert kept.calls == {}
    bridge.tell(station, channel(), TalkChanged(at=at(70), talkers=(ADVISER,)))
    bridge.tell(station, channel(), HungUp(at=at(90)))
    await asyncio.sleep(0)
    assert outbox.put_in == []


async def test_where_its_recorder_can_not_be_stopped_the_channel_is_silent_all_the_same() -> None:
    class Deaf(FakeStation):
        async def carry_out(self, channel, command):  # type: ignore[no-untyped-def]
            await super().carry_out(channel, command)
            raise RuntimeError("a bug")

    station, bridge = Deaf(), make(FakeOutbox())
    bridge.tell(station, channel(), claimed("scribble"))
    with capture_logs() as logs:
        await until(lambda: not bridge._tasks)
    assert [each["what"] for each in logs if each["event"] == "alarm"] == ["a bug in the bridge"]
    assert asked(station, StopEveryRecorder) == ["1.1"]


async def test_a_call_that_we_know_is_not_claimed() -> None:
    outbox, station = FakeOutbox(), FakeStation()
    bridge = make(outbox)
    bridge.tell(station, channel(), entered(0))
    await until(lambda: not bridge._tasks)
    before = list(station.carried_out)
    bridge.tell(station, channel(), claimed("scribble"))
    await until(lambda: not bridge._tasks)
    assert station.carried_out == before


async def test_a_call_that_another_bridge_has_taken_over_is_none_of_ours() -> None:
    """Answers and pauses that end late belong to nobody."""
    outbox, kept = FakeOutbox(), FakeKept()
    station = FakeStation()
    bridge = make(outbox, kept)
    bridge.tell(station, channel(), entered(0))
    await until(lambda: asked(station, StartRecorder))
    bridge.tell(station, channel(), entered(1))  # it is to be renewed
    bridge.disown(station, {"1.1"}, at(2))
    await until(lambda: not bridge._tasks)
    assert kept.calls == {}
    assert bridge._live == {}
    assert asked(station, StartRecorder) == ["1.1"], "no second one"


def test_the_recorder_of_a_resumed_call_is_uncertain() -> None:
    assert resumed(noted_by(entered(0))).recorder is Recorder.UNCERTAIN
    assert only(StopRecorder, resumed(noted_by(entered(0))).apply(Adopted(at=at(9)))) == []
