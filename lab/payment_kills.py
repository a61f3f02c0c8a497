"""kill -9 of the bridge at random moments of payments, also before the key that begins one.

The caller reads his card only while there is a payment: a tone that nothing stored may hold. What
is kept of the talks besides is counted.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from lab.card import sing
from lab.deeds import DTMF_GAP_S
from lab.ear import EarError
from lab.eyes import ObserverError, event
from lab.gamble import SET_UP_S
from lab.kills import KILLS_IN_A_ROW, RETURN_TIMEOUT_S, Say, await_archived
from lab.paying import BEGAN, ENDED, KEY_BEGAN, KEY_ENDED, told_of
from lab.product import Recording, seconds
from lab.scene import EVENT_TIMEOUT_S, Stage, await_free, heard_by, listen
from lab.scenes_payment import rings_payment_line
from lab.town import CARD_HZ, Council
from lab.waiting import pass_time, until

KEYS_S = 3 * DTMF_GAP_S  # to press *73
TOLD_TIMEOUT_S = 5.0
BACK_TIMEOUT_S = 10.0
WAITS_S = (0.0, 2.0)
TALKS_S = (1.5, 4.0)
PAYS_S = (1.5, 4.0)
AFTERWARDS_S = (1.5, 3.0)
FIRST_BLOW_S = 1.0
BEFORE_S = (-0.3, 1.5)
JUST_S = 0.3
NOTED_EARLY_S = 1.1
FORBIDDEN = ("card", "payment")


class Way(StrEnum):
    """How the payment begins; all of them are the dialplan's, which needs no bridge."""

    KEY = "by the agent's key"
    LINE = "by a transfer to a guarded payment line"


@dataclass(frozen=True)
class Plan:
    """What one call is going to be; times in seconds."""

    council: Council
    way: Way
    waits_s: float
    talks_s: float
    pays_s: float
    afterwards_s: float

    def moments_s(self) -> tuple[float, float]:
        """When the payment begins, and when it ends, reckoned from the start."""
        began_s = SET_UP_S + self.waits_s + self.talks_s
        return began_s, began_s + KEYS_S + self.pays_s


@dataclass
class Paid:
    """What was done, beside what the PBX saw (epoch, s)."""

    plan: Plan
    uniqueid: str = ""
    answered_s: float = 0.0
    sings_s: float = 0.0  # the card, or the payment line
    sung_s: float = 0.0
    refused: bool = False  # the guard has said no, and the agent had the caller again
    gone_s: float = 0.0
    control_s: float = 0.0  # so long somebody's phone heard what nothing may hold

    def phase(self, at_s: float) -> str:
        """Where the call was at a moment."""
        if not self.answered_s <= at_s <= self.gone_s:
            return "not in the talk"
        if self.refused:
            return "turned back by the guard"
        if at_s < self.sings_s - KEYS_S - JUST_S:
            return "before the payment"
        if at_s < self.sings_s:
            return "as the payment begins"
        return "in the payment" if at_s < self.sung_s else "after the payment"


@dataclass
class Tally:
    """What came of all the calls of a track."""

    kills: int = 0
    calls: int = 0
    refused: int = 0
    phases: Counter[str] = field(default_factory=Counter)
    control_s: float = 0.0
    files: int = 0
    kept_s: float = 0.0  # of the talks before the payments, of talks_s
    talks_s: float = 0.0
    proofs: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def text(self) -> str:
        """For people."""
        where = ", ".join(f"{count} {phase}" for phase, count in self.phases.most_common())
        proofs = ", ".join(f"{count} {result}" for result, count in self.proofs.most_common())
        return (
            f"{self.kills} kills, {self.calls} payments ({where}), {self.refused} turned back;"
            f" {self.control_s:.0f} s of cards and payment lines were heard, of which {self.files}"
            f" files hold nothing; {self.kept_s:.0f} of {self.talks_s:.0f} s of the talks before"
            f" are kept; proofs: {proofs}; {len(self.wrong)} wrong"
        )


def draw(chance: random.Random, council: Council) -> Plan:
    """Make up a call."""
    return Plan(
        council=council,
        way=chance.choice((Way.KEY, Way.KEY, Way.LINE)),
        waits_s=chance.uniform(*WAITS_S),
        talks_s=chance.uniform(*TALKS_S),
        pays_s=chance.uniform(*PAYS_S),
        afterwards_s=chance.uniform(*AFTERWARDS_S),
    )


