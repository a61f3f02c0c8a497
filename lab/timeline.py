"""Afterwards: `hushtape policy test` plays what each PBX said, and its timeline is what is heard.

The bridge has kept a trace of every call (``HUSHTAPE_TRACE``). Each trace is played by the product
as an officer would; what it says would be recorded is compared with what the archive says was, and
with what the ear hears in the recording of the same call.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lab import card, measure, town
from lab.ear import Flags, Heard
from lab.judge import Span, without
from lab.measure import ASTERISK, Measure
from lab.product import Product, Recording, seconds
from lab.scene import Take, listen

NAME = "timeline"
TRACE_FILE = "session"
PLAY_TIMEOUT_S = 300
# Where twenty calls come at once a recorder starts late, and a timeline knows nothing of that.
LATE_S = 0.5
MOST_LATE = 0.1  # of the others' edges
# A recorder that is renewed costs so much more of the recording than of the talk; a timeline has no
# gap there.
ANEW_MORE_S = 0.06
FLOOR = 0.005  # of full scale: -46 dB; below is nobody's tone
WORST = 5  # that are named


@dataclass(frozen=True)
class Played:
    """What a trace's playing says of one call: when it is recorded (epoch, s)."""

    uniqueid: str
    policy: str
    queue: str
    outbound: bool
    spans: tuple[Span, ...]
    beside: tuple[Span, ...]  # consultations
    discarded: bool
    keys: int = 0  # that the recorded phone pressed, as far as it makes a file longer

    def unlike(self, payments: Sequence[Span]) -> Played:
        """The same, but for payments of which the PBX knows nothing: all is silent in them."""
        return replace(
            self,
            spans=tuple(without(self.spans, payments)),
            beside=tuple(without(self.beside, payments)),
        )


def play(product: Product) -> dict[str, Played]:
    """Play what every PBX said; return the calls that a policy names, by uniqueid."""
    found: dict[str, Played] = {}
    trace = product.trace
    assert trace is not None
    for pbx in product.pbxes:
        path = trace if len(product.pbxes) == 1 else trace.with_name(f"{trace.name}.{pbx.name}")
        command = [sys.executable, "-m", "hushtape", "policy", "test", "--session", str(path)]
        command += ["--pbx", pbx.name, "--json", "-c", str(product.config)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PLAY_TIMEOUT_S, check=False
        )
        if done.returncode:
            raise RuntimeError(f"hushtape policy test --session: {done.stderr or done.stdout}")
        calls = [_played(json.loads(line)) for line in done.stdout.splitlines()]
        found |= {each.uniqueid: each for each in calls if each.policy}
    return found


def agrees(product: Product, takes: Sequence[Take]) -> Take:
    """Compare each call's timeline with the archive and with the ear.

    What the lab itself broke off is left out: what the PBX was asked last, nobody can foretell.
    """
    take = Take(NAME, "`policy test` on what the PBX said, beside what is heard", "all")
    figures = measure.of(product.pbxes[0].kind)
    strays = {each for one in takes for each in one.strays}
    keys = {uniqueid: count for one in takes for uniqueid, count in one.keys.items()}

    def is_ours(uniqueid: str) -> bool:
        return uniqueid not in strays and product.is_ours(uniqueid)

    calls = {name: each for name, each in play(product).items() if is_ours(name)}
    recordings = {each.manifest["call"]["pbx_call"]: each for each in product.recordings()}
    recordings = {name: each for name, each in recordings.items() if is_ours(name)}
    kept = {uniqueid for uniqueid, each in calls.items() if each.spans and not each.discarded}
    by_desktop = _by_desktop(product)
    take.check(
        bool(kept) and kept == set(recordings),
        f"{len(kept)} calls would be recorded and kept, {len(recordings)} recordings are there"
        f"{_listed(kept ^ set(recordings))}",
    )
    discarded = {uniqueid for uniqueid, each in calls.items() if each.spans and each.discarded}
    proved = {str(each["pbx_call"]) for each in product.discards() if is_ours(each["pbx_call"])}
    take.check(
        discarded == proved,
        f"{len(discarded)} would be discarded, of {len(proved)} that is proved"
        f"{_listed(discarded ^ proved)}",
    )
    off: list[tuple[float, str]] = []
    crowds: list[tuple[float, str]] = []
    deaf: list[str] = []
    loud: list[str] = []
    for uniqueid in sorted(kept & set(recordings)):
        call, recording = replace(calls[uniqueid], keys=keys.get(uniqueid, 0)), recordings[uniqueid]
        if recording.id in by_desktop:
            call = call.unlike(paid(recording))
        (crowds if call.queue == town.CROWD_QUEUE else off).extend(
            _compare(call, recording, figures)
        )
        heard = listen(recording.audio)
        deaf += _deaf(call, recording, heard, figures)
        loud += _loud(call, recording, heard, figures)
    if by_desktop:
        take.notes.append(
            f"{len(by_desktop)} calls had a payment begun by a desktop, of which no PBX tells:"
            " it is taken from the manifest"
        )
    for edges, whose, most in ((off, "timelines", MOST_LATE), (crowds, "the crowd's", 1.0)):
        if edges:
            _check_edges(take, edges, whose, most, figures.exact_s)
    take.check(bool(off or crowds), f"{len(off) + len(crowds)} edges were compared")
    take.check(not deaf, f"the outside party is heard wherever it is recorded{_listed(deaf)}")
    take.check(not loud, f"not one sample is heard where it isn't{_listed(loud)}")
    return take


