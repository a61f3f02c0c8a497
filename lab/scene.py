"""One call played for real, and what the ear makes of it: the words and checks of a scenario."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from lab import ear, measure, personal
from lab.ear import Heard
from lab.eyes import Event, Eyes, event
from lab.measure import Measure
from lab.pbxes import Pbx
from lab.phones import Phone, Phones
from lab.product import Product, Recording, seconds
from lab.town import TONES, Council, Person
from lab.waiting import pass_time, until

EVENT_TIMEOUT_S = 15.0
HEARD_TIMEOUT_S = 10.0
CLEAN_TIMEOUT_S = 10.0

RINGS_S = 1.0  # the agent's phone rings, the caller hears music
TALK_S = 5.0
AFTER_S = 3.0  # with the next party

# Phones and PBX share one machine; where it has no time for them, packets are late and are dropped.
# A scene that lacks a few frames so is played once more, and both are said.
NOISY_SHARE = 0.95
BOTH_SHARE = 0.99  # of the 20 ms frames of a talk: both tones, each on its own side
# Asterisk may put up to two packets of nothing before the first sound: all that follows is so much
# later in the file, and nothing is lost by it. (See EDGE_S.)
SHIFT_S = 0.06
# How exactly a recording ends: two frames of 20 ms, and the codec's own edge. An aim, not a bound:
# what counts is that nothing of the next party is in it. Up to +27 ms were seen on two busy cores.
# Taken apart (60 calls, half of them with both cores burning): neither the ear nor the cut is at
# fault. The ear's length is that of the manifest to 0.1 ms; the cut covers what Asterisk recorded
# after the transfer, never more than 1 ms too short; but Asterisk's file is itself 20 ms shorter to
# 22 ms longer than the time between its start and its stop, because it fills it in whole packets:
# a packet too many stands at the beginning, where the agent is heard 33 ms after the answer instead
# of 12. The rest, up to 7 ms, is the manifest's start: the answer to the start, read late.
EDGE_S = 0.06
# A recorder that nobody stopped is found by its length: after a transfer it may well be deaf to the
# next party (see docs/asterisk.md), so their frames alone don't show it; and the caller, who may be
# reading out a card, is heard all the same.
RUN_ON_S = 0.5
RENEWED_S = measure.ASTERISK.renewed_s
CONTROL_S = 1.0  # the caller's phone must have heard a tone for so long, or silence proves nothing


@dataclass(frozen=True)
class Check:
    """One thing that must be so (or, if not `hard`, should be), and the figure that shows it."""

    ok: bool
    what: str
    hard: bool = True
    noise: bool = False  # what a busy machine may have done: it is tried once more

    def text(self) -> str:
        """One line for people: an aim that was missed is loud, but nothing failed."""
        return f"{'ok ' if self.ok else 'NOT' if self.hard else 'WARNING:'} {self.what}"


@dataclass
class Take:
    """What came of playing a scenario: a timeline in plain words, and the checks.

    Args:
        lacks: why it can't be played on this PBX; then there is nothing else.
    """

    scenario: str
    title: str
    policy: str
    says: str = ""
    measure: Measure = measure.ASTERISK  # of the PBX on which it is played
    lacks: str = ""
    lines: list[tuple[float, str]] = field(default_factory=list)  # seconds into the call
    notes: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)  # Uniqueids that must have a recording
    unrecorded: list[str] = field(default_factory=list)  # Uniqueids that must have none
    discarded: list[str] = field(default_factory=list)  # Uniqueids of which nothing may be kept
    strays: list[str] = field(default_factory=list)  # that may have one: the lab broke them off
    keys: dict[str, int] = field(default_factory=dict)  # by Uniqueid: pressed by the outside party
    latencies_s: list[float] = field(default_factory=list)  # hang-up to archived
    silences_s: list[float] = field(default_factory=list)  # a payment's cause to its silence

    @property
    def ok(self) -> bool:
        """Whether all is as the policy says. A take without a check proves nothing."""
        hard = [check.ok for check in self.checks if check.hard]
        return bool(self.lacks) or (bool(hard) and all(hard))

    @property
    def renewed_s(self) -> float:
        """A fresh recorder costs so much of the recording, no more."""
        return self.measure.renewed_s

    def check(self, ok: bool, what: str) -> None:
        """Note one check."""
        self.checks.append(Check(bool(ok), what))

    def share(self, share: float, what: str) -> None:
        """Note that nearly all frames of something are there: BOTH_SHARE of them."""
        ok = share >= BOTH_SHARE
        self.checks.append(Check(ok, what, noise=not ok and share >= NOISY_SHARE))

    def broke(self, what: str, strays: list[str]) -> None:
        """Note that a phone of the lab's did not do as it was told: nothing is known by that.

        Args:
            strays: Uniqueids of channels, of which there may be a recording or not.
        """
        self.checks.append(Check(False, what, noise=True))
        self.strays += strays

    @property
    def is_noise(self) -> bool:
        """Whether nothing is wrong but a few frames, or a phone of the lab's that stood still."""
        missed = [check for check in self.checks if check.hard and not check.ok]
        return bool(missed) and all(check.noise for check in missed)

    def aim(self, ok: bool, what: str) -> None:
        """Note something that a busy machine may miss: a warning, not a failure."""
        self.checks.append(Check(bool(ok), what, hard=False))

    @property
    def warnings(self) -> list[Check]:
        """The aims that were missed."""
        return [check for check in self.checks if not check.hard and not check.ok]

    def text(self) -> str:
        """The take as a block for people."""
        if self.lacks:
            return f"{self.policy}: {self.title}: n/a: {self.lacks}"
        mark = "as the policy says" if self.ok else "NOT AS THE POLICY SAYS"
        out = [f"{self.policy}: {self.title}: {mark}"]
        if self.says:
            out.append(f"  the policy says: {self.says}")
        out += [f"  {at_s:7.2f} s  {words}" for at_s, words in sorted(self.lines)]
        out += [f"  {note}" for note in self.notes]
        out += [f"  {check.text()}" for check in self.checks]
        return "\n".join(out)


