"""Who was let in, and who is a stranger."""

from __future__ import annotations

from ami_bridge.call import company as companies
from ami_bridge.call.company import SEVERAL, Company, Meeting
from ami_bridge.facts import Talker
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind
from tests.unit.ami_bridge.call.test_machine import at


def person(
    extension: str, uniqueid: str = "", halves: tuple[str, ...] = (), stands_in: bool = False
) -> Talker:
    place = Place(DestinationKind.EXTENSION, extension)
    telephone = "" if stands_in else f"PJSIP/{extension}"
    return Talker(uniqueid or f"1.{extension}", place, telephone, halves, stands_in)


ADVISER, COLLEAGUE, OTHER = person("231"), person("232"), person("233")
HALF = person("231", "1.half", stands_in=True)


def met(*talkers: Talker) -> Company:
    """A company that has let somebody in."""
    company = Company()
    company.expect()
    assert company.change(talkers, at(0)) is Meeting.KNOWN
    return company


def test_who_comes_where_somebody_is_expected_is_let_in() -> None:
    company = met(ADVISER)
    assert company.knows(ADVISER)
    assert not company.expected


def test_who_comes_next_is_a_stranger() -> None:
    company = met(ADVISER)
    assert company.change((ADVISER, COLLEAGUE), at(1)) is Meeting.KNOWN
    assert not company.knows(COLLEAGUE), "to be there with somebody who was let in lets nobody in"
    assert company.change((COLLEAGUE,), at(2)) is Meeting.STRANGERS
    assert company.strangers_since == at(2)


def test_without_being_expected_nobody_is_let_in() -> None:
    assert Company().change((COLLEAGUE,), at(0)) is Meeting.STRANGERS


def test_the_first_moment_with_strangers_counts() -> None:
    company = met(ADVISER)
    company.change((COLLEAGUE,), at(1))
    company.change((COLLEAGUE, OTHER), at(2))
    assert company.strangers_since == at(1)


def test_a_stranger_who_is_away_for_a_moment_was_there_from_the_first() -> None:
    """While Local channels are optimised away, people come and go."""
    company = met(ADVISER)
    company.change((COLLEAGUE,), at(1))
    assert company.change((), at(2)) is Meeting.NOBODY
    assert company.change((OTHER,), at(3)) is Meeting.STRANGERS
    assert company.strangers_since == at(1)
    assert company.strangers == (OTHER,)
    company.change((ADVISER,), at(4))
    assert company.strangers_since is None


def test_who_is_expected_after_strangers_have_gone_is_let_in() -> None:
    company = met(ADVISER)
    company.change((COLLEAGUE,), at(1))
    company.change((), at(2))
    company.expect()
    assert company.expected
    assert company.change((OTHER,), at(3)) is Meeting.KNOWN


def test_a_colleague_who_came_a_moment_too_early_is_let_in() -> None:
    """Asterisk 22, run: who is transferred to is in the talk before the transfer is told."""
    company = met(ADVISER)
    company.change((COLLEAGUE,), at(1))
    company.expect()
    assert company.knows(COLLEAGUE)
    assert company.strangers_since is None
    assert not company.expected, "nobody else is"


def test_a_telephone_is_known_on_all_its_channels() -> None:
    company = met(ADVISER)
    assert company.change((person("231", "1.99"),), at(1)) is Meeting.KNOWN


def test_two_lines_to_the_outside_are_not_the_same() -> None:
    place = Place(DestinationKind.OUTSIDE, "9020", number="020")
    company = met(Talker("1.5", place))
    assert company.change((Talker("1.6", place),), at(1)) is Meeting.STRANGERS
    assert company.known == ["1.5"], "to have no telephone is nothing in common"


def test_who_comes_through_half_of_a_local_channel_is_whom_it_stood_for() -> None:
    company = met(HALF)
    behind = person("231", "1.2", halves=("1.half",))
    assert company.change((behind,), at(1)) is Meeting.KNOWN
    assert company.change((person("231", "1.77"),), at(2)) is Meeting.KNOWN, "with its telephone"


def test_a_line_lets_in_one_and_no_more() -> None:
    """The adviser behind it parked the call, and somebody else fetches it behind the same half."""
    company = met(HALF)
    company.change((person("231", "1.2", halves=("1.half",)),), at(1))
    assert company.change((HALF,), at(2)) is Meeting.NOBODY, "nobody is behind it"
    behind = person("232", "1.9", halves=("1.half",))
    assert company.change((behind,), at(3)) is Meeting.STRANGERS


def test_who_comes_through_several_halves_is_whom_any_of_them_stood_for() -> None:
    """The adviser's telephone is followed to another one: the inner half was never seen alone."""
    company = met(HALF)
    behind = person("231", "1.2", halves=("1.inner", "1.half"))
    assert company.change((behind,), at(1)) is Meeting.KNOWN
    for half in ("1.inner", "1.half"):
        alone = person("231", half, stands_in=True)
        assert company.change((alone,), at(2)) is Meeting.NOBODY, "nobody is behind it"
    behind = person("232", "1.9", halves=("1.inner", "1.half"))
    assert company.change((behind,), at(3)) is Meeting.STRANGERS


def test_who_takes_a_strangers_part_is_a_stranger() -> None:
    company = met(ADVISER)
    stranger = person("232", "1.other", stands_in=True)
    company.change((stranger,), at(1))
    assert company.change((person("232", halves=("1.other",)),), at(2)) is Meeting.STRANGERS


def test_one_voice_several_or_none() -> None:
    company = met(ADVISER)
    assert company.voice == "1.231"
    assert not company.hears_somebody_else(), "the first"
    company.change((ADVISER, COLLEAGUE), at(1))
    assert company.voice == SEVERAL
    assert not company.hears_somebody_else(), "a mixed sound has no gaps"
    company.change((ADVISER,), at(2))
    assert company.hears_somebody_else()
    company.change((), at(3))
    assert company.voice == "1.231", "nobody is heard: nobody else is"
    assert not company.hears_somebody_else()
    company.change((person("231", "1.99"),), at(4))
    assert company.hears_somebody_else(), "the same telephone, and another channel"


def test_half_of_a_local_channel_has_no_voice() -> None:
    company = met(ADVISER)
    company.hears_somebody_else()
    company.change((ADVISER, HALF), at(1))
    assert company.voice == "1.231"


def test_what_is_known_has_a_limit() -> None:
    company = Company()
    for number in range(companies.MOST_KNOWN + 50):
        company.let_in(Talker(f"1.{number}", Place(DestinationKind.UNKNOWN, "")))
    assert len(company.known) == companies.MOST_KNOWN
    assert company.known[-1] == f"1.{companies.MOST_KNOWN + 49}", "the newest stay"
    company = Company()
    for number in range(companies.MOST_KNOWN + 50):
        company.let_in(person("231", f"1.{number}", stands_in=True))
        company.change((person("231", f"2.{number}", halves=(f"1.{number}",)),), at(number))
    assert len(company.lines) == companies.MOST_KNOWN
