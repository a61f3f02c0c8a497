"""Steps that an officer writes: what each says, and what a wrong one is told."""

from __future__ import annotations

import pytest

from hushtape.policy.schema import Asker, PaymentWay, Permission
from hushtape.policy.trying.script import (
    MOST_STEPS,
    STEP_LIMIT,
    ScriptError,
    Step,
    Verb,
    asker,
    parse,
    parse_step,
)


def said(line: str) -> tuple[Verb, str]:
    step = parse_step(f"5 s {line}")
    assert step.at_s == 5
    assert step.words == " ".join(line.split())
    return step.verb, step.who


@pytest.mark.parametrize(
    ("line", "verb", "who"),
    [
        ("enters queue help-line", Verb.ENTERS, "help-line"),
        ("the caller enters queue Help_Line.2", Verb.ENTERS, "Help_Line.2"),
        ("back in queue help-line", Verb.ENTERS, "help-line"),
        ("moved to queue revenues", Verb.MOVED, "revenues"),
        ("goes on to queue revenues", Verb.MOVED, "revenues"),
        ("agent answers", Verb.ANSWERS, ""),
        ("the agent answers", Verb.ANSWERS, ""),
        ("answered", Verb.ANSWERS, ""),
        ("answered by the agent", Verb.ANSWERS, ""),
        ("agent 211 answers", Verb.ANSWERS, "211"),
        ("240 answers", Verb.ANSWERS, "240"),
        ("answered by 240", Verb.ANSWERS, "240"),
        ("blind transfer to 730", Verb.BLIND, "730"),
        ("transfer to 730", Verb.BLIND, "730"),
        ("transferred to queue revenues", Verb.BLIND, "queue revenues"),
        ("agent transfers the caller to the payment line", Verb.BLIND, "the payment line"),
        ("blind transfer to +44 (0)20 7946 0010", Verb.BLIND, "+44 (0)20 7946 0010"),
        ("attended transfer to 240", Verb.ATTENDED, "240"),
        ("redirected to 240", Verb.REDIRECTED, "240"),
        ("transfer fails", Verb.TRANSFER_FAILS, ""),
        ("agent consults 240", Verb.CONSULTS, "240"),
        ("the agent consults the payment line", Verb.CONSULTS, "the payment line"),
        ("completes the transfer", Verb.COMPLETES, ""),
        ("agent completes the transfer", Verb.COMPLETES, ""),
        ("returns", Verb.RETURNS, ""),
        ("agent returns to the caller", Verb.RETURNS, ""),
        ("parked", Verb.PARKED, ""),
        ("the call is parked", Verb.PARKED, ""),
        ("fetched by 211", Verb.FETCHED, "211"),
        ("fetched by the same agent", Verb.FETCHED, ""),
        ("hold", Verb.HELD, ""),
        ("the caller is on hold", Verb.HELD, ""),
        ("resumes", Verb.RESUMES, ""),
        ("caller opts out", Verb.CALLER_OPTS_OUT, ""),
        ("the caller opts out", Verb.CALLER_OPTS_OUT, ""),
        ("agent opts out", Verb.AGENT_OPTS_OUT, ""),
        ("conference with 240", Verb.CONFERENCE, "240"),
        ("agent leaves", Verb.LEAVES, ""),
        ("240 leaves", Verb.LEAVES, "240"),
        ("hangs up", Verb.HANGS_UP, ""),
        ("the caller hangs up", Verb.HANGS_UP, ""),
        ("agent hangs up", Verb.HANGS_UP, ""),
        ("link lost", Verb.LINK_LOST, ""),
        ("the link is back", Verb.LINK_BACK, ""),
        ("bridge killed", Verb.BRIDGE_KILLED, ""),
        ("bridge back", Verb.BRIDGE_BACK, ""),
        ("HANGS   UP", Verb.HANGS_UP, ""),
    ],
)
def test_what_a_step_says(line: str, verb: Verb, who: str) -> None:
    assert said(line) == (verb, who)


def test_every_verb_can_be_said_as_it_is_shown() -> None:
    ways = {Verb.PAYMENT_BEGINS: "key"}
    for verb in Verb:
        assert parse_step(f"1 {verb.value.replace('…', ways.get(verb, '730'))}").verb is verb


@pytest.mark.parametrize("way", [way for way in PaymentWay if way is not PaymentWay.TRANSFER])
def test_how_a_payment_begins_and_ends(way: PaymentWay) -> None:
    assert parse_step(f"5 payment begins by {way}").way is way
    assert parse_step(f"5 payment ends by the {way}").way is way
    assert parse_step("5 payment is over").way is None


def test_a_payment_line_is_reached_by_a_transfer_and_no_other_way() -> None:
    with pytest.raises(ScriptError, match=r'did you mean "payment begins by …"'):
        parse_step("5 payment begins by transfer")


def test_how_permission_is_given() -> None:
    assert parse_step("5 permission given").permission is Permission.KEY
    given = parse_step("5 permission is given by an announcement")
    assert given.permission is Permission.ANNOUNCEMENT


def test_who_opts_out() -> None:
    assert asker(Verb.CALLER_OPTS_OUT) is Asker.CALLER
    assert asker(Verb.AGENT_OPTS_OUT) is Asker.AGENT


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("0", 0.0),
        ("20 s", 20.0),
        ("20s", 20.0),
        ("20.25 sec", 20.25),
        ("2 min", 120.0),
        ("1:05", 65.0),
        ("1:00:01", 3601.0),
        ("90 seconds", 90.0),
    ],
)
def test_times(time: str, seconds: float) -> None:
    assert parse_step(f"{time} hangs up").at_s == seconds


def test_a_script_passes_over_comments_and_empty_lines() -> None:
    steps = parse("# a call\n\n 0 s enters queue a # at once\n5 s  transfer to #70\n")
    assert steps == (
        Step(0.0, Verb.ENTERS, who="a", line=3, words="enters queue a"),
        Step(5.0, Verb.BLIND, who="#70", line=4, words="transfer to #70"),
    )


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("agent answers", 1, 'expected a time first, such as "20 s"'),
        ("\n5 s", 2, "expected a step after the time"),
        ("5 s agnet answers", 1, 'did you mean "agent answers"?'),
        ("5 s blnd transfer to 730", 1, 'did you mean "blind transfer to …"?'),
        ("5 s caller opts in", 1, 'did you mean "caller opts out"?'),
        ("5 s dances", 1, "expected one of: enters queue …; "),
        ("5 s enters queue a b", 1, "there is no such step"),
        ("20 s hold\n5 s resumes", 2, "5 s comes after 20 s"),
        ("5 s hangs up\n9 s hold", 2, '"hold" after the call was hung up'),
        ("99999 s hold", 1, "a day, at the most"),
        (f"5 s {'x' * STEP_LIMIT}", 1, f"{STEP_LIMIT} characters at the most"),
        ("5 s hold\n" * (MOST_STEPS + 1), MOST_STEPS + 1, f"{MOST_STEPS} steps at the most"),
        ("\n" * 10_000, 2 * MOST_STEPS, "too long"),
        ("٥ s hold", 1, "expected a time first"),
    ],
)
def test_what_is_no_script_is_told_where_and_what_was_expected(
    text: str, line: int, words: str
) -> None:
    with pytest.raises(ScriptError) as caught:
        parse(text)
    assert caught.value.line == line
    assert words in caught.value.what
    assert "\n" not in caught.value.what


def test_a_long_wrong_step_is_not_repeated_as_a_whole() -> None:
    with pytest.raises(ScriptError) as caught:
        parse_step(f"5 {'z' * 200}")
    assert "z" * 61 not in caught.value.what