@dataclass(frozen=True)
class Stage:
    """Where scenarios are played: one PBX, its phones, and the product beside them."""

    pbx: Pbx
    eyes: Eyes
    phones: Phones
    product: Product

    def phone(self, who: Person) -> Phone:
        """This person's phone."""
        return self.phones[who]


@dataclass(frozen=True)
class QueueCall:
    """A caller who talks to the agent of a queue, as the PBX saw it (epoch, s)."""

    uniqueid: str
    channel: str
    entered_s: float
    answered_s: float


def enter_queue(stage: Stage, council: Council, take: Take, did: str = "") -> Event:
    """Let the caller ring the council's number (or another one); return the PBX's event."""
    await_free(stage, council)
    mark = stage.eyes.mark()
    stage.phone(council.caller).dial(did or council.did)
    is_ours = event("QueueCallerJoin", CallerIDNum=council.caller.number)
    join = stage.eyes.wait_for(is_ours, EVENT_TIMEOUT_S, mark)
    take.lines.append((0.0, f"the caller enters queue {join.get('Queue')}"))
    return join


def answered(stage: Stage, join: Event, take: Take, who: str = "agent", since: int = 0) -> Event:
    """Wait until a call that entered a queue is answered; return the PBX's event."""
    connected = event("AgentConnect", Uniqueid=join.get("Uniqueid"))
    answer = stage.eyes.wait_for(connected, EVENT_TIMEOUT_S, since)
    take.lines.append((answer.at_s - join.at_s, f"the {who} answers"))
    return answer


def ring_queue(stage: Stage, council: Council, take: Take, did: str = "") -> QueueCall:
    """Let the caller ring the council's number (or another one), and the agent answer."""
    agent = stage.phone(council.agent)
    agent_mark = agent.mark()
    join = enter_queue(stage, council, take, did)
    agent.wait_for("CALL_INCOMING", EVENT_TIMEOUT_S, agent_mark)
    pass_time(RINGS_S)
    agent.answer()
    answer = answered(stage, join, take)
    return QueueCall(join.get("Uniqueid"), join.get("Channel"), join.at_s, answer.at_s)


