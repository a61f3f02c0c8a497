"""The bridge in virtual time: the same choices, the same machine, answers at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from ami_bridge.facts import (
    AgentAnswered,
    Answered,
    Channel,
    Claimed,
    Fact,
    HungUp,
    JoinedTalk,
    LegGone,
    OptedOut,
    QueueEntered,
    TalkChanged,
    Talker,
    TransferCompleted,
)
from ami_bridge.rehearsal.rehearsal import Rehearsal, Rehearsed
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.duties import Retention
from hushtape.policy.schema import (
    About,
    Asker,
    Calls,
    DestinationKind,
    OnTransfer,
    OptOut,
    Outbound,
    Permission,
    Policy,
    Transfer,
)
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import Direction, StopSeen

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
END = START + timedelta(seconds=60)
POLICY = Policy(
    policy=About(name="town", title="T", in_force_from=date(2026, 1, 1), time_zone="UTC"),
    calls=Calls(queues=("help-line",), directions=(Direction.INBOUND, Direction.OUTBOUND)),
    retention=Retention(keep="62 days"),
    transfer=Transfer(otherwise=OnTransfer.CONTINUE),
    outbound=Outbound(extensions=("211",), permission=Permission.ANNOUNCEMENT),
    opt_out=OptOut(by=(Asker.CALLER,)),
)
AGENT = Talker("agent", Place(DestinationKind.EXTENSION, "211"), telephone="PJSIP/211")


def at(offset_s: float) -> datetime:
    return START + timedelta(seconds=offset_s)


def caller(uniqueid: str = "1.1", **changes: object) -> Channel:
    channel = Channel(uniqueid, f"PJSIP/{uniqueid}", "outside", "01737276000")
    for name, value in changes.items():
        setattr(channel, name, value)
    return channel


def entered(offset_s: float = 0, queue: str = "help-line") -> QueueEntered:
    arrival = Arrival(
        at=at(offset_s), direction=Direction.INBOUND, dialled="01737276000", queue=queue
    )
    return QueueEntered(at=at(offset_s), arrival=arrival)


def talk(offset_s: float) -> list[Fact]:
    return [
        AgentAnswered(at=at(offset_s), agent="PJSIP/211", talker=AGENT),
        JoinedTalk(at=at(offset_s)),
        TalkChanged(at=at(offset_s), talkers=(AGENT,)),
    ]


def play(*facts: Fact, channel: Channel | None = None, **takes: float) -> list[Rehearsed]:
    rehearsal = Rehearsal([POLICY], **takes)  # type: ignore[arg-type]
    for fact in facts:
        rehearsal.tell(channel or caller(), fact)
    return rehearsal.finish(END)


def test_a_call_is_recorded_from_its_queue_to_its_end_and_handed_off() -> None:
    [done] = play(entered(), *talk(5), HungUp(at=at(20)), start_takes_s=0.01)
    assert done.handoff is not None
    [segment] = done.handoff.segments
    assert (segment.started_at, segment.ended_at) == (at(0.01), at(20))
    assert done.ended_at == at(20)
    assert [stage for _, stage in done.stages] == [Stage.RECORDED, Stage.OVER]
    assert done.choice.policy == "town"


def test_a_renewed_recorder_waits_for_its_rest() -> None:
    elsewhere = Place(DestinationKind.EXTENSION, "240")
    moved = TransferCompleted(at=at(10), place=elsewhere, how="blind")
    [done] = play(entered(), *talk(5), moved, HungUp(at=at(20)), stop_takes_s=0.005)
    assert done.handoff is not None
    first, second = done.handoff.segments
    assert first.stop is StopSeen.CONFIRMED
    assert first.ended_at == at(10.005)  # nothing is cut: recording goes on
    assert second.started_at == at(10) + timedelta(seconds=0.005 + 0.08)


def test_a_call_that_no_policy_names_has_its_reason_and_nothing_else() -> None:
    [done] = play(entered(queue="revenues"), HungUp(at=at(20)))
    assert done.call is None
    assert done.handoff is None
    assert done.choice.policy == ""
    assert done.ended_at == at(20)


def test_a_call_that_comes_to_a_recorded_place_later_is_one_call() -> None:
    [done] = play(entered(queue="revenues"), entered(9), HungUp(at=at(20)))
    assert done.arrived.at == START
    assert done.call is not None
    assert done.call.began.at == at(9)


def test_who_opted_out_before_is_not_recorded() -> None:
    [done] = play(entered(), HungUp(at=at(20)), channel=caller(opted_out=True))
    assert done.call is None
    assert done.choice.rule == "opt_out"


def test_an_opt_out_that_the_policy_doesn_t_know_is_no_hindrance() -> None:
    rehearsal = Rehearsal([msgspec.structs.replace(POLICY, opt_out=OptOut())])
    rehearsal.tell(caller(opted_out=True), entered())
    assert rehearsal.calls[0].call is not None


@pytest.mark.parametrize("announced", [True, False])
def test_an_announcement_before_the_answer_is_the_permission(announced: bool) -> None:
    arrival = Arrival(
        at=START, direction=Direction.OUTBOUND, dialled="02079460999", extension="211"
    )
    [done] = play(
        Answered(at=START, arrival=arrival),
        HungUp(at=at(20)),
        channel=caller(announced=announced),
    )
    assert done.handoff is not None
    assert (done.handoff.discard is None) is announced


def test_several_channels_are_several_calls_and_none_hears_of_the_other() -> None:
    rehearsal = Rehearsal([POLICY])
    rehearsal.tell(caller("1.1"), entered())
    rehearsal.tell(caller("1.2"), entered(1))
    rehearsal.tell(caller("1.1"), HungUp(at=at(9)))
    rehearsal.tell(caller("1.2"), HungUp(at=at(12)))
    first, second = rehearsal.finish(END)
    assert (first.ended_at, second.ended_at) == (at(9), at(12))
    assert first.call is not None
    assert second.call is not None
    assert first.call.id != second.call.id


def test_a_second_call_of_the_same_channel_is_another_one() -> None:
    first, second = play(entered(), HungUp(at=at(5)), entered(9), HungUp(at=at(20)))
    assert first.ended_at == at(5)
    assert second.arrived.at == at(9)


def test_what_isn_t_recorded_and_hangs_up_is_forgotten() -> None:
    first, second = play(entered(queue="a"), HungUp(at=at(5)), entered(9), HungUp(at=at(20)))
    assert first.call is None
    assert second.call is not None


def test_no_recorder_starts_on_a_channel_that_is_gone() -> None:
    rehearsal = Rehearsal([POLICY])
    rehearsal.tell(caller(), LegGone(at=START, leg="1.1"))
    rehearsal.tell(caller(), entered(1))
    assert rehearsal.finish(END)[0].alarms == ["the PBX refused to start a recorder"]


def test_without_a_link_no_answer_comes() -> None:
    rehearsal = Rehearsal([POLICY])
    rehearsal.lose_link()
    rehearsal.tell(caller(), entered())
    assert "didn't say whether" in rehearsal.finish(END)[0].alarms[0]


def test_a_link_that_is_back_is_told_to_every_call() -> None:
    rehearsal = Rehearsal([POLICY])
    rehearsal.tell(caller(), entered())
    rehearsal.lose_link()
    rehearsal.come_back(at(9), adopted=False)
    rehearsal.tell(caller(), HungUp(at=at(20)))
    handoff = rehearsal.finish(END)[0].handoff
    assert handoff is not None
    assert "the link to the PBX was lost and is back" in [each.what for each in handoff.story]


def test_another_bridge_takes_over_and_what_the_first_waited_for_never_comes() -> None:
    rehearsal = Rehearsal([POLICY], start_takes_s=1)
    rehearsal.tell(caller(), entered())
    rehearsal.kill_bridge()
    rehearsal.come_back(at(9), adopted=True)
    rehearsal.tell(caller(), HungUp(at=at(20)))
    handoff = rehearsal.finish(END)[0].handoff
    assert handoff is not None
    assert "a new bridge has taken the call over" in [each.what for each in handoff.story]
    # The one that the first had asked for is stopped: nobody knows its id.
    assert len(handoff.segments) == 2


def test_what_was_before_the_rehearsal_is_nothing_to_it() -> None:
    claimed = Claimed(at=START, arrival=entered().arrival, note="h1 something", since=START)
    assert play(claimed, OptedOut(at=at(5), by=Asker.CALLER)) == []


def test_a_call_that_goes_on_is_not_over() -> None:
    [done] = play(entered(), *talk(5))
    assert done.ended_at is None
    assert done.handoff is None


def test_facts_are_not_changed_by_playing() -> None:
    fact = entered()
    before = replace(fact)
    play(fact, HungUp(at=at(9)))
    assert fact == before
