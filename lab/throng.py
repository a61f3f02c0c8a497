"""Fifty calls at once with transfers among them: no recording holds anybody who wasn't in the call.

They may be spread over several PBXes, of several kinds, with one Hushtape beside them. Everybody
sings a tone of his own. A dozen callers hang up early; with their agents, who are free then, others
are sent on: blindly, after a consultation, to the queue, or to the payment line.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab import kinds
from lab.cable import Cable
from lab.eyes import Event, event
from lab.kills import Say, await_archived
from lab.lots import SIZE, Call, Lot, draw_lots
from lab.pbxes import OwnPbx
from lab.phones import PhoneError, Phones
from lab.product import Product
from lab.scene import EVENT_TIMEOUT_S, Stage
from lab.strangers import look
from lab.town import CROWD_DID, CROWD_QUEUE, MUSIC_HZ, Crowd, Person
from lab.waiting import pass_time, until

RINGS_EVERY_S = 0.1  # ten calls a second
CONNECT_TIMEOUT_S = 60.0
TOGETHER_S = 3.0  # all of them talk
LAST_S = 4.0  # after the last transfer
PAYMENT_HZ = 1836  # between the callers' tones and the agents'
PAYMENT_LINE = "710"
CROWD_QUEUE_NUMBER = "690"
ASTERISK_FILES = {
    "extensions-extra.conf": f"""[internal](+)
exten => {PAYMENT_LINE},1,Answer()
 same => n,Playtones({PAYMENT_HZ})
 same => n,Wait(600)
"""
}
POLICY = f"""[policy]
name = "throng"
title = "The lab's throng"
in_force_from = 2024-01-01
time_zone = "Europe/London"

[calls]
queues = ["crowd"]

[[destination]]
name = "the payment line"
extensions = ["{PAYMENT_LINE}"]

[transfer]
otherwise = "continue"

[payment]
lines = ["the payment line"]

[retention]
keep = "1 day"
"""


@dataclass(frozen=True)
class Site:
    """A PBX of the throng's, not yet made, and its telephones: real ones, or a model of both."""

    make: Callable[[Crowd], OwnPbx]
    phones: Callable[[OwnPbx, Sequence[Person]], Phones] = Phones


def site(name: str, kind: str) -> Site:
    """A real PBX of this kind."""
    return Site(lambda crowd: kinds.make(kind, name, crowd=crowd, asterisk_files=ASTERISK_FILES))


@contextmanager
def open_throng(
    folder: Path, sites: Sequence[Site], size: int = SIZE, *, over_cables: bool = False
) -> Iterator[tuple[list[Stage], list[Cable]]]:
    """PBXes over which so many callers and agents are spread, and one Hushtape beside them.

    Args:
        over_cables: whether the lines to the PBXes are in the lab's hands.
    """
    folder.mkdir(exist_ok=True)
    policy = folder / "throng.toml"
    policy.write_text(POLICY, encoding="utf-8")
    crowds = spread(size, len(sites))
    with ExitStack() as stack:
        pbxes = [
            stack.enter_context(each.make(crowd)) for each, crowd in zip(sites, crowds, strict=True)
        ]
        phones = [
            stack.enter_context(each.phones(pbx, [*pbx.crowd.callers, *pbx.crowd.agents]))
            for each, pbx in zip(sites, pbxes, strict=True)
        ]
        cables = [stack.enter_context(Cable(pbx.control_port)) for pbx in pbxes]
        lines = zip(pbxes, cables, strict=True) if over_cables else ()
        ports_of = {pbx.name: cable.port for pbx, cable in lines}
        product = Product(folder, pbxes, ports_of=ports_of, policies=[policy])
        stack.enter_context(product)
        stages = [
            Stage(pbx, stack.enter_context(pbx.observer()), theirs, product)
            for pbx, theirs in zip(pbxes, phones, strict=True)
        ]
        for stage in stages:
            if stage.pbx.kind == kinds.FREESWITCH:
                stage.eyes.action("Setvar", Variable="payment_hz", Value=str(PAYMENT_HZ))
        yield stages, cables


