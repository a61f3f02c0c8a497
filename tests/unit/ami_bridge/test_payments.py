"""What the dialplan says of payments, and whose calls are meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ami_bridge.asterisk.protocol import Frame
from ami_bridge.facts import (
    Claimed,
    ConsultedGone,
    ForeignRecorder,
    PaymentBegan,
    PaymentEnded,
    QueueEntered,
    SilenceAsked,
    TransferCompleted,
)
from ami_bridge.payments import (
    MOST_CONCERNED,
    note,
    read_note,
    read_paid,
)
from ami_bridge.told import Told
from ami_bridge.variables import CALL_VARIABLE, PAID_VARIABLE, PAYMENT_VARIABLE
from hushtape.policy.schema import PaymentWay
from tests.unit.ami_bridge.asterisk.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    NAMES,
    NOW,
    SINCE,
    Pbx,
    local_call,
    of,
    queue_call,
    status,
)

NONCE = "123456789987654321"
SECOND = "1.77"  # the agent's second channel
BEGAN = datetime(2026, 11, 21, 13, 4, 30, 250_000, tzinfo=UTC)


def says(pbx: Pbx, uniqueid: str, act: str, **headers: str) -> list[Told]:
    event = {"UserEvent": "Hushtape", "Act": act, "Linkedid": "l1", **headers}
    return pbx.says("UserEvent", Uniqueid=uniqueid, **event)


def told_to(told: list[Told], kind: type) -> set[str]:
    return {each.channel.uniqueid for each in told if isinstance(each.fact, kind)}


def began(told: list[Told], uniqueid: str = CALLER) -> PaymentBegan:
    (fact,) = of(told, uniqueid, PaymentBegan)
    assert isinstance(fact, PaymentBegan)
    return fact


def ended(told: list[Told], uniqueid: str = CALLER) -> PaymentEnded:
    (fact,) = of(told, uniqueid, PaymentEnded)
    assert isinstance(fact, PaymentEnded)
    return fact


def asked(told: list[Told]) -> SilenceAsked:
    (fact,) = [each.fact for each in told if isinstance(each.fact, SilenceAsked)]
    assert isinstance(fact, SilenceAsked)
    return fact


def held_call() -> Pbx:
    """The agent has put the caller on hold, and dials the payment line on a second channel."""
    pbx = queue_call()
    pbx.says("Hold", Uniqueid=AGENT, Linkedid="l1")
    name = NAMES[AGENT].rpartition("-")[0] + "-00000077"
    pbx.says("Newchannel", Uniqueid=SECOND, Channel=name, Context="internal", Exten="710")
    return pbx


# a payment begins


def test_the_agents_key_is_told_of_whom_he_talks_to() -> None:
    fact = began(says(queue_call(), CALLER, "payment-began", By="key"))
    assert (fact.way, fact.stops) == (PaymentWay.KEY, True)


def test_a_key_on_the_agents_own_channel_was_the_callers() -> None:
    told = says(queue_call(), AGENT, "payment-began", By="key")
    assert told_to(told, PaymentBegan) == {AGENT}, "and that is no outside party's"


def test_a_key_behind_a_local_channel_is_the_callers_payment() -> None:
    pbx = local_call()
    assert told_to(says(pbx, "1.9", "payment-began", By="key"), PaymentBegan) == {CALLER}
    told = says(pbx, "1.8", "payment-began", By="key")
    assert CALLER not in told_to(told, PaymentBegan), "the caller has pressed that one"


@pytest.mark.parametrize(
    ("by", "way", "stops"),
    [
        ("dialplan", PaymentWay.DIALPLAN, True),
        ("event", PaymentWay.EVENT, False),
        ("api", PaymentWay.EVENT, False),
        ("", PaymentWay.EVENT, False),
    ],
)
@pytest.mark.parametrize("on", [CALLER, AGENT])
def test_whatever_else_begins_one_counts_for_all_in_the_talk(
    on: str, by: str, way: PaymentWay, stops: bool
) -> None:
    fact = began(says(queue_call(), on, "payment-began", By=by))
    assert (fact.way, fact.stops) == (way, stops)


def test_a_channel_that_nobody_knows_begins_nothing() -> None:
    assert says(queue_call(), "1.4711", "payment-began", By="key") == []


# … and ends


def test_the_agents_key_ends_it_on_the_callers_channel_only() -> None:
    pbx = queue_call()
    pbx.rings(COLLEAGUE)
    pbx.enters("b1", COLLEAGUE)
    assert ended(says(pbx, CALLER, "payment-ended", By="key")).noted
    for other in (AGENT, COLLEAGUE):
        assert told_to(says(pbx, other, "payment-ended", By="key"), PaymentEnded) == {other}


def test_an_event_ends_it_and_the_note_stays_to_be_taken_off() -> None:
    assert not ended(says(queue_call(), AGENT, "payment-ended", By="event")).noted


def test_what_is_no_way_ends_nothing() -> None:
    assert says(queue_call(), CALLER, "payment-ended", By="somebody") == []
    assert says(queue_call(), CALLER, "payment-ended") == []


@pytest.mark.parametrize("way", [PaymentWay.TRANSFER, PaymentWay.DIALPLAN])
def test_the_dialplan_ends_what_its_guard_has_begun(way: PaymentWay) -> None:
    pbx = queue_call()
    says(pbx, CALLER, "silence", Nonce=NONCE, By=way)
    fact = ended(says(pbx, CALLER, "payment-ended", By="dialplan"))
    assert (fact.way, fact.noted) == (way, True)
    assert ended(says(pbx, CALLER, "payment-ended", By="dialplan")).way is PaymentWay.DIALPLAN


# the guard


def test_a_question_is_a_beginning_and_names_every_channel() -> None:
    told = says(queue_call(), CALLER, "silence", Nonce=NONCE, By="transfer")
    fact = began(told)
    assert (fact.way, fact.stops, fact.consulting) == (PaymentWay.TRANSFER, True, False)
    question = asked(told)
    assert (question.nonce, question.sure) == (NONCE, True)
    assert [each.uniqueid for each in question.channels] == [CALLER, AGENT]
    assert told.index(Told(told[-1].channel, question)) == len(told) - 1, "after the beginning"


@pytest.mark.parametrize("nonce", ["", "12345", "123456789x", "1" * 37, "１２３４５６７"])
def test_a_nonce_that_is_none_is_answered_by_nobody(nonce: str) -> None:
    told = says(queue_call(), CALLER, "silence", Nonce=nonce)
    assert not asked(told).sure
    assert began(told).stops, "it is a payment all the same"


def test_an_agents_second_channel_asks_for_the_caller_who_waits() -> None:
    told = says(held_call(), SECOND, "silence", Nonce=NONCE, By="transfer", Linkedid="l2")
    assert began(told).consulting
    question = asked(told)
    assert question.sure
    assert [each.uniqueid for each in question.channels] == [SECOND, CALLER, AGENT]


def test_a_telephone_that_never_says_hold_asks_for_whom_it_talks_to() -> None:
    pbx = held_call()
    pbx.says("Unhold", Uniqueid=AGENT)
    assert began(says(pbx, SECOND, "silence", Nonce=NONCE)).consulting


def test_by_feature_code_the_local_channel_is_known_by_the_agents_linkedid() -> None:
    pbx = queue_call()
    pbx.says("Hold", Uniqueid=AGENT, Linkedid="l1")
    half = {"Context": "internal", "Exten": "710"}
    pbx.says("Newchannel", Uniqueid="1.8", Channel="Local/710@internal-00000001;1", **half)
    pbx.says("Newchannel", Uniqueid="1.9", Channel="Local/710@internal-00000001;2", **half)
    told = says(pbx, "1.9", "silence", Nonce=NONCE)
    assert began(told).consulting
    assert asked(told).sure
    told = says(pbx, "1.9", "silence", Nonce=NONCE, Linkedid="another")
    assert not asked(told).sure
    assert told_to(told, PaymentBegan) == set()


def test_behind_a_local_member_it_is_the_caller_who_was_transferred() -> None:
    pbx = local_call()
    pbx.leaves("b2", AGENT)
    pbx.leaves("b2", "1.9")
    told = says(pbx, "1.9", "silence", Nonce=NONCE)
    assert not began(told).consulting
    assert asked(told).sure


def test_whom_no_call_is_near_is_asked_for_alone() -> None:
    pbx = queue_call()
    pbx.says("Newchannel", Uniqueid="1.50", Channel="PJSIP/trunk-0050", Context="from-outside")
    question = asked(says(pbx, "1.50", "silence", Nonce=NONCE))
    assert question.sure
    assert [each.uniqueid for each in question.channels] == ["1.50"]


def test_in_a_crowd_nobody_can_be_sure() -> None:
    pbx = queue_call()
    for number in range(MOST_CONCERNED):  # beside the caller and the agent
        pbx.enters("b1", f"1.{100 + number}")
        name = f"PJSIP/3{number:02}-0000"
        pbx.says("Newchannel", Uniqueid=f"1.{100 + number}", Channel=name, Context="internal")
    assert not asked(says(pbx, CALLER, "silence", Nonce=NONCE)).sure


def test_the_agent_whose_question_was_refused_has_the_caller_back() -> None:
    pbx = held_call()
    says(pbx, SECOND, "silence", Nonce=NONCE, By="transfer")
    fact = ended(says(pbx, SECOND, "payment-ended", By="dialplan"))
    assert (fact.way, fact.noted) == (PaymentWay.TRANSFER, False)


def test_the_agent_who_hangs_up_while_it_rings_has_the_caller_back() -> None:
    pbx = held_call()
    says(pbx, SECOND, "silence", Nonce=NONCE)
    assert of(pbx.says("Hangup", Uniqueid=SECOND), CALLER, ConsultedGone)
    assert of(pbx.says("Hangup", Uniqueid=SECOND), CALLER, ConsultedGone) == []


# a consultation with a payment line


def consulting() -> Pbx:
    pbx = held_call()
    pbx.says("Newchannel", Uniqueid="1.90", Channel="PJSIP/710-0001", Context="internal")
    pbx.enters("b2", SECOND, "710")
    pbx.enters("b2", "1.90", "")
    return pbx


def test_a_consultation_is_over_when_nobody_is_left_of_whom_was_called() -> None:
    pbx = consulting()
    assert of(pbx.leaves("b2", "1.90"), CALLER, ConsultedGone)


def test_an_agent_who_goes_back_and_forth_still_has_them_on_the_telephone() -> None:
    pbx = consulting()
    told = pbx.says("Hold", Uniqueid=SECOND) + pbx.says("Unhold", Uniqueid=AGENT)
    assert of(told, CALLER, ConsultedGone) == []
    assert of(pbx.says("Hangup", Uniqueid="1.90"), CALLER, ConsultedGone)


# inside a subroutine


def test_the_extensions_of_subroutines_are_no_moves() -> None:
    pbx = queue_call()
    pbx.leaves("b1", CALLER)
    sub = {"Context": "hushtape-turned-back", "Exten": "s", "BridgeUniqueid": "b1"}
    assert of(pbx.says("BridgeEnter", Uniqueid=CALLER, **sub), CALLER, TransferCompleted) == []
    pbx.leaves("b1", CALLER)
    other = {**sub, "Context": "elsewhere"}
    assert of(pbx.says("BridgeEnter", Uniqueid=CALLER, **other), CALLER, TransferCompleted)


def test_a_queue_that_a_subroutine_enters_is_no_move_afterwards() -> None:
    pbx = queue_call()
    sub = {"Context": "hushtape-head-of-queue", "Exten": "s", "Queue": "surrey-contact-centre"}
    assert of(pbx.says("QueueCallerJoin", Uniqueid=CALLER, **sub), CALLER, QueueEntered)
    again = {"BridgeUniqueid": "b1", "Context": "from-outside", "Exten": "03456009009"}
    assert of(pbx.says("BridgeEnter", Uniqueid=CALLER, **again), CALLER, TransferCompleted) == []


# what is noted on a channel


@pytest.mark.parametrize("way", list(PaymentWay))
def test_a_note_is_read_as_it_was_written(way: PaymentWay) -> None:
    fact = read_note(note(BEGAN, way), NOW, SINCE)
    assert (fact.at, fact.way) == (BEGAN, way)


@pytest.mark.parametrize("text", ["began", "began:x:key", "yes", "began:99999999999999:key", "；"])
def test_a_note_that_cannot_be_read_is_a_payment_since_nobody_listened(text: str) -> None:
    assert read_note(text, NOW, SINCE).at == SINCE


def test_a_payment_does_not_begin_after_now() -> None:
    assert read_note(note(NOW + timedelta(hours=1), PaymentWay.KEY), NOW, SINCE).at == NOW


def test_a_note_that_should_have_been_known_is_believed_from_then_on() -> None:
    """Its end may not have been told to the PBX: silent, but what was heard before is kept."""
    old = SINCE - timedelta(minutes=5)
    assert read_note(note(old, PaymentWay.KEY), NOW, SINCE).at == SINCE
    just = SINCE - timedelta(seconds=0.4)
    assert read_note(note(just, PaymentWay.KEY), NOW, SINCE).at == just


def paid(began: datetime, ended: datetime, way: PaymentWay = PaymentWay.KEY) -> str:
    """What the dialplan leaves of a payment that is over."""
    return f"{note(began, way)}:{ended.timestamp():.3f}"


def test_a_payment_that_nobody_heard_of_began_and_ended() -> None:
    ended = BEGAN + timedelta(seconds=9)
    first, last = read_paid(paid(BEGAN, ended), NOW, SINCE)
    assert isinstance(first, PaymentBegan)
    assert (first.at, first.way, first.stops) == (BEGAN, PaymentWay.KEY, True)
    assert last == PaymentEnded(at=ended, way=PaymentWay.KEY, noted=True)


def test_of_one_whose_beginning_was_heard_only_the_end_is_news() -> None:
    (last,) = read_paid(paid(SINCE - timedelta(minutes=1), BEGAN), NOW, SINCE)
    assert last == PaymentEnded(at=BEGAN, way=PaymentWay.KEY, noted=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "began",
        note(BEGAN, PaymentWay.KEY),
        note(BEGAN, PaymentWay.KEY) + ":",
        note(BEGAN, PaymentWay.KEY) + ":99999999999999",
        paid(SINCE - timedelta(minutes=2), SINCE - timedelta(minutes=1)),
        "x" + paid(BEGAN, BEGAN),
    ],
)
def test_what_was_heard_or_cannot_be_read_ends_nothing(text: str) -> None:
    assert read_paid(text, NOW, SINCE) == ()


def test_no_payment_ends_after_now_or_before_it_began() -> None:
    assert read_paid(paid(BEGAN, NOW + timedelta(hours=1)), NOW, SINCE)[-1].at == NOW
    turned = read_paid(paid(BEGAN, BEGAN - timedelta(seconds=0.5)), NOW, SINCE)
    assert [each.at for each in turned] == [BEGAN, BEGAN]


def lives(uniqueid: str, variables: dict[str, str] | None = None, **headers: str) -> Frame:
    """A channel as ``Status`` tells of it."""
    told = [("Variable", f"{name}={value}") for name, value in (variables or {}).items()]
    return Frame((*status(uniqueid, **headers).items(), *told), NOW)


def test_a_payment_that_nobody_heard_is_told_before_anything_else() -> None:
    pbx = queue_call()
    living = [
        lives(CALLER, {PAYMENT_VARIABLE: note(BEGAN, PaymentWay.KEY)}, Exten="710"),
        lives(AGENT),
    ]
    told = list(pbx.translator.resync(living, NOW, SINCE))
    mine = [each.fact for each in told if each.channel.uniqueid == CALLER]
    assert isinstance(mine[0], PaymentBegan)
    assert (mine[0].at, mine[0].way, mine[0].stops) == (BEGAN, PaymentWay.KEY, True)
    assert any(isinstance(each, TransferCompleted) for each in mine[1:])


def test_of_a_call_that_is_taken_over_it_follows_its_note() -> None:
    variables = {CALL_VARIABLE: "note", PAYMENT_VARIABLE: note(BEGAN, PaymentWay.TRANSFER)}
    told = list(Pbx().translator.resync([lives(CALLER, variables)], NOW, SINCE))
    assert [type(each.fact) for each in told[:2]] == [Claimed, PaymentBegan]


def test_a_call_that_began_unheard_begins_in_its_payment() -> None:
    text = note(BEGAN, PaymentWay.KEY)
    waits = {"Application": "Queue", "Data": "surrey-contact-centre,t"}
    living = [lives(CALLER, {PAYMENT_VARIABLE: text}, **waits)]
    told = list(Pbx().translator.resync(living, NOW, SINCE))
    entry = next(each for each in told if isinstance(each.fact, QueueEntered))
    assert entry.channel.paying is not None


def test_to_enter_a_queue_anew_ends_it() -> None:
    pbx = queue_call()
    says(pbx, CALLER, "payment-began", By="dialplan")
    told = pbx.says("QueueCallerJoin", Uniqueid=CALLER, Queue="surrey-contact-centre")
    assert told[0].channel.paying is None


# recorders of somebody else


def test_a_strange_recorder_is_told_of_every_call_that_it_may_hear() -> None:
    event = {"Event": "MixMonitorStart", "Uniqueid": AGENT, "Linkedid": "l1"}
    told = queue_call().translator.foreign(event, NOW)
    facts = {each.channel.uniqueid: each.fact for each in told}
    assert set(facts) == {CALLER, AGENT}
    fact = facts[CALLER]
    assert isinstance(fact, ForeignRecorder)
    assert fact.on.uniqueid == AGENT
    assert queue_call().translator.foreign({"Uniqueid": "1.4711"}, NOW) == []


def test_a_payment_that_came_and_went_unheard_is_told_whole_and_before_the_next() -> None:
    pbx = queue_call()
    ended = BEGAN + timedelta(seconds=1)
    variables = {
        PAID_VARIABLE: paid(BEGAN, ended),
        PAYMENT_VARIABLE: note(ended + timedelta(seconds=1), PaymentWay.KEY),
    }
    told = list(pbx.translator.resync([lives(CALLER, variables), lives(AGENT)], NOW, SINCE))
    mine = [each.fact for each in told if each.channel.uniqueid == CALLER]
    payments = [each for each in mine if isinstance(each, PaymentBegan | PaymentEnded)]
    assert [type(each) for each in payments] == [PaymentBegan, PaymentEnded, PaymentBegan]
    over = [lives(CALLER, {PAID_VARIABLE: paid(BEGAN, ended)}), lives(AGENT)]
    told = list(pbx.translator.resync(over, NOW, SINCE))
    found = [each for each in told if isinstance(each.fact, PaymentEnded)]
    assert [each.channel.uniqueid for each in found] == [CALLER]
    assert found[0].channel.paying is None


def test_what_one_callers_key_ended_ends_no_other_callers_payment() -> None:
    """Two callers in one talk: B's payment goes on while A's, of earlier, is told."""
    over = {PAID_VARIABLE: paid(BEGAN, BEGAN + timedelta(seconds=1))}
    goes_on = {PAYMENT_VARIABLE: note(BEGAN, PaymentWay.KEY)}
    one, other = lives(CALLER, goes_on, BridgeID="b"), lives(AGENT, over, BridgeID="b")
    for living in ([one, other], [other, one]):
        told = list(queue_call().translator.resync(living, NOW, SINCE))
        mine = [each.fact for each in told if each.channel.uniqueid == CALLER]
        payments = [each for each in mine if isinstance(each, PaymentBegan | PaymentEnded)]
        assert [type(each) for each in payments] == [PaymentBegan]


def test_what_anything_else_ended_is_told_before_what_goes_on() -> None:
    over = {PAID_VARIABLE: paid(BEGAN, BEGAN + timedelta(seconds=1)).replace(":key:", ":event:")}
    goes_on = {PAYMENT_VARIABLE: note(BEGAN, PaymentWay.KEY)}
    living = [lives(CALLER, goes_on, BridgeID="b"), lives(AGENT, over, BridgeID="b")]
    told = list(queue_call().translator.resync(living, NOW, SINCE))
    mine = [each.fact for each in told if each.channel.uniqueid == CALLER]
    payments = [each for each in mine if isinstance(each, PaymentBegan | PaymentEnded)]
    assert isinstance(payments[-1], PaymentBegan)


# what another program says


def test_another_programs_event_names_the_channel() -> None:
    """The action UserEvent tells of no channel; its own header does."""
    pbx = queue_call()
    name = pbx.translator.channel(CALLER).name  # type: ignore[union-attr]
    event = {"Event": "UserEvent", "UserEvent": "Hushtape", "Act": "payment-began", "By": "event"}
    told = pbx.translator.translate({**event, "Channel": name}, NOW)
    assert [type(each.fact) for each in told if each.channel.uniqueid == CALLER] == [PaymentBegan]
    for other in ({}, {"Channel": ""}, {"Channel": "PJSIP/nobody-1"}):
        assert pbx.translator.translate({**event, **other}, NOW) == []


def test_a_dialplans_event_is_of_its_own_channel_whatever_it_says() -> None:
    pbx = queue_call()
    name = pbx.translator.channel(CALLER).name  # type: ignore[union-attr]
    event = {"Event": "UserEvent", "UserEvent": "Hushtape", "Act": "payment-began", "By": "event"}
    assert pbx.translator.translate({**event, "Uniqueid": "9.9", "Channel": name}, NOW) == []


# recorders of somebody else


def test_a_channel_on_which_somebody_else_has_begun_to_record_is_known_for_it() -> None:
    """Also outside of a payment: one that only is muted couldn't be told from his later."""
    pbx = queue_call()
    caller = pbx.translator.channel(CALLER)
    assert caller is not None
    assert not caller.strange
    told = pbx.translator.foreign({"Uniqueid": CALLER}, NOW)
    assert [type(each.fact) for each in told if each.channel is caller] == [ForeignRecorder]
    assert caller.strange


def test_while_nobody_listened_anybody_may_have_begun_to_record() -> None:
    pbx = queue_call()
    list(pbx.translator.resync([lives(CALLER), lives(AGENT)], NOW, SINCE))
    for uniqueid in (CALLER, AGENT):
        channel = pbx.translator.channel(uniqueid)
        assert channel is not None
        assert channel.strange
