"""What a tour makes of its takes: what was played, and what couldn't be."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from lab.scene import Scenario, Stage, Take
from lab.tour import Report, play_one
from lab.town import COUNCILS

COUNCIL = COUNCILS[0]
WHY = "nobody can do that there"


def stage(kind: str) -> Stage:
    eyes = SimpleNamespace(mark=lambda: 0)
    phone = SimpleNamespace(alive=lambda: False)
    phones = dict.fromkeys(COUNCIL.people, phone)
    return Stage(*cast("Any", (SimpleNamespace(kind=kind), eyes, phones, None)))


def play(_stage: Stage, _council: object, take: Take) -> None:
    take.check(ok=True, what=f"a recorder costs {take.renewed_s} s")


SCENARIO = Scenario("juggling", "three calls in the air", play, lacks={"freeswitch": WHY})


def test_what_a_pbx_lacks_is_not_played_and_that_is_said() -> None:
    take = play_one(stage("freeswitch"), SCENARIO, COUNCIL)
    assert take.ok
    assert not take.checks
    assert take.text().endswith(f"n/a: {WHY}")


def test_on_another_one_it_is_played_with_that_ones_measure() -> None:
    played = play_one(stage("asterisk"), SCENARIO, COUNCIL)
    plain = play_one(stage("freeswitch"), Scenario("a", "b", play), COUNCIL)
    assert played.ok
    assert not played.lacks
    assert played.checks[0].what != plain.checks[0].what


def test_a_tour_of_which_nothing_could_be_played_shows_nothing() -> None:
    report = Report([play_one(stage("freeswitch"), SCENARIO, COUNCIL)])
    assert not report.ok
    assert f"n/a: juggling: {WHY}" in report.summary()
    assert "0 scenes, 0 checks" in report.summary()
    report.takes.append(play_one(stage("asterisk"), SCENARIO, COUNCIL))
    assert report.ok
