from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest

from hushtape.policy import decide
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.duties import Tag
from hushtape.policy.schema import Destination, DestinationKind, OnTransfer, Outbound, Policy
from hushtape.recordings.manifest import Direction
from tests.councils import (
    COUNCILS,
    NARROW,
    NOW,
    POLICIES,
    arrival,
    made_by,
    naming,
    with_destinations,
)

CONTINUE, STOP = OnTransfer.CONTINUE, OnTransfer.STOP
MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


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
    assert outbound.startswith("no policy names outbound calls of this extension: not recorded")
    direct = decide.choose([NARROW], arrival("", "0199200211")).reason.words
    assert "come through no queue" in direct


# hours and exceptions

OFFICE = naming(queues=("help-line",), hours=("Mon-Fri 08:30-17:00",))


@pytest.mark.parametrize(
    ("at", "recorded"),
    [
        ("2026-11-23T08:29:59+00:00", False),
        ("2026-11-23T08:30:00+00:00", True),
        ("2026-11-23T16:59:59+00:00", True),
        ("2026-11-23T17:00:00+00:00", False),
        ("2026-11-21T12:00:00+00:00", False),  # a Saturday
        ("2026-07-01T07:30:00+00:00", True),  # half past eight of summer time
        ("2026-07-01T16:00:00+00:00", False),
    ],
)
def test_a_call_belongs_to_a_policy_only_if_it_began_within_its_hours(
    at: str, recorded: bool
) -> None:
    call = arrival("help-line", at=datetime.fromisoformat(at))
    assert (chosen([OFFICE], call) is not None) is recorded


def test_by_day_one_policy_by_night_another() -> None:
    night = msgspec.structs.replace(
        naming(queues=("help-line",), hours=("every day 17:00-08:30",)),
        policy=msgspec.structs.replace(NARROW.policy, name="night"),
    )
    assert chosen([OFFICE, night], arrival("help-line", at=MONDAY_NOON)) == OFFICE.name
    at_night = MONDAY_NOON.replace(hour=3)
    assert chosen([OFFICE, night], arrival("help-line", at=at_night)) == "night"


def test_an_exception_beats_what_else_would_name_a_call() -> None:
    number = "01737 276000"
    policy = naming(
        numbers=(number,), queues=("help-line", "staff"), except_queues=("staff",), direct_dial=True
    )
    assert chosen([policy], arrival("help-line", number)) == policy.name
    assert chosen([policy], arrival("staff", number)) is None
    but_one = naming(direct_dial=True, except_numbers=("+44 1992 00211", "0199200211"))
    assert chosen([but_one], arrival("", "0199200212")) == but_one.name
    assert chosen([but_one], arrival("", "0199200211")) is None
    rings_out = msgspec.structs.replace(
        naming(directions=(Direction.OUTBOUND,), except_numbers=("020 7946 0999",)),
        outbound=Outbound(extensions=("211",)),
    )
    assert chosen([rings_out], made_by("211")) is None
    assert chosen([rings_out], made_by("211", dialled="02079460998")) == rings_out.name


def test_the_exception_of_one_policy_is_none_of_anothers() -> None:
    here = naming(numbers=("01737 276000",), except_queues=("staff",))
    there = msgspec.structs.replace(
        naming(queues=("staff",)), policy=msgspec.structs.replace(NARROW.policy, name="there")
    )
    assert chosen([here, there], arrival("staff", "01737276000")) == "there"


# payment lines and destinations that are dialled

EVERYTHING = msgspec.structs.replace(
    with_destinations(
        "reigate-banstead",
        Destination(
            name="the till", extensions=("730",), queues=("till",), numbers=("01632 960730",)
        ),
        Destination(name="partners", numbers=("020 7946 0010",), on_transfer=CONTINUE),
        Destination(name="the bank", numbers=("020 7946 0020",), on_transfer=STOP),
        payment_lines=("the till",),
    ),
    calls=naming(directions=tuple(Direction), direct_dial=True, queues=("help-line", "till")).calls,
    outbound=Outbound(extensions=("2XX",)),
)


