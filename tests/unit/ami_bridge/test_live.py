from __future__ import annotations

from pathlib import Path

import pytest

from ami_bridge.call.recorder import Recorder
from ami_bridge.facts import (
    Adopted,
    BridgeEnds,
    Channel,
    Fact,
    HungUp,
    RecorderUncertain,
    Rest,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    StopUnconfirmed,
    TalkChanged,
    TransferCompleted,
)
from ami_bridge.live import LiveCall, LiveCalls, heard_until
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import EndedBy
from tests.unit.ami_bridge.call.test_company import ADVISER
from tests.unit.ami_bridge.call.test_machine import (
    BACK_OFFICE,
    ID,
    PAYMENT_LINE,
    at,
    entered,
    handoff_of,
    only,
    play,
    rested,
    started,
    stopped,
    transfer,
)

CHANNEL = Channel("pbx1-1.1", "PJSIP/trunk-1", "from-outside", "01737276000", "01737276000")

# Every state in which a bridge can die, by the facts that lead there.
STATES: dict[Recorder, list[Fact]] = {
    Recorder.STARTING: [],
    Recorder.STARTING_IN_VAIN: [transfer(1, BACK_OFFICE)],
    Recorder.GONE_UNANSWERED: [HungUp(at=at(0.005))],
    Recorder.RUNNING: [started(0.01)],
    Recorder.UNCERTAIN: [RecorderUncertain(at=at(5), segment=1)],
    Recorder.STOPPING: [started(0.01), transfer(5, BACK_OFFICE)],
    Recorder.STOPPING_ALL: [
        started(0.01),
        transfer(5, BACK_OFFICE),
        StopUnconfirmed(at=at(7), segment=1),
    ],
    Recorder.STUCK: [
        started(0.01),
        transfer(5, BACK_OFFICE),
        StopUnconfirmed(at=at(7), segment=1),
        StopUnconfirmed(at=at(9), segment=1),
    ],
    Recorder.RESTING: [started(0.01), transfer(5, BACK_OFFICE), stopped(5.01)],
    Recorder.NONE: [started(0.01), transfer(5, BACK_OFFICE), stopped(5.01), rested(5.1)],
}


def through_the_disk(folder: Path, facts: list[Fact]) -> LiveCall:
    """Play a call, keep it, and read it back as the next bridge does."""
    call, _ = play(entered(0), *facts)
    LiveCalls(folder).write(LiveCall(call=call, channel=CHANNEL))
    (found,) = LiveCalls(folder).load()
    assert found.call == call
    assert found.channel == CHANNEL
    return found


@pytest.mark.parametrize(("state", "facts"), STATES.items(), ids=lambda value: str(value)[:20])
def test_a_call_survives_its_bridge_in_every_state(
    tmp_path: Path, state: Recorder, facts: list[Fact]
) -> None:
    call = through_the_disk(tmp_path, facts).call
    assert call.recorder is state
    commands = call.apply(Adopted(at=at(20)))
    sure = (Recorder.RUNNING, Recorder.RESTING, Recorder.NONE, Recorder.GONE_UNANSWERED)
    writing = state not in sure
    assert bool(only(StopEveryRecorder, commands)) is writing, "what isn't certain is stopped"
    assert not only(StartRecorder, commands)


def test_a_running_recorder_runs_on_and_can_be_stopped_by_its_id(tmp_path: Path) -> None:
    call = through_the_disk(tmp_path, [started(0.01)]).call
    assert call.apply(Adopted(at=at(20))) == []
    assert only(StopRecorder, call.apply(transfer(25, PAYMENT_LINE))) == [StopRecorder(1, "0x1")]


def test_a_recorder_that_was_starting_is_replaced_by_a_certain_one(tmp_path: Path) -> None:
    call = through_the_disk(tmp_path, []).call
    assert call.apply(Adopted(at=at(20))) == [StopEveryRecorder(1)]
    (rest,) = only(Rest, call.apply(stopped(20.01)))
    assert isinstance(rest, Rest)
    assert only(StartRecorder, call.apply(rested(20.1, rest.rest)))
    call.apply(started(20.2, segment=2))
    handoff = handoff_of(call.apply(HungUp(at=at(30))))
    assert [(s.ended_by, s.cut_s) for s in handoff.segments] == [
        (EndedBy.BRIDGE_ENDED, 0.0),
        (EndedBy.HANG_UP, 0.0),
    ]


def test_a_bridge_that_ends_stops_and_its_successor_goes_on(tmp_path: Path) -> None:
    call = through_the_disk(
        tmp_path, [started(0.01), BridgeEnds(at=at(5)), stopped(5.01), rested(5.1)]
    ).call
    assert call.recorder is Recorder.NONE
    assert call.stage is Stage.RECORDED
    assert only(StartRecorder, call.apply(Adopted(at=at(8))))
    call.apply(started(8.01, segment=2))
    handoff = handoff_of(call.apply(HungUp(at=at(12))))
    assert [s.ended_by for s in handoff.segments] == [EndedBy.BRIDGE_ENDED, EndedBy.HANG_UP]