def draw_blow(chance: random.Random, plans: Sequence[Plan]) -> float:
    """Make up when the bridge is killed; mostly around a payment's beginning or its end."""
    moments = [at_s for plan in plans for at_s in plan.moments_s()]
    if chance.random() < 1 / 3:
        return chance.uniform(FIRST_BLOW_S, max(moments))
    return max(FIRST_BLOW_S, chance.choice(moments) - chance.uniform(*BEFORE_S))


def kill_bridges(
    stage: Stage, councils: Sequence[Council], chance: random.Random, kills: int, say: Say
) -> Tally:
    """Let payments be made, and kill the bridge in each round of them."""
    tally = Tally()
    for council in councils:
        stage.eyes.action("Setvar", Variable=f"GUARDED_{council.p}", Value="yes")
    while tally.kills < kills:
        played: list[Paid] = []
        for _ in range(min(KILLS_IN_A_ROW, kills - tally.kills)):
            plans = [draw(chance, each) for each in councils]
            _round(stage, plans, draw_blow(chance, plans), played, tally)
            tally.kills += 1
            _look_at(tally, [path for path in stage.product.spooled() if path.suffix == ".wav"])
        await_archived(stage.product)
        _look(stage, tally, played)
        say(f"{stage.pbx.name}: {tally.text()}")
        stage.product.stop()
        stage.product.start()
    return tally


def _round(
    stage: Stage, plans: Sequence[Plan], blow_s: float, played: list[Paid], tally: Tally
) -> None:
    ups = stage.product.links_up()
    with ThreadPoolExecutor(len(plans)) as pool:
        calls = [pool.submit(play, stage, plan) for plan in plans]
        pass_time(blow_s)
        os.kill(stage.product.part("bridge"), signal.SIGKILL)
        killed_s = time.time()
        done = [call.result() for call in calls]
    until("a bridge is back", lambda: stage.product.links_up() > ups, RETURN_TIMEOUT_S)
    tally.phases.update(each.phase(killed_s) for each in done)
    played += done


def play(stage: Stage, plan: Plan) -> Paid:
    """Play a call to its end."""
    paid, council = Paid(plan), plan.council
    caller, agent = stage.phone(council.caller), stage.phone(council.agent)
    await_free(stage, council)
    pass_time(plan.waits_s)
    mark, agent_mark, caller_mark = stage.eyes.mark(), agent.mark(), caller.mark()
    caller.dial(council.did)
    ours = event("QueueCallerJoin", CallerIDNum=council.caller.number)
    paid.uniqueid = stage.eyes.wait_for(ours, EVENT_TIMEOUT_S, mark).get("Uniqueid")
    agent.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, agent_mark)
    agent.answer()
    connected = event("AgentConnect", Uniqueid=paid.uniqueid)
    paid.answered_s = stage.eyes.wait_for(connected, EVENT_TIMEOUT_S, mark).at_s
    pass_time(plan.talks_s)
    if plan.way is Way.KEY:
        _pay_by_key(stage, plan, paid)
    else:
        _pay_at_line(stage, plan, paid)
    caller.hang_up()
    gone = event("Hangup", Uniqueid=paid.uniqueid)
    paid.gone_s = stage.eyes.wait_for(gone, EVENT_TIMEOUT_S, mark).at_s
    caller.closed(since=caller_mark)
    tone, who = ("card", council.agent) if plan.way is Way.KEY else ("payment", council.caller)
    control = heard_by(stage, who)
    paid.control_s = control.frames("any", tone) * control.frame_s
    return paid


def _pay_by_key(stage: Stage, plan: Plan, paid: Paid) -> None:
    caller, agent = stage.phone(plan.council.caller), stage.phone(plan.council.agent)
    mark = stage.eyes.mark()
    agent.dtmf(KEY_BEGAN, gap_s=DTMF_GAP_S)
    with suppress(ObserverError):  # the PBX has missed a key: then no card is read out
        stage.eyes.wait_for(told_of(BEGAN, paid.uniqueid), TOLD_TIMEOUT_S, mark)
        paid.sings_s = time.time()
        sing(caller, CARD_HZ)
        pass_time(plan.pays_s)
        sing(caller)
        paid.sung_s = time.time()
        pass_time(JUST_S)  # what is under way arrives
        agent.dtmf(KEY_ENDED, gap_s=DTMF_GAP_S)
        stage.eyes.wait_for(told_of(ENDED, paid.uniqueid), TOLD_TIMEOUT_S, mark)
    pass_time(plan.afterwards_s)


