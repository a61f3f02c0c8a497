"""What happens to a call in the middle of a payment: it stays silent, whoever has it then."""

from __future__ import annotations

from collections.abc import Callable

from lab.aftermath import archived
from lab.card import sing
from lab.consulting import ByKey as ConsultingByKey
from lab.deeds import SHORT_TALK_S, leave, three_way
from lab.eyes import event
from lab.paying import (
    ByApi,
    ByEvent,
    ByKey,
    Way,
    check_nothing_of_it,
    check_paused,
    check_proof,
    check_resumed,
    check_until,
)
from lab.scene import (
    CONTROL_S,
    EVENT_TIMEOUT_S,
    Play,
    QueueCall,
    Scenario,
    Stage,
    Take,
    answered,
    check_silence,
    enter_queue,
    hang_up,
    heard_by,
    ring_queue,
    transfer,
    words_of,
)
from lab.scenes_hold import another_phone
from lab.scenes_payment import MADE_UP_COUNCILS, method_of
from lab.town import CARD_HZ, Council, Person
from lab.waiting import pass_time

STAYS_S = 1.0
SPEAKS_S = 1.4
MIXING_S = 1.0  # until a third one is heard
HELD_S = 1.5

# Does something to a call that is in a payment; returns who has it then.
Deed = Callable[[Stage, Council, QueueCall, Take], Person]


