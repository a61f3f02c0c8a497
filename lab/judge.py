"""What must have come of a call: reckoned from its course and the council's words, by hand.

What nobody could know, because nobody watched the PBX for a while, needn't be kept: but only if
something happened to the call meanwhile, only around that time, and only if the manifest says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lab.course import Course
from lab.ear import Heard
from lab.gamble import JUST_NOW_S, Move, Played, endpoint_of
from lab.product import Recording, seconds
from lab.scenarios import GOES_ON
from lab.scene import BOTH_SHARE, CONTROL_S, RENEWED_S, listen

Span = tuple[float, float]  # epoch, s

EDGE_S = 0.1  # a recorder's first and last packets
UNSURE_S = 2.5  # a quiet PBX is known to be there by its last answered ping
DESTROYED_S = 1.1  # where a recorder ran into a payment, so much before it may go, too
GRACE_S = 1.0  # after the link's return: then the call is recorded again
UNSEEN_S = 0.5  # what happens so long before an outage may still be in the line
RUN_ON_S = 0.1  # a recording ends with the transfer that ends it
FRAMES = 3  # of 20 ms, at each beginning: a phone's first packets
FRAME_S = 0.02
TALK_AT_LEAST_S = 0.5
# Where a policy has the consultation recorded, the colleague is heard before the transfer.
CONSULTED = {("uttlesford", "back_office")}


@dataclass
class Ruling:
    """What is wrong with one call's recording, and how much of what was asked for is there."""

    words: str
    wrong: list[str] = field(default_factory=list)
    wanted_frames: int = 0
    found_frames: int = 0
    gaps: list[Span] = field(default_factory=list)

    def check(self, ok: bool, what: str) -> None:
        """Note what isn't so."""
        if not ok:
            self.wrong.append(what)


def phase(played: Played, course: Course, at_s: float) -> str:
    """Where a call was at a moment."""
    entered_s, gone_s = course.entered_s, course.gone_s
    if entered_s is None or at_s < entered_s or gone_s is None or at_s > gone_s + JUST_NOW_S:
        return "no call"
    if abs(at_s - gone_s) <= JUST_NOW_S:
        return "hanging up"
    if played.moved_s is not None and abs(at_s - played.moved_s) <= JUST_NOW_S:
        return "being transferred"
    if played.moved_s is not None and at_s > played.moved_s:
        return "at the payment line" if played.plan.party == "payment" else "with the next party"
    if played.consults_from_s is not None and at_s > played.consults_from_s:
        return "waiting, the agent consults"
    if course.answered_s is None or at_s < course.answered_s:
        return "in the queue"
    return "with the agent"


def judge(
    played: Played,
    course: Course,
    recordings: Sequence[Recording],
    outages: Sequence[Span],
    late_s: float = 0.0,
) -> Ruling:
    """Compare what is archived of a call with what must be.

    Args:
        outages: when nobody watched the PBX.
        late_s: how long it takes, by the line to the PBX, until a recorder runs or is stopped.
    """
    plan = played.plan
    ruling = Ruling(f"{plan.words()}, {course.uniqueid}")
    wanted = wanted_spans(played, course)
    set_aside = any(each.manifest.get("quarantined") for each in recordings)
    unsure_s = UNSURE_S + (DESTROYED_S if set_aside else 0.0)
    excused = [
        (start_s - unsure_s, found_s(played, course, start_s, end_s) + GRACE_S)
        for start_s, end_s in outages
        if unsettled(played, course, start_s, end_s)
    ]
    if late_s:
        # A recorder is late, and deaf to the next party if it outlives a transfer; of one that may
        # have run on too much is cut rather than too little.
        excused.append((wanted[0][0], wanted[0][0] + late_s))
        excused += [(start_s, start_s + 2 * late_s) for start_s, _ in wanted[1:]]
        excused += [(end_s - late_s, end_s) for _, end_s in wanted]
    least = sum(end_s - start_s for start_s, end_s in without(wanted, excused))
    if not recordings:
        ruling.check(
            least < TALK_AT_LEAST_S, f"no recording, and {least:.1f} s were to be recorded"
        )
        return ruling
    ruling.check(len(recordings) == 1, f"{len(recordings)} recordings of one call")
    recording = recordings[0]
    heard = listen(recording.audio)
    covered = covered_spans(recording)
    _judge_gaps(ruling, wanted, covered, excused, played)
    if outages:
        told = " ".join(line["what"] for line in recording.manifest["story"])
        is_named = any(word in told for word in ("bridge", "link", "restart"))
        ruling.check(not ruling.gaps or is_named, f"the story doesn't name the gap: {told}")
    _judge_excess(ruling, wanted, covered)
    spans = within(wanted, covered)
    if late_s:
        spans = without(spans, excused)
    _judge_tones(ruling, heard, recording, played, course, spans)
    _judge_forbidden(ruling, heard, recording, played, course.gone_s)
    if ruling.wrong:
        ruling.wrong.append(_all_of_it(recording, played, course, outages))
    return ruling


