"""Calls that are parked, and fetched by somebody."""

from __future__ import annotations

from collections.abc import Callable

from lab.deeds import SHORT_TALK_S, fetch, park
from lab.eyes import Event, event
from lab.outcomes import LAST_S, check_nobody, check_one, heard_after
from lab.scene import (
    CONTROL_S,
    Play,
    QueueCall,
    Scenario,
    Stage,
    Take,
    check_both,
    check_edge,
    check_sides,
    check_silence,
    hang_up,
    heard_by,
    ring_queue,
    told,
    words_of,
)
from lab.town import Council, Person
from lab.waiting import pass_time

PARKED_S = 1.5
EVERY_COUNCIL = ("surrey", "uttlesford", "reigate-banstead", "south-hams", "hammersmith-fulham")

# Who is recorded on when he fetches a call that was parked. Nobody is there while it is parked, so
# recording waits. The adviser has it as before. A colleague in the back office has it as if it had
# been transferred to that extension: Surrey names no such place where recording stops; Uttlesford
# and Reigate stop at an internal extension; of South Hams' calls only the contact centre's part is
# recorded; Hammersmith & Fulham's example stops on leaving the listed numbers.
GOES_ON: dict[str, tuple[str, ...]] = {
    "agent": EVERY_COUNCIL,
    "back_office": ("surrey",),
}


def _parked(who: Callable[[Council], Person]) -> Play:
    def play(stage: Stage, council: Council, take: Take) -> None:
        person = who(council)
        party, words = person.role, words_of(person.role)
        goes_on = council.policy in GOES_ON[party]
        take.says = f"parked, fetched by the {words}: recording {'goes on' if goes_on else 'stops'}"
        call = ring_queue(stage, council, take)
        pass_time(SHORT_TALK_S)
        pressing_s, parked = park(stage, council, call, take)
        pass_time(PARKED_S)
        fetched_s = fetch(stage, parked, person, call, take)
        pass_time(SHORT_TALK_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
        take.calls.append(call.uniqueid)
        recording = stage.product.recording(call.uniqueid)
        heard = told(take, stage.product, recording, call.entered_s, council.caller)
        control = heard_by(stage, council.caller)
        began_s = recording.began_s
        check_both(take, heard, began_s, call.answered_s, pressing_s)
        parked_s = _let_go_s(stage, call, parked)
        until_parked = call.answered_s - began_s, parked_s - began_s
        check_one(take, heard, "left", "caller", *until_parked, "until it is parked")
        check_sides(take, heard)
        if goes_on:
            check_nobody(take, heard, began_s, parked_s, fetched_s, "while it is parked")
            check_both(take, heard, began_s, fetched_s + take.renewed_s, ended_s - LAST_S, party)
        else:
            check_silence(take, heard, control, party)
            check_edge(take, heard.seconds - (parked_s - began_s))
        music_s = heard_after(control, "agent", "music")
        take.check(
            music_s >= CONTROL_S,
            f"control: the caller's phone heard {music_s:.2f} s of music while parked",
        )

    return play


def _let_go_s(stage: Stage, call: QueueCall, parked: Event) -> float:
    """When the caller left the talk to be parked: a FreeSWITCH tells of the place 1.5 s later."""
    left = stage.eyes.events(event("BridgeLeave", Uniqueid=call.uniqueid))
    return max((each.at_s for each in left if each.at_s <= parked.at_s), default=parked.at_s)


SCENES: tuple[Scenario, ...] = (
    Scenario(
        "parked-and-fetched",
        "parked by the agent's key, fetched by the same agent",
        _parked(lambda council: council.agent),
    ),
    Scenario(
        "parked-fetched-elsewhere",
        "parked by the agent's key, fetched by the back office",
        _parked(lambda council: council.back_office),
    ),
)
