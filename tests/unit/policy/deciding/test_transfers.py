from __future__ import annotations

import msgspec
import pytest

from hushtape.policy import decide
from hushtape.policy.decide import Place
from hushtape.policy.schema import (
    Destination,
    DestinationKind,
    OnConsultation,
    OnTransfer,
    Transfer,
)
from tests.councils import (
    COUNCILS,
    NARROW,
    POLICIES,
    arrival,
    naming,
    place,
    with_destinations,
)

STOP, CONTINUE, SILENT = OnTransfer.STOP, OnTransfer.CONTINUE, OnTransfer.SILENT
HELP_LINE = Place(DestinationKind.QUEUE, "631", queue="help-line")


@pytest.mark.parametrize(
    ("council", "extension", "queue", "outside"),
    [
        ("surrey", CONTINUE, CONTINUE, STOP),
        ("uttlesford", STOP, STOP, STOP),
        ("reigate-banstead", STOP, STOP, STOP),
        ("south-hams", STOP, STOP, STOP),
        ("hammersmith-fulham", STOP, STOP, STOP),
    ],
)
def test_what_a_transfer_does(
    council: str, extension: OnTransfer, queue: OnTransfer, outside: OnTransfer
) -> None:
    policy = POLICIES[council]
    number = next(row[4] for row in COUNCILS if row[0] == council)
    expected = {
        "extension": extension,
        "queue": queue,
        "outside": outside,
        "payment": SILENT,
        "nowhere": STOP,
    }
    for kind, outcome in expected.items():
        ruling = decide.on_transfer(policy, place(kind, number))
        assert ruling.outcome is outcome, kind
        assert ruling.reason.policy == council
        assert ruling.reason.version == policy.version
        assert ruling.reason.rule
        assert ruling.reason.words


def test_a_place_that_nobody_knows_stops_even_where_others_go_on() -> None:
    policy = msgspec.structs.replace(POLICIES["surrey"], transfer=Transfer(otherwise=CONTINUE))
    assert decide.on_transfer(policy, place("nowhere", 1)).outcome is STOP


def test_a_queue_that_the_policy_records_is_no_other_queue() -> None:
    own = Place(DestinationKind.QUEUE, "631", queue="help-line")
    assert decide.on_transfer(POLICIES["reigate-banstead"], own).outcome is CONTINUE


def test_a_number_brings_a_call_in_once_a_queue_brings_it_back() -> None:
    assert decide.on_return(POLICIES["reigate-banstead"], "help-line").outcome is CONTINUE
    assert decide.on_return(POLICIES["hammersmith-fulham"], "hf-parking").outcome is STOP


def test_the_dialplan_may_take_a_recorded_call_on_only_where_the_policy_allows() -> None:
    assert decide.on_move(POLICIES["hammersmith-fulham"], "hf-parking").outcome is CONTINUE
    assert decide.on_move(POLICIES["reigate-banstead"], "revenues").outcome is STOP


@pytest.mark.parametrize("outcome", list(OnTransfer))
def test_a_queue_that_a_destination_lists_is_what_on_transfer_says_on_a_move(
    outcome: OnTransfer,
) -> None:
    listed = Destination(
        name="housing", queues=("housing",), on_transfer=outcome, on_blind_transfer=STOP
    )
    policy = with_destinations("reigate-banstead", listed)
    ruling = decide.on_move(policy, "housing")
    assert ruling.outcome is outcome
    assert ruling.reason.rule == "destination: housing"
    assert decide.on_return(policy, "housing").outcome is (
        STOP if outcome is CONTINUE else outcome
    ), "what has left is brought back by a queue of [calls] only"


@pytest.mark.parametrize(
    ("lines", "outcome"), [((), STOP), (("the late shift",), SILENT)], ids=["a stop", "a payment"]
)
def test_a_queue_of_its_own_that_a_policy_lists_as_a_destination_is_one(
    lines: tuple[str, ...], outcome: OnTransfer
) -> None:
    listed = Destination(name="the late shift", queues=("help-line",))
    policy = with_destinations("reigate-banstead", listed, payment_lines=lines)
    assert decide.on_transfer(policy, HELP_LINE).outcome is outcome
    assert decide.on_return(policy, "help-line").outcome is outcome
    assert decide.on_move(policy, "help-line").outcome is outcome
    assert decide.choose([policy], arrival("help-line")).policy is None


