"""What of a recorder's file belongs to a payment, by its times and lengths."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some

from hushtape.recordings.manifest import EndedBy, Leg, Segment, Span, SpanKind, StopSeen
from hushtape.recordings.proof import Result
from tests.recording_samples import RATE_HZ, REASON, START, segment
from workers.settle import SpoolAudio
from workers.silence import FILE_CLOCK_S, Ruling, may_touch, rule

MARGIN_S = 0.06
ENDED_S = 60.0  # the call


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def payment(begin_s: float, end_s: float, *, muted: bool = False) -> Span:
    return Span(
        kind=SpanKind.PAYMENT,
        started_at=at(begin_s),
        ended_at=at(end_s),
        reason=REASON,
        muted=muted,
    )


def stopped(begin_s: float, end_s: float, **changes: object) -> Segment:
    facts = {"stop": StopSeen.CONFIRMED, "ended_by": EndedBy.PAYMENT, **changes}
    return segment(1, begin_s, end_s - begin_s, **facts)


def ruled(
    span: Span, each: Segment, whole_s: float, kept_s: float, written_s: float | None = None
) -> Ruling:
    """Rule on a file that holds ``whole_s``, of which ``kept_s`` are left after the cut."""
    whole, kept = round(whole_s * RATE_HZ), round(kept_s * RATE_HZ)
    audio = SpoolAudio(
        name="x",
        data_offset_bytes=44,
        frames=kept,
        cut_frames=whole - kept,
        rate_hz=RATE_HZ,
        written_at=None if written_s is None else at(written_s),
    )
    return rule(span, each, audio, at(ENDED_S), MARGIN_S)


def frames(*seconds: float) -> tuple[int, ...]:
    return tuple(round(each * RATE_HZ) for each in seconds)


def test_a_recorder_that_was_stopped_at_once() -> None:
    found = ruled(payment(10, 20), stopped(0, 10, cut_s=0.03), 10.03, 10, 10.03)
    assert found == Ruling(result=Result.PROVED, keep_frames=80_000)


@pytest.mark.parametrize(("over_s", "result"), [(0.06, Result.PROVED), (0.07, Result.FAILED)])
def test_the_margin_is_cut_to_the_exact_moment(over_s: float, result: Result) -> None:
    found = ruled(payment(10, 20), stopped(0, 10), 10 + over_s, 10 + over_s, 10.1)
    assert found.result is result
    assert found.keep_frames <= 80_000


def test_a_recorder_that_ran_on_fails_from_the_cause_on() -> None:
    found = ruled(payment(10, 20), stopped(0, 10), 15, 15, 15)
    assert found.result is Result.FAILED
    assert found.look == frames(10, 15)
    # Counted from the end a second more goes: the file's clock may differ from the PBX's.
    assert found.keep_frames == (10 - FILE_CLOCK_S) * RATE_HZ
    assert found.erase_if_heard == (found.keep_frames, 15 * RATE_HZ)


def test_gaps_before_a_payment_hide_nothing_of_it() -> None:
    """4 s of the 10 s before it were never written: the payment's sound lies 4 s further ahead."""
    found = ruled(payment(10, 20), stopped(0, 10), 16, 16, 20)
    assert found.result is Result.FAILED
    assert found.keep_frames <= 6 * RATE_HZ


def test_a_file_that_was_written_to_later_and_has_gaps_is_not_believed() -> None:
    """As long as it should be, but for what came in during the payment and filled its gaps."""
    found = ruled(payment(10, 20), stopped(0, 10), 9, 9, 15)
    assert found.result is Result.UNPROVED
    assert found.keep_frames <= 4 * RATE_HZ
    assert found.erase == (found.keep_frames, 9 * RATE_HZ)
    untouched = ruled(payment(10, 20), stopped(0, 10), 9, 9, 10.5)
    assert untouched.result is Result.PROVED
    assert untouched.keep_frames == 9 * RATE_HZ


