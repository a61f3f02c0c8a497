"""Does the lab itself work? `python -m lab.selfcheck [--pairs N] [--seconds S]`.

One council's caller rings in, the agent answers, the lab records by itself, the agent transfers
the caller to the back office by REFER, the caller hangs up; then the ear says who was heard where.
After that N callers and N agents at once: are the recordings without gaps, and what does it cost?
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from lab import ear, machine, town
from lab.asterisk import Asterisk
from lab.eyes import Event, event
from lab.observer import Observer
from lab.phones import Phone, Phones
from lab.waiting import pass_time, until

EVENT_TIMEOUT_S = 15.0
FILE_TIMEOUT_S = 5.0
TALK_S = 3.0
DEFAULT_PAIRS = 20
DEFAULT_SECONDS = 20.0
LEAST_SHARE = 0.99
# The phones' first words and their farewell are not part of the measurement (s).
SETTLE_S = 0.5
EDGE_S = 0.1
WAV_HEADER_BYTES = 44
# At least one packet of 20 ms must pass in each direction.
WITHOUT_RECORDER_S = 0.1


@dataclass
class Checks:
    """What was promised and whether it held."""

    failed: list[str] = field(default_factory=list)

    def expect(self, good: bool, sentence: str) -> None:
        """Print the sentence with a verdict."""
        print(f"  {'ok  ' if good else 'FAIL'} {sentence}")
        if not good:
            self.failed.append(sentence)


@dataclass(frozen=True)
class Tape:
    """One MixMonitor of the lab's own: where its files are, seen from here."""

    pbx: Asterisk
    name: str
    recorder: str

    def heard(self, direction: str, tones: dict[str, int]) -> ear.Heard:
        """Listen to `r` (from the caller) or `t` (to the caller)."""
        return ear.hear(self.pbx.spool_here / f"{self.name}-{direction}.wav", tones)

    def closed(self) -> None:
        """Wait until Asterisk has put the sizes into the headers."""
        for direction in "rt":
            path = self.pbx.spool_here / f"{self.name}-{direction}.wav"

            def sized() -> bool:
                size = int.from_bytes(path.read_bytes()[40:44], "little")  # noqa: B023
                return size == path.stat().st_size - WAV_HEADER_BYTES  # noqa: B023

            until(f"{path.name} is closed", sized, FILE_TIMEOUT_S)


def record(pbx: Asterisk, eyes: Observer, channel: str, name: str) -> Tape:
    """Start a recorder on `channel`: one file for each direction and the mixed one."""
    base = f"{pbx.spool_inside}/{name}"
    answer = eyes.action(
        "MixMonitor",
        Channel=channel,
        File=f"{base}.wav",
        Options=f"r({base}-r.wav)t({base}-t.wav)i(LAB_RECORDER)",
    )
    return Tape(pbx, name, answer.get("MixMonitorID"))


def record_anew(pbx: Asterisk, eyes: Observer, channel: str, old: Tape, name: str) -> Tape:
    """End `old` and start another recorder for a new talker, with a breath in between.

    Asterisk's recorders decode what is written to a channel with one decoder for all of them, and
    that drops every packet whose RTP sequence number is lower than the last one it has seen. The
    next talker's numbers begin anywhere: after half of all transfers the recorder would hear
    nothing of them, and neither would a second recorder. Only when the channel has been without any
    recorder for a packet or two is the decoder made anew.
    """
    eyes.action("StopMixMonitor", Channel=channel, MixMonitorID=old.recorder)
    pass_time(WITHOUT_RECORDER_S)
    return record(pbx, eyes, channel, name)


def joined(eyes: Observer, caller: town.Person, since: int) -> Event:
    """Wait until the caller stands in a queue."""

    def is_it(one: Event) -> bool:
        return one.name == "QueueCallerJoin" and one.get("CallerIDNum") == caller.number

    return eyes.wait_for(is_it, EVENT_TIMEOUT_S, since)


def one_call(checks: Checks) -> None:
    """A queue call with a blind transfer to the back office."""
    council = town.COUNCILS[0]
    started = time.monotonic()
    with Asterisk(name="pbx1") as pbx, Phones(pbx, council.people) as phones:
        print(f"Asterisk and {len(phones)} phones ready after {time.monotonic() - started:.1f} s")
        caller, agent = phones[council.caller], phones[council.agent]
        with pbx.observer() as eyes:
            since = eyes.mark()
            caller.dial(council.did)
            join = joined(eyes, council.caller, since)
            channel = join.get("Channel")
            with_agent = record(pbx, eyes, channel, "with-agent")
            eyes.wait_for(event("AgentConnect"), EVENT_TIMEOUT_S, since)
            pass_time(TALK_S)
            before_transfer = eyes.mark()
            agent.blind_transfer(council.back_office.number)
            transfer = eyes.wait_for(event("BlindTransfer"), EVENT_TIMEOUT_S, since)
            eyes.wait_for(event("BridgeEnter", Channel=channel), EVENT_TIMEOUT_S, before_transfer)
            with_office = record_anew(pbx, eyes, channel, with_agent, "with-office")
            pass_time(TALK_S)
            mark = caller.mark()
            caller.hang_up()
            caller.closed(since=mark)
            with_office.closed()
        checks.expect(transfer.get("Result") == "Success", "the transfer by REFER succeeded")
        tones = council.tones
        tapes = {
            "agent": (with_agent.heard("r", tones), with_agent.heard("t", tones)),
            "back_office": (with_office.heard("r", tones), with_office.heard("t", tones)),
        }
        phone = ear.hear(caller.heard, tones)
    for talker, (from_caller, to_caller) in tapes.items():
        print(f"  {talker}: from the caller: {from_caller.in_words()}")
        print(f"  {talker}: to the caller:   {to_caller.in_words()}")
        end = from_caller.seconds - EDGE_S
        words = talker.replace("_", " ")
        checks.expect(
            from_caller.heard_at_all() == {"caller"}
            and from_caller.share("caller", "any", SETTLE_S, end) >= LEAST_SHARE,
            f"{words}: the one side holds the caller, without gaps, and nobody else",
        )
        checks.expect(
            {talker} <= to_caller.heard_at_all() <= {talker, "music", "back_office"}
            and to_caller.share(talker, "any", SETTLE_S, end) >= LEAST_SHARE,
            f"{words}: the other side holds that talker, without gaps",
        )
        checks.expect(
            from_caller.seconds == to_caller.seconds, f"{words}: both sides are equally long"
        )
    print(f"  on the caller's phone: {phone.in_words()}")
    checks.expect(
        {"agent", "back_office"} <= phone.heard_at_all(), "the caller's phone heard both of them"
    )