def test_a_payment_queue_is_one_on_every_way_in() -> None:
    till = Destination(name="the till", queues=("till",))
    for council in ("reigate-banstead", "hammersmith-fulham", "surrey"):
        policy = with_destinations(council, till, payment_lines=("the till",))
        place = Place(DestinationKind.QUEUE, "699", queue="till")
        rulings = [
            decide.on_transfer(policy, place),
            decide.on_move(policy, "till"),
            decide.on_return(policy, "till"),
        ]
        assert [ruling.outcome for ruling in rulings] == [SILENT] * 3, council
        assert {ruling.reason.rule for ruling in rulings} == {"destination: the till"}


@pytest.mark.parametrize(
    "place",
    [
        Place(DestinationKind.EXTENSION, "710"),
        Place(DestinationKind.QUEUE, "699", queue="till"),
        Place(DestinationKind.OUTSIDE, "902079460099", number="02079460099"),
    ],
)
def test_a_payment_line_is_one_whatever_stands_before_it(place: Place) -> None:
    everywhere = Destination(
        name="everywhere",
        every=(DestinationKind.EXTENSION, DestinationKind.QUEUE, DestinationKind.OUTSIDE),
        extensions=("7XX",),
        queues=("till",),
        on_transfer=CONTINUE,
    )
    till = Destination(name="the till", queues=("till",), numbers=("020 7946 0099",))
    policy = with_destinations("surrey", everywhere, till, payment_lines=("the till",))
    assert decide.on_transfer(policy, place).outcome is SILENT
    elsewhere = Place(DestinationKind.EXTENSION, "212")
    assert decide.on_transfer(policy, elsewhere).outcome is CONTINUE


def test_of_other_destinations_the_first_that_fits_decides() -> None:
    some = Destination(name="some", extensions=("21X",), on_transfer=STOP)
    every = Destination(name="every", every=(DestinationKind.EXTENSION,), on_transfer=CONTINUE)
    place = Place(DestinationKind.EXTENSION, "212")
    for first, second, outcome in ((some, every, STOP), (every, some, CONTINUE)):
        policy = with_destinations("surrey", first, second)
        assert decide.on_transfer(policy, place).outcome is outcome


def consulted(council: str, place: Place) -> bool:
    verdict = decide.on_consultation(POLICIES[council], place)
    assert verdict.reason.words
    return verdict.allowed


@pytest.mark.parametrize("council", [row[0] for row in COUNCILS])
@pytest.mark.parametrize("kind", ["extension", "queue", "outside", "payment", "nowhere"])
def test_only_uttlesford_records_consultations_and_only_with_colleagues(
    council: str, kind: str
) -> None:
    number = {row[0]: row[4] for row in COUNCILS}[council]
    expected = council == "uttlesford" and kind == "extension"
    assert consulted(council, place(kind, number)) is expected


def test_a_consultation_with_a_payment_line_is_never_recorded() -> None:
    line = Destination(name="the line", extensions=("7XX",), on_consultation=OnConsultation.RECORD)
    everybody = Destination(
        name="everybody",
        every=(DestinationKind.EXTENSION,),
        on_consultation=OnConsultation.RECORD,
    )
    policy = with_destinations("surrey", everybody, line, payment_lines=("the line",))
    assert not decide.on_consultation(policy, Place(DestinationKind.EXTENSION, "710")).allowed
    assert decide.on_consultation(policy, Place(DestinationKind.EXTENSION, "212")).allowed


# how a transfer came


