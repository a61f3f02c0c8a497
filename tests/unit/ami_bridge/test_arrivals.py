"""What is told of a call's beginning, whatever the kind of the PBX; see also each kind's own."""

from __future__ import annotations

import pytest

from ami_bridge import arrivals
from ami_bridge.asterisk.party import Party
from ami_bridge.facts import Answered, Channel
from hushtape.policy.schema import DestinationKind
from tests.unit.ami_bridge.asterisk.events import AGENT, NAMES, NOW, OUTSIDE, PBX


@pytest.mark.parametrize(
    ("dialled", "extension"),
    [
        (("710", "9020"), "710"),
        (("s", "710", "9020"), "710"),
        (("s", ""), "02079460010"),
    ],
)
def test_of_what_was_dialled_for_a_call_out_the_first_that_leads_anywhere_is_where_it_goes(
    dialled: tuple[str, ...], extension: str
) -> None:
    agent = Channel(AGENT, NAMES[AGENT], "internal", "902079460010", number="211")
    line = Channel(OUTSIDE, NAMES[OUTSIDE], "from-outside", "", number="02079460010")
    party = Party(PBX, {AGENT: agent, OUTSIDE: line})
    told = arrivals.answered_outside(party, agent, line, dialled, NOW)
    assert told.channel is line
    assert isinstance(told.fact, Answered)
    place = told.fact.arrival.place
    assert place is not None
    assert (place.kind, place.extension) == (DestinationKind.OUTSIDE, extension)
    assert told.fact.agent == "PJSIP/211"