def at_work(pbx: Asterisk, phones: Sequence[Phone]) -> tuple[float, float]:
    """Processor seconds used so far: Asterisk's, and all the phones'."""
    return pbx.cpu_seconds(), sum(p.cpu_seconds() for p in phones)


def many_calls(checks: Checks, pairs: int, seconds: float) -> None:
    """`pairs` callers and agents at once, every call recorded."""
    crowd = town.Crowd(pairs)
    started = time.monotonic()
    with (
        Asterisk(name="pbx1", crowd=pairs) as pbx,
        Phones(pbx, [*crowd.callers, *crowd.agents]) as phones,
        pbx.observer() as eyes,
    ):
        print(f"{len(phones)} phones ready after {time.monotonic() - started:.1f} s")
        for caller in crowd.callers:
            phones[caller].dial(town.CROWD_DID)
        tapes = {}
        for caller in crowd.callers:
            channel = joined(eyes, caller, 0).get("Channel")
            tapes[caller] = record(pbx, eyes, channel, caller.endpoint)
        agents = {a.endpoint: a for a in crowd.agents}
        partner = {}
        for caller in crowd.callers:
            met = eyes.wait_for(event("AgentConnect", CallerIDNum=caller.number), EVENT_TIMEOUT_S)
            partner[caller] = agents[met.get("MemberName").rpartition("/")[2]]
        group = list(phones)
        before, begun = at_work(pbx, group), time.monotonic()
        pass_time(seconds)
        lasted, after = time.monotonic() - begun, at_work(pbx, group)
        load = os.getloadavg()[0]
        marks = {c: phones[c].mark() for c in crowd.callers}
        for caller in crowd.callers:
            phones[caller].hang_up()
        for caller in crowd.callers:
            phones[caller].closed(since=marks[caller])
            tapes[caller].closed()
        asterisk_share = 100 * (after[0] - before[0]) / lasted
        phone_share = 100 * (after[1] - before[1]) / lasted / len(group)
        print(
            f"  processor: Asterisk {asterisk_share:.0f} %, each phone {phone_share:.2f} % of one "
            f"core; load {load:.1f}"
        )
        worst = {"r": 1.0, "t": 1.0}
        strangers = []
        for caller, tape in tapes.items():
            for direction, singer in (("r", caller), ("t", partner[caller])):
                heard = tape.heard(direction, {singer.name: singer.tone_hz})
                end = heard.seconds - EDGE_S
                share = heard.share(singer.name, "any", SETTLE_S, end)
                worst[direction] = min(worst[direction], share)
                voices = heard.which_of(crowd.tones, "any", SETTLE_S, end, least_share=0)
                if voices != {singer.name}:
                    strangers.append(f"{tape.name}-{direction}: {sorted(voices)}")
    for direction, words in (("r", "from the callers"), ("t", "to the callers")):
        checks.expect(
            worst[direction] >= LEAST_SHARE,
            f"{words}: the worst of {pairs} recordings is {worst[direction]:.2%} without gaps",
        )
    checks.expect(
        len(set(partner.values())) == pairs, f"{pairs} callers had {pairs} different agents"
    )
    checks.expect(not strangers, "nobody is heard in another's recording" + "".join(strangers))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both checks; 0 when every promise held."""
    parser = argparse.ArgumentParser(prog="python -m lab.selfcheck", description=__doc__)
    parser.add_argument("--pairs", type=int, default=DEFAULT_PAIRS, help="pairs of phones at once")
    parser.add_argument("--seconds", type=float, default=DEFAULT_SECONDS, help="how long they talk")
    chosen = parser.parse_args(arguments)
    checks = Checks()
    try:
        machine.ready()
    except machine.MachineError as error:
        print(error, file=sys.stderr)
        return 2
    print("One call:")
    one_call(checks)
    if chosen.pairs:
        print(f"{chosen.pairs} calls at once, for {chosen.seconds:g} s:")
        many_calls(checks, chosen.pairs, chosen.seconds)
    print("All is well." if not checks.failed else f"{len(checks.failed)} promises broken.")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