@pytest.mark.parametrize(
    ("blind", "attended", "how", "outcome", "key"),
    [
        (None, None, "blind", STOP, "on_transfer"),
        (None, None, "attended", STOP, "on_transfer"),
        (None, None, "unseen", STOP, "on_transfer"),
        (CONTINUE, None, "blind", CONTINUE, "on_blind_transfer"),
        (CONTINUE, None, "redirected", CONTINUE, "on_blind_transfer"),
        (CONTINUE, None, "attended", STOP, "on_transfer"),
        (CONTINUE, None, "unseen", STOP, "on_transfer"),
        (None, CONTINUE, "attended", CONTINUE, "on_attended_transfer"),
        (None, CONTINUE, "redirected", STOP, "on_transfer"),
        (CONTINUE, CONTINUE, "unseen", CONTINUE, "on_blind_transfer"),
        (CONTINUE, SILENT, "unseen", SILENT, "on_attended_transfer"),
        (SILENT, CONTINUE, "talk", SILENT, "on_blind_transfer"),
        (CONTINUE, STOP, "talk", STOP, "on_attended_transfer"),
    ],
)
def test_what_counts_is_how_a_transfer_came(
    blind: OnTransfer | None,
    attended: OnTransfer | None,
    how: str,
    outcome: OnTransfer,
    key: str,
) -> None:
    colleagues = Destination(
        name="colleagues",
        extensions=("2XX",),
        on_transfer=STOP,
        on_blind_transfer=blind,
        on_attended_transfer=attended,
    )
    policy = with_destinations("reigate-banstead", colleagues)
    ruling = decide.on_transfer(policy, Place(DestinationKind.EXTENSION, "232"), how)
    assert ruling.outcome is outcome
    assert f'{key} = "{outcome}"' in ruling.reason.words


def test_unless_it_is_said_how_it_was_a_blind_one() -> None:
    blind = Destination(name="colleagues", extensions=("2XX",), on_blind_transfer=CONTINUE)
    policy = with_destinations("reigate-banstead", blind)
    assert decide.on_transfer(policy, place("extension", 3)).outcome is CONTINUE


def test_a_payment_line_is_silent_however_a_call_comes_to_it() -> None:
    line = Destination(
        name="the till", extensions=("730",), on_blind_transfer=STOP, on_attended_transfer=CONTINUE
    )
    policy = with_destinations("reigate-banstead", line, payment_lines=("the till",))
    for how in ("blind", "attended", "redirected", "unseen", "talk"):
        assert decide.on_transfer(policy, place("payment", 3), how).outcome is SILENT


# exceptions

EXCEPTED = msgspec.structs.replace(
    naming(
        queues=("help-line", "staff"),
        except_queues=("staff", "union"),
        except_numbers=("020 7946 0010",),
    ),
    destination=(
        Destination(
            name="everywhere",
            queues=("union",),
            every=(DestinationKind.QUEUE, DestinationKind.OUTSIDE),
            on_transfer=CONTINUE,
            on_consultation=OnConsultation.RECORD,
        ),
    ),
    transfer=Transfer(otherwise=CONTINUE),
    payment=msgspec.structs.replace(NARROW.payment, lines=()),
)


@pytest.mark.parametrize("queue", ["staff", "union"])
def test_an_excepted_queue_is_recorded_on_no_way_in(queue: str) -> None:
    there = Place(DestinationKind.QUEUE, "699", queue=queue)
    for ruling in (
        decide.on_transfer(EXCEPTED, there),
        decide.on_move(EXCEPTED, queue),
        decide.on_return(EXCEPTED, queue),
        decide.on_move(naming(EXCEPTED, numbers=("01",), except_queues=(queue,)), queue),
    ):
        assert ruling.outcome is STOP
        assert ruling.reason.rule == "calls.except_queues"
    assert not decide.on_consultation(EXCEPTED, there).allowed


def test_nor_is_an_excepted_number() -> None:
    partner = Place(DestinationKind.OUTSIDE, "902079460010", number="02079460010")
    assert decide.on_transfer(EXCEPTED, partner).outcome is STOP
    assert not decide.on_consultation(EXCEPTED, partner).allowed
    other = Place(DestinationKind.OUTSIDE, "902079460011", number="02079460011")
    assert decide.on_transfer(EXCEPTED, other).outcome is CONTINUE
    assert decide.on_consultation(EXCEPTED, other).allowed


@pytest.mark.parametrize(
    "there",
    [
        Place(DestinationKind.EXTENSION, "350"),
        Place(DestinationKind.QUEUE, "350", queue="housing"),
    ],
    ids=["a telephone", "a queue"],
)
def test_nor_is_an_excepted_extension(there: Place) -> None:
    inside = msgspec.structs.replace(EXCEPTED.calls, except_numbers=("350",))
    policy = msgspec.structs.replace(EXCEPTED, calls=inside)
    ruling = decide.on_transfer(policy, there)
    assert ruling.outcome is STOP
    assert ruling.reason.rule == "calls.except_numbers"
    assert not decide.on_consultation(policy, there).allowed
    assert decide.on_transfer(EXCEPTED, there).outcome is CONTINUE, "where it isn't excepted"


