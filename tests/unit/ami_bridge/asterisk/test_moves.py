"""Where an Asterisk sends a call, and who did it."""

from __future__ import annotations

import pytest

from ami_bridge.facts import TransferCompleted, TransferFailed
from ami_bridge.told import Told
from hushtape.policy.schema import DestinationKind
from tests.unit.ami_bridge.asterisk.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    NAMES,
    NOW,
    Pbx,
    arrived,
    join,
    local_call,
    newchannel,
    of,
    queue_call,
    replay,
)

# blind transfers


@pytest.mark.parametrize(
    ("session", "kind", "detail"),
    [
        ("blind-to-back-office", DestinationKind.EXTENSION, "212"),
        ("blind-to-other-queue", DestinationKind.QUEUE, "surrey-adult-care"),
        ("blind-to-outside", DestinationKind.OUTSIDE, "02079460010"),
        ("blind-to-payment", DestinationKind.EXTENSION, "710"),
    ],
)
def test_a_transfer_says_where_to(session: str, kind: DestinationKind, detail: str) -> None:
    _, told = replay(session)
    (fact,) = [each.fact for each in told if isinstance(each.fact, TransferCompleted)]
    assert fact.place.kind is kind
    assert detail in (fact.place.extension, fact.place.queue, fact.place.number)


def test_a_failed_transfer_is_one() -> None:
    (told,) = arrived().says(
        "BlindTransfer", TransfereeUniqueid=CALLER, Extension="212", Result="Invalid"
    )
    assert isinstance(told.fact, TransferFailed)


# attended ones


def attended(pbx: Pbx, **headers: str) -> list[Told]:
    """The agent connects the caller, or whom the headers name, with somebody else."""
    usual = {
        "Result": "Success",
        "TransfereeUniqueid": CALLER,
        "TransfereeChannel": NAMES[CALLER],
        "OrigTransfererChannel": NAMES[AGENT],
    }
    return pbx.says("AttendedTransfer", **{**usual, **headers})


@pytest.mark.parametrize(
    ("session", "kind", "extension"),
    [
        ("attended-to-back-office", DestinationKind.EXTENSION, "212"),
        # in this session the event names no target
        ("attended-to-other-queue", DestinationKind.QUEUE, "612"),
    ],
)
def test_an_attended_transfer_says_where_to(
    session: str, kind: DestinationKind, extension: str
) -> None:
    _, told = replay(session)
    (fact,) = [each.fact for each in told if isinstance(each.fact, TransferCompleted)]
    assert (fact.place.kind, fact.place.extension, fact.how) == (kind, extension, "attended")


def test_an_attended_transfer_by_phone_led_where_the_second_channel_had_dialled() -> None:
    pbx = arrived()
    pbx.rings("1.22", "212")
    (told,) = attended(
        pbx,
        SecondTransfererChannel=NAMES["1.22"],
        SecondTransfererUniqueid="1.22",
        TransferTargetChannel=NAMES[COLLEAGUE],
    )
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place == pbx.translator.place("212")


def test_an_attended_transfer_by_key_did_not_lead_where_the_agents_channel_had_dialled() -> None:
    pbx = arrived()
    pbx.rings("1.22", "212")
    (told,) = attended(
        pbx,
        OrigTransfererChannel=NAMES["1.22"],
        SecondTransfererChannel=NAMES["1.22"],
        SecondTransfererUniqueid="1.22",
        TransferTargetChannel=NAMES[COLLEAGUE],
    )
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place.kind is DestinationKind.UNKNOWN


def test_an_attended_transfer_without_any_trace_of_its_target_can_not_be_told() -> None:
    (told,) = attended(arrived(), SecondTransfererChannel=NAMES[AGENT])
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place.kind is DestinationKind.UNKNOWN


def test_behind_a_local_member_its_target_is_the_other_local_channel_in_the_talk() -> None:
    """Run on Asterisk 22, with Local/211@from-queue/n: 4 of 5 named no target."""
    pbx = local_call()
    pbx.leaves("b2", AGENT)
    pbx.says("Newchannel", Uniqueid="1.20", Channel="Local/212@internal-00000020;1")
    pbx.enters("b2", "1.20")
    told = attended(
        pbx,
        TransfereeUniqueid="1.9",
        TransfereeChannel=NAMES["1.9"],
        SecondTransfererChannel=NAMES[AGENT],
        DestType="Bridge",
    )
    (fact,) = of(told, CALLER, TransferCompleted)
    assert fact.place == pbx.translator.place("212")


def test_a_refused_attended_transfer_is_a_failed_one() -> None:
    (told,) = attended(
        arrived(), Result="Fail", TransferTargetChannel="Local/212@internal-00000000;1"
    )
    assert isinstance(told.fact, TransferFailed)