def await_free(stage: Stage, council: Council) -> None:
    """Wait until nobody of the council is in a call any more."""
    phones = [stage.phone(person) for person in council.people]
    until(
        f"{council.policy}'s phones are free",
        lambda: not any(phone.busy for phone in phones),
        CLEAN_TIMEOUT_S,
    )


def hang_up(stage: Stage, council: Council, call: QueueCall, who: Person, take: Take) -> float:
    """Let somebody hang up, and wait until the caller's channel is gone; return when (epoch, s)."""
    mark = stage.eyes.mark()
    caller = stage.phone(council.caller)
    caller_mark = caller.mark()
    stage.phone(who).hang_up()
    gone = stage.eyes.wait_for(event("Hangup", Uniqueid=call.uniqueid), EVENT_TIMEOUT_S, mark)
    caller.closed(since=caller_mark)
    take.lines.append((gone.at_s - call.entered_s, f"the {who.role.replace('_', ' ')} hangs up"))
    return gone.at_s


def transfer(stage: Stage, council: Council, call: QueueCall, number: str, take: Take) -> Event:
    """Let the agent transfer the caller blindly; return the PBX's event."""
    mark = stage.eyes.mark()
    stage.phone(council.agent).blind_transfer(number)

    # Not by who is transferred: behind a queue's Local channel, that isn't the caller's channel.
    def is_ours(one: Event) -> bool:
        by = one.get("TransfererChannel").rpartition("-")[0]
        return one.name == "BlindTransfer" and by == f"PJSIP/{council.agent.endpoint}"

    moved = stage.eyes.wait_for(is_ours, EVENT_TIMEOUT_S, mark)
    take.lines.append((moved.at_s - call.entered_s, f"the agent transfers the caller to {number}"))
    return moved


def listen(path: Path) -> Heard:
    """What is heard in a file, for the tones of a council's people."""
    return ear.hear(path, TONES)


def heard_by(stage: Stage, person: Person) -> Heard:
    """What somebody's phone heard in its last call."""
    phone = stage.phone(person)
    return until(
        f"the phone of {person.name} has written what it heard",
        lambda: _complete(phone.heard),
        HEARD_TIMEOUT_S,
    )


def _complete(path: Path) -> Heard | None:
    try:
        return listen(path)
    except (ear.EarError, OSError, EOFError):
        return None


def told(
    take: Take,
    product: Product,
    recording: Recording,
    began_s: float,
    caller: Person,
    *,
    named: bool = True,
) -> Heard:
    """Say where the recording is, how long it is kept and why, and what the ear hears in it.

    Checks on the way that nothing but its private part names the caller.

    Args:
        caller: the outside party.
        named: whether the PBX was told a name; it isn't, of somebody who is called.
    """
    manifest = recording.manifest
    heard = listen(recording.audio)
    for line in manifest["story"]:
        reason = line.get("reason")
        if reason and reason["rule"] != "calls":
            at_s = seconds(line["at"]) - began_s
            take.lines.append((at_s + 0.001, f"Hushtape: {reason['words']}"))
    latency_s = recording.hang_up_to_archived_s
    take.latencies_s.append(latency_s)
    keep = manifest["keep"]
    take.notes += [
        f"archived {latency_s:.2f} s after hang-up: {recording.audio.relative_to(product.archive)}",
        (
            f"kept until {local(keep['until'], keep['time_zone'])}:"
            f" {keep['reason']['words']} ({keep['reason']['policy']}, {keep['reason']['rule']})"
        ),
        f"the ear, left:  {heard.in_words('left', shortest_s=0.1)}",
        f"the ear, right: {heard.in_words('right', shortest_s=0.1)}",
    ]
    wrong = personal.trespasses(recording, caller, named=named)
    take.check(not wrong, f"nothing personal outside {personal.PRIVATE}{_listed(wrong)}")
    return heard