@pytest.mark.parametrize(
    "call",
    [
        arrival("", "730"),
        arrival("", "730", Direction.INTERNAL),
        arrival("", "+44 1632 960730"),
        arrival("help-line", "01632960730"),
        arrival("till", "01737276000"),
        made_by("211", dialled="01632960730"),
        Arrival(
            at=NOW,
            direction=Direction.INBOUND,
            dialled="01992000000",
            place=Place(DestinationKind.EXTENSION, "730"),
        ),
    ],
)
def test_whoever_dials_a_payment_line_is_never_recorded(call: Arrival) -> None:
    for policies in ([EVERYTHING], [EVERYTHING, _other(numbers=("01737 276000",))]):
        choice = decide.choose(policies, call)
        assert choice.policy is None
        assert choice.reason.rule == "destination: the till"
        assert "a payment line: not recorded" in choice.reason.words


def _other(**calls: object) -> Policy:
    about = msgspec.structs.replace(NARROW.policy, name="other")
    return msgspec.structs.replace(naming(**calls), policy=about, destination=())


def test_a_payment_line_of_one_policy_is_none_that_another_may_record() -> None:
    greedy = _other(queues=("till",))
    assert chosen([greedy], arrival("till")) == "other"
    for policies in ([greedy, EVERYTHING], [EVERYTHING, greedy]):
        choice = decide.choose(policies, arrival("till"))
        assert choice.policy is None
        assert choice.reason.rule == "destination: the till"


def test_the_policy_of_a_call_knows_the_payment_lines_of_those_in_force_then() -> None:
    later = msgspec.structs.replace(EVERYTHING.policy, in_force_from=date(2026, 12, 1))
    mine = _other(queues=("anything",))
    policies = [mine, EVERYTHING, msgspec.structs.replace(EVERYTHING, policy=later)]
    choice = decide.choose(policies, arrival("anything"))
    assert choice.policy is not None
    assert [each.version for each in choice.policy.others] == [EVERYTHING.version]
    alone = decide.choose([mine], arrival("anything")).policy
    assert alone is not None
    assert alone.others == ()


@pytest.mark.parametrize(
    ("dialled", "recorded"),
    [("020 7946 0010", True), ("020 7946 0020", False), ("020 7946 0030", True)],
)
def test_an_outbound_call_is_ruled_by_the_destination_that_names_its_number(
    dialled: str, recorded: bool
) -> None:
    choice = decide.choose([EVERYTHING], made_by("211", dialled=dialled))
    assert (choice.policy is not None) is recorded
    if not recorded:
        assert choice.reason.rule == "destination: the bank"
        assert 'on_transfer = "stop"' in choice.reason.words
        assert "not recorded" in choice.reason.words


def test_a_destination_of_every_outside_number_names_none() -> None:
    """Else no outbound call of Uttlesford's would be recorded."""
    assert chosen([POLICIES["uttlesford"]], made_by("221")) == "uttlesford"


def test_a_pattern_of_what_is_dialled_names_it_too() -> None:
    hotline = Destination(name="hotlines", extensions=("90800.",), on_transfer=STOP)
    policy = msgspec.structs.replace(EVERYTHING, destination=(hotline,))
    place = Place(DestinationKind.OUTSIDE, "908001456095", number="08001456095")
    call = made_by("211", dialled="08001456095")
    assert chosen([policy], call) == policy.name, "without what was dialled nobody can tell"
    dialled = Arrival(
        at=NOW, direction=Direction.OUTBOUND, dialled=place.number, extension="211", place=place
    )
    assert chosen([policy], dialled) is None


# why not

NEAREST = [
    (arrival("help-line", at=MONDAY_NOON.replace(hour=18)), "calls.hours", "Mon 18:00"),
    (arrival("staff", at=MONDAY_NOON), "calls.except_queues", "staff"),
    (arrival("help-line", "01737276999", at=MONDAY_NOON), "calls.except_numbers", "except"),
    (arrival("revenues", at=MONDAY_NOON), "no policy", 'calls.queues: queue revenues is none of "'),
    (arrival("", "01737276000"), "no policy", "calls.direct_dial: dialled directly"),
    (arrival("help-line", "", Direction.INTERNAL), "no policy", 'directions = "inbound"'),
    (made_by("212"), "no policy", "calls.directions: an outbound call"),
]


