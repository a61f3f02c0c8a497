from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from hushtape.policy import decide, parse
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.schema import (
    Asker,
    Calls,
    Destination,
    DestinationKind,
    OnConsultation,
    OnTransfer,
    OptOut,
    Outbound,
    Payment,
    Permission,
    Policy,
    Retention,
    RetentionRule,
    SoFar,
    Transfer,
)
from hushtape.recordings.manifest import Direction

EXAMPLES = Path(__file__).parents[3] / "examples" / "policies"
POLICIES = {policy.name: policy for policy in parse.load_folder(EXAMPLES)}
NOW = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)

# council, the number that is dialled, its main queue, another of its queues
COUNCILS = [
    ("surrey", "03456009009", "surrey-contact-centre", "surrey-adult-care", 1),
    ("uttlesford", "01799510510", "customer-service", "housing", 2),
    ("reigate-banstead", "01737276000", "help-line", "revenues", 3),
    ("south-hams", "01803861234", "south-hams-contact", "south-hams-planning", 4),
    ("hammersmith-fulham", "02087488588", "hf-council-tax", "hf-parking", 5),
]


def arrival(
    queue: str, dialled: str = "", direction: Direction = Direction.INBOUND, at: datetime = NOW
) -> Arrival:
    return Arrival(at=at, direction=direction, dialled=dialled, queue=queue)


def chosen(policies: list[Policy], call: Arrival) -> str | None:
    choice = decide.choose(policies, call)
    assert choice.reason.words
    return choice.policy.name if choice.policy else None


@pytest.mark.parametrize(("council", "dialled", "queue", "other", "number"), COUNCILS)
def test_a_call_to_a_council_belongs_to_its_policy(
    council: str, dialled: str, queue: str, other: str, number: int
) -> None:
    assert chosen(list(POLICIES.values()), arrival(queue, dialled)) == council


def test_what_no_policy_names_is_not_recorded() -> None:
    assert chosen(list(POLICIES.values()), arrival("allotments", "01234567890")) is None


def test_uttlesford_needs_its_main_line_and_its_queue() -> None:
    assert chosen(list(POLICIES.values()), arrival("customer-service", "+44 1799 510510"))
    assert chosen(list(POLICIES.values()), arrival("customer-service", "01799510999")) is None
    assert chosen(list(POLICIES.values()), arrival("housing", "01799510510")) is None


def test_hammersmith_names_all_nineteen_numbers() -> None:
    numbers = POLICIES["hammersmith-fulham"].calls.numbers
    assert len(numbers) == 19
    for number in numbers:
        assert chosen(list(POLICIES.values()), arrival("any-queue", number)) == "hammersmith-fulham"


@pytest.mark.parametrize("direction", [Direction.INTERNAL, Direction.OUTBOUND])
def test_reigate_and_south_hams_record_inbound_calls_only(direction: Direction) -> None:
    for queue in ("help-line", "south-hams-contact"):
        assert chosen(list(POLICIES.values()), arrival(queue, "", direction)) is None


def test_a_call_that_two_policies_name_is_not_recorded_and_says_so() -> None:
    twin = msgspec.structs.replace(
        POLICIES["reigate-banstead"],
        policy=msgspec.structs.replace(POLICIES["reigate-banstead"].policy, name="twin"),
    )
    choice = decide.choose([POLICIES["reigate-banstead"], twin], arrival("help-line"))
    assert choice.policy is None
    assert choice.reason.rule == "ambiguous"
    assert "twin" in choice.reason.words


def test_the_version_in_force_when_the_call_began_decides() -> None:
    old = POLICIES["reigate-banstead"]
    new = msgspec.structs.replace(
        old, policy=msgspec.structs.replace(old.policy, in_force_from=date(2027, 1, 1))
    )
    before = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert decide.in_force([new, old], before) == (old,)
    assert decide.in_force([new, old], datetime(2027, 1, 1, tzinfo=UTC)) == (new,)
    assert decide.in_force([new, old], datetime(2010, 1, 1, tzinfo=UTC)) == ()


def place(kind: str, council: int) -> Place:
    other = {row[4]: row[3] for row in COUNCILS}[council]
    return {
        "extension": Place(DestinationKind.EXTENSION, f"2{council}2"),
        "queue": Place(DestinationKind.QUEUE, f"6{council}2", queue=other),
        "outside": Place(
            DestinationKind.OUTSIDE, f"9020794600{council}0", number=f"020794600{council}0"
        ),
        "payment": Place(DestinationKind.EXTENSION, f"7{council}0"),
        "nowhere": Place(DestinationKind.UNKNOWN, "12345"),
    }[kind]


STOP, CONTINUE, SILENT = OnTransfer.STOP, OnTransfer.CONTINUE, OnTransfer.SILENT


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


