"""Who listens in, or records, beside our recorders, as far as a FreeSWITCH tells of it."""

from __future__ import annotations

import pytest

from ami_bridge.facts import ForeignRecorder, Overheard, SilenceAsked
from tests.unit.ami_bridge.freeswitch.events import (
    AGENT,
    CALLER,
    COLLEAGUE,
    NOW,
    SINCE,
    Event,
    Heard,
    conference,
    custom,
    dialled,
    gone,
    queue_call,
    said,
)
from tests.unit.ami_bridge.freeswitch.test_resync import TALK, lives

NONCE = "d72d63ff-5a21-480f-8e5b-431b7acbc7be"


def overheard(heard: Heard, uuid: str = CALLER) -> bool:
    asks = {"Hushtape_Act": "silence", "Hushtape_By": "transfer", "Hushtape_Nonce": NONCE}
    facts = heard.of(uuid, custom("hushtape::told", uuid, **asks))
    (asked,) = [each for each in facts if isinstance(each, SilenceAsked)]
    return asked.overheard


def bug(what: str, uuid: str, kind: str = "eavesdrop") -> Event:
    return said(f"MEDIA_BUG_{what}", uuid, Media_Bug_Function=kind, Media_Bug_Target=uuid)


def test_nobody_listens_in_on_a_plain_talk() -> None:
    assert not overheard(queue_call())


@pytest.mark.parametrize("whom", [CALLER, AGENT])
@pytest.mark.parametrize("kind", ["eavesdrop", "detect_speech", "audio_fork", "snapshot"])
def test_whoever_hears_somebody_of_the_talk(whom: str, kind: str) -> None:
    heard = queue_call(bug("START", whom, kind), bug("START", whom, kind), bug("STOP", whom, kind))
    assert overheard(heard), "one of two is there still"
    heard.hear(bug("STOP", whom, kind))
    assert not overheard(heard)
    heard.hear(bug("STOP", whom, kind), bug("START", whom, kind))
    assert overheard(heard), "a stop that was told once too often counts for nothing"


@pytest.mark.parametrize("kind", ["session_record", "inband_dtmf", "displace"])
def test_what_is_stopped_or_harmless(kind: str) -> None:
    assert not overheard(queue_call(bug("START", CALLER, kind)))


def test_who_hears_somebody_else() -> None:
    heard = queue_call(dialled(COLLEAGUE, "212", "800"), bug("START", COLLEAGUE))
    assert not overheard(heard)
    heard.hear(gone(COLLEAGUE))
    assert heard.translator._listeners._on == {}


def test_a_third_person_is_in_the_talk_and_no_listener() -> None:
    third = said("CHANNEL_EXECUTE", COLLEAGUE, Application="three_way", Application_Data=AGENT)
    heard = queue_call(dialled(COLLEAGUE, "212", "800"), third, bug("START", AGENT))
    assert not overheard(heard)
    heard.hear(bug("START", AGENT))
    assert overheard(heard), "but somebody else besides"


def test_a_conference_that_is_recorded() -> None:
    heard = queue_call(conference("add-member", CALLER), conference("start-recording", ""))
    assert overheard(heard)
    heard.hear(conference("stop-recording", ""))
    assert not overheard(heard)


@pytest.mark.parametrize(("kinds", "expected"), [("eavesdrop session_record", True), ("", False)])
def test_what_is_found_after_nobody_has_listened(kinds: str, expected: bool) -> None:
    heard = queue_call(bug("START", CALLER))
    living = [TALK[0], TALK[1] | {"Media-Bugs": kinds}]
    list(heard.translator.resync(living, NOW, SINCE))
    assert overheard(heard) is expected


def test_a_conference_that_ended_unheard_is_not_the_next_of_its_name() -> None:
    heard = queue_call(conference("add-member", CALLER), conference("start-recording", ""))
    list(heard.translator.resync(TALK, NOW, SINCE))
    heard.hear(conference("add-member", CALLER))
    assert not overheard(heard)


def test_who_eavesdrops_is_found_after_nobody_has_listened() -> None:
    heard = queue_call()
    spies = lives(
        dialled(COLLEAGUE, "212", "800"),
        variable_current_application="eavesdrop",
        variable_current_application_data=AGENT,
    )
    list(heard.translator.resync([*TALK, spies], NOW, SINCE))
    caller = heard.translator.channel(CALLER)
    assert caller is not None
    assert COLLEAGUE in [each.uniqueid for each in heard.translator.around(caller)]


def test_one_who_begins_to_listen_is_told_of_each_call_that_he_hears() -> None:
    heard = queue_call()
    told = heard.hear(bug("START", AGENT))
    assert {each.channel.uniqueid for each in told} == {CALLER, AGENT}
    assert {type(each.fact) for each in told} == {Overheard}
    assert heard.hear(bug("STOP", AGENT), bug("START", AGENT, "inband_dtmf")) == []


def test_a_recorder_of_who_eavesdrops_is_one_of_the_call_that_he_hears() -> None:
    heard = queue_call(dialled(COLLEAGUE, "212", "800"))
    event = said("CHANNEL_EXECUTE", COLLEAGUE, Application="eavesdrop", Application_Data=AGENT)
    heard.hear(event)
    caller = heard.translator.channel(CALLER)
    assert caller is not None
    assert COLLEAGUE in [each.uniqueid for each in heard.translator.around(caller)]
    told = heard.translator.foreign({"Unique-ID": COLLEAGUE}, NOW)
    facts = {each.channel.uniqueid: each.fact for each in told}
    assert set(facts) == {CALLER, AGENT, COLLEAGUE}
    fact = facts[CALLER]
    assert isinstance(fact, ForeignRecorder)
    assert fact.on.uniqueid == COLLEAGUE
    heard.hear(event | {"Application": "playback"})
    assert COLLEAGUE not in [each.uniqueid for each in heard.translator.around(caller)]
    heard.hear(event, gone(AGENT))
    assert heard.translator._listeners._hears == {}
