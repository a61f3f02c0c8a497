"""Hold and unhold: the caller hears music meanwhile, and recording goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.aftermath import archived, check_talk, check_waiting
from lab.eyes import Event
from lab.phones import Holds, PhoneError
from lab.scene import (
    EVENT_TIMEOUT_S,
    QueueCall,
    Scenario,
    Stage,
    Take,
    answered,
    check_sides,
    check_silence,
    enter_queue,
    hang_up,
    heard_by,
    ring_queue,
)
from lab.town import Council, Person
from lab.waiting import pass_time

TALK_S = 3.0
HOLD_S = 1.5
HOLDS = 2
PLACE_TRIES = 3
PLACE_SETTLES_S = 0.5  # until the PBX has taken in what a phone has said
NEW_RTP_COUNCIL = "uttlesford"  # its advisers work from home, too, with whatever phone is there


def _held(stage: Stage, council: Council, take: Take) -> None:
    take.says = "hold is part of the call: recording goes on"
    call = ring_queue(stage, council, take)
    _hold_twice(stage, council, take, call, stage.phone(council.agent))


def _held_with_new_rtp(stage: Stage, council: Council, take: Take) -> None:
    take.says = "hold is part of the call, whatever the agent's phone does afterwards"
    with another_phone(stage, council) as phone:
        join = enter_queue(stage, council, take)
        answer = answered(stage, join, take)
        call = QueueCall(join.get("Uniqueid"), join.get("Channel"), join.at_s, answer.at_s)
        _hold_twice(stage, council, take, call, phone)


@contextmanager
def another_phone(stage: Stage, council: Council) -> Iterator[Holds]:
    """For a while, the agent has another phone, which begins its RTP anew after a hold."""
    agent = council.agent
    try:
        with stage.phones.another(agent) as phone:
            yield phone
    finally:
        _take_place_back(stage, agent)


def _take_place_back(stage: Stage, who: Person) -> None:
    """Let somebody's own phone be registered again, and see that the PBX thinks so, too.

    baresip gives its old registration up and asks for a new one at once; the PBX may take them in
    the other way round, and then rings nobody.
    """
    phone = stage.phone(who)
    for _ in range(PLACE_TRIES):
        phone.register_anew()
        pass_time(PLACE_SETTLES_S)
        if stage.eyes.phone_is_at(who.endpoint, phone.sip_port):
            return
    raise PhoneError(f"the PBX doesn't know where the phone of {who.name} is")


def _hold_twice(stage: Stage, council: Council, take: Take, call: QueueCall, phone: Holds) -> None:
    talks, waits = [], []
    since_s = call.answered_s
    for _ in range(HOLDS):
        pass_time(TALK_S)
        held_s = _await(stage, council, "Hold", phone.hold)
        take.lines.append((held_s - call.entered_s, "the agent puts the caller on hold"))
        pass_time(HOLD_S)
        resumed_s = _await(stage, council, "Unhold", phone.resume)
        take.lines.append((resumed_s - call.entered_s, "the agent is back"))
        talks.append((since_s, held_s))
        waits.append((held_s, resumed_s))
        since_s = resumed_s
    pass_time(TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    talks.append((since_s, ended_s))
    recording, heard = archived(stage, council, take, call)
    for start_s, end_s in talks:
        check_talk(take, heard, recording.began_s, start_s, end_s)
    for start_s, end_s in waits:
        music_s = start_s + max(take.renewed_s, take.measure.hold_music_late_s)
        end_s -= take.measure.hold_music_short_s
        check_waiting(take, heard, recording.began_s, music_s, end_s)
    check_sides(take, heard)
    check_silence(take, None, heard_by(stage, council.caller), "music")


def _await(stage: Stage, council: Council, name: str, act: Callable[[], None]) -> float:
    """Do something to the agent's call; return when the PBX has told of it (epoch, s)."""
    mark, line = stage.eyes.mark(), f"PJSIP/{council.agent.endpoint}-"
    act()

    def ours(one: Event) -> bool:
        return one.name == name and one.get("Channel").startswith(line)

    return stage.eyes.wait_for(ours, EVENT_TIMEOUT_S, mark).at_s


SCENES: tuple[Scenario, ...] = (
    Scenario("hold", "the agent puts the caller on hold, twice", _held),
    Scenario(
        "hold-new-rtp",
        "… with a phone that begins its RTP anew after each hold",
        _held_with_new_rtp,
        councils=(NEW_RTP_COUNCIL,),
    ),
)
