"""The picture of a call's stages, drawn from their table: docs/call-states.svg."""

from __future__ import annotations

import click

from hushtape.policy.showing.diagram import Arrow, Box, draw
from hushtape.policy.stages import BENEATH, STAGES, Stage, Turn

_WORDS = {
    Stage.UNRECORDED: "not in a recorded place",
    Stage.WAITING: "in the queue; recorded from the agent's answer on",
    Stage.RECORDED: "a recorder is wanted",
    Stage.PARKED: "was recorded, waits for somebody who has the call",
    Stage.SILENT: "in payment",
    Stage.DECLINED: "never recorded again",
    Stage.OVER: "handed off",
}


def svg() -> str:
    """Draw every cell of the table that moves a call; hang-ups are a line of their own."""
    arrows = []
    for stage in _WORDS:
        for end in _WORDS:
            turns = [
                turn
                for turn in Turn
                if STAGES[stage, turn] is end and end is not stage and turn is not Turn.HUNG_UP
            ]
            if turns:
                words = "; or ".join(turn.value for turn in turns)
                arrows.append(Arrow(stage.value, end.value, words))
    beneath = "; ".join(turn.value for turn in BENEATH)
    return draw(
        [Box(stage.value, words) for stage, words in _WORDS.items()],
        arrows,
        "The stages of a call under its policy, and what moves it",
        (
            (
                "A call begins unrecorded, by the fact with which it enters its first recorded"
                " place. A hang-up ends it wherever it is. What isn't drawn leaves it where it is."
            ),
            f"During a payment these move where the call will be afterwards: {beneath}.",
        ),
    )


if __name__ == "__main__":
    click.echo(svg(), nl=False)
