"""What was done in the recorded sessions of tests/data/esl, to be done once more."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.fake_freeswitch.channel import Channel
from tests.fake_freeswitch.recorded import MAIN, TALK_S, Play


def _direct_dial(play: Play) -> None:
    caller = play.dial("01632960110")
    play.until(lambda: caller.peer is not None)
    time.sleep(TALK_S)
    play.hang_up(caller)


def _direct_dial_not_answered(play: Play) -> None:
    play.telephones["211"].answers = False
    caller = play.dial("01632960110")
    time.sleep(2.0)
    play.switch.call(caller.hangup, "ORIGINATOR_CANCEL")


def _internal_call(play: Play) -> None:
    caller = play.dial("211", "212")
    play.until(lambda: caller.peer is not None)
    time.sleep(TALK_S)
    play.hang_up(caller)


def _ring_group(play: Play) -> None:
    play.telephones["214"].answers = False
    caller = play.dial("01632960112")
    play.until(lambda: caller.peer is not None)
    time.sleep(TALK_S)
    play.hang_up(caller)


def _outbound_answered(play: Play) -> None:
    agent = play.dial("902079460010", "211")
    play.until(lambda: agent.peer is not None)
    time.sleep(TALK_S)
    play.hang_up(agent)


def _outbound_busy(play: Play) -> None:
    outside = play.telephones["gateway/trunk"]
    outside.answers, outside.busy_after_s = False, 1.2
    play.dial("902079460010", "211")
    time.sleep(1.5)


def _outbound_not_answered(play: Play) -> None:
    play.telephones["gateway/trunk"].answers = False
    agent = play.dial("902079460010", "211")
    time.sleep(1.5)
    play.switch.call(agent.hangup, "ORIGINATOR_CANCEL")


def _outbound_click_to_call(play: Play) -> None:
    who = "origination_caller_id_number=211"
    play.api(f"originate {{{who}}}user/211@127.0.0.1 902079460010 XML internal")
    agent = play.leg("211")
    play.until(lambda: agent.peer is not None)
    time.sleep(1.0)
    play.hang_up(agent)


def _queue_hangup_by_caller(play: Play) -> None:
    caller, _ = play.queue_call()
    play.hang_up(caller)


def _queue_hangup_by_agent(play: Play) -> None:
    _, agent = play.queue_call()
    play.hang_up(agent)


def _queue_abandoned(play: Play) -> None:
    play.telephones["211"].answers = False
    caller = play.dial(MAIN)
    time.sleep(1.5)
    play.hang_up(caller)


def _queue_by_dialplan_transfer(play: Play) -> None:
    caller = play.dial("03456009008")
    play.until(lambda: caller.peer is not None)
    time.sleep(TALK_S)
    play.hang_up(caller)


def _blind(number: str) -> Callable[[Play], None]:
    def act(play: Play) -> None:
        caller, agent = play.queue_call()
        play.refer(agent, number)
        time.sleep(1.0)
        play.hang_up(caller)

    return act


def _uuid_transfer(arguments: str, talk_s: float = 1.0) -> Callable[[Play], None]:
    """A transfer by command: CALLER and AGENT stand for the two legs."""

    def act(play: Play) -> None:
        caller, agent = play.queue_call()
        line = arguments.replace("CALLER", caller.uuid).replace("AGENT", agent.uuid)
        play.api(f"uuid_transfer {line}")
        time.sleep(talk_s)
        play.hang_up(agent if arguments == "AGENT 212" else caller)

    return act


def _hold_resume(play: Play) -> None:
    caller, agent = play.queue_call()
    play.hold(agent)
    time.sleep(1.4)
    play.switch.call(play.switch.unhold, agent)
    time.sleep(1.0)
    play.hang_up(caller)


def _uuid_hold(play: Play) -> None:
    caller, agent = play.queue_call()
    play.api(f"uuid_hold {agent.uuid}")
    time.sleep(1.0)
    play.api(f"uuid_hold off {agent.uuid}")
    time.sleep(1.0)
    play.hang_up(caller)


def _refer_attended(play: Play) -> None:
    caller, agent = play.queue_call()
    play.hold(agent)
    time.sleep(0.6)
    second = play.dial("212", "211")
    play.until(lambda: second.peer is not None)
    time.sleep(1.2)
    play.refer_to(agent, second)
    time.sleep(1.5)
    play.hang_up(caller)


def _refer_attended_while_ringing(play: Play) -> None:
    colleague = play.telephones["214"]
    colleague.answers = False
    caller, agent = play.queue_call()
    play.hold(agent)
    time.sleep(0.6)
    second = play.dial("214", "211")
    leg = play.leg("214")
    time.sleep(1.5)
    play.refer_to(agent, second)
    time.sleep(1.0)
    play.switch.call(play.switch.answer, leg)
    time.sleep(1.0)
    play.hang_up(caller)


def _park_in_dialplan(play: Play) -> None:
    caller, _ = play.queue_call()
    play.api(f"uuid_transfer {caller.uuid} 691 XML internal")
    time.sleep(1.2)
    _fetched(play, caller)


def _uuid_park(play: Play) -> None:
    caller, _ = play.queue_call()
    play.api(f"uuid_park {caller.uuid}")
    time.sleep(1.2)
    _fetched(play, caller)


def _fetched(play: Play, caller: Channel) -> None:
    fetcher = play.dial("800", "212")
    time.sleep(0.3)
    play.api(f"uuid_bridge {caller.uuid} {fetcher.uuid}")
    time.sleep(1.0)
    play.hang_up(caller)


def _bridge_action(play: Play) -> None:
    caller, _ = play.queue_call()
    _fetched(play, caller)


def _recorder_followed(play: Play) -> None:
    caller, agent = play.queue_call()
    play.api(f"uuid_setvar {agent.uuid} recording_follow_transfer true")
    play.api(f"uuid_record {agent.uuid} start {play.folder}/spool/theirs.wav")
    time.sleep(TALK_S)
    play.refer(agent, "212")
    time.sleep(TALK_S)
    play.hang_up(caller)


def _loopback(play: Play) -> None:
    caller = play.dial("01632960121")
    play.until(lambda: caller.peer is not None)
    time.sleep(1.2)
    play.hang_up(caller)


def _declined_once(play: Play) -> None:
    agent = play.telephones["211"]
    agent.answers, agent.busy_after_s = False, 1.4
    caller = play.dial(MAIN)
    play.leg("211")
    agent.answers = True
    play.until(lambda: caller.peer is not None)
    time.sleep(TALK_S)
    play.hang_up(caller)


def _no_answer_then_queue(play: Play) -> None:
    play.telephones["214"].answers = False
    caller = play.dial("01632960111")
    play.until(lambda: caller.peer is not None)
    time.sleep(1.0)
    play.hang_up(caller)


def _direct_dial_transferred(play: Play) -> None:
    caller = play.dial("01632960110")
    play.until(lambda: caller.peer is not None)
    time.sleep(TALK_S)
    play.refer(play.leg("211"), "212")
    time.sleep(TALK_S)
    play.hang_up(caller)


def _blind_rejected(play: Play) -> None:
    colleague = play.telephones["214"]
    colleague.answers, colleague.busy_after_s = False, 1.4
    _, agent = play.queue_call()
    play.refer(agent, "214")
    time.sleep(2.0)


def _blind_given_up(play: Play) -> None:
    play.telephones["214"].answers = False
    caller, agent = play.queue_call()
    play.refer(agent, "214")
    time.sleep(1.4)
    play.hang_up(caller)


def _consulted(play: Play, number: str = "212") -> tuple[Channel, Channel, Channel]:
    """A caller on hold, the agent's leg, and his second one."""
    caller, agent = play.queue_call()
    play.hold(agent)
    time.sleep(0.6)
    second = play.dial(number, "211")
    time.sleep(1.2)
    return caller, agent, second


