"""Who records or listens in beside MixMonitor, as far as an Asterisk tells of it."""

from __future__ import annotations

import pytest

from ami_bridge.facts import Overheard, SilenceAsked
from tests.unit.ami_bridge.asterisk.events import AGENT, CALLER, COLLEAGUE, Pbx, queue_call

NONCE = "123456789987654321"
SNOOP = "1.60"
SPY = "1.62"


def overheard(pbx: Pbx, uniqueid: str = CALLER) -> bool:
    told = pbx.says(
        "UserEvent", UserEvent="Hushtape", Act="silence", Uniqueid=uniqueid, Nonce=NONCE
    )
    (asked,) = (each.fact for each in told if isinstance(each.fact, SilenceAsked))
    assert isinstance(asked, SilenceAsked)
    return asked.overheard


def snoops(pbx: Pbx, whom: str) -> None:
    """As an Asterisk 22 tells of POST /channels/{id}/snoop."""
    pbx.says("Newchannel", Uniqueid=SNOOP, Channel=f"Snoop/{whom}-00000000", Context="default")


def spies(pbx: Pbx, whom: str, name: str = "ChanSpyStart") -> None:
    """As an Asterisk 22 tells of ChanSpy: of the one who spies, and of whom he hears."""
    pbx.says(name, SpyerUniqueid=SPY, SpyeeUniqueid=whom)


def conference(pbx: Pbx, name: str, bridge: str = "b1") -> None:
    pbx.says(name, Conference="4711", BridgeUniqueid=bridge, BridgeType="base")


def test_nobody_listens_in_on_a_plain_talk() -> None:
    assert not overheard(queue_call())


@pytest.mark.parametrize("whom", [CALLER, AGENT])
def test_a_snoop_on_anybody_of_the_talk(whom: str) -> None:
    pbx = queue_call()
    snoops(pbx, whom)
    assert overheard(pbx)
    pbx.says("Hangup", Uniqueid=SNOOP, Channel=f"Snoop/{whom}-00000000")
    assert not overheard(pbx)


def test_a_snoop_on_somebody_else_is_his() -> None:
    pbx = queue_call()
    snoops(pbx, f"{CALLER}5")
    assert not overheard(pbx)


@pytest.mark.parametrize("whom", [CALLER, AGENT])
def test_a_monitor_until_it_is_stopped(whom: str) -> None:
    pbx = queue_call()
    pbx.says("MonitorStart", Uniqueid=whom)
    assert overheard(pbx)
    pbx.says("MonitorStop", Uniqueid=whom)
    assert not overheard(pbx)


def test_a_monitor_goes_with_its_channel() -> None:
    pbx = queue_call()
    pbx.says("MonitorStart", Uniqueid=AGENT)
    pbx.says("Hangup", Uniqueid=AGENT)
    pbx.rings(AGENT)  # a PBX that was started again may use its names again
    pbx.enters("b1", AGENT)
    assert not overheard(pbx)


@pytest.mark.parametrize("whom", [CALLER, AGENT])
def test_a_spy_until_he_stops(whom: str) -> None:
    pbx = queue_call()
    spies(pbx, whom)
    assert overheard(pbx)
    spies(pbx, whom, "ChanSpyStop")
    assert not overheard(pbx)


def test_a_spy_who_goes_on_to_somebody_else() -> None:
    pbx = queue_call()
    spies(pbx, AGENT)
    pbx.rings(COLLEAGUE)
    spies(pbx, COLLEAGUE)
    assert not overheard(pbx)


@pytest.mark.parametrize("gone", [SPY, AGENT])
def test_a_spy_goes_with_either_channel(gone: str) -> None:
    pbx = queue_call()
    pbx.says("Newchannel", Uniqueid=SPY, Channel="PJSIP/213-00000062", Context="internal")
    spies(pbx, AGENT)
    pbx.says("Hangup", Uniqueid=gone)
    if gone == AGENT:
        pbx.rings(AGENT)  # a PBX that was started again may use its names again
        pbx.enters("b1", AGENT)
    assert not overheard(pbx)


@pytest.mark.parametrize("end", ["ConfbridgeStopRecord", "ConfbridgeEnd"])
def test_a_conference_that_is_recorded(end: str) -> None:
    pbx = queue_call()
    conference(pbx, "ConfbridgeRecord", bridge="another")
    assert not overheard(pbx)
    conference(pbx, "ConfbridgeRecord")
    assert overheard(pbx)
    conference(pbx, end)
    assert not overheard(pbx)


@pytest.mark.parametrize("name", ["CBRec/4711-00000000", "Recorder/ARI-00000000;2"])
def test_a_machine_in_the_talk(name: str) -> None:
    pbx = queue_call()
    pbx.says("Newchannel", Uniqueid="1.61", Channel=name, Context="default")
    pbx.enters("b1", "1.61")
    assert overheard(pbx)


# who begins


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("MonitorStart", {"Uniqueid": AGENT}),
        ("ChanSpyStart", {"SpyerUniqueid": SPY, "SpyeeUniqueid": AGENT}),
        ("Newchannel", {"Uniqueid": SNOOP, "Channel": f"Snoop/{AGENT}-00000000"}),
        ("ConfbridgeRecord", {"BridgeUniqueid": "b1"}),
        (
            "BridgeEnter",
            {"Uniqueid": "1.61", "Channel": "Recorder/ARI-00000000;2", "BridgeUniqueid": "b1"},
        ),
    ],
)
def test_one_who_begins_to_listen_is_told_of_each_call_that_he_hears(
    name: str, headers: dict[str, str]
) -> None:
    told = queue_call().says(name, **headers)
    assert CALLER in [each.channel.uniqueid for each in told if isinstance(each.fact, Overheard)]


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("MonitorStart", {"Uniqueid": "1.99"}),
        ("MonitorStop", {"Uniqueid": AGENT}),
        ("ChanSpyStart", {"SpyerUniqueid": AGENT, "SpyeeUniqueid": "1.99"}),
        ("ChanSpyStop", {"SpyerUniqueid": SPY, "SpyeeUniqueid": AGENT}),
        ("Newchannel", {"Uniqueid": SNOOP, "Channel": "Snoop/1.99-00000000"}),
        ("Newchannel", {"Uniqueid": "1.61", "Channel": "PJSIP/212-00000000"}),
        ("ConfbridgeRecord", {"BridgeUniqueid": "b2"}),
        ("BridgeEnter", {"Uniqueid": "1.61", "Channel": "PJSIP/9", "BridgeUniqueid": "b1"}),
    ],
)
def test_of_one_who_hears_nobody_else_nothing_is_told(name: str, headers: dict[str, str]) -> None:
    told = queue_call().says(name, **headers)
    assert [each for each in told if isinstance(each.fact, Overheard)] == []
