"""The drawing itself is tried by test_diagram; here: what is drawn under which policy."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from hushtape.policy.schema import Policy
from hushtape.policy.showing import picture
from tests.councils import POLICIES
from tests.policy_changes import EVERYTHING, changed

SVG = "{http://www.w3.org/2000/svg}"
BOXES = ["recorded", "payment", "waiting", "not recorded", "opted out", "over"]


def words(policy: Policy) -> list[str]:
    root = ElementTree.fromstring(picture.svg(policy))  # noqa: S314 - our own text
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def boxes(policy: Policy) -> list[str]:
    bold = re.findall(r'font-weight="bold">([^<]*)<', picture.svg(policy))
    assert set(bold) <= set(BOXES)
    return bold


@pytest.mark.parametrize("name", POLICIES)
def test_a_call_can_be_recorded_silent_waiting_unrecorded_and_over(name: str) -> None:
    policy = POLICIES[name]
    may_refuse = bool(policy.opt_out.by) or policy.outbound.permission != "none"
    assert boxes(policy) == [each for each in BOXES if each != "opted out" or may_refuse]


def test_the_arrows_carry_the_policy_s_own_words() -> None:
    said = words(POLICIES["uttlesford"])
    assert "transfer to the automatic payment line" in said
    assert "transfer to an internal extension, an external number or anywhere else" in said
    assert "comes into the queue customer-service" in said
    assert "the caller opts out" in said


def test_what_a_colleague_s_fetching_does_is_drawn_where_it_leads() -> None:
    for name, after in (("surrey", "recorded"), ("uttlesford", "not recorded")):
        ends = {arrow[1] for arrow in drawn(POLICIES[name]) if "fetched by a colleague" in arrow[2]}
        assert ends == {after}


def drawn(policy: Policy) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []

    def draw(boxes: object, arrows: list[picture.Arrow], *rest: object) -> str:
        found.extend((arrow.start, arrow.end, arrow.words) for arrow in arrows)
        return ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picture, "draw", draw)
        picture.svg(policy)
    return found


def test_a_transfer_that_stops_in_one_way_only_says_so() -> None:
    said = [arrow[2] for arrow in drawn(EVERYTHING) if arrow[:2] == ("recorded", "not recorded")]
    assert said[0] == "transfer to the back office (blind)"
    other = changed(("destination", 1, "on_blind_transfer"), "continue", EVERYTHING)
    other = changed(("destination", 1, "on_attended_transfer"), "stop", other)
    said = [arrow[2] for arrow in drawn(other) if arrow[:2] == ("recorded", "not recorded")]
    assert said[0] == "transfer to the back office (attended)"


def test_after_a_payment_only_what_the_policy_says() -> None:
    def after(policy: Policy) -> list[str]:
        return [arrow[2] for arrow in drawn(policy) if arrow[0] == "payment"]

    assert after(EVERYTHING)[0] == "no end signalled for 7 minutes"
    ended = changed(("payment", "afterwards"), "resume", EVERYTHING)
    assert after(ended)[0] == "end of the payment signalled"
    by_line = changed(("payment", "by"), ["transfer"], ended)
    back = "comes into one of the queues help-line and housing"
    assert after(by_line) == ["end of the payment signalled", back]
    never = changed(("payment", "afterwards"), "stay silent", by_line)
    assert after(never) == [back]


def test_what_no_destination_says_leads_out_of_the_recorded_too() -> None:
    said = [arrow[2] for arrow in drawn(EVERYTHING) if arrow[:2] == ("recorded", "not recorded")]
    assert said[1:] == ["comes into the queue union", "transfer to a place that is not known"]
    goes_on = changed(("payment", "lines"), [], POLICIES["surrey"])
    assert "not recorded" in boxes(changed(("destination",), [], goes_on))


def test_many_destinations_are_not_all_named() -> None:
    many: list[object] = [
        {"name": f"place {number}", "extensions": [f"3{number}"]} for number in range(9)
    ]
    said = [arrow[2] for arrow in drawn(changed(("destination",), many, POLICIES["surrey"]))]
    assert "transfer to place 0, place 1, place 2 or 6 more" in said


def test_hostile_words_stay_words() -> None:
    name = "</text><script>\x1b[31m & \u202e"
    policy = changed(("destination", 1, "name"), name, POLICIES["surrey"])
    assert "<script" not in picture.svg(policy)
    assert "\x1b" not in picture.svg(policy)
    assert "</text><script>\\u001b" in " ".join(words(policy))
