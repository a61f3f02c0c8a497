"""A call's script, played through the real call machine in a virtual time.

Pure: the moment at which the call begins is an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ami_bridge.rehearsal.outcome import outcome
from ami_bridge.rehearsal.stage import CallWords, PlaceOf, ScriptStage
from hushtape.policy.schema import Policy
from hushtape.policy.trying.script import ScriptError, Step, Verb
from hushtape.policy.trying.timeline import Outcome

GOES_ON_S = 10.0  # a call whose end nobody has written goes on for so long after its last step


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of a script.

    Args:
        steps: those that were played, with what was understood of itself: how it began and ended.
        counts_from: its queue entry, or its answer where no queue is: hours and dates count from
            there.
    """

    outcome: Outcome
    steps: tuple[Step, ...]
    counts_from: datetime


def perform(
    call: CallWords, steps: Sequence[Step], policies: Sequence[Policy], place_of: PlaceOf
) -> Performed:
    """Play a script.

    Args:
        policies: every version of every policy that may name the call.

    Raises:
        ScriptError: a step can't be carried out where it stands.
    """
    whole = complete(call, steps)
    ended_at = call.at + timedelta(seconds=whole[-1].at_s)
    stage = ScriptStage(call, policies, place_of)
    for step in whole:
        stage.play(step)
    stage.check_back(whole[-1])
    rehearsed = stage.rehearsal.finish(ended_at)
    if not rehearsed:
        raise ScriptError(whole[-1].line, "the call never begins: expected an answer, or a queue")
    first = rehearsed[0]
    counts_from = first.call.began.at if first.call is not None else first.arrived.at
    return Performed(outcome(first, call.at, ended_at), whole, counts_from)


def complete(call: CallWords, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Add what goes without saying: how the call begins, and that it ends."""
    whole = list(steps)
    begins = {Verb.ENTERS, Verb.MOVED} if call.queue else {Verb.ENTERS, Verb.MOVED, Verb.ANSWERS}
    if call.queue:
        if not any(step.verb in begins and step.who == call.queue for step in whole):
            words = f"enters queue {call.queue}"
            whole.insert(0, Step(0.0, Verb.ENTERS, who=call.queue, words=words))
    elif not any(step.verb in begins for step in whole):
        whole.insert(0, Step(0.0, Verb.ANSWERS, words="answered"))
    if whole[-1].verb is not Verb.HANGS_UP:
        end_s = whole[-1].at_s + GOES_ON_S
        whole.append(Step(end_s, Verb.HANGS_UP, line=whole[-1].line, words="hangs up"))
    return tuple(whole)
