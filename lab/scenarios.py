"""The calls of the tour. What must come of them is written here by hand, not asked of Hushtape."""

from __future__ import annotations

from collections.abc import Callable

from lab import (
    scenes_attended,
    scenes_company,
    scenes_direct,
    scenes_hold,
    scenes_opt_out,
    scenes_outbound,
    scenes_parking,
    scenes_payment,
    scenes_queues,
    scenes_returns,
)
from lab.eyes import event
from lab.scene import (
    AFTER_S,
    EVENT_TIMEOUT_S,
    TALK_S,
    QueueCall,
    Scenario,
    Stage,
    Take,
    await_free,
    check_both,
    check_edge,
    check_sides,
    check_silence,
    hang_up,
    heard_by,
    ring_queue,
    told,
    transfer,
    words_of,
)
from lab.town import LOCAL_COUNCIL, LOCAL_DID, Council, Person
from lab.waiting import pass_time

UNRECORDED_S = 2.0  # a call that is not recorded: long enough for its control

# What each policy says about a blind transfer, from the councils' own statements (policies.md of
# the examples): True where recording goes on.
GOES_ON: dict[str, dict[str, bool]] = {
    "surrey": {"back_office": True, "other_agent": True, "outside": False, "payment": False},
    "uttlesford": {"back_office": False, "other_agent": False, "outside": False, "payment": False},
    "reigate-banstead": {
        "back_office": False,
        "other_agent": False,
        "outside": False,
        "payment": False,
    },
    "south-hams": {"back_office": False, "other_agent": False, "outside": False, "payment": False},
    "hammersmith-fulham": {
        "back_office": False,
        "other_agent": False,
        "outside": False,
        "payment": False,
    },
}


def _queue_call(who: Callable[[Council], Person]) -> Callable[[Stage, Council, Take], None]:
    def play(stage: Stage, council: Council, take: Take) -> None:
        take.says = "a queue call is recorded from queue entry to hang-up"
        call = ring_queue(stage, council, take)
        pass_time(TALK_S)
        ended_s = hang_up(stage, council, call, who(council), take)
        take.calls.append(call.uniqueid)
        recording = stage.product.recording(call.uniqueid)
        heard = told(take, stage.product, recording, call.entered_s, council.caller)
        check_both(take, heard, recording.began_s, call.answered_s, ended_s)
        check_sides(take, heard)
        queue_s = call.answered_s - recording.began_s
        music = heard.share("music", "right", max(0.1, take.measure.music_late_s), queue_s - 0.1)
        take.check(music > 0.9, f"from queue entry: the music is in {music:.1%} of the wait")

    return play


# Sends the caller on; returns when the talk with the agent ended, and when the caller was moved.
Move = Callable[[Stage, Council, QueueCall, str, Take], tuple[float, float]]


def _by_refer(
    stage: Stage, council: Council, call: QueueCall, number: str, take: Take
) -> tuple[float, float]:
    moved = transfer(stage, council, call, number, take)
    return moved.at_s, moved.at_s


def _by_redirect(
    stage: Stage, council: Council, call: QueueCall, number: str, take: Take
) -> tuple[float, float]:
    """Somebody else's software sends the caller on: Asterisk tells of no transfer."""
    mark = stage.eyes.mark()
    stage.eyes.action(
        "Redirect", Channel=call.channel, Context="internal", Exten=number, Priority="1"
    )
    ours = event("BridgeLeave", Uniqueid=call.uniqueid)
    moved = stage.eyes.wait_for(ours, EVENT_TIMEOUT_S, mark)
    take.lines.append((moved.at_s - call.entered_s, f"a Redirect takes the caller to {number}"))
    return moved.at_s, moved.at_s