def spread(size: int, over: int) -> list[Crowd]:
    """Spread so many pairs over PBXes, as evenly as can be."""
    borders = [size * number // over for number in range(over + 1)]
    return [Crowd(end - first, first) for first, end in itertools.pairwise(borders)]


def throng(stages: Sequence[Stage], chance: random.Random, say: Say) -> list[str]:
    """Let them all ring at once, be sent on and hang up; return what is wrong."""
    product = stages[0].product
    marks = [stage.eyes.mark() for stage in stages]
    calls = all_ring(stages, [stage.pbx.crowd.callers for stage in stages])
    at_once = len(calls)
    for stage in stages:
        draw_lots([each for each in calls if each.stage is stage], chance)
    pass_time(TOGETHER_S)
    hang_up_all([each for each in calls if each.lot is Lot.EARLY])
    moving = [x for x in calls if x.lot in (Lot.AGENT, Lot.CONSULTED, Lot.PAYMENT)]
    _in_parallel(moving, send_on)
    for each in [x for x in calls if x.lot is Lot.QUEUE]:  # one by one: each gets somebody else
        send_on(each)
    pass_time(LAST_S)
    hang_up_all([x for x in calls if x.lot is not Lot.EARLY])
    wrong = await_over(calls, stages, marks)
    found = {x.manifest["call"]["pbx_call"] for x in product.recordings()}
    ids = {each.uniqueid for each in calls}
    if found != ids:
        wrong.append(f"{len(found - ids)} recordings too many, {len(ids - found)} too few")
    lots = {lot: sum(x.lot is lot for x in calls) for lot in Lot}
    where = ", ".join(
        f"{sum(each.stage is stage for each in calls)} at {stage.pbx.name} ({stage.pbx.kind})"
        for stage in stages
    )
    say(
        f"{at_once} calls at once, {where}: {', '.join(f'{n} {lot}' for lot, n in lots.items())};"
        f" {len(wrong)} wrong"
    )
    return wrong


def await_over(calls: Sequence[Call], stages: Sequence[Stage], marks: Sequence[int]) -> list[str]:
    """Wait until all calls are over and archived; return what is wrong with their recordings.

    Args:
        marks: a position in each stage's events, before the calls.
    """
    events = {}
    for stage, mark in zip(stages, marks, strict=True):
        ids = {each.uniqueid for each in calls if each.stage is stage}
        until(
            "all calls are over",
            lambda eyes=stage.eyes, mark=mark, ids=ids: (
                ids <= {x.get("Uniqueid") for x in eyes.events(event("Hangup"), mark)}
            ),
            EVENT_TIMEOUT_S,
        )
    await_archived(stages[0].product)
    for stage, mark in zip(stages, marks, strict=True):
        events[stage.pbx.name] = stage.eyes.events(since=mark)
    tones = {name: hz for stage in stages for name, hz in stage.pbx.crowd.tones.items()}
    tones |= {"music": MUSIC_HZ, "payment": PAYMENT_HZ}
    return [words for each in calls for words in look(each, events[each.stage.pbx.name], tones)]


def all_ring(stages: Sequence[Stage], callers: Sequence[Sequence[Person]]) -> list[Call]:
    """Let callers ring, one PBX after the other in turn, until each has an agent."""
    marks = [stage.eyes.mark() for stage in stages]
    for row in itertools.zip_longest(*callers):
        for stage, person in zip(stages, row, strict=True):
            if person is not None:
                stage.phone(person).dial(CROWD_DID)
                pass_time(RINGS_EVERY_S)
    calls = []
    for stage, mark, theirs in zip(stages, marks, callers, strict=True):
        until(
            f"every caller at {stage.pbx.name} has an agent",
            lambda stage=stage, mark=mark, theirs=theirs: (
                len(_connects(stage, mark)) >= len(theirs)
            ),
            CONNECT_TIMEOUT_S,
        )
        by_number = {person.number: person for person in theirs}
        agents = {f"PJSIP/{person.endpoint}": person for person in stage.pbx.crowd.agents}
        calls += [
            Call(
                stage,
                by_number[each.get("CallerIDNum")],
                agents[each.get("Interface")],
                each.get("Uniqueid"),
            )
            for each in _connects(stage, mark)
        ]
    return calls


def _connects(stage: Stage, mark: int) -> list[Event]:
    return stage.eyes.events(event("AgentConnect"), mark)


def _in_parallel(calls: Sequence[Call], work) -> None:  # type: ignore[no-untyped-def]
    with ThreadPoolExecutor(max(1, len(calls))) as pool:
        list(pool.map(work, calls))


def send_on(call: Call) -> None:
    """Let the agent send a caller on, as it is his lot."""
    stage = call.stage
    agent, mark = stage.phone(call.agent), stage.eyes.mark()
    if call.lot is Lot.QUEUE:
        agent.blind_transfer(CROWD_QUEUE_NUMBER)
        again = event("AgentConnect", Uniqueid=call.uniqueid)
        stage.eyes.wait_for(again, CONNECT_TIMEOUT_S, mark)
        return
    pass_time(call.wait_s)
    number = call.target.number if call.target else PAYMENT_LINE
    if call.target and stage.pbx.kind == kinds.FREESWITCH:
        # mod_callcenter knows of its own calls alone, and would ring him in the middle of this one.
        stage.eyes.action("QueueRemove", Queue=CROWD_QUEUE, Interface=f"PJSIP/{number}")
    if call.lot is Lot.CONSULTED:
        call.consults_from_s = time.time()
        agent.feature_consult(number)
        pass_time(call.consult_s)
        agent.hang_up()
        return
    agent.blind_transfer(number)
    by = f"PJSIP/{call.agent.endpoint}-"
    moved = stage.eyes.wait_for(
        lambda one: one.name == "BlindTransfer" and one.get("TransfererChannel").startswith(by),
        EVENT_TIMEOUT_S,
        mark,
    )
    if call.lot is Lot.PAYMENT:
        call.moved_s = moved.at_s


def _hang_up(call: Call) -> None:
    pass_time(call.end_s)
    stays_with_agent = call.lot in (Lot.STAYS, Lot.EARLY)
    last = call.agent if call.last == "agent" and stays_with_agent else call.caller
    with suppress(PhoneError):  # a consultation that came to nothing has ended it already
        call.stage.phone(last).hang_up()


def hang_up_all(calls: Sequence[Call]) -> None:
    """End calls, each at its time."""
    _in_parallel(calls, _hang_up)
