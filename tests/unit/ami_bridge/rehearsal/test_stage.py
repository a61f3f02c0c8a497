"""Scripts played through the real call machine: what each step makes of a call."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest

from ami_bridge.facts import Channel, Fact
from ami_bridge.rehearsal.performance import Performed, perform
from ami_bridge.rehearsal.places import finder
from ami_bridge.rehearsal.rehearsal import Rehearsal
from ami_bridge.rehearsal.stage import CallWords, ScriptStage
from hushtape.policy.duties import Retention
from hushtape.policy.schema import (
    About,
    AfterPayment,
    Asker,
    Calls,
    Destination,
    OnConsultation,
    OnTransfer,
    OptOut,
    Outbound,
    Payment,
    Permission,
    Policy,
    Starts,
    Transfer,
)
from hushtape.policy.trying.script import ScriptError, Verb, parse
from hushtape.policy.trying.timeline import State, by_state
from hushtape.recordings.manifest import Direction

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
POLICY = Policy(
    policy=About(name="town", title="T", in_force_from=date(2026, 1, 1), time_zone="UTC"),
    calls=Calls(
        queues=("help-line", "second-line"),
        directions=(Direction.INBOUND, Direction.OUTBOUND),
    ),
    destination=(
        Destination(name="the payment line", extensions=("730",)),
        Destination(name="colleagues", extensions=("24X",), on_consultation=OnConsultation.RECORD),
        Destination(name="the desk", extensions=("25X",), on_transfer=OnTransfer.CONTINUE),
        Destination(name="revenues", queues=("revenues",)),
    ),
    transfer=Transfer(otherwise=OnTransfer.STOP),
    payment=Payment(lines=("the payment line",)),
    outbound=Outbound(extensions=("211",), permission=Permission.KEY),
    opt_out=OptOut(by=(Asker.CALLER, Asker.AGENT)),
    retention=Retention(keep="62 days"),
)
CALL = CallWords(START, dialled="01737 276000", queue="help-line")


def performed(text: str, call: CallWords = CALL, policy: Policy = POLICY) -> Performed:
    return perform(call, parse(text), [policy], finder())


def line(text: str, call: CallWords = CALL, policy: Policy = POLICY) -> str:
    """The timeline as text, without the end, which is at 40 s."""
    came = performed(f"{text}\n40 hangs up", call, policy).outcome
    parts = [f"{round(row.start_s)} {row.state}" for row in by_state(came.rows)]
    parts += [f"{round(r.start_s)}-{round(r.end_s)} consultation" for r in came.consultations]
    return ", ".join(parts + ["discarded"] * (came.discard is not None))


@pytest.mark.parametrize(
    ("text", "comes"),
    [
        ("5 agent answers", "0 recorded"),
        ("5 agent 211 answers", "0 recorded"),
        ("5 agent answers\n20 blind transfer to 240", "0 recorded, 20 not recorded"),
        ("5 agent answers\n20 attended transfer to 240", "0 recorded, 20 not recorded"),
        ("5 agent answers\n20 transfer to 250\n22 250 answers", "0 recorded"),
        ("5 agent answers\n20 redirected to 240", "0 recorded, 20 not recorded"),
        ("5 agent answers\n20 transfer fails", "0 recorded"),
        ("5 agent answers\n20 transfer to the payment line", "0 recorded, 20 payment"),
        ("5 agent answers\n20 transfer to queue second-line\n25 agent answers", "0 recorded"),
        (
            "5 agent answers\n20 transfer to revenues\n25 agent answers",
            "0 recorded, 20 not recorded",
        ),
        (
            "5 agent answers\n20 attended transfer to queue revenues\n25 agent answers",
            "0 recorded, 20 not recorded",
        ),
        (
            "5 answers\n10 agent consults revenues\n20 completes transfer\n25 answers",
            "0 recorded, 20 not recorded",
        ),
        (
            "5 answers\n10 agent consults second-line\n20 completes transfer\n25 answers",
            "0 recorded",
        ),
        ("5 agent answers\n20 redirected to revenues", "0 recorded, 20 not recorded"),
        (
            "5 agent answers\n10 transfer to 240\n20 transfer to help-line\n25 agent answers",
            "0 recorded, 10 not recorded, 20 recorded",
        ),
        ("10 moved to queue revenues\n20 agent answers", "0 recorded, 10 not recorded"),
        ("10 moved to queue second-line\n20 agent answers", "0 recorded"),
        (
            "5 agent answers\n10 agent consults 240\n20 completes the transfer",
            "0 recorded, 20 not recorded, 10-20 consultation",
        ),
        (
            "5 agent answers\n10 agent consults 240\n20 agent returns",
            "0 recorded, 10-20 consultation",
        ),
        ("5 agent answers\n10 agent consults 250\n20 agent returns", "0 recorded"),
        (
            "5 agent answers\n10 agent consults 240\n20 conference with 240\n30 agent leaves",
            "0 recorded, 30 not recorded, 10-20 consultation",
        ),
        (
            "5 agent answers\n10 conference with the payment line\n20 agent leaves",
            "0 recorded, 10 payment",
        ),
        ("5 agent answers\n10 conference with 240\n20 240 leaves", "0 recorded"),
        (
            "5 agent answers\n10 parked\n20 fetched by the agent",
            "0 recorded, 10 waiting, 20 recorded",
        ),
        (
            "5 agent 211 answers\n10 parked\n20 fetched by 211",
            "0 recorded, 10 waiting, 20 recorded",
        ),
        (
            "5 agent answers\n10 parked\n20 fetched by 240",
            "0 recorded, 10 waiting, 20 not recorded",
        ),
        ("5 agent answers\n10 hold\n20 resumes", "0 recorded"),
        ("5 agent answers\n10 caller opts out", "0 recorded, 10 not recorded, discarded"),
        ("5 agent answers\n10 agent opts out", "0 recorded, 10 not recorded, discarded"),
        (
            "5 agent answers\n10 payment begins by key\n20 payment ends",
            "0 recorded, 10 payment, 20 recorded",
        ),
        (
            "5 agent answers\n10 link lost\n15 link back",
            "0 recorded",
        ),
        (
            "5 agent answers\n10 link lost\n15 transfer to 240\n20 link back",
            "0 recorded, 10 not recorded",
        ),
        (
            "5 agent answers\n10 bridge killed\n15 bridge back",
            "0 recorded",
        ),
        (
            "5 agent answers\n10 bridge killed\n15 transfer to queue revenues\n20 bridge back",
            "0 recorded, 10 not recorded",
        ),
        (
            "5 agent answers\n10 link lost\n15 caller opts out\n20 link back",
            "0 recorded, 10 not recorded, discarded",
        ),
        # The dialplan notes a payment on the channel, and stops what records; nothing else does.
        (
            "5 answers\n10 link lost\n15 payment begins by key\n20 link back\n30 payment ends",
            "0 recorded, 15 payment, 30 recorded",
        ),
        (
            "5 answers\n10 bridge killed\n15 payment begins by dialplan\n20 bridge back",
            "0 recorded, 15 payment",
        ),
        ("5 answers\n10 link lost\n15 payment begins by event\n20 link back", "0 recorded"),
        (
            "5 answers\n10 link lost\n15 payment begins by key\n16 payment ends\n20 link back",
            "0 recorded, 15 payment",
        ),
        (
            "5 answers\n9 bridge killed\n15 payment begins by key\n16 payment ends\n20 bridge back",
            "0 recorded, 15 payment, 20 recorded",
        ),
    ],
)
def test_what_a_script_comes_to(text: str, comes: str) -> None:
    assert line(text) == comes


def test_what_was_lost_is_seen_by_nobody_meanwhile() -> None:
    came = performed("5 agent answers\n10 link lost\n15 transfer to 240\n20 link back").outcome
    assert "unseen transfer" in [each.what for each in came.story]


def facts_of(text: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []
    tell = Rehearsal.tell

    def listen(self: Rehearsal, channel: Channel, fact: Fact) -> None:
        told.append(type(fact).__name__)
        tell(self, channel, fact)

    monkeypatch.setattr(Rehearsal, "tell", listen)
    performed(text)
    return told


def test_facts_come_in_the_pbx_s_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an Asterisk tells them: tests/data/ami."""
    told = facts_of(
        "5 agent answers\n10 agent consults 240\n20 completes the transfer", monkeypatch
    )
    assert told == [
        "QueueEntered",
        *("LeftTalk", "AgentAnswered", "JoinedTalk", "TalkChanged"),
        *("Held", "ConsultationBegan", "ConsultationBegan"),
        *("TalkChanged", "TransferCompleted", "ConsultationEnded", "LegGone"),
        *("LeftTalk", "TalkChanged", "HungUp"),
    ]


