"""Who is in a bridge with whom, also through Local channels."""

from __future__ import annotations

import pytest

from ami_bridge import talks as bridges
from ami_bridge.asterisk.halves import Talks, pair
from ami_bridge.talks import Heard

CALLER, AGENT, COLLEAGUE = "1.1", "1.2", "1.3"
ONE, TWO = "1.8", "1.9"  # the halves of a Local channel
NAME = "Local/231@internal-00000001"


def through_a_local() -> Talks:
    """A caller whose agent is behind a Local channel."""
    talks = Talks()
    talks.name(ONE, f"{NAME};1")
    talks.name(TWO, f"{NAME};2")
    talks.name(CALLER, "PJSIP/trunk-00000001")
    for bridge, member in (("b1", CALLER), ("b1", ONE), ("b2", TWO), ("b2", AGENT)):
        talks.enter(bridge, member)
    return talks


@pytest.mark.parametrize(
    ("name", "common"),
    [
        (f"{NAME};1", NAME),
        (f"{NAME};2", NAME),
        (NAME, ""),
        (f"{NAME};3", ""),
        ("PJSIP/231-00000001", ""),
        ("PJSIP/Local/1;1", ""),
        ("", ""),
    ],
)
def test_what_two_halves_have_in_common(name: str, common: str) -> None:
    assert pair(name) == common


def test_two_in_a_bridge_talk() -> None:
    talks = Talks()
    talks.enter("b1", CALLER)
    assert talks.company(CALLER) == []
    talks.enter("b1", AGENT)
    assert talks.company(CALLER) == [Heard(AGENT)]
    assert talks.company(AGENT) == [Heard(CALLER)]
    assert talks.members("b1") == [CALLER, AGENT]


def test_who_leaves_is_gone_and_names_where_it_was() -> None:
    talks = Talks()
    talks.enter("b1", CALLER)
    talks.enter("b1", AGENT)
    assert talks.leave(AGENT) == "b1"
    assert talks.leave(AGENT) == ""
    assert talks.company(CALLER) == talks.company(AGENT) == []
    assert talks.members("b1") == [CALLER]


def test_a_channel_is_in_one_bridge_at_a_time() -> None:
    talks = Talks()
    talks.enter("b1", CALLER)
    talks.enter("b2", CALLER)
    assert talks.bridge_of(CALLER) == "b2"
    assert talks.members("b1") == []


def test_behind_a_local_channel_somebody_is_heard() -> None:
    talks = through_a_local()
    assert talks.company(CALLER) == [Heard(AGENT, through=ONE, halves=(ONE,))]
    assert talks.company(AGENT) == [Heard(CALLER, through=TWO, halves=(TWO,))]
    assert talks.behind_name(f"{NAME};1") == [Heard(AGENT)]
    assert talks.behind_name(f"{NAME};2") == [Heard(CALLER)]
    assert talks.behind_name("PJSIP/trunk-00000001") == []


def test_while_nobody_is_behind_it_half_of_a_local_channel_stands_there() -> None:
    talks = through_a_local()
    talks.leave(AGENT)
    assert talks.company(CALLER) == [Heard(ONE)]


def test_behind_two_local_channels_in_a_row() -> None:
    talks = through_a_local()
    talks.leave(AGENT)
    talks.name("1.10", "Local/232@internal-00000002;1")
    talks.name("1.11", "Local/232@internal-00000002;2")
    for bridge, member in (("b2", "1.10"), ("b3", "1.11"), ("b3", COLLEAGUE)):
        talks.enter(bridge, member)
    assert talks.company(CALLER) == [Heard(COLLEAGUE, through=ONE, halves=("1.10", ONE))]
    assert set(talks.listeners("b3")) >= {CALLER, COLLEAGUE}


def test_who_takes_the_part_of_half_a_local_channel_was_behind_it() -> None:
    """A Local channel is optimised away: the phone enters in place of its near half."""
    talks = through_a_local()
    talks.leave(AGENT)
    talks.leave(ONE)
    talks.enter("b1", AGENT, replaces=ONE)
    assert talks.company(CALLER) == [Heard(AGENT, halves=(ONE,))]