def swapped(pbx: Pbx, **headers: str) -> list[Told]:
    """The agent connects somebody else with the caller."""
    usual = {
        "Result": "Success",
        "SecondTransfererChannel": NAMES[AGENT],
        "TransferTargetUniqueid": CALLER,
        "TransferTargetChannel": NAMES[CALLER],
    }
    return pbx.says("AttendedTransfer", **{**usual, **headers})


def test_a_caller_whom_the_agent_called_in_is_transferred_too() -> None:
    pbx = arrived()
    pbx.rings("1.22", "710")
    (told,) = swapped(
        pbx,
        TransfereeUniqueid="1.9",
        TransfereeChannel="PJSIP/payment-9",
        OrigTransfererUniqueid="1.22",
        OrigTransfererChannel=NAMES["1.22"],
    )
    assert told.channel.uniqueid == CALLER
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place == pbx.translator.place("710")


def test_a_caller_with_whom_nobody_could_be_connected_is_where_he_was() -> None:
    assert swapped(queue_call(), Result="Fail", OrigTransfererChannel=NAMES[AGENT]) == []


def test_whom_a_key_connects_with_the_caller_can_not_be_told_by_what_the_agent_had_dialled() -> (
    None
):
    told = swapped(queue_call(), OrigTransfererUniqueid=CALLER, OrigTransfererChannel=NAMES[AGENT])
    (fact,) = of(told, CALLER, TransferCompleted)
    assert fact.place.extension == ""


def test_a_three_way_call_is_no_transfer() -> None:
    told = attended(
        queue_call(), DestType="Threeway", TransferTargetChannel="Local/212@internal-00000001;1"
    )
    assert told == []


def test_who_takes_over_anothers_place_in_the_dialplan_is_there() -> None:
    """A REFER while the colleague's telephone rings, or in a queue (``DestType: App``)."""
    pbx = queue_call()
    pbx.rings("1.22", "612")
    told = attended(
        pbx,
        DestType="App",
        SecondTransfererUniqueid="1.22",
        SecondTransfererChannel=NAMES["1.22"],
    )
    (fact,) = of(told, CALLER, TransferCompleted)
    assert (fact.place.kind, fact.place.queue) == (DestinationKind.QUEUE, "surrey-adult-care")
    pbx.leaves("b1", CALLER)
    pbx.rings(COLLEAGUE)
    pbx.enters("b2", COLLEAGUE)
    assert not of(pbx.enters("b2", CALLER, "612"), CALLER, TransferCompleted), "that is known"


@pytest.mark.parametrize("kind", ["Bridge", "Link"])
def test_who_only_talks_to_somebody_else_stays_where_it_is_in_the_dialplan(kind: str) -> None:
    pbx = queue_call()
    attended(pbx, DestType=kind, TransferTargetChannel="Local/212@internal-00000001;1")
    told = pbx.enters("b1", CALLER, "03456009009")
    assert not of(told, CALLER, TransferCompleted)


# behind Local channels


def test_a_line_is_transferred_with_whoever_is_behind_it() -> None:
    pbx = local_call()
    told = pbx.says(
        "BlindTransfer",
        Result="Success",
        TransfereeUniqueid="1.9",
        TransfereeChannel=NAMES["1.9"],
        Extension="710",
    )
    (fact,) = of(told, CALLER, TransferCompleted)
    assert fact.place == pbx.translator.place("710")


LOCAL = "Local/231@agents-00000007"


def local_member() -> Pbx:
    """A caller whom a queue has connected with a Local member."""
    pbx = arrived()
    pbx.translator.translate(join(), NOW)
    pbx.says("AgentConnect", Uniqueid=CALLER, DestChannel=f"{LOCAL};1")
    return pbx


def local_transfer(pbx: Pbx, name: str, extension: str = "710") -> list[Told]:
    return pbx.says(
        "BlindTransfer",
        Result="Success",
        TransfereeChannel=name,
        TransfereeUniqueid="1.8",
        TransfereeLinkedid=CALLER,
        Extension=extension,
    )


def test_the_far_half_of_a_local_agent_is_the_caller() -> None:
    pbx = local_member()
    pbx.translator.translate(newchannel("1.8"), NOW)
    (told,) = local_transfer(pbx, f"{LOCAL};2")
    assert told.channel.uniqueid == CALLER
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place == pbx.translator.place("710")


def test_a_local_channel_that_nobody_knows_stops_the_call_that_it_is_linked_to() -> None:
    (told,) = local_transfer(local_member(), "Local/x@y-00000009;2", "212")
    assert told.channel.uniqueid == CALLER
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place.kind is DestinationKind.UNKNOWN


def test_a_local_agent_is_forgotten_with_its_channel() -> None:
    pbx = local_member()
    pbx.says("Hangup", Uniqueid="1.8", Channel=f"{LOCAL};1")
    (told,) = local_transfer(pbx, f"{LOCAL};2")
    assert isinstance(told.fact, TransferCompleted)
    assert told.fact.place.kind is DestinationKind.UNKNOWN
