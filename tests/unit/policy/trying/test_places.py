"""What a script's words lead to, as far as a policy can tell."""

from __future__ import annotations

from datetime import date

import pytest

from hushtape.policy import numbers
from hushtape.policy.decide import Place
from hushtape.policy.duties import Retention
from hushtape.policy.schema import About, Calls, Destination, DestinationKind, Policy
from hushtape.policy.trying.places import fitting, is_dialled, of_destination, place, queues

POLICY = Policy(
    policy=About(name="t", title="T", in_force_from=date(2026, 1, 1), time_zone="Europe/London"),
    calls=Calls(queues=("help-line",), except_queues=("press",)),
    destination=(
        Destination(name="the payment line", extensions=("73[0-9]",)),
        Destination(name="Revenues", queues=("revenues",)),
        Destination(name="a partner", numbers=("020 7946 0010",)),
        Destination(name="colleagues", every=(DestinationKind.EXTENSION,)),
    ),
    retention=Retention(keep="1 day"),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("730", Place(DestinationKind.EXTENSION, "730")),
        ("*70", Place(DestinationKind.EXTENSION, "*70")),
        ("123456", Place(DestinationKind.EXTENSION, "123456")),
        ("1234567", Place(DestinationKind.OUTSIDE, "1234567", number="1234567")),
        (
            "+44 (0)20 7946-0010",
            Place(DestinationKind.OUTSIDE, "+4402079460010", number="+44 (0)20 7946-0010"),
        ),
        ("queue nowhere-else", Place(DestinationKind.QUEUE, "", queue="nowhere-else")),
        ("the queue of help-line", Place(DestinationKind.QUEUE, "", queue="help-line")),
        ("press", Place(DestinationKind.QUEUE, "", queue="press")),
        ("the payment line", Place(DestinationKind.EXTENSION, "730")),
        ("payment line", Place(DestinationKind.EXTENSION, "730")),
        ("revenues", Place(DestinationKind.QUEUE, "", queue="revenues")),
        ("partner", Place(DestinationKind.OUTSIDE, "02079460010", number="020 7946 0010")),
        ("Colleagues", Place(DestinationKind.EXTENSION, "an extension")),
    ],
)
def test_where_a_text_leads(text: str, found: Place) -> None:
    assert place(text, [POLICY]) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the paymnet line", 'did you mean "the payment line"?'),
        ("revenus", 'did you mean "revenues"?'),
        ("mars", "expected an extension, an outside number, a queue"),
        ("730;rm", "is no place that the policy knows"),
    ],
)
def test_what_is_no_place(text: str, words: str) -> None:
    with pytest.raises(ValueError, match="is no place") as caught:
        place(text, [POLICY])
    assert words in str(caught.value)


@pytest.mark.parametrize("pattern", ["730", "_2XX", "7[1-5]0", "Z1N", "90.", "5!", "*6[78]"])
def test_an_extension_that_fits_a_pattern(pattern: str) -> None:
    assert numbers.matches(pattern, fitting(pattern))


def test_a_destination_s_place_is_one_that_it_covers() -> None:
    assert [of_destination(each).kind.value for each in POLICY.destination] == [
        "extension",
        "queue",
        "outside",
        "extension",
    ]


def test_every_queue_that_a_policy_names() -> None:
    assert queues([POLICY]) == {"help-line", "press", "revenues"}


def test_what_can_be_dialled() -> None:
    assert is_dialled("020 7946 0010")
    assert not is_dialled("revenues")