def _check_edges(
    take: Take, edges: Sequence[tuple[float, str]], whose: str, most: float, exact_s: float
) -> None:
    """None is off by more than LATE_S, and not too many are by more than `exact_s`."""
    worst_s = max((each for each, _ in edges), default=0.0)
    wrong = [what for each, what in sorted(edges, reverse=True) if each > exact_s]
    words = f"{len(edges)} edges of {whose}, at most {1000 * worst_s:.0f} ms from the recordings'"
    take.check(
        worst_s <= LATE_S and len(wrong) <= most * len(edges),
        f"{words}, {len(wrong)} by more than {1000 * exact_s:.0f} ms (bound: {most:.0%} of"
        f" them, and {LATE_S} s){_listed(wrong)}",
    )
    take.aim(not wrong, f"{words} (aim: {1000 * exact_s:.0f} ms)")


def _by_desktop(product: Product) -> set[str]:
    """The recordings in which a desktop has begun a payment."""
    told = (x for x in product.log_lines() if x.get("event") == "a desktop begins a payment")
    return {str(each["call"]) for each in told}


def paid(recording: Recording, *, muted_only: bool = False) -> list[Span]:
    """A recording's payments, or those in which its recorder ran on and wrote zeros (epoch, s)."""
    return [
        (seconds(each["started_at"]), seconds(each["ended_at"]))
        for each in recording.manifest.get("spans", [])
        if each["kind"] == "payment" and (each.get("muted") or not muted_only)
    ]


def _played(document: dict[str, Any]) -> Played:
    began_s = seconds(document["began_at"])
    rows = [
        (began_s + row["start_s"], began_s + row["end_s"])
        for row in document["rows"]
        if row["state"] == "recorded"
    ]
    return Played(
        document["call"],
        document["policy"],
        document["queue"],
        document["direction"] == "outbound",
        tuple(joined(rows, 0.0)),
        tuple(
            (began_s + row["start_s"], began_s + row["end_s"]) for row in document["consultations"]
        ),
        document["discard"] is not None,
    )


def joined(spans: Sequence[Span], gap_s: float) -> list[Span]:
    """Spans of which none follows another within so short a time."""
    found: list[Span] = []
    for start_s, end_s in sorted(spans):
        if found and start_s - found[-1][1] <= gap_s:
            found[-1] = (found[-1][0], max(end_s, found[-1][1]))
        else:
            found.append((start_s, end_s))
    return found


def archived(recording: Recording, leg: str, figures: Measure = ASTERISK) -> list[Span]:
    """When a recording's segments on a leg took in sound (epoch, s)."""
    spans = [
        (seconds(each["started_at"]), seconds(each["started_at"]) + each["duration_s"])
        for each in recording.manifest["segments"]
        if each.get("leg", "outside") == leg and each["duration_s"] > 0
    ]
    return without(joined(spans, figures.renewed_s + ANEW_MORE_S), paid(recording, muted_only=True))


def _longer_s(call: Played, recording: Recording, at_s: float, figures: Measure) -> float:
    """By how much a file may be late after `at_s` (epoch, s): for the keys that were pressed.

    What was behind a payment that was muted is blanked for so long, and what there is ends so much
    later.
    """
    muted = any(end_s <= at_s for _, end_s in paid(recording, muted_only=True))
    return (call.keys + (len(card.NUMBER) if muted else 0)) * figures.key_s