@pytest.mark.parametrize(("call", "rule", "words"), NEAREST)
def test_the_nearest_reason_is_told(call: Arrival, rule: str, words: str) -> None:
    policy = naming(
        queues=("help-line", "staff"),
        hours=("Mon-Fri 08:30-17:00",),
        except_queues=("staff",),
        except_numbers=("01737 276999",),
    )
    choice = decide.choose([POLICIES["hammersmith-fulham"], policy], call)
    assert choice.policy is None
    assert choice.reason.rule == rule
    assert words in choice.reason.words
    assert "not recorded" in choice.reason.words
    assert choice.reason.policy == ("" if rule == "no policy" else policy.name)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (arrival("customer-service", "01799510999"), "calls.numbers"),
        (arrival("housing", "01799510510"), "calls.queues"),
    ],
)
def test_half_a_fit_is_nearer_than_none(call: Arrival, rule: str) -> None:
    choice = decide.choose(POLICIES.values(), call)
    assert (choice.reason.policy, choice.reason.rule) == ("uttlesford", rule)


def test_a_policy_that_is_not_yet_in_force_says_so() -> None:
    later = msgspec.structs.replace(
        NARROW, policy=msgspec.structs.replace(NARROW.policy, in_force_from=date(2030, 1, 1))
    )
    reason = decide.choose([later], arrival("help-line")).reason
    assert reason.rule == "policy.in_force_from"
    assert "1 January 2030" in reason.words


def test_without_any_policy_there_is_a_reason_too() -> None:
    reason = decide.choose([], arrival("help-line")).reason
    assert reason.words.startswith("no policy names inbound calls of queue help-line")


def test_every_policy_says_why_it_does_not_name_a_call() -> None:
    choice = decide.choose(POLICIES.values(), arrival("help-line"))
    assert {reason.policy for reason in choice.misses} == set(POLICIES) - {"reigate-banstead"}
    assert all(reason.words.endswith(": not recorded") for reason in choice.misses)


def test_reasons_hold_no_number_that_was_dialled() -> None:
    """They go into logs and manifests, where nothing personal may stand."""
    calls = [
        arrival("help-line", "01737276000"),
        arrival("", "01992000211"),
        made_by("211", dialled="02079460010"),
        arrival("hf-parking", POLICIES["hammersmith-fulham"].calls.numbers[0]),
    ]
    for call in calls:
        for policies in ([EVERYTHING], list(POLICIES.values())):
            choice = decide.choose(policies, call)
            for reason in (choice.reason, *choice.misses):
                assert call.dialled[-6:] not in reason.words.replace(" ", "")


# tags

TAGGED = msgspec.structs.replace(
    NARROW,
    tag=(
        Tag(name="all"),
        Tag(name="housing", queues=("housing", "homeless")),
        Tag(name="freephone", numbers=("0800 145 6095",)),
        Tag(name="night", outside_hours=("Mon-Fri 08:30-17:00",)),
        Tag(name="day", hours=("Mon-Fri 08:30-17:00",)),
        Tag(name="ours", directions=(Direction.OUTBOUND,)),
        Tag(name="freephone", numbers=("0800 023 4499",)),
        Tag(name="housing by day", queues=("housing",), hours=("Mon-Fri 08:30-17:00",)),
    ),
)


@pytest.mark.parametrize(
    ("call", "queues", "tags"),
    [
        (arrival("help-line"), (), ("all", "night")),
        (arrival("help-line"), ("homeless",), ("all", "housing", "night")),
        (arrival("housing", at=MONDAY_NOON), (), ("all", "housing", "day", "housing by day")),
        (arrival("x", "+44 800 145 6095", at=MONDAY_NOON), (), ("all", "freephone", "day")),
        (arrival("x", "08000234499", at=MONDAY_NOON), (), ("all", "freephone", "day")),
        (made_by("211"), (), ("all", "night", "ours")),
    ],
)
def test_which_words_a_recording_carries(
    call: Arrival, queues: tuple[str, ...], tags: tuple[str, ...]
) -> None:
    assert set(decide.tags(TAGGED, call, queues)) == set(tags)
    assert len(decide.tags(TAGGED, call, queues)) == len(tags)