def test_nothing_is_started_while_the_bridge_ends() -> None:
    _, steps = play(
        entered(0), started(0.01), BridgeEnds(at=at(5)), stopped(5.01), entered(5.05), rested(5.1)
    )
    assert not [c for step in steps[2:] for c in only(StartRecorder, step)]


def test_a_call_that_ends_while_the_bridge_ends_is_handed_off() -> None:
    _, steps = play(
        entered(0), started(0.01), BridgeEnds(at=at(5)), HungUp(at=at(5.005)), stopped(5.01)
    )
    (segment,) = handoff_of(steps[3]).segments
    assert segment.cut_s == pytest.approx(0.005)


def test_what_can_not_be_read_is_put_aside_and_the_rest_is_found(tmp_path: Path) -> None:
    through_the_disk(tmp_path, [started(0.01)])
    (tmp_path / "20261121-130509-abcdefgh.json").write_bytes(b'{"call": {"id"')
    other = tmp_path / "20261121-130508-abcdefgh.json"
    other.write_bytes((tmp_path / f"{ID}.json").read_bytes())
    (tmp_path / "20261121-130507-abcdefgh.part").write_bytes(b"{")
    assert [live.call.id for live in LiveCalls(tmp_path).load()] == [ID]
    assert len(list(tmp_path.glob("*.damaged"))) == 2
    assert list(tmp_path.glob("*.part")) == []


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "live"
    LiveCalls(folder).write(LiveCall(call=play(entered(0))[0], channel=CHANNEL))
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / f"{ID}.json").stat().st_mode & 0o077 == 0


def test_a_call_that_is_over_is_forgotten(tmp_path: Path) -> None:
    kept = LiveCalls(tmp_path)
    kept.write(LiveCall(call=play(entered(0))[0], channel=CHANNEL))
    kept.forget(ID)
    kept.forget(ID)
    assert kept.load() == []


def test_it_is_known_when_each_pbx_was_last_heard(tmp_path: Path) -> None:
    kept = LiveCalls(tmp_path)
    assert kept.heard_until("pbx1") is None
    kept.touch("pbx1", at(5))
    kept.touch("pbx2", at(60))
    assert kept.heard_until("pbx1") == at(5)
    assert kept.heard_until("pbx2") == at(60)
    assert kept.load() == [], "they are no calls"


def test_what_a_call_was_told_since_the_note_was_heard_too() -> None:
    call, _ = play(entered(0))
    kept = [LiveCall(call=call, channel=CHANNEL, heard_until=when) for when in (at(7), None, at(6))]
    assert heard_until(at(5), kept) == at(7)
    assert heard_until(at(8), kept) == at(8)
    assert heard_until(None, kept) == at(7)
    assert heard_until(None, kept[1:2]) is None


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"{}", b""])
def test_whatever_lies_there_the_bridge_starts(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / f"{ID}.json").write_bytes(junk)
    assert LiveCalls(tmp_path).load() == []
    assert (tmp_path / f"{ID}.damaged").exists()


def test_a_call_whose_parts_do_not_fit_together_is_put_aside(tmp_path: Path) -> None:
    call, _ = play(entered(0), started(0.01))
    call.track.draft = None
    LiveCalls(tmp_path).write(LiveCall(call=call, channel=CHANNEL))
    assert LiveCalls(tmp_path).load() == []


def test_an_earlier_cause_that_is_told_late_counts(tmp_path: Path) -> None:
    call = through_the_disk(tmp_path, [started(0.01), BridgeEnds(at=at(60))]).call
    unseen = TransferCompleted(at=at(5), place=PAYMENT_LINE, how="unseen")
    call.apply(unseen)
    call.apply(Adopted(at=at(70)))
    call.apply(stopped(70.01))
    (segment,) = handoff_of(call.apply(HungUp(at=at(80)))).segments
    assert segment.ended_at == at(5)
    assert segment.cut_s == pytest.approx(65.01)


def test_what_the_former_version_wrote_is_read(tmp_path: Path) -> None:
    """It named one half of a Local channel, as a text, and knew of no other ways."""
    call, _ = play(entered(0), started(0.01), TalkChanged(at=at(1), talkers=(ADVISER,)))
    live = LiveCalls(tmp_path)
    live.write(LiveCall(call=call, channel=CHANNEL))
    (path,) = tmp_path.glob("*.json")
    text = path.read_text()
    assert '"halves":[]' in text
    path.write_text(text.replace('"halves":[]', '"replaces":""').replace(',"ways":[]', ""))
    (found,) = live.load()
    assert found.call == call
