"""Where a call stands under its policy, as a table: what a fact means moves it."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """Where the call stands under its policy."""

    RECORDED = "recorded"
    UNRECORDED = "unrecorded"
    WAITING = "waiting"  # in a recorded queue, of a policy that begins with the agent's answer
    PARKED = "parked"  # it was recorded, and waits for somebody to fetch it
    SILENT = "silent"  # in payment
    DECLINED = "declined"  # an opt-out, or no permission: nothing more of it is recorded
    OVER = "over"


class Turn(StrEnum):
    """What a fact means under the policy."""

    ENTERED = "entered a recorded place"
    WAITS = "entered a place that is recorded from an answer on"
    ANSWERED = "answered by the agent it has waited for"
    LEFT = "left for a place that is not recorded"
    WENT_ON = "went on to a place where recording goes on"
    PARKED = "parked"
    TURNED_OUT_PARKED = "was only being parked, when it seemed to leave"
    PAYMENT_BEGAN = "payment began"
    PAYMENT_ENDED = "payment ended, with somebody there who has the call"
    PAYMENT_ENDED_ALONE = "payment ended, with nobody there"
    PAYMENT_ENDED_ELSEWHERE = "payment ended where the call isn't recorded"
    DECLINED = "declined to be recorded"
    HUNG_UP = "hung up"


def _row(stage: Stage, **cells: Stage) -> dict[tuple[Stage, Turn], Stage]:
    """Write one stage's row: a turn that isn't named leaves it as it is; a hang-up ends it."""
    row = {(stage, turn): cells.get(turn.name.lower(), stage) for turn in Turn}
    return {**row, (stage, Turn.HUNG_UP): Stage.OVER}


# A silent call stays silent wherever it goes, until the payment is told to be over or, after a
# payment line, a queue is entered anew; one that declined for good. Where recording had stopped,
# "went on" starts nothing: only a recorded place does. After a payment it is where it would be
# without it (``BENEATH``).
STAGES: dict[tuple[Stage, Turn], Stage] = {
    **_row(
        Stage.UNRECORDED,
        entered=Stage.RECORDED,
        waits=Stage.WAITING,
        turned_out_parked=Stage.PARKED,
        payment_began=Stage.SILENT,
        declined=Stage.DECLINED,
    ),
    **_row(
        Stage.WAITING,
        entered=Stage.RECORDED,
        answered=Stage.RECORDED,
        left=Stage.UNRECORDED,
        payment_began=Stage.SILENT,
        declined=Stage.DECLINED,
    ),
    **_row(
        Stage.RECORDED,
        left=Stage.UNRECORDED,
        parked=Stage.PARKED,
        turned_out_parked=Stage.PARKED,
        payment_began=Stage.SILENT,
        declined=Stage.DECLINED,
    ),
    **_row(
        Stage.PARKED,
        entered=Stage.RECORDED,
        waits=Stage.WAITING,
        went_on=Stage.RECORDED,
        left=Stage.UNRECORDED,
        payment_began=Stage.SILENT,
        declined=Stage.DECLINED,
    ),
    **_row(
        Stage.SILENT,
        entered=Stage.RECORDED,
        waits=Stage.WAITING,
        payment_ended=Stage.RECORDED,
        payment_ended_alone=Stage.PARKED,
        payment_ended_elsewhere=Stage.UNRECORDED,
        declined=Stage.DECLINED,
    ),
    **_row(Stage.DECLINED),
    **_row(Stage.OVER),
}

# During a payment these still move where the call would be without it.
BENEATH = (Turn.LEFT, Turn.WENT_ON, Turn.PARKED, Turn.TURNED_OUT_PARKED, Turn.ANSWERED)
