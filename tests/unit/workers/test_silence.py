"""What of a recorder's file belongs to a payment, by its times and lengths."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

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
    span: Span,
    each: Segment,
    whole_s: float,
    kept_s: float,
    written_s: float | None = None,
    *,
    born_s: float | None = None,
    is_closed: bool = True,
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
        born_at=None if born_s is None else at(born_s),
        is_closed=is_closed,
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
    assert ruled(payment(10, 20), each, 8, 8, 8).result is Result.PROVED
    # Its last change was at 10, by a clock that may be a second off.
    vague = ruled(payment(10, 20), each, 10, 8, 10)
    assert vague.result is Result.UNPROVED
    assert vague.keep_frames <= (10 - FILE_CLOCK_S) * RATE_HZ
    assert ruled(payment(10, 20), each, 9, 8, 14).result is Result.UNPROVED


# A recorder that the dialplan has stopped itself, while no bridge was there.


def unseen(end_s: float) -> Segment:
    return stopped(0, end_s, stop=StopSeen.UNSEEN)


def test_a_file_that_ended_when_the_payment_began_shows_it() -> None:
    """As run: a start that was answered 0.28 s after the recorder had made its file."""
    found = ruled(payment(4, 9), unseen(4), 4.29, 4, 4.001, born_s=-0.28)
    # It was closed at most 0.281 s after the beginning: so much of its end may be of the payment.
    assert found.result is Result.UNPROVED
    assert found.words == (
        "nobody saw a recorder's end, which may have come 0.28 s after the payment began: so much"
        " of it is destroyed"
    )
    assert found.keep_frames == min(frames(4, 4.29 - 0.281))
    assert found.erase == (found.keep_frames, frames(4.29)[0])
    at_once = ruled(payment(4, 9), unseen(4), 4.02, 4, 4.001, born_s=-0.002)
    assert at_once == Ruling(result=Result.PROVED, keep_frames=frames(4)[0])


@pytest.mark.parametrize(
    "told",
    [
        {},  # the file system doesn't tell
        {"born_s": 4.5},  # a copy
        {"born_s": 3.9},  # one with the original's last change
        {"born_s": -60.0},  # somebody else's, or by a clock that was set
    ],
)
def test_one_that_shows_nothing_is_not_believed(told: dict[str, Any]) -> None:
    found = ruled(payment(4, 9), unseen(4), 4.29, 4, 4.001, **told)
    assert found.result is Result.FAILED
    assert found.keep_frames <= (4.29 - FILE_CLOCK_S) * RATE_HZ


def test_one_that_holds_more_than_its_age_is_not_believed() -> None:
    found = ruled(payment(4, 9), unseen(4), 6, 4, 4, born_s=0)
    assert found.result is Result.FAILED


def test_one_that_was_started_in_a_payment_fails_however_soon_it_ended() -> None:
    each = stopped(0.5, 1, stop=StopSeen.UNSEEN)
    found = ruled(payment(0, 9), each, 0.5, 0.5, 1, born_s=0.5)
    assert (found.result, found.keep_frames) == (Result.FAILED, 0)


def test_a_start_that_was_answered_late_is_no_failure_of_a_stop_that_was_seen() -> None:
    each = stopped(0, 4, cut_s=0.02)
    found = ruled(payment(4, 9), each, 4.3, 4.28, 4.02, born_s=-0.28)
    assert found.result is Result.PROVED
    assert found.keep_frames == frames(4)[0]
    ran_on = ruled(payment(4, 9), each, 7, 6.98, 7, born_s=-0.28)
    assert ran_on.result is Result.FAILED


def test_a_stop_that_was_seen_is_not_believed_against_the_file() -> None:
    """Stopped at 4.02, said the PBX; but its file was written to until 5.6."""
    each = stopped(0, 4, cut_s=0.02)
    found = ruled(payment(4, 9), each, 4.02, 4, 5.6, born_s=0)
    assert found.result is Result.UNPROVED
    assert found.keep_frames == frames(2.42)[0]
    within_its_clock = ruled(payment(4, 9), each, 4.02, 4, 4.9, born_s=0)
    assert within_its_clock.result is Result.PROVED


def test_one_that_nobody_has_ended_shows_nothing() -> None:
    found = ruled(payment(4, 9), unseen(4), 4.29, 4, 4.001, born_s=-0.28, is_closed=False)
    assert found.result is Result.FAILED
    assert found.keep_frames <= frames(4)[0]


@pytest.mark.parametrize(
    ("over_s", "result"),
    [
        (0.05, Result.PROVED),
        (0.07, Result.UNPROVED),
        (1.9, Result.UNPROVED),
        (2.1, Result.FAILED),
        (4, Result.FAILED),
    ],
)
def test_what_an_unseen_recorder_took_in_too_late_goes(over_s: float, result: Result) -> None:
    found = ruled(payment(4, 9), unseen(4), 4 + over_s, 4, 4 + over_s, born_s=0)
    assert found.result is result
    assert found.keep_frames <= frames(4)[0]
    gone = found.erase_if_heard if result is Result.FAILED else found.erase
    rest = (found.keep_frames, round((4 + over_s) * RATE_HZ))
    assert gone == (None if result is Result.PROVED else rest)


def test_gaps_hide_nothing_from_a_files_age() -> None:
    """No longer than it should be: what came in during the payment fills the gaps before it."""
    little = ruled(payment(4, 9), unseen(4), 3, 3, 5, born_s=0)
    assert (little.result, little.keep_frames) == (Result.UNPROVED, frames(2)[0])
    assert little.erase == frames(2, 3)
    none = ruled(payment(4, 9), unseen(4), 3, 3, 4.01, born_s=0)
    assert (none.result, none.keep_frames) == (Result.PROVED, frames(2.99)[0])
    much = ruled(payment(4, 9), unseen(4), 4, 4, 7, born_s=0)
    assert much.result is Result.UNPROVED
    assert much.keep_frames == frames(1)[0]
    assert much.erase == frames(1, 4)


@pytest.mark.parametrize(
    ("off_s", "result"), [(-0.9, Result.PROVED), (0.0, Result.PROVED), (0.9, Result.UNPROVED)]
)
def test_a_clock_of_the_spools_own_costs_no_more_than_it_is_ahead(
    off_s: float, result: Result
) -> None:
    found = ruled(payment(4, 9), unseen(4), 4.02, 4, 4.01 + off_s, born_s=off_s - 0.01)
    assert found.result is result
    assert found.keep_frames >= frames(4 - max(0.0, off_s) - 0.02)[0]


def test_a_start_that_was_never_answered_is_counted_from_the_files_making() -> None:
    """Asked for at 0, made at 0.5, stopped 0.7 s into the payment."""
    found = ruled(payment(4, 9), unseen(4), 4.2, 4, 4.7, born_s=0.5)
    assert found.keep_frames == frames(3.5)[0]


def test_an_end_that_nobody_saw_may_be_after_the_call() -> None:
    """The call was last heard at 60; its recorder ran on, and the payment fills 5 s of gaps."""
    found = ruled(payment(60, 60.5), unseen(60), 60, 60, 65)
    assert found.result is Result.UNPROVED
    assert found.keep_frames <= (60 - 5) * RATE_HZ


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
    [
        (0.05, Result.PROVED, False),
        (0.06, Result.PROVED, False),
        (0.07, Result.UNPROVED, True),
        (1.9, Result.UNPROVED, True),
        (3.0, Result.UNPROVED, True),
    ],
)
def test_what_a_stop_beyond_the_margin_let_in_goes_and_is_told(
    cut_s: float, result: Result, is_erased: bool
) -> None:
    found = ruled(payment(10, 20), stopped(0, 10, cut_s=cut_s), 10 + cut_s, 10, 10 + cut_s)
    assert found.result is result
    assert found.keep_frames == 10 * RATE_HZ
    assert found.erase == (frames(10, 10 + cut_s) if is_erased else None)
    told = (
        f"a recorder was stopped {cut_s:.2f} s after the payment began: so much of it is destroyed"
    )
    assert found.words == (told if is_erased else "")


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
