"""Attended transfers and consultations, by the PBX's key and with the phone's second line.

What each council says stands here by hand. While the agent talks with a colleague the caller waits:
one council has that talk recorded, the others don't.
"""

from __future__ import annotations

from lab.aftermath import archived, check_talk
from lab.consulting import ByKey, ByPhone, Consultation
from lab.ear import Heard
from lab.eyes import Event
from lab.product import Recording, seconds
from lab.scene import (
    SHIFT_S,
    Play,
    QueueCall,
    Scenario,
    Stage,
    Take,
    check_edge,
    check_sides,
    check_silence,
    hang_up,
    heard_by,
    ring_queue,
    words_of,
)
from lab.town import Council
from lab.waiting import pass_time

# "Other transfers are not named": recording goes on. The four others stop it.
GOES_ON = ("surrey",)
# "The conversation between the two IS recorded; once the caller is transferred, recording ends."
CONSULTATION_IS_RECORDED = ("uttlesford",)

TALK_S = 3.0
LACKS = {
    "freeswitch": "att_xfer ends the ringing when the agent hangs up: by key nobody is sent on"
    " before there is an answer"
}

Way = type[Consultation]


def _to_back_office(way: Way) -> Play:
    def play(stage: Stage, council: Council, take: Take) -> None:
        goes_on = council.policy in GOES_ON
        take.says = f"{_says(council)}; after the transfer recording " + (
            "goes on" if goes_on else "ends"
        )
        number = council.back_office.number
        call, consultation, moved = _sent_on(stage, council, take, way, number)
        ended_s = hang_up(stage, council, call, council.caller, take)
        recording, heard = archived(stage, council, take, call)
        began_s = recording.began_s
        check_talk(take, heard, began_s, call.answered_s, consultation.waits_s)
        _check_consultation(stage, council, take, recording, heard, consultation)
        if goes_on:
            talked_s = moved.at_s + max(way.beep_s, take.renewed_s)
            check_talk(take, heard, began_s, talked_s, ended_s, "back_office")
        else:
            later = heard.frames("any", "back_office", moved.at_s - began_s + SHIFT_S)
            take.check(later == 0, f"{later} frames of the back office after the transfer")
            check_silence(take, None, heard_by(stage, council.caller), "back_office")
            check_edge(take, heard.seconds - (moved.at_s - began_s))

    return play


def _to_payment(way: Way) -> Play:
    def play(stage: Stage, council: Council, take: Take) -> None:
        take.says = "nothing of the payment line is recorded: not what the agent hears of it while"
        take.says += " the caller waits, and not what the caller hears"
        silent_at_once = way is ByKey
        if silent_at_once:
            take.says += "; an agent who calls it makes the call silent from then on"
        call, consultation, moved = _sent_on(stage, council, take, way, council.payment_number)
        hang_up(stage, council, call, council.caller, take)
        recording, heard = archived(stage, council, take, call)
        began_s = recording.began_s
        check_talk(take, heard, began_s, call.answered_s, consultation.waits_s)
        _check_unrecorded(take, heard, began_s, consultation)
        check_silence(take, heard, heard_by(stage, council.caller), "payment")
        if silent_at_once:
            check_edge(take, heard.seconds - (consultation.began_s - began_s), "consultation")
        else:  # a machine on the phone's second line is in no talk that anybody could see
            check_edge(take, heard.seconds - (moved.at_s - began_s))

    return play


