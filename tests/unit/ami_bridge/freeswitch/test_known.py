"""What is known of a FreeSWITCH's channels."""

from __future__ import annotations

from ami_bridge.facts import Channel
from ami_bridge.freeswitch.known import Known
from ami_bridge.freeswitch.party import Leg
from tests.unit.ami_bridge.freeswitch.events import PBX


def known(*uuids: str) -> Known:
    made = Known(PBX)
    for uuid in uuids:
        made.add(Channel(uuid, uuid, "internal", ""), Leg(rung=False))
    return made


def test_a_channel_that_gets_another_uuid_is_the_same_one() -> None:
    made = known("u-1")
    made.rename("u-1", "u-2")
    channel = made.channel("u-2")
    assert channel is made.channel("u-1") is made.channels["u-1"]
    assert channel is not None
    assert (channel.uniqueid, channel.name) == ("u-1", "u-2")
    made.rename("u-2", "u-3")
    assert made.channel("u-3") is channel
    assert channel.name == "u-3"


def test_nobody_takes_the_place_of_another_channel() -> None:
    made = known("u-1", "u-2")
    made.rename("u-1", "u-2")
    assert made.channel("u-2") is made.channels["u-2"]
    assert made.channels["u-1"].name == "u-1"
    made.rename("u-9", "u-8")
    made.rename("u-1", "")
    assert made.channel("u-8") is None
    assert made.uniqueid("") == ""


def test_a_channel_that_is_gone_is_known_by_none_of_its_uuids() -> None:
    made = known("u-1")
    made.rename("u-1", "u-2")
    assert not made.is_gone("u-1")
    made.remove("u-1")
    assert made.channel("u-1") is made.channel("u-2") is None
    assert made.is_gone("u-1")
    assert made.uniqueid("u-2") == "u-2"


def test_one_that_hangs_up_counts_as_gone() -> None:
    made = known("u-1")
    made.legs["u-1"].going = True
    assert made.is_gone("u-1")


def test_who_waits_while_a_channel_is_rung() -> None:
    made = known("u-caller", "u-agent")
    made.add(Channel("u-a", "u-a", "internal", ""), Leg(rung=True, rung_by="u-agent"))
    made.add(Channel("u-b", "u-b", "internal", "710"), Leg(rung=False))
    for uuid, end in (("u-a", "a"), ("u-b", "b")):
        made.talks.half(uuid, "a+b", end)
    for uuid in ("u-caller", "u-agent"):
        made.talks.enter("x", uuid)
    for uuid in ("u-a", "u-b"):
        assert [each.uniqueid for each in made.waits_for(made.channels[uuid])] == ["u-caller"]
    assert made.waits_for(made.channels["u-caller"]) == []
