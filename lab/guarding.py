"""The guard of a payment line, while something is wrong: nobody is put through, all go back.

Each time the agent sends the caller to a guarded payment line. Last of all the same with all well,
or what came before would prove nothing.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from lab.deeds import routed
from lab.ear import Heard
from lab.eyes import Event, ObserverError, event
from lab.faults import RECOVER_TIMEOUT_S, Fault, Props
from lab.outcomes import LAST_S, heard_after
from lab.product import Product
from lab.scene import (
    CONTROL_S,
    EVENT_TIMEOUT_S,
    QueueCall,
    Stage,
    Take,
    check_both,
    hang_up,
    heard_by,
    listen,
    ring_queue,
    transfer,
)
from lab.scenes_payment import GUARD_AIM_S, GUARD_BOUND_S, rings_payment_line
from lab.town import Council
from lab.waiting import LabTimeoutError, pass_time, until

TRACK = 3
TALK_S = 3.0
BACK_TIMEOUT_S = 20.0  # the guard waits for two seconds, the message takes its time
GUARD_WAITS_S = 2.0
SLACK_S = 0.3
RESUMES_S = 1.0  # when all is well again, the talk is recorded again after so long at the latest
NOBODYS_S = 4.0
ANSWER_S = 0.05
CHANNELS = {"asterisk": "core show channels concise", "freeswitch": "show channels"}


class Wrong:
    """Something that is wrong for a while; `over` ends it."""

    brief = False  # put right as soon as the caller is on his way back, and asked to once more

    def over(self) -> None:
        """Put it right."""


Trouble = Callable[[Stage, Council, Props, QueueCall], Wrong]


class _Killed(Wrong):
    """The bridge is killed just before the caller is sent on; another one is soon there."""

    def __init__(self, stage: Stage, _council: Council, _props: Props, _call: QueueCall) -> None:
        self._product = stage.product
        self._ups = self._product.links_up()
        os.kill(self._product.part("bridge"), signal.SIGKILL)

    def over(self) -> None:
        _await_link(self._product, self._ups)


def _await_link(product: Product, ups: int) -> None:
    until("the bridge is there again", lambda: product.links_up() > ups, RECOVER_TIMEOUT_S)


class _Stopped(Wrong):
    """The bridge stands still (SIGSTOP)."""

    def __init__(self, stage: Stage, _council: Council, _props: Props, _call: QueueCall) -> None:
        self._bridge = stage.product.part("bridge")
        os.kill(self._bridge, signal.SIGSTOP)

    def over(self) -> None:
        os.kill(self._bridge, signal.SIGCONT)


class _OldYes(_Stopped):
    """The bridge stands still, and somebody answers with what was a yes to another question."""

    def __init__(self, stage: Stage, council: Council, props: Props, call: QueueCall) -> None:
        super().__init__(stage, council, props, call)
        self._eyes, self._call = stage.eyes, call
        self._mark = stage.eyes.mark()
        self._ended = threading.Event()
        self.answers = 0
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def _answer(self) -> None:
        """One wrong answer after the other, each for longer than the dialplan waits to look again.

        Every digit of the nonce is turned into the next one: as long, as likely, and old.
        """
        asked = event("UserEvent", UserEvent="Hushtape", Act="silence")
        turned = str.maketrans("0123456789abcdef", "1234567890bcdefa")
        while not self._ended.wait(ANSWER_S):
            for question in self._eyes.events(asked, self._mark):
                nonce = question.get("Nonce")
                wrong = (nonce.translate(turned), nonce[:-1], f"{nonce}0", "yes", "")
                with suppress(ObserverError):  # the caller has hung up
                    self._eyes.action(
                        "Setvar",
                        Channel=self._call.channel,
                        Variable="HUSHTAPE_SILENCE",
                        Value=wrong[self.answers % len(wrong)],
                    )
                self.answers += 1

    def over(self) -> None:
        self._ended.set()
        self._thread.join()
        super().over()


class _Cut(Wrong):
    """The link to the PBX is cut."""

    def __init__(self, stage: Stage, _council: Council, props: Props, _call: QueueCall) -> None:
        self._product, self._cable = stage.product, props.cable
        self._ups = self._product.links_up()
        self._cable.cut()

    def over(self) -> None:
        self._cable.mend()
        _await_link(self._product, self._ups)


class _Muted(_Cut):
    """The link is half-open: nothing comes through, and nobody is told."""

    def __init__(self, stage: Stage, _council: Council, props: Props, _call: QueueCall) -> None:
        self._product, self._cable = stage.product, props.cable
        self._ups = self._product.links_up()
        self._cable.mute()

    def over(self) -> None:
        _await_link(self._product, self._ups)


class _Unwritable(Wrong):
    """Nothing can be written into the spool: a file stands where the folder was.

    The recorder that runs goes on writing into the folder, wherever that is; the next one couldn't.
    """

    brief = True

    def __init__(self, stage: Stage, _council: Council, _props: Props, _call: QueueCall) -> None:
        self._spool = stage.pbx.spool_here
        self._aside = self._spool.with_name("aside")
        self._spool.rename(self._aside)
        self._spool.touch()

    def over(self) -> None:
        if self._aside.exists():
            self._spool.unlink()
            self._aside.rename(self._spool)


def _refused(wrong: Trouble, words: str) -> Callable[[Stage, Council, Props, Take], None]:
    def play(stage: Stage, council: Council, props: Props, take: Take) -> None:
        take.says = f"{words}: the payment line is not rung, the caller has the agent again"
        agent = stage.phone(council.agent)
        with routed(stage, council, "GUARDED", "yes"):
            call = ring_queue(stage, council, take)
            pass_time(TALK_S)
            mark, agent_mark = stage.eyes.mark(), agent.mark()
            trouble = wrong(stage, council, props, call)
            take.lines.append((time.time() - call.entered_s, words))
            try:
                moved = transfer(stage, council, call, council.payment_number, take)
                _await_ring_back(stage, council, take, agent_mark)
                if trouble.brief:
                    trouble.over()
                agent.answer()
                back = stage.eyes.wait_for(
                    lambda one: _talks(one, call, moved), EVENT_TIMEOUT_S, mark
                )
                take.lines.append((back.at_s - call.entered_s, "the caller has the agent again"))
                pass_time(TALK_S)
            finally:
                trouble.over()
            take.lines.append((time.time() - call.entered_s, "all is well again"))
            again_s = max(time.time(), back.at_s) + RESUMES_S
            pass_time(RESUMES_S + TALK_S)
            ended_s = hang_up(stage, council, call, council.caller, take)
        rung = stage.eyes.events(rings_payment_line(council), mark)
        take.check(not rung, f"the payment line was rung {len(rung)} times")
        take.check(
            back.at_s - moved.at_s >= GUARD_WAITS_S - SLACK_S,
            f"back {back.at_s - moved.at_s:.1f} s after the transfer, so the guard had waited",
        )
        if isinstance(trouble, _OldYes):
            take.check(trouble.answers > 0, f"{trouble.answers} wrong answers were given")
        _check_heard(take, heard_by(stage, council.caller))
        take.calls.append(call.uniqueid)
        recording = stage.product.recording(call.uniqueid, RECOVER_TIMEOUT_S)
        heard = listen(recording.audio)
        frames = heard.frames("any", "announcement")
        take.check(frames == 0, f"{frames} frames of the message in the recording")
        check_both(take, heard, recording.began_s, again_s, ended_s - LAST_S)

    return play


def _await_ring_back(stage: Stage, council: Council, take: Take, mark: int) -> None:
    """Wait until the agent's phone rings again; if it doesn't, note where the channels stand."""
    try:
        stage.phone(council.agent).wait_for("CALL_INCOMING", BACK_TIMEOUT_S, mark)
    except LabTimeoutError:
        take.notes += stage.eyes.command(CHANNELS[stage.pbx.kind]).splitlines()
        raise


def _talks(one: Event, call: QueueCall, moved: Event) -> bool:
    """The caller enters a talk after the transfer."""
    ours = one.name == "BridgeEnter" and one.get("Uniqueid") == call.uniqueid
    return ours and one.at_s > moved.at_s


def _check_heard(take: Take, control: Heard) -> None:
    """What the caller's phone heard: the message, then the agent, and never the payment line."""
    frames = control.frames("any", "payment")
    take.check(frames == 0, f"the caller's phone heard {frames} frames of the payment line")
    message_s = control.frames("any", "announcement") * control.frame_s
    agent_s = heard_after(control, "announcement", "agent")
    take.check(
        message_s >= CONTROL_S and agent_s >= CONTROL_S,
        f"control: it heard the message for {message_s:.2f} s, then the agent for {agent_s:.2f} s",
    )


