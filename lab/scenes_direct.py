"""Calls that come through no queue: to an extension from outside, and from inside."""

from __future__ import annotations

from collections.abc import Callable

from lab.deeds import SHORT_TALK_S, dial, end
from lab.outcomes import LAST_S, check_from_answer, check_not_recorded
from lab.scene import Play, Scenario, Stage, Take, check_both, check_silence, heard_by
from lab.town import Council, Person
from lab.waiting import pass_time


def _internal(stage: Stage, council: Council, take: Take) -> None:
    take.says = "what colleagues say to each other is not recorded"
    who = council.back_office
    call = dial(stage, council, who, council.agent.number, council.agent, take)
    pass_time(SHORT_TALK_S)
    end(stage, call, who, take)
    check_not_recorded(stage, take, *call.uniqueids)
    check_silence(take, None, heard_by(stage, who), "agent", who="colleague")


def _recorded(
    who: Callable[[Council], Person], number: Callable[[Council], str], says: str
) -> Play:
    def play(stage: Stage, council: Council, take: Take) -> None:
        take.says = says
        rings = who(council)
        call = dial(stage, council, rings, number(council), council.agent, take)
        pass_time(SHORT_TALK_S)
        ended_s = end(stage, call, rings, take)
        began_s, heard = check_from_answer(stage, take, call, rings)
        check_both(take, heard, began_s, began_s, ended_s - LAST_S, outsider=rings.role)

    return play


SCENES: tuple[Scenario, ...] = (
    Scenario("extension-to-extension", "one extension rings another one", _internal),
)

# Of policies that the lab has made up.
MADE_UP: tuple[Scenario, ...] = (
    Scenario(
        "direct-dial-recorded",
        "call straight to an extension, where the policy says so",
        _recorded(
            lambda council: council.caller,
            lambda council: f"0199200{council.agent.number}",
            "a call straight to an extension is recorded from the answer on",
        ),
    ),
    Scenario(
        "internal-recorded",
        "one extension rings another one, where the policy says so",
        _recorded(
            lambda council: council.back_office,
            lambda council: council.agent.number,
            "a call from inside is recorded from the answer on",
        ),
    ),
)