def _compare(
    call: Played, recording: Recording, figures: Measure = ASTERISK
) -> list[tuple[float, str]]:
    """How far each edge of the timeline is from the recording's (s), in words."""
    found = []
    for leg, spans in (("outside", call.spans), ("consultation", call.beside)):
        there = archived(recording, leg, figures)
        if len(there) != len(spans):
            words = f"{recording.id}: {len(spans)} stretches ({leg}), {len(there)} in the archive"
            found.append((float("inf"), words))
            continue
        for number, (ours, theirs) in enumerate(zip(spans, there, strict=True)):
            for which, mine_s, its_s in zip(("from", "to"), ours, theirs, strict=True):
                off_s = abs(mine_s - its_s)
                if number and which == "from" and its_s > mine_s:
                    off_s = max(
                        0.0, off_s - figures.renewed_s
                    )  # a recorder that is started once more
                if leg == "consultation" and which == "to":
                    # An agent who hangs up while it rings says nothing more: his file ends there.
                    off_s = max(0.0, its_s - mine_s)
                if which == "to" and its_s > mine_s:
                    off_s = max(0.0, off_s - _longer_s(call, recording, mine_s, figures))
                words = (
                    f"{recording.id}: {which} {mine_s - recording.began_s:.3f} s, {off_s:.3f} s off"
                )
                found.append((off_s, words))
    return found


def _deaf(
    call: Played, recording: Recording, heard: Heard, figures: Measure = ASTERISK
) -> list[str]:
    """Where the outside party isn't heard within a span that is recorded."""
    flags = _sings(call, heard)
    found = []
    for start_s, end_s in call.spans:
        window = [
            max(0, round(at_s / heard.frame_s))
            for at_s in (
                start_s - recording.began_s + figures.exact_s,
                end_s - recording.began_s - figures.exact_s,
            )
        ]
        longest_s = _longest_gap(flags[window[0] : window[1]]) * heard.frame_s
        if longest_s > figures.gap_s + _longer_s(call, recording, end_s, figures):
            where = f"{start_s - recording.began_s:.2f}-{end_s - recording.began_s:.2f} s"
            found.append(f"{recording.id}: not for {longest_s:.2f} s of {where}")
    return found


def _sings(call: Played, heard: Heard) -> Flags:
    """In which frames the outside party is heard; in the crowd everybody has a tone of his own."""
    if call.queue != town.CROWD_QUEUE:
        tone = "outside" if call.outbound else "caller"
        return np.asarray(heard.present[0][:, heard.names.index(tone)])
    size = round(heard.frame_s * heard.rate_hz)
    frames = heard.samples[0][: heard.frames_total * size].reshape(-1, size)
    return np.asarray(np.abs(frames).max(axis=1) > FLOOR)


def _longest_gap(flags: Flags) -> int:
    longest = now = 0
    for there in flags:
        now = 0 if there else now + 1
        longest = max(longest, now)
    return longest


def _loud(
    call: Played, recording: Recording, heard: Heard, figures: Measure = ASTERISK
) -> list[str]:
    """Where anything is heard outside of the spans that are recorded.

    A start whose answer the bridge has read late is noted late, and all that follows with it.
    """
    late_s = max(0.0, recording.began_s - call.spans[0][0]) if call.spans else 0.0
    slack_s = figures.exact_s + min(late_s, LATE_S)
    whole = [(recording.began_s, recording.began_s + heard.seconds)]
    found = []
    for start_s, end_s in without(whole, [*call.spans, *call.beside]):
        longer_s = _longer_s(call, recording, start_s, figures)
        window = (
            start_s - recording.began_s + slack_s + longer_s,
            end_s - recording.began_s - slack_s,
        )
        if window[1] > window[0] and (peak := heard.peak(*window)) > FLOOR:
            found.append(f"{recording.id}: {peak:.4f} at {window[0]:.2f}-{window[1]:.2f} s")
    return found


def _listed(wrong: Sequence[str] | set[str]) -> str:
    names = sorted(wrong) if isinstance(wrong, set) else list(wrong)
    return f": {'; '.join(names[:WORST])}" if names else ""