def _midway(way: type[Way], deed: Deed) -> Play:
    def play(stage: Stage, council: Council, take: Take) -> None:
        take.says = "a payment is the call's, not the agent's: silent until its end is told"
        call = ring_queue(stage, council, take)
        pass_time(SHORT_TALK_S)
        how = way(stage, call, take)
        began = how.begin(council.agent)
        pass_time(STAYS_S)
        who = deed(stage, council, call, take)
        caller = stage.phone(council.caller)
        sing(caller, CARD_HZ)
        pass_time(SPEAKS_S)
        sing(caller)
        pass_time(STAYS_S)
        over = how.end(who)
        pass_time(SHORT_TALK_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
        recording, heard = archived(stage, council, take, call)
        check_until(take, heard, recording, call, began)
        check_paused(take, recording, heard, began, over)
        check_resumed(take, heard, recording, over, ended_s, who.role)
        check_nothing_of_it(take, heard, recording)
        check_proof(take, recording, began, method_of(council, way))
        _check_control(stage, take, council, who)

    return play


def _check_control(stage: Stage, take: Take, council: Council, who: Person) -> None:
    control = heard_by(stage, council.caller)
    heard_s = control.frames("any", who.role) * control.frame_s
    take.check(
        heard_s >= STAYS_S + SPEAKS_S + SHORT_TALK_S - CONTROL_S,
        f"control: the caller's phone heard the {words_of(who.role)} for {heard_s:.2f} s, also in"
        " the payment",
    )
    other = heard_by(stage, who)
    spoken_s = other.frames("any", "card") * other.frame_s
    take.check(
        spoken_s >= CONTROL_S,
        f"control: the {words_of(who.role)}'s phone heard the card for {spoken_s:.2f} s",
    )


def _talks_with(stage: Stage, who: Person, since: int) -> float:
    """Wait until somebody's phone is in a talk."""
    line = f"PJSIP/{who.endpoint}-"
    entered = stage.eyes.wait_for(
        lambda one: one.name == "BridgeEnter" and one.get("Channel").startswith(line),
        EVENT_TIMEOUT_S,
        since,
    )
    return entered.at_s


def _transferred(stage: Stage, council: Council, call: QueueCall, take: Take) -> Person:
    mark = stage.eyes.mark()
    transfer(stage, council, call, council.back_office.number, take)
    _talks_with(stage, council.back_office, mark)
    return council.back_office


def _queued_again(stage: Stage, council: Council, call: QueueCall, take: Take) -> Person:
    mark = stage.eyes.mark()
    transfer(stage, council, call, council.other_queue.number, take)
    stage.eyes.wait_for(event("AgentConnect", Uniqueid=call.uniqueid), EVENT_TIMEOUT_S, mark)
    take.notes.append("it is in another queue that is recorded, too")
    return council.other_agent


def _handed_over(stage: Stage, council: Council, call: QueueCall, take: Take) -> Person:
    number = council.back_office.number
    consultation = ConsultingByKey(stage, council, call, number, take)
    consultation.begin()
    pass_time(STAYS_S)
    recorders = consultation.recorders()
    take.check(recorders == 0, f"{recorders} recorders of the consultation, in the payment")
    consultation.complete()
    pass_time(consultation.beep_s)
    return council.back_office


def _joined(stage: Stage, council: Council, call: QueueCall, take: Take) -> Person:
    three_way(stage, council, call, council.back_office.number, take)
    pass_time(MIXING_S)
    leave(stage, call, council.agent, take)
    return council.back_office


def _redirected(stage: Stage, council: Council, call: QueueCall, take: Take) -> Person:
    mark, number = stage.eyes.mark(), council.back_office.number
    stage.eyes.action(
        "Redirect", Channel=call.channel, Context="internal", Exten=number, Priority="1"
    )
    at_s = _talks_with(stage, council.back_office, mark)
    take.lines.append((at_s - call.entered_s, f"a Redirect has taken the caller to {number}"))
    return council.back_office


def _consulted(stage: Stage, council: Council, call: QueueCall, take: Take) -> Person:
    consultation = ConsultingByKey(stage, council, call, council.back_office.number, take)
    consultation.begin()
    pass_time(STAYS_S)
    recorders = consultation.recorders()
    take.check(recorders == 0, f"{recorders} recorders of the consultation, in the payment")
    consultation.give_up()
    pass_time(consultation.beep_s)
    return council.agent


def _held(stage: Stage, council: Council, take: Take) -> None:
    """With a phone that holds; it writes no file of what it hears, so the music is the control."""
    take.says = "hold is part of the payment: silent until its end is told"
    with another_phone(stage, council) as phone:
        join = enter_queue(stage, council, take)
        answer = answered(stage, join, take)
        call = QueueCall(join.get("Uniqueid"), join.get("Channel"), join.at_s, answer.at_s)
        pass_time(SHORT_TALK_S)
        how = ByApi(stage, call, take)
        began = how.begin(council.agent)
        pass_time(STAYS_S)
        phone.hold()
        pass_time(HELD_S)
        phone.resume()
        sing(stage.phone(council.caller), CARD_HZ)
        pass_time(SPEAKS_S)
        sing(stage.phone(council.caller))
        over = how.end(council.agent)
        pass_time(SHORT_TALK_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
    recording, heard = archived(stage, council, take, call)
    check_until(take, heard, recording, call, began)
    check_paused(take, recording, heard, began, over)
    check_resumed(take, heard, recording, over, ended_s)
    check_nothing_of_it(take, heard, recording)
    check_proof(take, recording, began, method_of(council, ByApi))
    check_silence(take, None, heard_by(stage, council.caller), "music")


def _scene(name: str, title: str, play: Play) -> Scenario:
    return Scenario(f"paying-{name}", f"in a payment: {title}", play, MADE_UP_COUNCILS)


MADE_UP: tuple[Scenario, ...] = (
    _scene("transferred", "a blind transfer", _midway(ByKey, _transferred)),
    _scene("queued-again", "a transfer to another queue", _midway(ByEvent, _queued_again)),
    _scene("handed-over", "an attended transfer", _midway(ByKey, _handed_over)),
    _scene("consulted", "a consultation, and back", _midway(ByApi, _consulted)),
    _scene("held", "hold", _held),
    _scene("joined", "a second agent, who stays", _midway(ByKey, _joined)),
    _scene("redirected", "a Redirect", _midway(ByApi, _redirected)),
)