def test_a_recorder_that_ran_through_it_loses_the_payment_only() -> None:
    each = stopped(0, 40, ended_by=EndedBy.HANG_UP, stop=StopSeen.HANG_UP)
    found = ruled(payment(10, 20), each, 40, 40, 40)
    assert found.result is Result.FAILED
    assert found.keep_frames == 40 * RATE_HZ
    assert found.erase_if_heard == frames(10 - MARGIN_S, 20 + MARGIN_S)


def test_where_its_length_is_another_the_edges_are_uncertain() -> None:
    each = stopped(0, 40, ended_by=EndedBy.HANG_UP, stop=StopSeen.HANG_UP)
    found = ruled(payment(10, 20), each, 38, 38, 40)
    assert found.result is Result.FAILED
    assert found.keep_frames <= 8 * RATE_HZ
    assert found.erase_if_heard == (found.keep_frames, 38 * RATE_HZ)


def test_an_end_that_nobody_saw() -> None:
    each = stopped(0, 8, stop=StopSeen.UNSEEN, ended_by=EndedBy.LINK_LOST)
    ran_on = ruled(payment(10, 20), each, 14, 8, 14)
    assert ran_on.result is Result.FAILED
    assert ran_on.keep_frames <= 8 * RATE_HZ
    assert ran_on.erase_if_heard is not None
    assert ran_on.erase_if_heard[1] == 14 * RATE_HZ
    assert ruled(payment(10, 20), each, 10, 8, 10).result is Result.PROVED
    assert ruled(payment(10, 20), each, 9, 8, 14).result is Result.UNPROVED


def test_a_recorder_that_was_started_in_it_loses_all() -> None:
    each = stopped(12, 16, ended_by=EndedBy.HANG_UP)
    found = ruled(payment(10, 20), each, 4, 4, 16)
    assert (found.result, found.keep_frames) == (Result.FAILED, 0)
    assert found.erase_if_heard == frames(0, 4)


def test_a_recorder_that_was_started_a_moment_too_soon_loses_that_moment() -> None:
    each = stopped(19.95, 30, ended_by=EndedBy.HANG_UP)
    found = ruled(payment(10, 20), each, 10.05, 10.05, 30)
    assert found.result is Result.PROVED
    assert found.erase == frames(0, 0.05)
    after = stopped(20, 30, ended_by=EndedBy.HANG_UP)
    assert ruled(payment(10, 20), after, 10, 10, 30) == Ruling(
        result=Result.PROVED, keep_frames=80_000
    )


def test_a_recorder_that_was_started_half_a_second_too_soon_fails() -> None:
    each = stopped(19.5, 30, ended_by=EndedBy.HANG_UP)
    found = ruled(payment(10, 20), each, 10.5, 10.5, 30)
    assert found.result is Result.FAILED
    assert found.erase_if_heard == frames(0, 0.5 + MARGIN_S)


def test_a_file_that_was_touched_after_the_call_is_as_one_of_the_calls_end() -> None:
    each = stopped(0, 40)
    found = ruled(payment(40, 58), each, 45, 45, 90_000)
    assert found.result is Result.FAILED
    assert found.keep_frames == (45 - (ENDED_S - 40) - FILE_CLOCK_S) * RATE_HZ


@pytest.mark.parametrize(
    ("cut_s", "result", "is_erased"),
    [(0.05, Result.PROVED, False), (0.5, Result.PROVED, True), (3.0, Result.UNPROVED, True)],
)
def test_a_late_stop_is_cut_and_a_very_late_one_proves_nothing(
    cut_s: float, result: Result, is_erased: bool
) -> None:
    found = ruled(payment(10, 20), stopped(0, 10, cut_s=cut_s), 10 + cut_s, 10, 10 + cut_s)
    assert found.result is result
    assert found.keep_frames == 10 * RATE_HZ
    assert found.erase == (frames(10, 10 + cut_s) if is_erased else None)


