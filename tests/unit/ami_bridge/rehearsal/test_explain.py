"""What a policy says of a call, in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from ami_bridge.rehearsal.explain import (
    afterwards,
    because,
    everything,
    step_by_step,
    summary,
    what_call,
)
from ami_bridge.rehearsal.places import finder
from ami_bridge.rehearsal.stage import CallWords
from hushtape.policy.duties import Retention, Tag
from hushtape.policy.schema import (
    About,
    Asker,
    Calls,
    Destination,
    DestinationKind,
    OnConsultation,
    OnTransfer,
    OptOut,
    Outbound,
    Payment,
    PaymentWay,
    Permission,
    Policy,
    Starts,
)
from hushtape.policy.trying.script import parse
from hushtape.recordings.manifest import Direction, Reason

START = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
POLICY = Policy(
    policy=About(
        name="town", title="Town", in_force_from=date(2026, 1, 1), time_zone="Europe/London"
    ),
    calls=Calls(queues=("help-line",), directions=(Direction.INBOUND, Direction.OUTBOUND)),
    destination=(
        Destination(name="the payment line", extensions=("730",)),
        Destination(
            name="colleagues",
            every=(DestinationKind.EXTENSION,),
            on_blind_transfer=OnTransfer.STOP,
            on_attended_transfer=OnTransfer.CONTINUE,
            on_consultation=OnConsultation.RECORD,
        ),
    ),
    payment=Payment(lines=("the payment line",), by=(PaymentWay.TRANSFER, PaymentWay.KEY)),
    outbound=Outbound(extensions=("211",), permission=Permission.KEY),
    opt_out=OptOut(by=(Asker.CALLER,)),
    tag=(Tag(name="summer"),),
    retention=Retention(keep="62 days"),
)
CALL = CallWords(START, dialled="01737 276000", queue="help-line")


def told(text: str, call: CallWords = CALL) -> list[str]:
    return step_by_step(call, parse(text), [POLICY], finder())[0]


def test_the_call_is_named_as_it_was_given_in_the_policy_s_time() -> None:
    assert what_call(CALL, LONDON) == (
        "an inbound call, to 01737 276000, queue help-line, on Wednesday 1 July 2026 at 10:00"
    )
    call = CallWords(START, Direction.OUTBOUND, "020 7946 0999", extension="211")
    assert "an outbound call, of extension 211, to 020 7946 0999" in what_call(call, LONDON)


def test_each_step_has_its_state_and_the_rule_that_made_it() -> None:
    lines = told("5 agent answers\n20 transfer to the payment line\n40 hangs up")
    assert lines[1].startswith("policy town, in force from 1 January 2026 (Town): ")
    steps = [line.split() for line in lines]
    assert ["0", "s", "enters", "queue", "help-line", "recorded"] in steps
    assert ["20", "s", "transfer", "to", "the", "payment", "line", "payment:", "silence"] in steps
    assert ["40", "s", "hangs", "up", "over"] in steps
    reasons = [line.strip() for line in lines if "[destination: the payment line]" in line]
    assert len(reasons) == 1
    assert reasons[0].startswith("transfer to the payment line")


def test_what_happens_by_itself_has_a_line_of_its_own() -> None:
    call = CallWords(START, Direction.OUTBOUND, "020 7946 0999", extension="211")
    lines = told("0 answered\n2:00 hangs up", call)
    [late] = [line for line in lines if "permission was not given in time" in line]
    assert late.split()[0] == "60"
    assert late.endswith("not recorded")
    assert any(line.startswith("nothing of it is kept: no permission (key)") for line in lines)


def test_the_summary_is_one_line() -> None:
    _, came = step_by_step(
        CALL,
        parse("5 agent answers\n10 agent consults 240\n20 agent returns\n40 hangs up"),
        [POLICY],
        finder(),
    )
    assert summary(came) == "recorded 0-40 s; consultation recorded 10-20 s"


def test_what_is_kept_is_said_with_the_rule_and_the_tags() -> None:
    _, came = step_by_step(CALL, parse("5 agent answers\n40 hangs up"), [POLICY], finder())
    kept, tags = afterwards(came)
    assert "62 days" in kept
    assert "1 September 2026 10:00" in kept
    assert kept.endswith("[retention.keep]")
    assert tags == "tags: summer"
    nothing = msgspec.structs.replace(came, keep=None, tags=(), alarms=("look here",))
    assert afterwards(nothing) == [
        "nothing is kept: nothing was recorded",
        "somebody is told: look here",
    ]


def test_a_call_of_nobody_s_says_why() -> None:
    lines = told("5 agent answers\n40 hangs up", CallWords(START, queue="revenues"))
    assert lines[1].startswith("not recorded: ")
    things = everything(CallWords(START, queue="revenues"), [POLICY], finder())
    assert things[2] == []
    assert things[0][1].startswith("not recorded: ")


def things(call: CallWords = CALL, policy: Policy = POLICY) -> dict[str, str]:
    return {each.what: each.then for each in everything(call, [policy], finder())[2]}


def test_everything_that_may_happen_to_a_call() -> None:
    assert things() == {
        "transfer to the payment line": "payment: silence",
        "… and on from there to colleagues": "payment: silence",
        "consultation with the payment line": "not recorded",
        "blind transfer to colleagues": "not recorded",
        "attended transfer to colleagues": "recorded",
        "consultation with colleagues": "recorded",
        "transfer to a queue that no destination names": "not recorded",
        "transfer to an outside number that no destination names": "not recorded",
        "transfer to a place that the configuration doesn't know": "not recorded",
        "payment begins by key": "payment: silence",
        "payment begins by dialplan, event, api": "payment: silence",
        "… and ends by key, dialplan, event, api": "recorded",
        "the caller opts out": "not recorded, and what there was is discarded",
        "the agent opts out": "recorded",
        "parked": "waiting: not recorded",
    }


def test_of_an_outbound_call_also_what_is_without_permission() -> None:
    call = CallWords(START, Direction.OUTBOUND, "020 7946 0999", extension="211")
    found = things(call)
    assert found["parked"] == "waiting: not recorded"
    assert found["no permission is given"] == "not recorded, and what there was is discarded"


def test_a_call_that_counts_from_another_minute_says_so() -> None:
    rung = START.replace(second=55)
    steps = parse("10 answered\n20 hangs up")
    lines, _ = step_by_step(CallWords(rung, dialled="1"), steps, [POLICY], finder())
    minute = (rung + timedelta(seconds=10)).astimezone(POLICY.zone).strftime("%H:%M")
    assert lines[0].endswith(f"; it counts from its queue entry or answer, at {minute}")
    lines, _ = step_by_step(CallWords(START, dialled="1"), steps, [POLICY], finder())
    assert "counts from" not in lines[0]


def test_a_queue_in_which_nothing_is_recorded_yet_gives_that_as_its_reason() -> None:
    calls = msgspec.structs.replace(POLICY.calls, starts=Starts.ANSWER)
    policy = msgspec.structs.replace(POLICY, calls=calls)
    steps = parse("5 agent answers\n20 hangs up")
    lines, came = step_by_step(CALL, steps, [policy], finder())
    shown = [line.strip() for line in lines[3:7]]
    assert shown[0].endswith("not recorded")
    assert shown[1].endswith("[calls.starts]")
    assert shown[2].endswith("recorded")
    assert shown[3].endswith("[calls.starts]")
    assert [row.reason.rule for row in came.rows if row.reason] == ["calls.starts"] * 2


def test_a_reason_names_its_rule() -> None:
    reason = Reason(policy="town", version="2026-01-01", rule="calls", words="recorded")
    assert because(reason) == "recorded [calls]"
    assert because(msgspec.structs.replace(reason, rule="")) == "recorded"


def test_a_payment_line_of_another_policy_is_one_thing_that_may_happen() -> None:
    about = msgspec.structs.replace(POLICY.policy, name="other")
    till = (Destination(name="the payment line", extensions=("790",)),)
    calls = Calls(queues=("elsewhere",))
    other = msgspec.structs.replace(POLICY, policy=about, calls=calls, destination=till)
    found = {each.what: each for each in everything(CALL, [POLICY, other], finder())[2]}
    line = found["transfer to a payment line of another policy"]
    assert line.then == "payment: silence"
    assert "the payment line of policy other" in line.why
    _, came = step_by_step(CALL, parse("5 answers\n20 transfer to 790"), [POLICY, other], finder())
    assert summary(came) == "recorded 0-20 s; payment: silence 20-30 s"
