"""What came of a call: nothing, a while of it, all of it from its answer on; and the proofs."""

from __future__ import annotations

from lab.deeds import DirectCall
from lab.ear import Heard
from lab.eyes import event
from lab.scene import (
    RUN_ON_S,
    SHIFT_S,
    Stage,
    Take,
    check_sides,
    told,
    words_of,
)
from lab.town import TONES, Person

# Asterisk fills its files in whole packets: up to two may be missing before a hang-up.
LAST_S = 0.04
BYTES_PER_S = 16_000  # of one direction: 8 kHz, 16 bits


def check_from_answer(
    stage: Stage, take: Take, call: DirectCall, outsider: Person
) -> tuple[float, Heard]:
    """A call through no queue is recorded from its answer on.

    Args:
        outsider: who is on the left: the outside party; of two colleagues the one who rang.

    Returns:
        When the recording began (epoch, s), and what is heard in it.
    """
    take.calls.append(call.outside)
    recording = stage.product.recording(call.outside)
    named = call.outside == call.uniqueids[0]  # who rings is named, who is called isn't
    heard = told(take, stage.product, recording, call.answered_s, outsider, named=named)
    late_s = recording.began_s - call.answered_s
    take.check(
        abs(late_s) <= take.renewed_s,
        f"recorded from {1000 * late_s:.0f} ms after the answer on",
    )
    check_sides(take, heard, outsider.role)
    return recording.began_s, heard


def check_not_recorded(stage: Stage, take: Take, *uniqueids: str) -> None:
    """No recorder was started on any of a call's channels; the archive is looked at later."""
    starts = [
        each
        for uniqueid in uniqueids
        for each in stage.eyes.events(event("MixMonitorStart", Uniqueid=uniqueid))
    ]
    take.check(not starts, f"{len(starts)} recorders were started")
    take.unrecorded += uniqueids


def check_discarded(
    stage: Stage, take: Take, uniqueid: str, rule: str, recorded_s: float, stop_s: float
) -> None:
    """A call was recorded for a while, and nothing of it is kept; that is proved.

    Args:
        rule: of the policy, for the sake of which it is discarded.
        recorded_s: how long it was recorded, or longer.
        stop_s: when recording must have ended (epoch, s).
    """
    product = stage.product
    take.discarded.append(uniqueid)
    proof = product.discard(uniqueid)
    starts = stage.eyes.events(event("MixMonitorStart", Uniqueid=uniqueid))
    # A recorder that ends with its channel isn't told of.
    ends = stage.eyes.events(event("MixMonitorStop", Uniqueid=uniqueid))
    ends = ends or stage.eyes.events(event("Hangup", Uniqueid=uniqueid))
    files, kept_s = proof["files"], proof["size_bytes"] / (2 * BYTES_PER_S)
    take.check(
        0 < take.measure.files * len(starts) == files and kept_s >= recorded_s,
        f"control: {len(starts)} recorder was started, {files} files of {kept_s:.2f} s destroyed",
    )
    over_s = ends[-1].at_s - stop_s
    take.check(
        over_s <= RUN_ON_S, f"the last recorder ended {over_s * 1000:+.0f} ms from the cause"
    )
    take.check(
        proof["verified"] and proof["rule"] == rule,
        f"a proof that they are gone, for the sake of {proof['rule']}: {proof['why']}",
    )
    found = product.recordings_of(uniqueid)
    left = [
        path
        for path in product.spooled()
        if path.name.startswith(proof["id"]) and path.suffix == ".wav"
    ]
    take.check(
        not found and not left,
        f"{len(found)} recordings of it in the archive, {len(left)} of its files in the spool",
    )


def check_nobody(
    take: Take, heard: Heard, began_s: float, start_s: float, end_s: float, when: str
) -> None:
    """Between two moments (epoch, s) nobody at all is recorded; sounds may be SHIFT_S late."""
    window = start_s - began_s + SHIFT_S, end_s - began_s - heard.frame_s
    found = {name: heard.frames("any", name, *window) for name in TONES}
    words = ", ".join(f"{count} of the {words_of(name)}" for name, count in found.items() if count)
    take.check(
        window[1] > window[0] and not words,
        f"{when}, {end_s - start_s:.2f} s: {words or '0'} frames of anybody",
    )


def check_one(
    take: Take,
    heard: Heard,
    side: str,
    name: str,
    start_s: float,
    end_s: float,
    when: str,
    lost_s: float = 0.0,
) -> None:
    """Somebody is heard on a side between two times of the recording (s); see check_both."""
    talk = round((end_s - start_s - lost_s - take.measure.edges_s) / heard.frame_s)
    share = min(1.0, heard.frames(side, name, start_s, end_s + SHIFT_S) / talk)
    take.share(
        share,
        f"{when}, {end_s - start_s:.2f} s: the {words_of(name)} in {share:.1%} of the frames",
    )


def heard_after(control: Heard, before: str, name: str) -> float:
    """How long somebody's phone heard a tone after another one had begun (s)."""
    since_s = control.first(before) or 0.0
    return control.frames("any", name, since_s) * control.frame_s