def _consulted_caller_hangs_up(play: Play) -> None:
    caller, _, second = _consulted(play)
    play.hang_up(caller)
    time.sleep(1.0)
    play.hang_up(second)


def _consulted_colleague_hangs_up(play: Play) -> None:
    caller, agent, _ = _consulted(play)
    play.hang_up(play.leg("212"))
    _back(play, caller, agent)


def _consulted_nobody(play: Play) -> None:
    caller, agent, _ = _consulted(play, "249")
    _back(play, caller, agent)


def _back(play: Play, caller: Channel, agent: Channel) -> None:
    time.sleep(1.0)
    play.switch.call(play.switch.unhold, agent)
    time.sleep(TALK_S)
    play.hang_up(caller)


def _attended_to_payment(play: Play) -> None:
    caller, agent, second = _consulted(play, "710")
    play.refer_to(agent, second)
    time.sleep(1.4)
    play.hang_up(caller)


ACTS: dict[str, Callable[[Play], None]] = {
    "blind-to-back-office": _blind("212"),
    "blind-caller-hangs-up-while-ringing": _blind_given_up,
    "blind-to-busy": _blind("249"),
    "blind-to-not-registered": _blind("248"),
    "blind-to-nowhere": _blind("555"),
    "blind-to-other-queue": _blind("612"),
    "blind-to-payment": _blind("710"),
    "blind-to-rejecting-phone": _blind_rejected,
    "bridge-action": _bridge_action,
    "direct-dial": _direct_dial,
    "direct-dial-blind-transferred": _direct_dial_transferred,
    "direct-dial-no-answer-then-queue": _no_answer_then_queue,
    "direct-dial-not-answered": _direct_dial_not_answered,
    "hold-resume": _hold_resume,
    "internal-call": _internal_call,
    "loopback-direct-n": _loopback,
    "outbound-answered": _outbound_answered,
    "outbound-busy": _outbound_busy,
    "outbound-click-to-call": _outbound_click_to_call,
    "outbound-not-answered": _outbound_not_answered,
    "park-in-dialplan": _park_in_dialplan,
    "queue-abandoned": _queue_abandoned,
    "queue-agent-declines": _declined_once,
    "queue-by-dialplan-transfer": _queue_by_dialplan_transfer,
    "queue-hangup-by-agent": _queue_hangup_by_agent,
    "queue-hangup-by-caller": _queue_hangup_by_caller,
    "recorder-followed-transfer": _recorder_followed,
    "refer-attended-busy": _consulted_nobody,
    "refer-attended-caller-hangs-up": _consulted_caller_hangs_up,
    "refer-attended-colleague-hangs-up": _consulted_colleague_hangs_up,
    "refer-attended-completed": _refer_attended,
    "refer-attended-to-payment": _attended_to_payment,
    "refer-attended-while-ringing": _refer_attended_while_ringing,
    "ring-group": _ring_group,
    "uuid-hold": _uuid_hold,
    "uuid-park-then-uuid-bridge": _uuid_park,
    "uuid-transfer-bleg-to-back-office": _uuid_transfer("AGENT -bleg 212"),
    "uuid-transfer-of-agent": _uuid_transfer("AGENT 212", 1.7),
    "uuid-transfer-to-back-office": _uuid_transfer("CALLER 212"),
    "uuid-transfer-to-other-queue": _uuid_transfer("CALLER 612"),
    "uuid-transfer-to-payment": _uuid_transfer("CALLER 710"),
}


def play(name: str, folder: Path) -> tuple[bytes, list[str]]:
    """Play a session; what was said, and the bugs that came to light."""
    stage = Play(folder)
    try:
        ACTS[name](stage)
    finally:
        stage.end()
    return stage.said, stage.switch.failures