def wanted_spans(played: Played, course: Course) -> list[Span]:
    """When the call is to be recorded, as the council's words have it."""
    assert course.entered_s is not None
    gone_s = course.over_s()
    if played.moved_s is None:
        return [(course.entered_s, gone_s)]
    before = (course.entered_s, played.moved_s)
    return [before, (played.moved_s, gone_s)] if goes_on(played) else [before]


def goes_on(played: Played) -> bool:
    """Whether recording goes on with the next party."""
    return GOES_ON[played.plan.council.policy][played.plan.party]


def _pays(played: Played) -> bool:
    return played.plan.party == "payment"


def covered_spans(recording: Recording) -> list[Span]:
    """When the call was recorded, as the manifest has it."""
    spans = []
    for segment in recording.manifest["segments"]:
        if segment.get("leg", "outside") == "outside" and segment["duration_s"] > 0:
            start_s = seconds(segment["started_at"])
            spans.append((start_s, start_s + segment["duration_s"]))
    return spans


def unsettled(played: Played, course: Course, start_s: float, end_s: float) -> bool:
    """Whether something happened to the call while nobody watched, or just before or after.

    A consultation counts as long as it lasts: a caller who is found waiting alone may have been
    anywhere meanwhile.
    """
    happenings = [(at_s, at_s) for at_s in (course.entered_s, course.gone_s, played.moved_s)]
    if played.consults_from_s is not None:
        happenings.append((played.consults_from_s, played.moved_s or course.gone_s))
    return any(
        first_s is not None
        and first_s <= end_s + UNSEEN_S
        and (last_s is None or last_s >= start_s - UNSEEN_S)
        for first_s, last_s in happenings
    )


def found_s(played: Played, course: Course, start_s: float, end_s: float) -> float:
    """When a bridge that is back can tell where a call is.

    Who was sent on unseen after a consultation, and waits behind a Local channel, may be anywhere:
    until somebody talks with him.
    """
    moved_s = played.moved_s
    if played.plan.move is not Move.ATTENDED or moved_s is None:
        return end_s
    if not start_s - UNSEEN_S <= moved_s <= end_s + UNSEEN_S:
        return end_s
    talks_s = [each.start_s for each in course.talks if each.end_s > max(moved_s, end_s)]
    return max(end_s, min(talks_s, default=course.over_s()))


def _judge_gaps(
    ruling: Ruling,
    wanted: list[Span],
    covered: list[Span],
    excused: list[Span],
    played: Played,
) -> None:
    wide = [(start_s - EDGE_S, end_s + EDGE_S) for start_s, end_s in covered]
    if played.moved_s is not None:
        wide.append((played.moved_s - EDGE_S, played.moved_s + RENEWED_S + EDGE_S))
    if played.moved_s is not None and played.consults_from_s is not None and _pays(played):
        # An agent who has a payment line on the telephone is in a payment already.
        wide.append((played.consults_from_s, played.moved_s))
    if played.silent_s is not None:
        # A phone sends nothing more once it hangs up; a busy PBX notices it later.
        wide.append((played.silent_s - EDGE_S, wanted[-1][1]))
    ruling.gaps = [gap for gap in without(wanted, wide) if gap[1] - gap[0] > FRAME_S]
    first_s = wanted[0][0]
    for start_s, end_s in without(ruling.gaps, excused):
        ruling.check(
            False,
            f"nothing recorded from {start_s - first_s:.2f} to {end_s - first_s:.2f} s of the call",
        )


def _judge_excess(ruling: Ruling, wanted: list[Span], covered: list[Span]) -> None:
    """Nothing is recorded beyond what is wanted; an outage is no excuse for that."""
    allowed = [(start_s - EDGE_S, end_s + RUN_ON_S) for start_s, end_s in wanted]
    first_s = wanted[0][0]
    for start_s, end_s in without(covered, allowed):
        if end_s - start_s > FRAME_S:
            ruling.check(
                False,
                f"recorded from {start_s - first_s:.2f} to {end_s - first_s:.2f} s of the call,"
                " which is not to be",
            )


