"""Of whatever a recorder took in, no sample of a payment is left."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as some

from hushtape.recordings.manifest import StopSeen
from hushtape.recordings.proof import Result
from tests.recording_samples import RATE_HZ
from tests.unit.workers.test_silence import (
    ENDED_S,
    MARGIN_S,
    payment,
    ruled,
    stopped,
)
from workers.silence import FILE_CLOCK_S


@settings(max_examples=100)
@given(
    whole_s=some.floats(0, 50),
    cut_s=some.floats(0, 5),
    begin_s=some.floats(-5, 40),
    length_s=some.floats(0.2, 20),
    gap_at_s=some.floats(0, 40),
    gap_s=some.floats(0, 10),
    seen=some.booleans(),
    lag_s=some.floats(0, 1),
    off_s=some.floats(-0.9, 0.9),
    tells_age=some.booleans(),
)
def test_no_sample_of_a_payment_is_left(
    whole_s: float,
    cut_s: float,
    begin_s: float,
    length_s: float,
    gap_at_s: float,
    gap_s: float,
    seen: bool,
    lag_s: float,
    off_s: float,
    tells_age: bool,
) -> None:
    """A recorder that ran from 0 on, with one gap, whatever the bridge believed of its end.

    One whose file tells its age has been started ``lag_s`` earlier, and has a clock of its own.
    """
    lag_s = lag_s if tells_age and not seen else 0.0
    off_s = off_s if tells_age and not seen else 0.0
    really_until_s = min(whole_s - lag_s + (gap_s if gap_at_s < whole_s else 0), ENDED_S)
    each = stopped(
        0,
        max(0.0, begin_s),
        cut_s=cut_s if seen else 0.0,
        stop=StopSeen.CONFIRMED if seen else StopSeen.UNSEEN,
    )
    # As long as it should be, by the chance that its gap is as long as what came too late.
    is_told = abs(whole_s - max(0.0, begin_s) - cut_s) > MARGIN_S
    assume(is_told or not seen or not gap_s)
    # Asked for when a payment was over, or before it: never in one that the answer outlasts.
    assume(begin_s + length_s > MARGIN_S or begin_s + length_s <= -lag_s)
    span = payment(begin_s, begin_s + length_s)
    kept_s = max(0.0, whole_s - (cut_s if seen else 0.0))
    born_s = -lag_s + off_s if tells_age else None
    found = ruled(span, each, whole_s, kept_s, really_until_s + off_s, born_s=born_s)
    # By its age it is certain to the moment, unless the clocks are said to differ.
    slack_s = 0.0 if tells_age and not seen else FILE_CLOCK_S
    erased = found.erase if found.result is not Result.FAILED else found.erase_if_heard
    step = RATE_HZ // 50
    for place in range(0, min(found.keep_frames, round(whole_s * RATE_HZ)), step):
        if erased and erased[0] <= place < erased[1]:
            continue
        came_s = place / RATE_HZ - lag_s
        came_s += gap_s if place / RATE_HZ >= gap_at_s else 0.0
        inside = begin_s + slack_s + MARGIN_S < came_s < begin_s + length_s - MARGIN_S
        assert not inside, f"{came_s} s is left"