def test_after_a_lost_link_what_is_there_is_told_and_that_nobody_listened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "5 agent answers\n10 link lost\n15 transfer to 240\n20 link back\n40 hangs up"
    assert facts_of(text, monkeypatch)[5:] == [
        *("TransferCompleted", "TalkChanged", "NobodyListened"),
        *("LeftTalk", "TalkChanged", "HungUp"),
    ]


DIRECT = CallWords(START, dialled="01737 276000")


def test_a_call_through_no_queue_is_answered() -> None:
    numbered = msgspec.structs.replace(POLICY, calls=Calls(numbers=("+44 1737 276000",)))
    assert line("5 answered", DIRECT, numbered) == "0 not recorded, 5 recorded"
    assert line("5 transfer to 240", DIRECT, numbered) == "0 recorded, 5 not recorded"


def test_an_opt_out_before_the_queue_is_no_recording_at_all() -> None:
    call = CallWords(START)
    assert line("0 caller opts out\n5 enters queue help-line", call) == "0 not recorded"


def outbound(text: str) -> str:
    return line(text, CallWords(START, Direction.OUTBOUND, "020 7946 0999", extension="211"))


def test_outbound_calls_and_their_permission() -> None:
    assert outbound("0 answered\n20 permission given") == "0 recorded"
    assert outbound("0 answered") == "0 recorded, discarded"
    call = CallWords(START, Direction.OUTBOUND, "020 7946 0999", extension="240")
    assert line("0 answered", call) == "0 not recorded"


