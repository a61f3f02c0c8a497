"""Sentences on people and recordings. That each key is said is test_sentences' business."""

from __future__ import annotations

import pytest

from hushtape.policy.showing import said_duties
from tests.councils import POLICIES
from tests.policy_changes import EVERYTHING, changed

HAMS, SURREY = POLICIES["south-hams"], POLICIES["surrey"]


def test_acts_with_the_same_people_are_said_together() -> None:
    said = list(said_duties.used(POLICIES["reigate-banstead"]))
    assert (
        "Only the manager and the senior adviser may look for recordings, listen to a recording"
        " and save a copy outside the system"
    ) in said
    assert "Anybody else may do so only with the permission of the contact manager" in said


def test_nobody_and_anybody() -> None:
    nobody = changed(("access",), {}, SURREY)
    assert any(each.startswith("Nobody may look for") for each in said_duties.used(nobody))
    permitted = changed(("access",), {"find": {"others_with_permission_of": "mayor"}}, SURREY)
    said = list(said_duties.used(permitted))
    assert "Anybody may look for recordings only with the permission of the mayor" in said


def test_reasons_to_choose_from() -> None:
    one = changed(("access", "reasons"), ["a complaint"], SURREY)
    assert "Each time, the reason must be this: a complaint" in said_duties.used(one)
    none = changed(("access", "reasons"), [], SURREY)
    assert "Each time, the reason is written down" in said_duties.used(none)
    assert any(
        each.endswith("a complaint or a threat, unless others are named above")
        for each in said_duties.used(EVERYTHING)
    )


def test_how_somebody_says_no() -> None:
    said = list(said_duties.told(POLICIES["uttlesford"]))
    assert (
        "Somebody who does not want to be recorded can say so by a key that the caller presses"
        " during the announcement or through the adviser who presses a key for it"
    ) in said
    assert "This policy has no way to end the recording of a call at the caller's wish" in (
        said_duties.told(SURREY)
    )


def test_one_call_a_week_is_one() -> None:
    once = changed(("monitoring", "calls_a_week"), 1, EVERYTHING)
    assert "To check quality, one call a week is listened to" in said_duties.quality(once)


def test_rights() -> None:
    deletion = changed(("rights", "may_ask_for"), ["deletion"], EVERYTHING)
    (said, *_) = said_duties.rights(deletion)
    assert said.startswith("A person who was recorded may ask for the deletion of a recording")


def test_a_message_is_played_only_where_permission_is_by_it() -> None:
    words = "\u201cThis call is recorded.\u201d"
    assert f"When staff call out, they say: {words}" in said_duties.told(EVERYTHING)
    played = changed(("outbound", "permission"), "announcement")
    said = " ".join(said_duties.told(played))
    assert "they say" not in said
    assert f"a message tells the person they call that the call is recorded: {words}" in said


@pytest.mark.parametrize(
    ("played", "said"),
    [
        (None, "This policy does not say whether callers hear a message about recording"),
        ("not played", "No message about recording is played to callers"),
    ],
)
def test_no_message_and_no_word_of_one_are_two_things(played: str | None, said: str) -> None:
    assert said in said_duties.told(changed(("announcement", "played"), played))


def test_a_country_has_its_name_and_a_department_no_article() -> None:
    irish = changed(("storage", "regions"), ["IE"])
    assert "Recordings are stored inside Ireland (IE) only" in said_duties.stored(irish)
    roles = changed(("access", "listen", "roles"), ["complaints handler", "compliance"])
    assert "Only the complaints handler and compliance may listen to a recording" in (
        said_duties.used(roles)
    )
