"""Who a channel belongs to, by the configuration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ami_bridge.asterisk.party import MACHINES, Party, name_in
from ami_bridge.facts import Channel, Talker
from ami_bridge.talks import Heard
from hushtape.config import Pbx
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind

PBX = Pbx(
    kind="asterisk",
    host="127.0.0.1",
    spool="/spool",
    outside_contexts=("from-outside", "announce"),
    queues={"611": "surrey-contact-centre"},
    extensions=("2XX", "710"),
    outside=("9.",),
    outside_prefix="9",
)
CALLER = Channel("1.1", "PJSIP/trunk-00000001", "from-outside", "03456009009", number="07900123001")
AGENT = Channel("1.2", "PJSIP/211-00000002", "internal", "s", number="211")
SECOND = Channel("1.3", "PJSIP/211-00000003", "internal", "212", number="211")
CALLED = Channel("1.4", "PJSIP/outside1-00000004", "from-outside", "s", number="")
HALF = Channel("1.5", "Local/710@internal-00000005;1", "internal", "710")
OTHER_HALF = Channel("1.6", "Local/212@internal-00000006;1", "internal", "212")
ALL = {each.uniqueid: each for each in (CALLER, AGENT, SECOND, CALLED, HALF, OTHER_HALF)}

EXTENSION_211 = Place(DestinationKind.EXTENSION, "211")
PAYMENT_LINE = Place(DestinationKind.EXTENSION, "710")
NOWHERE = Place(DestinationKind.UNKNOWN, "")


def party() -> Party:
    return Party(PBX, ALL)


@pytest.mark.parametrize(
    ("extension", "place"),
    [
        ("611", Place(DestinationKind.QUEUE, "611", queue="surrey-contact-centre")),
        ("211", EXTENSION_211),
        ("710", PAYMENT_LINE),
        ("902079460010", Place(DestinationKind.OUTSIDE, "902079460010", number="02079460010")),
        ("4711", Place(DestinationKind.UNKNOWN, "4711")),
        ("", NOWHERE),
        ("s", Place(DestinationKind.UNKNOWN, "s")),
    ],
)
def test_where_an_extension_leads(extension: str, place: Place) -> None:
    assert party().place(extension) == place


def test_lines_to_the_outside_are_told_by_their_context() -> None:
    assert party().is_outside(CALLER)
    assert party().is_outside(CALLED)
    assert not party().is_outside(AGENT)
    assert not party().is_outside(HALF)


@pytest.mark.parametrize(
    ("channel", "telephone"),
    [(AGENT, "PJSIP/211"), (SECOND, "PJSIP/211"), (CALLER, ""), (CALLED, ""), (HALF, "")],
)
def test_all_channels_of_a_telephone_have_its_name(channel: Channel, telephone: str) -> None:
    assert party().telephone(channel) == telephone


def test_a_telephone_with_a_hyphen_in_its_name() -> None:
    channel = Channel("1.9", "PJSIP/reception-desk-00000009", "internal", "s")
    assert party().telephone(channel) == "PJSIP/reception-desk"


def test_an_extension_is_known_by_the_endpoint_or_else_by_the_number_that_is_shown() -> None:
    assert party().extension_of(AGENT) == "211"
    soft = Channel("1.9", "PJSIP/alice-00000009", "internal", "s", number="213")
    assert party().extension_of(soft) == "213"
    nobody = Channel("1.9", "PJSIP/alice-00000009", "internal", "s", number="anonymous")
    assert party().extension_of(nobody) == "alice"
    # A phone that shows another's number is still the phone that it is.
    borrowed = Channel("1.9", "PJSIP/211-00000009", "internal", "s", number="213")
    assert party().extension_of(borrowed) == "211"


def test_where_a_policy_would_find_somebody() -> None:
    assert party().place_of(AGENT) == EXTENSION_211
    assert party().place_of(HALF) == PAYMENT_LINE
    outside = Place(DestinationKind.OUTSIDE, "07900123001", number="07900123001")
    assert party().place_of(CALLER) == outside


def test_a_telephone_that_nothing_places_is_where_it_was_dialled() -> None:
    soft = Channel("1.9", "PJSIP/alice-00000009", "internal", "s", number="anonymous")
    one = Party(PBX, {**ALL, soft.uniqueid: soft})
    assert one.place_of(soft).kind is DestinationKind.UNKNOWN
    one.dials(soft.uniqueid, "212")
    assert one.place_of(soft) == Place(DestinationKind.EXTENSION, "212")
    one.dials(AGENT.uniqueid, "212")
    assert one.place_of(AGENT) == EXTENSION_211, "who has a place of his own has that"


def test_who_was_called_is_found_under_what_was_dialled_for_it() -> None:
    one = party()
    one.dials(CALLED.uniqueid, "902079460010")
    place = Place(DestinationKind.OUTSIDE, "902079460010", number="02079460010")
    assert one.place_of(CALLED) == place
    one.forget(CALLED.uniqueid)
    assert one.place_of(CALLED) == Place(DestinationKind.OUTSIDE, "", number="")
    one.dials(CALLED.uniqueid, "s")
    assert one.place_of(CALLED).kind is DestinationKind.OUTSIDE, "a line is a line all the same"


def test_who_speaks() -> None:
    assert party().talker(AGENT) == Talker("1.2", EXTENSION_211, "PJSIP/211")
    assert party().talker(HALF, halves=("1.9",)) == Talker(
        "1.5", PAYMENT_LINE, halves=("1.9",), stands_in=True
    )


def test_who_is_heard_in_a_talk() -> None:
    heard = [Heard("1.2", halves=("1.9",)), Heard("1.77", halves=("1.9",))]
    assert party().talkers(heard) == (
        Talker("1.2", EXTENSION_211, "PJSIP/211", halves=("1.9",)),
        Talker("1.77", NOWHERE, halves=("1.9",)),  # that nobody saw arrive
    )


def test_by_which_ways_somebody_is_reached() -> None:
    """The dialplan of 710 may dial a trunk: who answers there has a number of its own."""
    (talker,) = party().talkers([Heard(CALLED.uniqueid, "1.6", (HALF.uniqueid, "1.6"))])
    assert talker.place.extension == "212"
    assert talker.ways == (PAYMENT_LINE,), "through the inner half"
    dialled = party()
    dialled.dials(CALLED.uniqueid, "710")
    (talker,) = dialled.talkers([Heard(CALLED.uniqueid)])
    assert talker.place.kind is DestinationKind.OUTSIDE
    assert talker.ways == (PAYMENT_LINE,)


def test_his_own_place_is_no_other_way() -> None:
    (talker,) = party().talkers([Heard(HALF.uniqueid)])
    assert (talker.place, talker.ways) == (PAYMENT_LINE, ())


def test_who_takes_the_part_of_half_a_local_channel_came_that_way() -> None:
    swapped = party()
    swapped.takes_part_of(CALLED, HALF)
    (talker,) = swapped.talkers([Heard(CALLED.uniqueid, "", ("1.gone",))])
    assert talker.ways == (PAYMENT_LINE,)
    swapped.forget(CALLED.uniqueid)
    swapped.takes_part_of(CALLED, AGENT)
    (talker,) = swapped.talkers([Heard(CALLED.uniqueid)])
    assert talker.ways == (), "who takes a telephone's part is somebody else"
    swapped.takes_part_of(CALLED, replace(HALF, name=HALF.name.replace(";1", ";2")))
    (talker,) = swapped.talkers([Heard(CALLED.uniqueid)])
    assert talker.ways == (), "who takes the near half's part had dialled it himself"


def test_whom_nothing_places_is_where_the_local_channel_leads_through_which_he_came() -> None:
    """A trunk shows no number, and the Local channel is named after what was dialled."""
    half = Channel("1.10", "Local/902079460010@internal-0000000a;1", "internal", "902079460010")
    unnamed = Party(PBX, {**ALL, half.uniqueid: half})
    (talker,) = unnamed.talkers([Heard(CALLED.uniqueid, through=half.uniqueid)])
    assert talker.place.number == "02079460010"
    (talker,) = unnamed.talkers([Heard(AGENT.uniqueid, through=half.uniqueid)])
    assert talker.place == EXTENSION_211, "who has a place of his own has that"


@pytest.mark.parametrize("name", MACHINES)
def test_asterisks_own_voices_are_nobody(name: str) -> None:
    channel = Channel("1.9", f"{name}conference-00000009;2", "", "")
    assert Party(PBX, {"1.9": channel}).talkers([Heard("1.9")]) == ()


@pytest.mark.parametrize(
    ("leg", "heard", "place"),
    [
        # By key: what the Local channel is named after, whoever is behind it.
        (AGENT, [Heard("1.9", through="1.5", halves=("1.5",))], PAYMENT_LINE),
        (AGENT, [Heard("1.5")], PAYMENT_LINE),
        # By telephone: what its second channel had dialled.
        (SECOND, [Heard("1.2")], Place(DestinationKind.EXTENSION, "212")),
        (SECOND, [], Place(DestinationKind.EXTENSION, "212")),
        # Nothing was dialled: who is there.
        (AGENT, [Heard("1.3")], EXTENSION_211),
        (AGENT, [Heard("1.77")], NOWHERE),
        (AGENT, [], Place(DestinationKind.UNKNOWN, "s")),
    ],
)
def test_whom_an_agent_consults(leg: Channel, heard: list[Heard], place: Place) -> None:
    assert party().consulted(leg, heard) == place


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("Zoë", "Zoë"),
        (r"Se\\án O\'Brien", r"Se\án O'Brien"),
        (r"a\nb", "ab"),
        ("<unknown>", ""),
    ],
)
def test_a_callers_name_is_as_he_wrote_it(shown: str, name: str) -> None:
    assert name_in({"CallerIDName": shown}) == name
    assert name_in({}) == ""
