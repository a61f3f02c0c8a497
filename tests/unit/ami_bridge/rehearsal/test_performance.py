"""A script as a whole: what goes without saying, and what comes of it (and test_script_stage)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from ami_bridge.rehearsal.performance import GOES_ON_S, complete, perform
from ami_bridge.rehearsal.places import finder
from ami_bridge.rehearsal.stage import CallWords
from hushtape.policy.duties import Retention
from hushtape.policy.schema import About, Calls, Policy
from hushtape.policy.trying.script import ScriptError, Verb, parse

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
POLICY = Policy(
    policy=About(name="town", title="T", in_force_from=date(2026, 1, 1), time_zone="UTC"),
    calls=Calls(queues=("help-line",)),
    retention=Retention(keep="62 days"),
)
CALL = CallWords(START, dialled="01737 276000", queue="help-line")
DIRECT = CallWords(START, dialled="01737 276000")


def verbs(text: str, call: CallWords) -> list[Verb]:
    return [step.verb for step in complete(call, parse(text))]


def test_a_call_s_beginning_and_end_are_added_where_nobody_wrote_them() -> None:
    assert verbs("5 agent answers", CALL) == [Verb.ENTERS, Verb.ANSWERS, Verb.HANGS_UP]
    assert verbs("5 hold", DIRECT) == [Verb.ANSWERS, Verb.HELD, Verb.HANGS_UP]
    assert complete(CALL, parse("5 agent answers"))[-1].at_s == 5 + GOES_ON_S


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("0 enters queue help-line\n9 hangs up", CALL),
        ("0 moved to queue help-line\n9 hangs up", CALL),
        ("5 answered\n9 hangs up", DIRECT),
        ("5 enters queue help-line\n9 hangs up", DIRECT),
    ],
)
def test_what_was_written_is_not_added_again(text: str, call: CallWords) -> None:
    assert complete(call, parse(text)) == parse(text)


def test_the_outcome_begins_with_the_call_and_ends_with_its_last_step() -> None:
    done = perform(CALL, parse("5 agent answers\n40 hangs up"), [POLICY], finder())
    assert done.outcome.began_at == START
    assert done.outcome.ended_at == START + timedelta(seconds=40)
    assert done.steps[0].words == "enters queue help-line"


def test_what_was_lost_must_come_back_before_the_end() -> None:
    with pytest.raises(ScriptError, match="link back"):
        perform(CALL, parse("5 agent answers\n9 link lost"), [POLICY], finder())
