"""Who a FreeSWITCH's channel belongs to, by the configuration."""

from __future__ import annotations

import pytest

from ami_bridge.facts import Channel
from ami_bridge.freeswitch.party import Leg, Party, leg_of
from ami_bridge.talks import Heard
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind
from tests.unit.ami_bridge.freeswitch.events import (
    AGENT,
    CALLER,
    LINE,
    PBX,
    SECOND,
    Event,
    came,
    dialled,
    loopback,
    rung,
    rung_outside,
)

EXTENSION_211 = Place(DestinationKind.EXTENSION, "211")
PAYMENT_LINE = Place(DestinationKind.EXTENSION, "710")
OUTSIDE = Place(DestinationKind.OUTSIDE, "902079460010", number="02079460010")
NOWHERE = Place(DestinationKind.UNKNOWN, "")


def met(*events: Event) -> tuple[Party, dict[str, Channel]]:
    channels: dict[str, Channel] = {}
    legs: dict[str, Leg] = {}
    for event in events:
        uuid, leg = event["Unique-ID"], leg_of(event)
        who = "Caller-Callee-ID-Number" if leg.rung else "Caller-Caller-ID-Number"
        channels[uuid] = Channel(
            uuid,
            uuid,
            event["Caller-Context"],
            "" if leg.rung else event["Caller-Destination-Number"],
            number=event.get(who, ""),
        )
        legs[uuid] = leg
    return Party(PBX, channels, legs), channels


@pytest.mark.parametrize(
    ("event", "outside"),
    [
        (came(CALLER), True),
        (dialled(AGENT, "211", "212"), False),
        # Rung by an outside caller, it has his context all the same.
        (rung(AGENT, "211", CALLER, "03456009009"), False),
        (rung(AGENT, "211"), False),
        (rung_outside(LINE, "02079460010", AGENT, "902079460010"), True),
        (rung_outside(LINE, "02079460010"), True),
        # Through no gateway: by what was dialled.
        (
            rung_outside(LINE, "1", AGENT, "902079460010", variable_sip_gateway_name=""),
            True,
        ),
        (rung_outside(LINE, "1", AGENT, "212", variable_sip_gateway_name=""), False),
        # An agent at an outside number of which nobody dialled it, and it has an extension.
        (rung(AGENT, "211", CALLER, "902079460010"), False),
        # Nothing says what was dialled.
        (rung_outside(LINE, "02079460010", variable_sip_gateway_name=""), True),
        (rung_outside(LINE, "4711", variable_sip_gateway_name=""), False),
        # A telephone whose name is a number of that length.
        (rung(AGENT, "02079460010"), False),
        (
            rung_outside(
                *(LINE, "02079460010"),
                variable_sip_gateway_name="",
                variable_dialed_user="02079460010",
            ),
            False,
        ),
        (loopback("u-a", "902079460010", "a", "u-b", AGENT), False),
        # A caller who has sent X-FS-Channel-Name.
        (came(CALLER) | {"Channel-Name": "loopback/201-b"}, True),
        (loopback("u-b", "211", "b", "u-a", **{"Caller-Context": "from-outside"}), False),
    ],
)
def test_what_is_outside(event: Event, outside: bool) -> None:
    party, channels = met(event)
    (channel,) = channels.values()
    assert party.is_outside(channel) is outside


def test_a_telephone_is_the_same_whether_it_dials_or_is_rung() -> None:
    party, channels = met(dialled(SECOND, "211", "212"), rung(AGENT, "211"))
    assert party.telephone(channels[SECOND]) == party.telephone(channels[AGENT]) == "211@192.0.2.2"


def test_without_a_presence_id_it_is_told_by_what_was_dialled_for_it() -> None:
    event = rung(AGENT, "211", variable_dialed_user="211")
    del event["Channel-Presence-ID"]
    party, channels = met(event)
    assert party.telephone(channels[AGENT]) == "211@10.0.0.7"
    # One that came in is told by its own name: the variable may be of whom it has rung.
    party, channels = met(dialled(SECOND, "211", "212", variable_dialed_user="212"))
    assert party.telephone(channels[SECOND]) == "211@192.0.2.2"


@pytest.mark.parametrize(
    "event",
    [came(CALLER), rung_outside(LINE, "02079460010"), loopback("u-a", "211", "a", "u-b")],
)
def test_a_line_is_no_telephone(event: Event) -> None:
    party, channels = met(event)
    (channel,) = channels.values()
    assert party.telephone(channel) == ""