@pytest.mark.parametrize(
    ("council", "started", "until"),
    [
        ("surrey", "2026-11-21T13:05Z", "2027-01-22T13:05Z"),
        ("uttlesford", "2026-11-21T13:05Z", "2027-02-19T13:05Z"),
        ("reigate-banstead", "2026-11-21T13:05Z", "2026-12-05T13:05Z"),
        ("south-hams", "2026-11-30T13:05Z", "2027-02-28T13:05Z"),
        # the rule changed on 15 July 2020, and each recording follows the rule of its day
        ("south-hams", "2020-07-14T22:59Z", "2020-08-14T22:59Z"),
        ("south-hams", "2020-07-14T23:00Z", "2020-10-14T23:00Z"),
        ("hammersmith-fulham", "2026-11-21T13:05Z", "2027-05-21T12:05Z"),
    ],
)
def test_how_long_a_recording_is_kept(council: str, started: str, until: str) -> None:
    kept = decide.keep(POLICIES[council], datetime.fromisoformat(started))
    assert kept.until == datetime.fromisoformat(until)
    assert kept.reason.words.endswith(kept.period)


def with_destinations(
    council: str, *destinations: Destination, payment_lines: tuple[str, ...] = ()
) -> Policy:
    """A council's policy in which these destinations stand before its own."""
    base = POLICIES[council]
    return msgspec.structs.replace(
        base,
        destination=(*destinations, *base.destination),
        payment=Payment(lines=(*base.payment.lines, *payment_lines)),
    )


HELP_LINE = Place(DestinationKind.QUEUE, "631", queue="help-line")


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
    assert chosen([policy], arrival("help-line")) is None


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


def test_a_call_whose_first_queue_is_a_payment_line_is_not_recorded() -> None:
    number = POLICIES["hammersmith-fulham"].calls.numbers[0]
    till = Destination(name="the till", queues=("till",))
    policy = with_destinations("hammersmith-fulham", till, payment_lines=("the till",))
    choice = decide.choose([policy], arrival("till", number))
    assert choice.policy is None
    assert choice.reason.rule == "destination: the till"
    assert chosen([policy], arrival("hf-parking", number)) == "hammersmith-fulham"


def test_a_queue_where_recording_goes_on_keeps_nobody_out() -> None:
    number = POLICIES["hammersmith-fulham"].calls.numbers[0]
    parking = Destination(name="parking", queues=("hf-parking",), on_transfer=CONTINUE)
    policy = with_destinations("hammersmith-fulham", parking)
    assert chosen([policy], arrival("hf-parking", number)) == "hammersmith-fulham"
    assert decide.on_move(policy, "hf-parking").outcome is CONTINUE


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


def test_a_version_is_in_force_from_midnight_where_the_policy_is() -> None:
    old = POLICIES["reigate-banstead"]
    about = msgspec.structs.replace(old.policy, in_force_from=date(2026, 7, 1))
    new = msgspec.structs.replace(old, policy=about)
    eve = datetime(2026, 6, 30, 22, 59, 59, tzinfo=UTC)
    assert decide.in_force([old, new], eve) == (old,)
    assert decide.in_force([old, new], eve.replace(hour=23, minute=30)) == (new,)
    in_new_york = msgspec.structs.replace(about, time_zone="America/New_York")
    later = msgspec.structs.replace(old, policy=in_new_york)
    assert decide.in_force([old, later], datetime(2026, 7, 1, 3, 59, tzinfo=UTC)) == (old,)


def test_rules_of_retention_may_stand_in_any_order() -> None:
    rules = (
        RetentionRule(calls_before=date(2018, 1, 1), keep="7 days"),
        RetentionRule(calls_before=date(2020, 7, 15), keep="30 days"),
        RetentionRule(calls_before=date(2024, 1, 1), keep="60 days"),
    )
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        retention = Retention(keep="90 days", rule=tuple(rules[i] for i in order))
        policy = msgspec.structs.replace(POLICIES["south-hams"], retention=retention)
        periods = [
            decide.keep(policy, datetime(year, 6, 1, 12, tzinfo=UTC)).period
            for year in (2017, 2019, 2023, 2026)
        ]
        assert periods == ["7 days", "30 days", "60 days", "90 days"], order


# calls that come through no queue

NARROW = POLICIES["reigate-banstead"]


def naming(**calls: object) -> Policy:
    """A policy that names these calls."""
    return msgspec.structs.replace(NARROW, calls=Calls(**calls))  # type: ignore[arg-type]


def made_by(extension: str, direction: Direction = Direction.OUTBOUND) -> Arrival:
    return Arrival(at=NOW, direction=direction, dialled="02079460010", extension=extension)