def _given_up(way: Way) -> Play:
    def play(stage: Stage, council: Council, take: Take) -> None:
        take.says = f"{_says(council)}; with the agent back, recording goes on"
        call = ring_queue(stage, council, take)
        pass_time(TALK_S)
        consultation = way(stage, council, call, council.back_office.number, take)
        consultation.begin()
        pass_time(TALK_S)
        back_s = consultation.give_up()
        pass_time(TALK_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
        recording, heard = archived(stage, council, take, call)
        check_talk(take, heard, recording.began_s, call.answered_s, consultation.waits_s)
        _check_consultation(stage, council, take, recording, heard, consultation)
        check_talk(take, heard, recording.began_s, back_s + way.beep_s, ended_s)

    return play


def _refused(way: Way) -> Play:
    def play(stage: Stage, council: Council, take: Take) -> None:
        take.says = "the colleague refuses, nobody was consulted: recording goes on"
        call = ring_queue(stage, council, take)
        pass_time(TALK_S)
        with stage.phone(council.back_office).by_hand():
            consultation = way(stage, council, call, council.back_office.number, take)
            consultation.ring()
            back_s = consultation.refuse()
        pass_time(TALK_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
        recording, heard = archived(stage, council, take, call)
        check_talk(take, heard, recording.began_s, call.answered_s, consultation.waits_s)
        check_talk(take, heard, recording.began_s, back_s + way.beep_s, ended_s)

    return play


def _while_ringing(way: Way) -> Play:
    """The agent sends the caller on before the colleague has answered, who then does."""

    def play(stage: Stage, council: Council, take: Take) -> None:
        goes_on = council.policy in GOES_ON
        take.says = f"transfer to an extension: recording {'goes on' if goes_on else 'stops'}"
        call = ring_queue(stage, council, take)
        pass_time(TALK_S)
        with stage.phone(council.back_office).by_hand():
            consultation = way(stage, council, call, council.back_office.number, take)
            consultation.ring()
            consultation.await_ringing()
            moved = consultation.complete()
            stage.phone(council.back_office).answer()
            talks_s = consultation.await_colleague()
        take.lines.append((talks_s - call.entered_s, "the back office answers"))
        pass_time(TALK_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
        recording, heard = archived(stage, council, take, call)
        began_s = recording.began_s
        check_talk(take, heard, began_s, call.answered_s, consultation.waits_s)
        if goes_on:
            talks_s += max(way.beep_s, take.renewed_s)
            check_talk(take, heard, began_s, talks_s, ended_s, "back_office")
        else:
            check_silence(take, heard, heard_by(stage, council.caller), "back_office")
            check_edge(take, heard.seconds - (moved.at_s - began_s))

    return play


def _recalled(stage: Stage, council: Council, take: Take) -> None:
    """The agent hangs up while it rings, which is a transfer; the colleague refuses."""
    take.says = "nobody took the call over, the agent has it again: recorded"
    agent = stage.phone(council.agent)
    call = ring_queue(stage, council, take)
    pass_time(TALK_S)
    with stage.phone(council.back_office).by_hand():
        consultation = ByKey(stage, council, call, council.back_office.number, take)
        consultation.ring()
        consultation.await_ringing()
        agent_mark = agent.mark()
        moved = consultation.complete()
        stage.phone(council.back_office).refuse()
        back_s = consultation.answer_recall(agent_mark)
    pass_time(TALK_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    recording, heard = archived(stage, council, take, call)
    check_talk(take, heard, recording.began_s, call.answered_s, consultation.waits_s)
    check_talk(take, heard, recording.began_s, back_s + take.renewed_s, ended_s)
    result = moved.get("Result")
    take.check(result == "Success", f"the PBX has told of the transfer: {result}")


# ---------------------------------------------------------------------- what they have in common


def _sent_on(
    stage: Stage, council: Council, take: Take, way: Way, number: str
) -> tuple[QueueCall, Consultation, Event]:
    """The agent talks with the caller, consults somebody, and sends the caller there."""
    call = ring_queue(stage, council, take)
    pass_time(TALK_S)
    consultation = way(stage, council, call, number, take)
    consultation.begin()
    pass_time(TALK_S)
    moved = consultation.complete()
    pass_time(TALK_S)
    return call, consultation, moved


def _says(council: Council) -> str:
    recorded = council.policy in CONSULTATION_IS_RECORDED
    return f"what the agent and a colleague say is {'' if recorded else 'not '}recorded"


def _check_consultation(
    stage: Stage,
    council: Council,
    take: Take,
    recording: Recording,
    heard: Heard,
    consultation: Consultation,
) -> None:
    """The talk of agent and back office is in the recording, both on the right; or it isn't."""
    began_s = recording.began_s
    check_sides(take, heard)
    its = [each for each in recording.manifest["segments"] if each["leg"] == "consultation"]
    wanted = int(council.policy in CONSULTATION_IS_RECORDED)
    take.check(
        len(its) == consultation.recorders() == wanted,
        f"{consultation.recorders()} recorders on the agent's channels, {len(its)} segments",
    )
    for each in its:
        until_s = seconds(each["started_at"]) + each["duration_s"]
        over_s = until_s - (consultation.back_s or consultation.ended_s)
        # A recorder that runs on may well be deaf: the ear alone wouldn't tell.
        take.check(
            over_s <= take.measure.exact_s,
            f"the segment ends {1000 * over_s:+.0f} ms from the talk's end",
        )
    if wanted:
        talk = consultation.began_s + take.measure.late_s, consultation.ended_s
        check_talk(take, heard, began_s, *talk, "agent")
        check_talk(take, heard, began_s, *talk, "back_office")
    else:
        _check_unrecorded(take, heard, began_s, consultation)
    check_silence(take, None, heard_by(stage, council.back_office), "agent", who="back office")


def _check_unrecorded(take: Take, heard: Heard, began_s: float, consultation: Consultation) -> None:
    """Of a consultation nothing is recorded but the caller, and the music that he hears."""
    start_s, end_s = consultation.began_s - began_s + SHIFT_S, consultation.ended_s - began_s
    if consultation.back_s:
        end_s = consultation.back_s - began_s  # pressing keys on the way
    end_s -= SHIFT_S  # a file may be that much shorter, too
    for name in ("agent", "back_office", "payment"):
        frames = heard.frames("any", name, start_s, end_s)
        take.check(frames == 0, f"{frames} frames of the {words_of(name)} while the caller waits")


SCENES: tuple[Scenario, ...] = (
    Scenario(
        "attended-to-extension",
        "attended transfer to an extension",
        _to_back_office(ByKey),
    ),
    Scenario(
        "attended-to-payment",
        "attended transfer to the payment line",
        _to_payment(ByKey),
    ),
    Scenario(
        "attended-given-up",
        "the agent consults a colleague and takes the caller back",
        _given_up(ByKey),
    ),
    Scenario("attended-refused", "a consultation that the colleague refuses", _refused(ByKey)),
    Scenario(
        "attended-while-ringing",
        "attended transfer while it rings, the colleague answers",
        _while_ringing(ByKey),
        lacks=LACKS,
    ),
    Scenario(
        "attended-recalled",
        "attended transfer while it rings, the colleague refuses, the agent is rung back",
        _recalled,
        lacks=LACKS,
    ),
    Scenario(
        "second-line-to-extension",
        "attended transfer to an extension, with the phone's second line (REFER with Replaces)",
        _to_back_office(ByPhone),
    ),
    Scenario(
        "second-line-to-payment",
        "attended transfer to the payment line, with the phone's second line",
        _to_payment(ByPhone),
    ),
    Scenario(
        "second-line-given-up",
        "the agent consults a colleague on the second line and takes the caller back",
        _given_up(ByPhone),
    ),
    Scenario(
        "second-line-while-ringing",
        "attended transfer while the second line rings, the colleague answers",
        _while_ringing(ByPhone),
    ),
    Scenario(
        "second-line-refused",
        "a call on the second line that the colleague refuses",
        _refused(ByPhone),
    ),
)
