"""Where a script's words lead, once a PBX says which number is what."""

from __future__ import annotations

from datetime import date

import pytest

from ami_bridge.rehearsal.places import finder
from hushtape.config import Pbx
from hushtape.policy.decide import Place
from hushtape.policy.duties import Retention
from hushtape.policy.schema import About, Calls, Destination, DestinationKind, Policy

POLICY = Policy(
    policy=About(name="town", title="T", in_force_from=date(2026, 1, 1), time_zone="UTC"),
    calls=Calls(queues=("help-line",)),
    destination=(Destination(name="the payment line", extensions=("730",)),),
    retention=Retention(keep="62 days"),
)
PBX = Pbx(
    kind="asterisk",
    host="127.0.0.1",
    spool="/spool",
    outside_contexts=("from-outside",),
    extensions=("24X",),
    queues={"611": "second-line"},
    outside=("9.",),
    outside_prefix="9",
)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("240", Place(DestinationKind.EXTENSION, "240")),
        ("730", Place(DestinationKind.UNKNOWN, "730")),
        ("611", Place(DestinationKind.QUEUE, "611", queue="second-line")),
        ("second-line", Place(DestinationKind.QUEUE, "", queue="second-line")),
        ("902079460010", Place(DestinationKind.OUTSIDE, "902079460010", number="02079460010")),
        (
            "020 7946 0010",
            Place(DestinationKind.OUTSIDE, "02079460010", number="020 7946 0010"),
        ),
        ("the payment line", Place(DestinationKind.EXTENSION, "730")),
    ],
)
def test_the_pbx_s_map_decides(text: str, place: Place) -> None:
    assert finder(PBX)(text, [POLICY]) == place


def test_without_a_pbx_the_policy_s_words_decide() -> None:
    assert finder()("730", [POLICY]) == Place(DestinationKind.EXTENSION, "730")
    with pytest.raises(ValueError, match="is no place"):
        finder()("second-line", [POLICY])