def test_who_takes_the_part_of_a_person_is_somebody_else() -> None:
    """A REFER with Replaces: the colleague enters in place of the adviser."""
    talks = Talks()
    talks.enter("b1", CALLER)
    talks.enter("b1", AGENT)
    talks.leave(AGENT)
    talks.enter("b1", COLLEAGUE, replaces=AGENT)
    assert talks.company(CALLER) == [Heard(COLLEAGUE)]


def test_all_who_may_hear_of_a_change_are_told() -> None:
    talks = through_a_local()
    talks.enter("b9", COLLEAGUE)
    assert sorted(talks.listeners("b2")) == [CALLER, AGENT, ONE, TWO]
    assert sorted(talks.listeners("b1")) == [CALLER, AGENT, ONE, TWO]
    assert talks.listeners("b9") == [COLLEAGUE]
    assert talks.listeners("nowhere") == []


def test_in_a_crowd_not_everybody_is_told_who_comes_and_goes() -> None:
    talks = Talks()
    for number in range(bridges.MOST_IN_TALK):
        talks.enter("b1", f"2.{number}")
    assert len(talks.listeners("b1")) == bridges.MOST_IN_TALK
    talks.enter("b1", "2.999")
    assert len(talks.listeners("b1")) == bridges.MOST_IN_TALK


def test_everybody_behind_a_local_channel_of_his_own_is_told() -> None:
    talks = Talks()
    for number in range(8):
        for half in (1, 2):
            talks.name(f"3.{number}{half}", f"Local/23{number}@internal-0000000{number};{half}")
        talks.enter("room", f"3.{number}1")
        talks.enter(f"b{number}", f"3.{number}2")
        talks.enter(f"b{number}", f"1.{number}")
    assert {f"1.{number}" for number in range(8)} <= set(talks.listeners("b0"))


def test_local_channels_in_a_ring_end() -> None:
    """What comes of two halves in one bridge, by a mistake in a dialplan."""
    talks = Talks()
    talks.name(ONE, f"{NAME};1")
    talks.name(TWO, f"{NAME};2")
    for member in (ONE, TWO, CALLER):
        talks.enter("b1", member)
    assert {each.uniqueid for each in talks.company(CALLER)} <= {ONE, TWO, CALLER}
    assert sorted(talks.listeners("b1")) == [CALLER, ONE, TWO]


def test_no_more_local_channels_in_a_row_are_followed_than_there_may_be() -> None:
    talks = Talks()
    talks.enter("b0", CALLER)
    rows = 3 * bridges.MOST_LOCALS
    for number in range(rows):
        for half in ("1", "2"):
            talks.name(f"3.{number}.{half}", f"Local/x-{number:08};{half}")
        talks.enter(f"b{number}", f"3.{number}.1")
        talks.enter(f"b{number + 1}", f"3.{number}.2")
    talks.enter(f"b{rows}", AGENT)
    assert AGENT not in {each.uniqueid for each in talks.company(CALLER)}
    assert len(talks.listeners("b0")) <= 3 * (bridges.MOST_LOCALS + 2)


def test_a_channel_that_is_gone_is_gone_from_everywhere() -> None:
    talks = through_a_local()
    assert talks.forget(TWO) == "b2"
    assert talks.company(CALLER) == [Heard(ONE)], "nobody is reached through the other half"
    assert talks.behind_name(f"{NAME};1") == []
    assert talks.forget(TWO) == ""


def test_a_renamed_channel_is_half_of_another_one() -> None:
    talks = through_a_local()
    talks.name(TWO, "Local/232@internal-00000002;2")
    assert talks.behind_name("Local/232@internal-00000002;1") == [Heard(AGENT)]


def test_before_a_resync_everybody_is_forgotten() -> None:
    talks = through_a_local()
    talks.clear()
    assert talks.company(CALLER) == []
    assert talks.bridge_of(CALLER) == ""
    assert talks.behind_name(f"{NAME};2") == []