def _judge_tones(
    ruling: Ruling,
    heard: Heard,
    recording: Recording,
    played: Played,
    course: Course,
    spans: list[Span],
) -> None:
    """What is recorded holds both sides of the talk, each on its own."""
    for span in spans:
        _count(ruling, heard, recording, "left", "caller", span)
    parties = ["agent", *([played.plan.party] if goes_on(played) else [])]
    by_endpoint = {endpoint_of(played.plan.council, each): each for each in parties}
    for talk in course.talks:
        party = by_endpoint.get(talk.endpoint)
        if party is None:
            continue
        end_s = talk.end_s
        if party == "agent" and played.consults_from_s is not None:
            end_s = min(end_s, played.consults_from_s)  # then the caller hears music
        for span in within(spans, [(talk.start_s, end_s)]):
            _count(ruling, heard, recording, "right", party, span)


def _count(
    ruling: Ruling, heard: Heard, recording: Recording, side: str, name: str, span: Span
) -> None:
    start_s, end_s = (at_s - recording.began_s for at_s in span)
    wanted = max(0, int((end_s - start_s) / FRAME_S) - FRAMES)
    found = min(wanted, heard.frames(side, name, max(0.0, start_s), end_s + FRAMES * FRAME_S))
    ruling.wanted_frames += wanted
    ruling.found_frames += found
    ruling.check(
        found >= BOTH_SHARE * wanted - 1,
        f"{name} in {found} of {wanted} frames on the {side}, {start_s:.2f} to {end_s:.2f} s",
    )


def _judge_forbidden(
    ruling: Ruling, heard: Heard, recording: Recording, played: Played, gone_s: float | None
) -> None:
    party = played.plan.party
    if played.moved_s is None or goes_on(played):
        return
    frames = heard.frames("any", party)
    if played.consults_from_s is not None and (played.plan.council.policy, party) in CONSULTED:
        consulted = (
            played.consults_from_s - recording.began_s,
            played.moved_s - recording.began_s + EDGE_S,
        )
        frames -= heard.frames("any", party, max(0.0, consulted[0]), consulted[1])
    ruling.check(frames == 0, f"{frames} frames of the {party} in the recording")
    after_s = (gone_s or 0.0) - played.moved_s
    if after_s > 2 * CONTROL_S and played.heard is not None:
        control = listen(played.heard)
        sung_s = control.frames("any", party) * control.frame_s
        ruling.check(
            sung_s >= CONTROL_S, f"control: the caller heard the {party} for {sung_s:.1f} s"
        )


def _all_of_it(
    recording: Recording, played: Played, course: Course, outages: Sequence[Span]
) -> str:
    """The whole story of a call that went wrong, in seconds since it entered the queue."""
    zero_s = course.entered_s or 0.0

    def at(moment_s: float | None) -> str:
        return "never" if moment_s is None else f"{moment_s - zero_s:.2f}"

    lines = [
        f"answered {at(course.answered_s)}, consults {at(played.consults_from_s)}",
        f"moved {at(played.moved_s)}, gone {at(course.gone_s)}",
        *(f"{talk.endpoint}: {at(talk.start_s)} to {at(talk.end_s)}" for talk in course.talks),
        *(f"nobody watched: {at(a)} to {at(b)}" for a, b in outages),
        *(f"recorded: {at(a)} to {at(b)}" for a, b in covered_spans(recording)),
        *(f"{at(seconds(x['at']))}: {x['what']}" for x in recording.manifest["story"]),
        *recording.manifest["remarks"],
    ]
    return "".join(f"\n      {line}" for line in lines)


# ---------------------------------------------------------------------- spans


def without(spans: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """What of the spans lies in none of the others."""
    left = list(spans)
    for start_s, end_s in others:
        left = [
            piece
            for one in left
            for piece in ((one[0], min(one[1], start_s)), (max(one[0], end_s), one[1]))
            if piece[1] > piece[0]
        ]
    return sorted(left)


def within(spans: Iterable[Span], others: Sequence[Span]) -> list[Span]:
    """What of the spans lies in one of the others."""
    return [
        (max(one[0], other[0]), min(one[1], other[1]))
        for one in spans
        for other in others
        if min(one[1], other[1]) > max(one[0], other[0])
    ]