@pytest.mark.parametrize(
    ("extension", "council"),
    [("211", "surrey"), ("213", "surrey"), ("212", None), ("221", "uttlesford"), ("", None)],
)
def test_an_outbound_call_is_recorded_if_an_extension_of_the_policy_made_it(
    extension: str, council: str | None
) -> None:
    assert chosen(list(POLICIES.values()), made_by(extension)) == council


def test_outbound_extensions_are_those_of_outbound_calls_only() -> None:
    policies = list(POLICIES.values())
    for direction in (Direction.INBOUND, Direction.INTERNAL):
        assert chosen(policies, made_by("211", direction)) is None
    inbound_only = msgspec.structs.replace(NARROW, outbound=Outbound(extensions=("211",)))
    assert chosen([inbound_only], made_by("211")) is None, "the directions decide"


def test_none_of_the_five_records_calls_that_are_dialled_straight_to_somebody() -> None:
    for number in ("0199200211", "0199200221", "0199200251"):
        assert chosen(list(POLICIES.values()), arrival("", number)) is None


def test_a_policy_may_record_calls_that_are_dialled_directly() -> None:
    direct = naming(direct_dial=True)
    assert chosen([direct], arrival("", "0199200211")) == direct.name
    assert "directly" in decide.choose([direct], arrival("", "0199200211")).reason.words
    assert chosen([direct], arrival("", "0199200211", Direction.INTERNAL)) is None
    internal = naming(direct_dial=True, directions=(Direction.INTERNAL,))
    assert chosen([internal], arrival("", "211", Direction.INTERNAL)) == internal.name


def test_and_records_no_queue_that_it_does_not_name() -> None:
    for policy in (
        naming(direct_dial=True),
        naming(direct_dial=True, directions=(Direction.INBOUND, Direction.INTERNAL)),
        msgspec.structs.replace(
            naming(directions=(Direction.INBOUND, Direction.OUTBOUND), direct_dial=True),
            outbound=Outbound(extensions=("211",)),
        ),
    ):
        assert chosen([policy], arrival("allotments", "0199200211")) is None
    both = naming(direct_dial=True, queues=("help-line",))
    assert chosen([both], arrival("help-line")) == both.name
    assert chosen([both], arrival("revenues")) is None


def test_a_number_names_a_call_whether_a_queue_takes_it_or_not() -> None:
    policy = naming(numbers=("01737 276000",))
    for queue in ("help-line", "anything", ""):
        assert chosen([policy], arrival(queue, "01737276000")) == policy.name
    assert chosen([policy], arrival("help-line", "01737276999")) is None


def test_why_a_call_through_no_queue_is_not_recorded_is_told_in_its_own_words() -> None:
    outbound = decide.choose([NARROW], made_by("212")).reason.words
    assert outbound == "no policy names outbound calls of this extension: not recorded"
    direct = decide.choose([NARROW], arrival("", "0199200211")).reason.words
    assert "come through no queue" in direct


# consultations


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


# opt-out and permission


@pytest.mark.parametrize(
    ("by", "asker", "allowed"),
    [
        ((Asker.CALLER, Asker.AGENT), Asker.CALLER, True),
        ((Asker.CALLER,), Asker.AGENT, False),
        ((Asker.AGENT,), Asker.AGENT, True),
        ((), Asker.CALLER, False),
    ],
)
def test_who_may_opt_out(by: tuple[Asker, ...], asker: Asker, allowed: bool) -> None:
    policy = msgspec.structs.replace(NARROW, opt_out=OptOut(by=by))
    verdict = decide.on_opt_out(policy, asker)
    assert verdict.allowed is allowed
    assert ("discarded" in verdict.reason.words) is allowed


def test_what_becomes_of_what_there_was() -> None:
    assert decide.discards_on_opt_out(NARROW), "unless the policy says otherwise"
    keeps = msgspec.structs.replace(
        NARROW, opt_out=OptOut(by=(Asker.CALLER,), recorded_so_far=SoFar.KEEP)
    )
    assert not decide.discards_on_opt_out(keeps)
    assert "kept" in decide.on_opt_out(keeps, Asker.CALLER).reason.words


def test_which_calls_need_permission() -> None:
    surrey = POLICIES["surrey"]
    terms = decide.permission_terms(surrey, Direction.OUTBOUND)
    assert terms is not None
    assert (terms.permission, terms.within_s) == (Permission.KEY, 60)
    assert "60 seconds" in terms.reason.words
    for direction in (Direction.INBOUND, Direction.INTERNAL):
        assert decide.permission_terms(surrey, direction) is None
    assert decide.permission_terms(POLICIES["uttlesford"], Direction.OUTBOUND) is None