def test_a_permission_that_an_announcement_asked_for_comes_before_the_answer() -> None:
    terms = msgspec.structs.replace(POLICY.outbound, permission=Permission.ANNOUNCEMENT)
    policy = msgspec.structs.replace(POLICY, outbound=terms)
    call = CallWords(START, Direction.OUTBOUND, "020 7946 0999", extension="211")
    text = "0 permission given by announcement\n5 answered"
    assert line(text, call, policy) == "0 not recorded, 5 recorded"


def test_recording_that_starts_with_the_answer_starts_with_it() -> None:
    calls = msgspec.structs.replace(POLICY.calls, starts=Starts.ANSWER)
    policy = msgspec.structs.replace(POLICY, calls=calls)
    assert line("9 agent answers", CALL, policy) == "0 not recorded, 9 recorded"
    assert line("9 moved to queue second-line", CALL, policy) == "0 not recorded"


def test_a_payment_after_which_recording_stays_silent() -> None:
    payment = msgspec.structs.replace(POLICY.payment, afterwards=AfterPayment.STAY_SILENT)
    policy = msgspec.structs.replace(POLICY, payment=payment)
    text = "5 agent answers\n10 payment begins by key\n20 payment ends"
    assert line(text, CALL, policy) == "0 recorded, 10 payment"


def test_what_the_policy_names_has_its_reasons_and_its_period() -> None:
    came = performed("5 agent answers\n20 transfer to the payment line\n40 hangs up").outcome
    assert (came.policy, came.version) == ("town", "2026-01-01")
    assert came.keep is not None
    assert came.keep.period == "62 days"
    last = came.rows[-1].reason
    assert last is not None
    assert last.rule == "destination: the payment line"


def test_a_name_that_two_policies_use_is_the_one_s_of_the_call() -> None:
    other = msgspec.structs.replace(
        POLICY,
        policy=msgspec.structs.replace(POLICY.policy, name="a-village"),
        calls=Calls(queues=("village",)),
        destination=(Destination(name="the payment line", extensions=("990",)),),
    )
    steps = parse("5 agent answers\n20 transfer to the payment line\n40 hangs up")
    came = perform(CALL, steps, [other, POLICY], finder()).outcome
    assert came.rows[-1].state is State.PAYMENT


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("5 transfer to 240", 1, "nobody talks with the caller; expected an answer before"),
        ("5 agent answers\n9 transfer to mars", 2, '"mars" is no place'),
        ("5 agent answers\n9 completes the transfer", 2, "nobody is consulted"),
        ("5 agent answers\n9 agent returns", 2, "nobody is consulted"),
        ("5 agent answers\n9 fetched by 240", 2, "the call is not parked"),
        ("5 agent answers\n9 parked\n12 agent answers", 3, 'expected "fetched by …"'),
        ("5 agent answers\n9 240 leaves", 2, "240 is not in the talk"),
        ("5 agent answers\n9 payment ends", 2, "no payment has begun"),
        ("5 agent answers\n9 link back", 2, "the link was not lost"),
        ("5 agent answers\n9 link lost\n12 bridge killed", 3, "the link is lost already"),
        ("5 agent answers\n9 link lost\n12 hangs up", 3, 'expected "link back"'),
        ("5 agent answers\n9 link lost", 2, 'expected "link back"'),
    ],
)
def test_what_can_t_be_where_it_stands(text: str, line: int, words: str) -> None:
    with pytest.raises(ScriptError) as caught:
        performed(text)
    assert caught.value.line == line
    assert words in caught.value.what


def test_nothing_happens_before_the_call_begins() -> None:
    with pytest.raises(ScriptError, match="the call has not begun"):
        performed("0 hold\n5 enters queue help-line", CallWords(START))


def test_every_verb_can_be_played() -> None:
    assert set(ScriptStage._STEPS) == set(Verb)