def _nobodys(stage: Stage, council: Council, _props: Props, take: Take) -> None:
    take.says = "a question of which nobody can tell whose call it means is answered with no"
    with routed(stage, council, "GUARDED", "yes"):
        mark = stage.eyes.mark()
        stage.eyes.action(
            "Originate",
            Channel=f"Local/{council.payment_number}@internal",
            Application="Wait",
            Data=f"{NOBODYS_S:.0f}",
            Async="true",
        )
        asked = event("UserEvent", UserEvent="Hushtape", Act="silence")
        stage.eyes.wait_for(asked, EVENT_TIMEOUT_S, mark)
        pass_time(NOBODYS_S)
    rung = stage.eyes.events(rings_payment_line(council), mark)
    take.check(not rung, f"the payment line was rung {len(rung)} times")


def _all_well(stage: Stage, council: Council, _props: Props, take: Take) -> None:
    take.says = "with all well the payment line is rung, at once"
    with routed(stage, council, "GUARDED", "yes"):
        call = ring_queue(stage, council, take)
        pass_time(TALK_S)
        mark = stage.eyes.mark()
        moved = transfer(stage, council, call, council.payment_number, take)
        rung = stage.eyes.wait_for(rings_payment_line(council), EVENT_TIMEOUT_S, mark)
        pass_time(TALK_S)
        hang_up(stage, council, call, council.caller, take)
    cost_s = rung.at_s - moved.at_s
    words = f"it costs the caller {1000 * cost_s:.0f} ms"
    take.check(cost_s < GUARD_BOUND_S, words)
    take.aim(cost_s < GUARD_AIM_S, f"{words} (aim: under {1000 * GUARD_AIM_S:.0f} ms)")
    take.calls.append(call.uniqueid)
    frames = listen(stage.product.recording(call.uniqueid).audio).frames("any", "payment")
    heard_s = heard_by(stage, council.caller).frames("any", "payment") * 0.02
    take.check(
        frames == 0 and heard_s >= CONTROL_S,
        f"{frames} frames of the payment line in the recording; control: the caller's phone heard"
        f" it for {heard_s:.2f} s",
    )


def _fault(name: str, wrong: Trouble, words: str) -> Fault:
    return Fault(f"guard-{name}", f"the guard: {words}", _refused(wrong, words), TRACK)


GUARDED: tuple[Fault, ...] = (
    _fault("bridge-killed", _Killed, "the bridge is killed"),
    _fault("bridge-stopped", _Stopped, "the bridge stands still"),
    _fault("old-yes", _OldYes, "the bridge stands still, and an old yes is given"),
    _fault("link-cut", _Cut, "the link to the PBX is cut"),
    _fault("link-silent", _Muted, "the link to the PBX is half-open"),
    _fault("spool-unwritable", _Unwritable, "the spool can't be written"),
    Fault("guard-nobodys", "the guard: asked on nobody's behalf", _nobodys, TRACK),
    Fault("guard-all-well", "the guard: all is well", _all_well, TRACK),
)