def _listed(wrong: list[str]) -> str:
    return f": {'; '.join(wrong)}" if wrong else ""


def local(moment: str, zone: str) -> str:
    """A moment as a person of that zone reads it."""
    at = datetime.fromisoformat(moment).astimezone(ZoneInfo(zone))
    return f"{at:%-d %b %Y %H:%M} ({zone})"


PARTY_WORDS = {"payment": "payment line", "outside": "outside party"}


def words_of(party: str) -> str:
    """A party's name as people say it."""
    return PARTY_WORDS.get(party, party.replace("_", " "))


def check_both(
    take: Take,
    heard: Heard,
    began_s: float,
    start_s: float,
    end_s: float,
    other: str = "agent",
    outsider: str = "caller",
    lost_s: float = 0.0,
) -> None:
    """The talk between two moments (epoch, s) holds both tones, each on its own side.

    As many frames of each as the talk has, wherever in the file, give or take SHIFT_S, and what
    the PBX takes of its edges.

    Args:
        lost_s: how much of it may be lost, since somewhere in it there is a fresh recorder.
    """
    talk = round((end_s - start_s - lost_s - take.measure.edges_s) / heard.frame_s)
    window = start_s - began_s, end_s - began_s + SHIFT_S
    left = min(1.0, heard.frames("left", outsider, *window) / talk)
    right = min(1.0, heard.frames("right", other, *window) / talk)
    name, outside = words_of(other), words_of(outsider)
    what = "wait" if other == "music" else "talk"
    take.share(
        min(left, right),
        f"{what} with the {name}, {end_s - start_s:.2f} s: {outside} in {left:.1%} of the frames on"
        f" the left, {name} in {right:.1%} on the right",
    )


def check_sides(take: Take, heard: Heard, outsider: str = "caller") -> None:
    """Nobody is heard on the other one's side."""
    crossed = heard.frames("right", outsider) + sum(
        heard.frames("left", name) for name in TONES if name != outsider
    )
    take.check(crossed == 0, f"{crossed} frames with a party on the other one's side")


def check_silence(
    take: Take,
    heard: Heard | None,
    control: Heard,
    name: str,
    where: str = "the recording",
    who: str = "caller",
) -> None:
    """A party is in no frame of the recording, though somebody's phone did hear it."""
    words = words_of(name)
    frames = heard.frames("any", name) if heard is not None else 0
    if heard is not None:
        # A single one may stand at the cut: who answers in the very moment of a transfer is in the
        # PBX's bridge some milliseconds before it tells. Once more, and both are said.
        what = f"{frames} frames of the {words} in {where}"
        take.checks.append(Check(frames == 0, what, noise=frames == 1))
    control_s = control.frames("any", name) * control.frame_s
    take.check(
        control_s >= CONTROL_S,
        f"control: the {who}'s phone heard the {words} for {control_s:.2f} s",
    )


def check_edge(take: Take, over_s: float, cause: str = "transfer") -> None:
    """A recording ends at its cause: exactly is the aim, and it must not run on."""
    words = f"the recording ends {over_s * 1000:+.0f} ms from the {cause}"
    take.check(over_s <= RUN_ON_S, f"{words} (bound: {RUN_ON_S * 1000:+.0f} ms)")
    take.aim(abs(over_s) <= EDGE_S, f"{words} (aim: within {EDGE_S * 1000:.0f} ms)")


Play = Callable[[Stage, Council, Take], None]


@dataclass(frozen=True)
class Scenario:
    """One kind of call, played for every council, or for those that are named.

    Args:
        lacks: kinds of PBX on which it can't be played, and what they lack for it.
    """

    name: str
    title: str
    play: Play
    councils: tuple[str, ...] = ()
    lacks: Mapping[str, str] = field(default_factory=dict)

    def is_for(self, council: Council) -> bool:
        """Whether this council plays it."""
        return not self.councils or council.policy in self.councils