def test_a_muted_one_is_looked_at_where_the_payment_certainly_is() -> None:
    each = stopped(0, 40, ended_by=EndedBy.HANG_UP)
    found = ruled(payment(10, 20, muted=True), each, 40, 40, 40)
    assert found == Ruling(
        result=Result.PROVED,
        keep_frames=40 * RATE_HZ,
        look=frames(10.06, 19.94),
        erase=frames(10, 20),
        erase_if_heard=frames(9.94, 20.06),
    )
    # 2 s are lacking somewhere: the payment is up to 2 s further ahead.
    shorter = ruled(payment(10, 20, muted=True), each, 38, 38, 40)
    assert shorter.look == frames(10.06, 17.94)
    assert shorter.erase == frames(8, 20)
    vague = ruled(payment(10, 20, muted=True), each, 28, 28, 40)
    assert (vague.result, vague.look) == (Result.UNPROVED, None)
    assert vague.erase == frames(0, 20)


def test_a_muted_one_whose_end_nobody_saw_keeps_what_came_before() -> None:
    each = stopped(0, 15, stop=StopSeen.UNSEEN, ended_by=EndedBy.LINK_LOST)
    found = ruled(payment(10, 20, muted=True), each, 30, 15, 30)
    assert found.result is Result.UNPROVED
    assert found.keep_frames <= 10 * RATE_HZ
    assert found.erase == (found.keep_frames, 30 * RATE_HZ)


def test_a_consultations_recorder_may_outlive_the_call() -> None:
    each = stopped(0, 10, leg=Leg.CONSULTATION)
    found = ruled(payment(10, 20), each, 75, 75, 80)
    assert found.keep_frames <= 5 * RATE_HZ  # its file has 5 s less than its time


def test_which_recorders_may_have_run_in_a_payment() -> None:
    span = payment(10, 20)
    assert not may_touch(span, stopped(0, 10, cut_s=0.05), MARGIN_S)
    assert may_touch(span, stopped(0, 10, cut_s=0.1), MARGIN_S)
    assert may_touch(span, stopped(0, 5, stop=StopSeen.UNSEEN), MARGIN_S)
    assert not may_touch(span, stopped(20, 25), MARGIN_S)


@settings(max_examples=100)
@given(
    whole_s=some.floats(0, 50),
    cut_s=some.floats(0, 5),
    begin_s=some.floats(-5, 40),
    length_s=some.floats(0.2, 20),
    gap_at_s=some.floats(0, 40),
    gap_s=some.floats(0, 10),
    seen=some.booleans(),
)
def test_no_sample_of_a_payment_is_left(
    whole_s: float,
    cut_s: float,
    begin_s: float,
    length_s: float,
    gap_at_s: float,
    gap_s: float,
    seen: bool,
) -> None:
    """A recorder that ran from 0 on, with one gap, whatever the bridge believed of its end."""
    really_until_s = min(whole_s + (gap_s if gap_at_s < whole_s else 0), ENDED_S)
    each = stopped(
        0,
        max(0.0, begin_s),
        cut_s=cut_s if seen else 0.0,
        stop=StopSeen.CONFIRMED if seen else StopSeen.UNSEEN,
    )
    # As long as it should be, by the chance that its gap is as long as what came too late.
    is_told = abs(whole_s - max(0.0, begin_s) - cut_s) > MARGIN_S
    assume(is_told or not seen or not gap_s)
    span = payment(begin_s, begin_s + length_s)
    kept_s = max(0.0, whole_s - (cut_s if seen else 0.0))
    found = ruled(span, each, whole_s, kept_s, really_until_s)
    erased = found.erase if found.result is not Result.FAILED else found.erase_if_heard
    step = RATE_HZ // 50
    for place in range(0, min(found.keep_frames, round(whole_s * RATE_HZ)), step):
        if erased and erased[0] <= place < erased[1]:
            continue
        came_s = place / RATE_HZ
        came_s += gap_s if came_s >= gap_at_s else 0.0
        inside = begin_s + FILE_CLOCK_S + MARGIN_S < came_s < begin_s + length_s - MARGIN_S
        assert not inside, f"{came_s} s is left"
