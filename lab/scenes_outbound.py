"""Calls that staff make to the outside."""

from __future__ import annotations

from dataclasses import replace

from lab.deeds import PERMISSION_KEY, SHORT_TALK_S, DirectCall, dial, end, press, routed
from lab.outcomes import LAST_S, check_discarded, check_from_answer, check_not_recorded, check_one
from lab.scene import Scenario, Stage, Take, check_both, check_silence, heard_by
from lab.town import Council, Person
from lab.waiting import pass_time

# Surrey records outbound calls of its contact centre, for which staff get permission; Uttlesford
# those of the advisers on its main line. Reigate records inbound calls only; South Hams doesn't
# state it, and its example chose not to; Hammersmith & Fulham records calls to its numbers.
RECORDED: dict[str, bool] = {
    "uttlesford": True,
    "reigate-banstead": False,
    "south-hams": False,
    "hammersmith-fulham": False,
}
AS_IT_IS = tuple(RECORDED)
WITH_PERMISSION = ("surrey",)
NO_PERMISSION = "outbound.permission"  # the rule that such a discard names
IN_A_HURRY_S = 3.0  # permission_within of lab/policies/made-up/in-a-hurry.toml


def _outbound(stage: Stage, council: Council, take: Take) -> None:
    recorded = RECORDED[council.policy]
    take.says = f"an outbound call is {'' if recorded else 'not '}recorded"
    call = _ring_out(stage, council, take)
    pass_time(SHORT_TALK_S)
    ended_s = end(stage, call, council.agent, take)
    if recorded:
        began_s, heard = check_from_answer(stage, take, call, _as_rung(council))
        check_both(take, heard, began_s, began_s, ended_s - LAST_S, outsider="outside")
    else:
        check_not_recorded(stage, take, *call.uniqueids)
        check_silence(take, None, heard_by(stage, council.outside), "agent", who="called person")


def _permitted(stage: Stage, council: Council, take: Take) -> None:
    take.says = "an outbound call is recorded, once the agent has confirmed that it may be"
    call = _ring_out(stage, council, take)
    pass_time(SHORT_TALK_S)
    pressed = press(stage, council.agent, PERMISSION_KEY, tells=True)
    take.check(len(pressed.said) == 1, f"{len(pressed.said)} permission by the agent's key")
    pass_time(SHORT_TALK_S)
    ended_s = end(stage, call, council.agent, take)
    began_s, heard = check_from_answer(stage, take, call, _as_rung(council))
    check_both(take, heard, began_s, began_s, pressed.began_s, outsider="outside")
    keys = pressed.began_s - began_s, pressed.ended_s - began_s
    check_one(take, heard, "left", "outside", *keys, "while the agent presses the key")
    check_both(take, heard, began_s, pressed.ended_s, ended_s - LAST_S, outsider="outside")


def _ring_out(stage: Stage, council: Council, take: Take) -> DirectCall:
    number = "9" + _as_rung(council).number
    return dial(stage, council, council.agent, number, council.outside, take)


def _as_rung(council: Council) -> Person:
    """The outside party under a number that no policy lists: the PBX has ten for each phone.

    Surrey lists the usual one as a place where recording stops: calls to it aren't recorded.
    """
    return replace(council.outside, number=council.outside_number[:-1] + "9")


def _no_permission(stage: Stage, council: Council, take: Take) -> None:
    take.says = "without the agent's key an outbound call is discarded"
    call = _ring_out(stage, council, take)
    pass_time(SHORT_TALK_S)
    ended_s = end(stage, call, council.agent, take)
    check_discarded(
        stage, take, call.outside, NO_PERMISSION, SHORT_TALK_S - take.renewed_s, ended_s
    )
    check_silence(take, None, heard_by(stage, council.outside), "agent", who="called person")


def _unnamed(stage: Stage, council: Council, take: Take) -> None:
    take.says = "an outbound call of an extension that the policy doesn't name is not recorded"
    who = council.back_office
    call = dial(stage, council, who, council.dial_outside, council.outside, take)
    pass_time(SHORT_TALK_S)
    end(stage, call, who, take)
    check_not_recorded(stage, take, *call.uniqueids)
    control = heard_by(stage, council.outside)
    check_silence(take, None, control, "back_office", who="called person")


def _in_a_hurry(stage: Stage, council: Council, take: Take) -> None:
    take.says = "no permission within 3 seconds: recording ends then, and all is discarded"
    call = _ring_out(stage, council, take)
    pass_time(IN_A_HURRY_S + SHORT_TALK_S)
    end(stage, call, council.agent, take)
    stop_s = call.answered_s + IN_A_HURRY_S
    check_discarded(stage, take, call.outside, NO_PERMISSION, IN_A_HURRY_S - take.renewed_s, stop_s)
    check_silence(take, None, heard_by(stage, council.outside), "agent", who="called person")


def _announced(stage: Stage, council: Council, take: Take) -> None:
    take.says = "an announcement was played to who is called: recorded"
    who = council.other_agent
    with routed(stage, council, "TOLD", "yes"):
        call = dial(stage, council, who, council.dial_outside, council.outside, take)
    pass_time(IN_A_HURRY_S + SHORT_TALK_S / 2)
    ended_s = end(stage, call, who, take)
    began_s, heard = check_from_answer(stage, take, call, council.outside)
    check_both(take, heard, began_s, began_s, ended_s - LAST_S, who.role, "outside")
    control = heard_by(stage, council.outside)
    check_silence(take, heard, control, "announcement", who="called person")


SCENES: tuple[Scenario, ...] = (
    Scenario("outbound", "the agent rings somebody outside", _outbound, councils=AS_IT_IS),
    Scenario(
        "outbound-permitted",
        "the agent rings somebody outside, and confirms that it may be recorded",
        _permitted,
        councils=WITH_PERMISSION,
    ),
    Scenario(
        "outbound-no-permission",
        "the agent rings somebody outside, and doesn't confirm it",
        _no_permission,
        councils=WITH_PERMISSION,
    ),
    Scenario("outbound-unnamed", "an extension that no policy names rings outside", _unnamed),
)

# Of policies that the lab has made up.
MADE_UP: tuple[Scenario, ...] = (
    Scenario("permission-in-time", "no permission until its time is up", _in_a_hurry),
    Scenario("announced", "who is called hears an announcement", _announced),
)