def test_an_excepted_payment_line_stays_a_payment() -> None:
    policy = msgspec.structs.replace(
        EXCEPTED,
        destination=(Destination(name="the till", queues=("staff",)),),
        payment=msgspec.structs.replace(NARROW.payment, lines=("the till",)),
    )
    assert decide.on_transfer(policy, Place(DestinationKind.QUEUE, "", "staff")).outcome is SILENT
    assert decide.on_return(policy, "staff").outcome is SILENT


TILL = Destination(
    name="the till", extensions=("79X",), queues=("till",), numbers=("(01632) 960 799",)
)
CASHIERS = msgspec.structs.replace(
    NARROW,
    policy=msgspec.structs.replace(NARROW.policy, name="cashiers"),
    destination=(TILL, Destination(name="others", extensions=("78X",))),
    payment=msgspec.structs.replace(NARROW.payment, lines=("the till",)),
)
GREEDY = msgspec.structs.replace(
    naming(queues=("till",), except_numbers=("795",)),
    destination=(
        Destination(
            name="everywhere",
            queues=("till",),
            every=tuple(DestinationKind),
            on_transfer=CONTINUE,
            on_consultation=OnConsultation.RECORD,
        ),
    ),
    transfer=Transfer(otherwise=CONTINUE),
    payment=msgspec.structs.replace(NARROW.payment, lines=()),
)


@pytest.mark.parametrize("how", ["blind", "attended", "redirected", "unseen"])
@pytest.mark.parametrize(
    "there",
    [
        Place(DestinationKind.EXTENSION, "790"),
        Place(DestinationKind.EXTENSION, "795"),
        Place(DestinationKind.QUEUE, "", queue="till"),
        Place(DestinationKind.OUTSIDE, "901632960799", number="01632960799"),
    ],
    ids=["extension", "excepted extension", "queue", "number"],
)
def test_a_payment_line_of_a_policy_beside_it_is_silent_too(there: Place, how: str) -> None:
    policy = decide.beside(GREEDY, [GREEDY, CASHIERS])
    ruling = decide.on_transfer(policy, there, how)
    assert ruling.outcome is SILENT
    assert (ruling.reason.policy, ruling.reason.version) == ("cashiers", CASHIERS.version)
    assert ruling.reason.rule == "destination: the till"
    assert ruling.reason.words == "transfer to the till of policy cashiers: a payment: silence"
    talk = decide.on_consultation(policy, there)
    assert not talk.allowed
    assert talk.reason.policy == "cashiers"
    assert decide.on_transfer(GREEDY, there, how).outcome is not SILENT, "by itself it knows none"


def test_so_is_its_queue_on_every_way_in() -> None:
    policy = decide.beside(GREEDY, [CASHIERS])
    assert decide.on_move(policy, "till").outcome is SILENT
    assert decide.on_return(policy, "till").outcome is SILENT
    assert decide.on_return(GREEDY, "till").outcome is CONTINUE


def test_of_a_policy_beside_it_nothing_but_payment_lines_counts() -> None:
    policy = decide.beside(GREEDY, [CASHIERS])
    other = Place(DestinationKind.EXTENSION, "780")
    assert decide.on_transfer(policy, other).outcome is CONTINUE
    assert decide.on_consultation(policy, other).allowed
    assert [each.destination for each in policy.others] == [(TILL,)]


def test_another_version_of_a_policy_is_none_beside_it() -> None:
    older = msgspec.structs.replace(
        CASHIERS, policy=msgspec.structs.replace(CASHIERS.policy, name=GREEDY.name)
    )
    assert decide.beside(GREEDY, [GREEDY, older]).others == ()
    twice = decide.beside(decide.beside(GREEDY, [CASHIERS]), [GREEDY])
    assert [each.name for each in twice.others] == ["cashiers"]


def test_every_ruling_quotes_its_rule() -> None:
    other = decide.on_transfer(POLICIES["surrey"], place("extension", 1))
    assert other.reason.rule == "transfer.otherwise"
    assert 'otherwise = "continue"' in other.reason.words
    colleague = decide.on_consultation(POLICIES["uttlesford"], place("extension", 2))
    assert 'on_consultation = "record"' in colleague.reason.words
    back = decide.on_return(POLICIES["reigate-banstead"], "revenues")
    assert '("help-line")' in back.reason.words