def test_what_nobody_has_seen_arrive_is_inside_and_nobody() -> None:
    party, _ = met()
    stranger = Channel("u-x", "u-x", "internal", "212")
    assert not party.is_outside(stranger)
    assert party.telephone(stranger) == ""
    assert party.is_outside(Channel("u-x", "u-x", "from-outside", "212"))


@pytest.mark.parametrize(
    ("event", "place"),
    [
        (rung(AGENT, "211", CALLER, "03456009009"), EXTENSION_211),
        (dialled(AGENT, "211", "212"), EXTENSION_211),
        (rung_outside(LINE, "02079460010", AGENT, "902079460010"), OUTSIDE),
        (
            rung_outside(LINE, "02079460010", CALLER, "03456009009"),
            Place(DestinationKind.OUTSIDE, "02079460010", number="02079460010"),
        ),
        (came(CALLER), Place(DestinationKind.OUTSIDE, "07900123001", number="07900123001")),
        (loopback("u-a", "710", "a", "u-b"), PAYMENT_LINE),
        # A telephone of which nobody knows an extension: what was dialled for it.
        (rung(AGENT, "hall", CALLER, "710"), PAYMENT_LINE),
        (rung(AGENT, "hall", CALLER, "4711"), Place(DestinationKind.UNKNOWN, "4711")),
    ],
)
def test_where_somebody_is(event: Event, place: Place) -> None:
    party, channels = met(event)
    (channel,) = channels.values()
    assert party.place_of(channel) == place


def test_the_number_that_the_pbx_shows_tells_an_extension_too() -> None:
    party, channels = met(dialled(AGENT, "hall", "212", **{"Caller-Caller-ID-Number": "211"}))
    assert party.extension_of(channels[AGENT]) == "211"
    party, channels = met(dialled(AGENT, "hall", "212"))
    assert party.extension_of(channels[AGENT]) == "hall"


def test_who_is_heard() -> None:
    party, _ = met(
        rung(AGENT, "211"),
        loopback("u-a", "710", "a", "u-b"),
        rung("u-machine", "hall"),
    )
    (agent,) = party.talkers([Heard(AGENT)])
    assert (agent.place, agent.telephone, agent.stands_in) == (
        EXTENSION_211,
        "211@192.0.2.2",
        False,
    )
    (half,) = party.talkers([Heard("u-a")])
    assert half.stands_in
    assert half.place == PAYMENT_LINE
    (behind,) = party.talkers([Heard("u-machine", through="u-a", halves=("u-a",))])
    assert behind.place == PAYMENT_LINE, "nothing of its own places it"
    assert behind.halves == ("u-a",)
    (through,) = party.talkers([Heard(AGENT, through="u-a")])
    assert through.place == EXTENSION_211
    (unseen,) = party.talkers([Heard("u-unseen")])
    assert unseen.place == NOWHERE


def test_whom_an_agent_consults() -> None:
    party, channels = met(
        dialled(SECOND, "211", "212"), rung(AGENT, "211"), loopback("u-a", "710", "a", "u-b")
    )
    assert party.consulted(channels[SECOND], [Heard("u-unseen")]).extension == "212"
    assert party.consulted(channels[AGENT], [Heard("u-a")]) == PAYMENT_LINE
    assert party.consulted(channels[AGENT], [Heard("u-x", through="u-a")]) == PAYMENT_LINE
    assert party.consulted(channels[AGENT], [Heard("u-unseen")]) == NOWHERE
    assert party.consulted(channels[AGENT], []) == NOWHERE


@pytest.mark.parametrize(
    ("name", "number"),
    [("loopback/211-a", "211"), ("loopback/2-1-b", "2-1"), ("loopback/211", ""), ("sofia/x-a", "")],
)
def test_half_of_a_loopback_channel_says_so_and_where_it_leads(name: str, number: str) -> None:
    assert leg_of({"Channel-Name": name, "variable_loopback_leg": "A"}).loops_to == number
    answered_first = {"Channel-Name": name, "variable_other_loopback_leg_uuid": "u-b"}
    assert leg_of(answered_first).loops_to == number
    assert leg_of({"Channel-Name": name}).loops_to == "", "a caller may have any name"


def test_a_telephone_has_no_address_of_its_own_in_a_name_without_one() -> None:
    assert leg_of({"Channel-Name": "error/user_busy"}).telephone == "user_busy"
    assert leg_of({}).telephone == ""