def _sent_on(
    party: str, number: Callable[[Council], str], move: Move = _by_refer
) -> Callable[[Stage, Council, Take], None]:
    def play(stage: Stage, council: Council, take: Take) -> None:
        goes_on = GOES_ON[council.policy][party]
        words = words_of(party)
        take.says = f"transfer to the {words}: recording {'goes on' if goes_on else 'stops'}"
        call = ring_queue(stage, council, take)
        pass_time(TALK_S)
        talked_until_s, moved_s = move(stage, council, call, number(council), take)
        pass_time(AFTER_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
        take.calls.append(call.uniqueid)
        recording = stage.product.recording(call.uniqueid)
        heard = told(take, stage.product, recording, call.entered_s, council.caller)
        control = heard_by(stage, council.caller)
        began_s = recording.began_s
        check_both(take, heard, began_s, call.answered_s, talked_until_s)
        check_sides(take, heard)
        if goes_on:
            control_s = control.frames("any", party) * control.frame_s
            kept_s = heard.frames("right", party) * heard.frame_s
            take.check(control_s > 1.0, f"control: the caller's phone heard the {words}")
            take.share(
                kept_s / control_s if control_s else 0.0,
                f"{kept_s:.2f} s of the {words} are recorded, of {control_s:.2f} s that the"
                " caller's phone heard",
            )
            anew_s = moved_s - began_s + take.renewed_s
            caller = heard.share("caller", "left", anew_s, ended_s - began_s)
            take.share(
                caller,
                f"from {take.renewed_s * 1000:.0f} ms after the transfer on, the caller is in"
                f" {caller:.1%} of the frames",
            )
        else:
            check_silence(take, heard, control, party)
            check_edge(take, heard.seconds - (moved_s - began_s))

    return play


def _local_agent(stage: Stage, council: Council, take: Take) -> None:
    take.says = "transfer to the payment line: recording stops, also behind a Local channel"
    call = ring_queue(stage, council, take, LOCAL_DID)
    pass_time(TALK_S)
    moved = transfer(stage, council, call, council.payment_number, take)
    pass_time(AFTER_S)
    hang_up(stage, council, call, council.caller, take)
    take.calls.append(call.uniqueid)
    recording = stage.product.recording(call.uniqueid)
    heard = told(take, stage.product, recording, call.entered_s, council.caller)
    if take.measure.local_channels_stay:
        take.check(
            moved.get("TransfereeUniqueid") != call.uniqueid,
            f"it is {moved.get('TransfereeChannel')} that is transferred, not the caller's channel",
        )
    check_both(take, heard, recording.began_s, call.answered_s, moved.at_s)
    check_sides(take, heard)
    check_silence(take, heard, heard_by(stage, council.caller), "payment")
    check_edge(take, heard.seconds - (moved.at_s - recording.began_s))


def _direct_dial(stage: Stage, council: Council, take: Take) -> None:
    take.says = "a call dialled directly to an individual extension is not recorded"
    await_free(stage, council)
    mark = stage.eyes.mark()
    caller, office = stage.phone(council.caller), council.back_office
    phone_mark = caller.mark()
    caller.dial(f"0199200{office.number}")
    caller.established(since=phone_mark)
    new = stage.eyes.wait_for(
        event("Newchannel", CallerIDNum=council.caller.number), EVENT_TIMEOUT_S, mark
    )
    uniqueid = new.get("Uniqueid")
    take.lines.append((0.0, f"the caller rings extension {office.number} directly"))
    pass_time(UNRECORDED_S)
    caller.hang_up()
    gone = stage.eyes.wait_for(event("Hangup", Uniqueid=uniqueid), EVENT_TIMEOUT_S, mark)
    caller.closed(since=phone_mark)
    take.lines.append((gone.at_s - new.at_s, "the caller hangs up"))
    take.unrecorded.append(uniqueid)
    starts = stage.eyes.events(event("MixMonitorStart", Uniqueid=uniqueid), mark)
    take.check(not starts, f"{len(starts)} recorders were started")
    check_silence(take, None, heard_by(stage, council.caller), "back_office")


def _unnamed_queue(stage: Stage, council: Council, take: Take) -> None:
    """An internal call to the council's own queue: no policy names internal calls."""
    take.says = "a call from inside is not recorded"
    await_free(stage, council)
    mark = stage.eyes.mark()
    colleague, agent = stage.phone(council.back_office), stage.phone(council.agent)
    phone_mark, agent_mark = colleague.mark(), agent.mark()
    colleague.dial(council.main_queue.number)
    agent.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, agent_mark)
    agent.answer()
    join = stage.eyes.wait_for(
        event("QueueCallerJoin", CallerIDNum=council.back_office.number), EVENT_TIMEOUT_S, mark
    )
    uniqueid = join.get("Uniqueid")
    take.lines.append((0.0, f"a colleague enters queue {join.get('Queue')} from inside"))
    pass_time(UNRECORDED_S)
    colleague.hang_up()
    stage.eyes.wait_for(event("Hangup", Uniqueid=uniqueid), EVENT_TIMEOUT_S, mark)
    colleague.closed(since=phone_mark)
    take.unrecorded.append(uniqueid)
    starts = stage.eyes.events(event("MixMonitorStart", Uniqueid=uniqueid), mark)
    take.check(not starts, f"{len(starts)} recorders were started")
    check_silence(take, None, heard_by(stage, council.back_office), "agent", who="colleague")


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "hang-up-by-caller",
        "queue call, the caller hangs up",
        _queue_call(lambda council: council.caller),
    ),
    Scenario(
        "hang-up-by-agent",
        "queue call, the agent hangs up",
        _queue_call(lambda council: council.agent),
    ),
    Scenario(
        "blind-to-extension",
        "blind transfer to an extension",
        _sent_on("back_office", lambda council: council.back_office.number),
    ),
    Scenario(
        "blind-to-queue",
        "blind transfer to another queue",
        _sent_on("other_agent", lambda council: council.other_queue.number),
    ),
    Scenario(
        "blind-to-outside",
        "blind transfer to an outside number",
        _sent_on("outside", lambda council: council.dial_outside),
    ),
    Scenario(
        "blind-to-payment",
        "blind transfer to the payment line",
        _sent_on("payment", lambda council: council.payment_number),
    ),
    Scenario(
        "redirect-to-extension",
        "Redirect to an extension, which tells of no transfer",
        _sent_on("back_office", lambda council: council.back_office.number, _by_redirect),
    ),
    Scenario("direct-dial", "call straight to an extension", _direct_dial),
    Scenario("internal", "internal call to the queue", _unnamed_queue),
    Scenario(
        "local-agent",
        "the queue's agent is a Local channel, blind transfer to the payment line",
        _local_agent,
        councils=(LOCAL_COUNCIL,),
    ),
    *scenes_returns.SCENES,
    *scenes_attended.SCENES,
    *scenes_hold.SCENES,
    *scenes_parking.SCENES,
    *scenes_company.SCENES,
    *scenes_queues.SCENES,
    *scenes_direct.SCENES,
    *scenes_outbound.SCENES,
    *scenes_opt_out.SCENES,
    *scenes_payment.SCENES,
)

# Of policies that the lab has made up: what none of the five says.
MADE_UP: tuple[Scenario, ...] = (
    *scenes_direct.MADE_UP,
    *scenes_outbound.MADE_UP,
    *scenes_opt_out.MADE_UP,
)
