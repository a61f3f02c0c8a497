"""Where a call stands, as a table. What a fact means to it is looked at in test_call.py."""

from __future__ import annotations

import pytest

from hushtape.policy.stages import BENEATH, STAGES, Stage, Turn

LIVING = tuple(stage for stage in Stage if stage is not Stage.OVER)


def reachable(start: Stage) -> set[Stage]:
    found, waiting = {start}, [start]
    while waiting:
        stage = waiting.pop()
        for turn in Turn:
            if STAGES[stage, turn] not in found:
                found.add(STAGES[stage, turn])
                waiting.append(STAGES[stage, turn])
    return found


def test_every_cell_is_filled() -> None:
    assert set(STAGES) == {(stage, turn) for stage in Stage for turn in Turn}


def test_every_stage_can_be_reached_from_where_a_call_begins() -> None:
    assert reachable(Stage.UNRECORDED) == set(Stage)


@pytest.mark.parametrize("stage", LIVING)
def test_a_hang_up_ends_it_wherever_it_is(stage: Stage) -> None:
    assert STAGES[stage, Turn.HUNG_UP] is Stage.OVER


def test_over_is_over() -> None:
    assert {STAGES[Stage.OVER, turn] for turn in Turn} == {Stage.OVER}


def test_who_declined_is_recorded_no_more() -> None:
    for stage in LIVING:
        assert STAGES[stage, Turn.DECLINED] is Stage.DECLINED
    assert reachable(Stage.DECLINED) == {Stage.DECLINED, Stage.OVER}


def test_silence_ends_in_a_recorded_place_or_with_the_call_only() -> None:
    after = {turn: STAGES[Stage.SILENT, turn] for turn in Turn}
    assert {turn: stage for turn, stage in after.items() if stage is not Stage.SILENT} == {
        Turn.ENTERED: Stage.RECORDED,
        Turn.WAITS: Stage.WAITING,
        Turn.PAYMENT_ENDED: Stage.RECORDED,
        Turn.PAYMENT_ENDED_ALONE: Stage.PARKED,
        Turn.PAYMENT_ENDED_ELSEWHERE: Stage.UNRECORDED,
        Turn.DECLINED: Stage.DECLINED,
        Turn.HUNG_UP: Stage.OVER,
    }


def test_what_moves_a_call_beneath_a_payment_neither_ends_nor_begins_one() -> None:
    for turn in BENEATH:
        assert STAGES[Stage.SILENT, turn] is Stage.SILENT
        assert Stage.SILENT not in {STAGES[s, turn] for s in LIVING if s is not Stage.SILENT}


def test_who_waits_for_an_agent_is_recorded_from_the_answer_on() -> None:
    assert STAGES[Stage.WAITING, Turn.ANSWERED] is Stage.RECORDED
    for stage in {*Stage} - {Stage.WAITING}:
        assert STAGES[stage, Turn.ANSWERED] is stage
    for stage in (Stage.UNRECORDED, Stage.PARKED, Stage.SILENT):
        assert STAGES[stage, Turn.WAITS] is Stage.WAITING


def test_a_payment_silences_wherever_it_begins() -> None:
    for stage in {*LIVING} - {Stage.DECLINED}:
        assert STAGES[stage, Turn.PAYMENT_BEGAN] is Stage.SILENT


def test_recording_begins_in_a_recorded_place() -> None:
    began = {
        (stage, turn)
        for (stage, turn), after in STAGES.items()
        if after is Stage.RECORDED and stage is not Stage.RECORDED
    }
    others = {*LIVING} - {Stage.RECORDED, Stage.DECLINED}
    assert began == {
        *((stage, Turn.ENTERED) for stage in others),
        (Stage.WAITING, Turn.ANSWERED),
        (Stage.PARKED, Turn.WENT_ON),  # where it is fetched
        (Stage.SILENT, Turn.PAYMENT_ENDED),
    }


def test_going_on_changes_nothing() -> None:
    for stage in (Stage.RECORDED, Stage.UNRECORDED, Stage.SILENT):
        assert STAGES[stage, Turn.WENT_ON] is stage


def test_leaving_ends_recording() -> None:
    assert STAGES[Stage.RECORDED, Turn.LEFT] is Stage.UNRECORDED
    assert STAGES[Stage.PARKED, Turn.LEFT] is Stage.UNRECORDED
    assert STAGES[Stage.UNRECORDED, Turn.LEFT] is Stage.UNRECORDED


def test_what_is_not_recorded_anyway_is_parked_only_if_it_had_seemed_to_leave() -> None:
    parked = {turn: STAGES[Stage.UNRECORDED, turn] for turn in Turn}
    assert parked[Turn.PARKED] is Stage.UNRECORDED
    assert parked[Turn.TURNED_OUT_PARKED] is Stage.PARKED
    assert STAGES[Stage.RECORDED, Turn.PARKED] is Stage.PARKED
    assert STAGES[Stage.RECORDED, Turn.TURNED_OUT_PARKED] is Stage.PARKED