def _pay_at_line(stage: Stage, plan: Plan, paid: Paid) -> None:
    council, agent = plan.council, stage.phone(plan.council.agent)
    mark, agent_mark = stage.eyes.mark(), agent.mark()
    agent.blind_transfer(council.payment_number)

    def has_him_back() -> bool:
        return any(each.kind == "CALL_INCOMING" for each in agent.events(agent_mark))

    rings = rings_payment_line(council)
    until(
        "the payment line rings, or the agent",
        lambda: bool(stage.eyes.events(rings, mark)) or has_him_back(),
        BACK_TIMEOUT_S,
    )
    rung = stage.eyes.events(rings, mark)
    paid.refused = not rung
    if rung:
        paid.sings_s = rung[0].at_s
        pass_time(plan.pays_s)
        paid.sung_s = time.time()
    else:
        agent.answer()
        pass_time(plan.afterwards_s)


def _look(stage: Stage, tally: Tally, played: Sequence[Paid]) -> None:
    """Judge the calls of some rounds, once everything is archived."""
    for paid in played:
        tally.calls += 1
        tally.refused += paid.refused
        tally.control_s += paid.control_s
        recordings = stage.product.recordings_of(paid.uniqueid)
        words = f"{paid.plan.council.policy}, {paid.plan.way}, {paid.uniqueid}"
        if len(recordings) > 1:
            tally.wrong.append(f"{words}: {len(recordings)} recordings of one call")
        ends_s = (paid.sings_s - KEYS_S - JUST_S) if paid.sings_s else paid.answered_s
        tally.talks_s += max(0.0, ends_s - paid.answered_s)
        for recording in recordings:
            _look_at_recording(tally, recording, words, paid.answered_s, ends_s)
    archive = [each.audio for each in stage.product.recordings()]
    _look_at(tally, archive)
    bugs = [line for line in stage.product.log_lines() if "Traceback" in str(line)]
    tally.wrong += [str(line)[:500] for line in bugs]


def _look_at_recording(
    tally: Tally, recording: Recording, words: str, answered_s: float, ends_s: float
) -> None:
    heard = listen(recording.audio)
    window = answered_s - recording.began_s, ends_s - recording.began_s
    if window[1] > window[0]:
        tally.kept_s += heard.frames("left", "caller", max(0.0, window[0]), window[1]) * 0.02
    for span in recording.manifest["spans"]:
        if span["kind"] == "payment":
            result = str((span.get("proof") or {}).get("result"))
            tally.proofs[result] += 1
            # The dialplan, or the bridge, stops in time always; so it must be shown always, too.
            if result != "proved" and not _is_noted_early(span["proof"] or {}):
                tally.wrong.append(f"{words}: {span['proof']}{_all_of_it(recording, ends_s)}")


def _is_noted_early(proof: Mapping[str, Any]) -> bool:
    """Whether a payment is unproved because the dialplan's note of it is a second early.

    Seconds and milliseconds are read one after the other: every few hundred times a second passes
    between them. Then so much of the talk before is destroyed, and never too little.
    """
    return proof.get("result") == "unproved" and float(proof["destroyed_s"]) <= NOTED_EARLY_S


def _all_of_it(recording: Recording, zero_s: float) -> str:
    """The whole story of a call that went wrong, in seconds since its payment was to begin."""
    manifest = recording.manifest
    lines = [f"{seconds(x['at']) - zero_s:.2f}: {x['what']}" for x in manifest["story"]]
    for each in manifest["segments"]:
        start_s = seconds(each["started_at"]) - zero_s
        lines.append(f"recorded: {start_s:.2f} to {start_s + each['duration_s']:.2f}")
    for each in manifest["spans"]:
        times = (seconds(each[name]) - zero_s for name in ("started_at", "ended_at"))
        lines.append(f"{each['kind']}: " + " to ".join(f"{at_s:.2f}" for at_s in times))
    return "".join(f"\n      {line}" for line in [*lines, *manifest["remarks"]])


def _look_at(tally: Tally, paths: Sequence[Path]) -> None:
    """Nothing that is stored holds a card, or a payment line."""
    for path in paths:
        with suppress(EarError):  # it went meanwhile, or holds no sound yet
            heard = listen(path)
            tally.files += 1
            for name in FORBIDDEN:
                if frames := heard.frames("any", name):
                    tally.wrong.append(f"{path}: {frames} frames of the {name}")
