"""What numbers lead to, and what is kept of what callers say."""

from __future__ import annotations

import pytest

from ami_bridge import places
from ami_bridge.places import person, place, queue_name
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind
from tests.unit.ami_bridge.asterisk.test_party import PBX


@pytest.mark.parametrize(
    ("extension", "found"),
    [
        ("611", Place(DestinationKind.QUEUE, "611", queue="surrey-contact-centre")),
        ("211", Place(DestinationKind.EXTENSION, "211")),
        ("902079460010", Place(DestinationKind.OUTSIDE, "902079460010", number="02079460010")),
        ("4711", Place(DestinationKind.UNKNOWN, "4711")),
        ("", Place(DestinationKind.UNKNOWN, "")),
    ],
)
def test_where_an_extension_leads(extension: str, found: Place) -> None:
    assert place(PBX, extension) == found


def test_names_and_numbers_are_cut_to_plain_text() -> None:
    assert person("Zoë\r\nAction: Originate\x00") == "ZoëAction: Originate"
    assert len(person("x" * 5000)) == places.TEXT_LIMIT
    assert person("<unknown>") == ""


def test_a_queue_has_a_name_that_a_configuration_can_name() -> None:
    assert queue_name("customer-service") == "customer-service"
    assert queue_name("a b\n../c") == "a_b_.._c"
    assert len(queue_name("x" * 5000)) == places.QUEUE_LIMIT
