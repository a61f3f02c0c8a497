"""Whether the recording of one call of a throng holds the two who were in it, and nobody else.

Everybody sings a tone of his own; who talked when is told by the PBX's events. What the manifest
says was recorded must be there, and where it says that nothing was, nobody is heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from lab import judge
from lab.course import Course, Talk, course_of
from lab.ear import FINE_S, Channel, Heard, hear
from lab.eyes import Event
from lab.lots import Call, Lot
from lab.product import Recording

Stretch = tuple[float, float]  # s from a recording's beginning

SURE_S = 0.4  # of a talk's beginning and end nothing is said: a window is 200 ms long
# A lost packet sounds for a moment like the next tone, 28 Hz away: in its window, or in two. Who is
# really there is heard for longer at a stretch.
ACCIDENT_S = 0.4
ACCIDENTS_SHARE = 0.01
LONG_S = 1.5  # a talk that is long enough to be heard
RENEWAL_S = 0.5  # what a busy machine may lose, or be wrong about, where a recorder begins
LEAST_SHARE = 0.8  # of the windows of a talk


def look(call: Call, events: Sequence[Event], tones: Mapping[str, int]) -> Iterator[str]:
    """Tell what is wrong with a call's recording.

    Args:
        events: all that its PBX has told.
        tones: everybody's, at any PBX.
    """
    stage = call.stage
    who = f"{call.caller.endpoint} with {call.agent.endpoint} at {stage.pbx.name}, {call.lot}"
    course = course_of(events, call.uniqueid)
    recordings = stage.product.recordings_of(call.uniqueid)
    if len(recordings) != 1:
        yield f"{who}: {len(recordings)} recordings"
        return
    recording = recordings[0]
    if recording.manifest["call"]["pbx"] != stage.pbx.name:
        yield f"{who}: said to be of {recording.manifest['call']['pbx']}"
    heard = hear(recording.audio, dict(tones), frame_s=FINE_S)
    yield from (f"{who}: {words}" for words in sides(recording, heard, call, course))
    wanted = [(course.entered_s or 0.0, call.moved_s or course.over_s())]
    covered = judge.covered_spans(recording)
    wide = [(start_s - RENEWAL_S, end_s + RENEWAL_S) for start_s, end_s in covered]
    if call.outage:
        wide.append((call.outage[0] - judge.UNSURE_S, call.outage[1] + judge.GRACE_S))
    for start_s, end_s in judge.without(wanted, wide):
        yield f"{who}: {end_s - start_s:.2f} s are missing"
    allowed = [(start_s - RENEWAL_S, end_s + RENEWAL_S) for start_s, end_s in wanted]
    for start_s, end_s in judge.without(covered, allowed):
        yield f"{who}: {end_s - start_s:.2f} s too much"
    if call.lot is Lot.PAYMENT:
        control = hear(stage.phone(call.caller).heard_before()[-1], dict(tones), frame_s=FINE_S)
        sung_s = control.frames("any", "payment") * control.frame_s
        if sung_s < LONG_S:
            yield f"{who}: the control heard the payment line for {sung_s:.1f} s only"


def sides(recording: Recording, heard: Heard, call: Call, course: Course) -> Iterator[str]:
    """On the left the caller and nobody else; on the right, at any time, whom he talked with."""
    caller, whole = call.caller.endpoint, (0.0, heard.seconds)
    began_s = recording.began_s
    recorded = [(a - began_s, b - began_s) for a, b in judge.covered_spans(recording)]
    share = share_of(heard, "left", caller, recorded)
    if share < LEAST_SHARE:
        yield f"the caller is in {share:.0%} of the left side"
    yield from heard_outside(heard, recorded)
    parties = {talk.endpoint for talk in course.talks}
    for name in heard.names:
        if name != caller and is_there(heard, "left", name, {caller}, whole):
            yield f"{name} is on the left for {heard.frames('left', name) * FINE_S:.1f} s"
        is_stranger = name not in parties and name != "music"
        if is_stranger and is_there(heard, "right", name, parties, whole):
            yield f"{name} is on the right for {heard.frames('right', name) * FINE_S:.1f} s"
    for talk in course.talks:
        if talk.endpoint == call.agent.endpoint and call.consults_from_s is not None:
            talk = replace(talk, end_s=call.consults_from_s)  # then the caller hears music
        spoken = judge.within([(talk.start_s - began_s, talk.end_s - began_s)], recorded)
        for each in spoken:
            yield from _talk(heard, talk, each)


def _talk(heard: Heard, talk: Talk, spoken: Stretch) -> Iterator[str]:
    """In a talk: who talks, and nobody else."""
    start_s, end_s = inside = _inside(spoken)
    if end_s - start_s < LONG_S:
        return
    share = heard.share(talk.endpoint, "right", start_s, end_s)
    if share < LEAST_SHARE:
        yield f"{talk.endpoint} is in {share:.0%} of the talk from {start_s:.1f} s on"
    for name in heard.names:
        if name == talk.endpoint or not heard.frames("right", name, start_s, end_s):
            continue
        is_neighbour = are_neighbours(name, talk.endpoint)
        if not is_neighbour or is_there(heard, "right", name, {talk.endpoint}, inside):
            yield f"{name} is heard in the talk with {talk.endpoint}, from {start_s:.1f} s on"


def _inside(stretch: Stretch) -> Stretch:
    """The part of which something can be said."""
    return stretch[0] + SURE_S, stretch[1] - SURE_S


def share_of(heard: Heard, side: Channel, name: str, recorded: Sequence[Stretch]) -> float:
    """The share of what was recorded in which somebody is heard."""
    whole_s = sum(end_s - start_s for start_s, end_s in recorded)
    heard_s = sum(heard.share(name, side, a, b) * (b - a) for a, b in recorded)
    return heard_s / whole_s if whole_s else 0.0


def heard_outside(heard: Heard, recorded: Sequence[Stretch]) -> Iterator[str]:
    """Who is heard where nothing was recorded."""
    for each in judge.without([(0.0, heard.seconds)], recorded):
        start_s, end_s = _inside(each)
        if end_s <= start_s:
            continue
        for name in heard.names:
            if heard.frames("any", name, start_s, end_s):
                yield f"{name} is heard from {start_s:.1f} s on, where nothing was recorded"


def is_there(
    heard: Heard, side: Channel, name: str, others: Iterable[str], stretch: Stretch
) -> bool:
    """Whether somebody is on a side, and not only one of the others, whose tone is next to his."""
    start_s, end_s = stretch
    windows = heard.frames(side, name, start_s, end_s)
    if not any(are_neighbours(name, other) for other in others):
        return windows > 1
    accidents_s = max(ACCIDENT_S, ACCIDENTS_SHARE * (end_s - start_s))
    unsure_s = heard.frame_s / 2
    return (
        windows * heard.frame_s > accidents_s + unsure_s
        or _longest_s(heard, side, name, stretch) > ACCIDENT_S + unsure_s
    )


def _longest_s(heard: Heard, side: Channel, name: str, stretch: Stretch) -> float:
    """For how long somebody is heard at a stretch."""
    longest_s = run_s = 0.0
    for span in heard.timeline(side):
        within_s = min(span.end_s, stretch[1]) - max(span.start_s, stretch[0])
        run_s = run_s + max(0.0, within_s) if name in span.names else 0.0
        longest_s = max(longest_s, run_s)
    return longest_s


def are_neighbours(one: str, other: str) -> bool:
    """Whether two of the crowd have tones side by side."""
    numbers = [each.removeprefix("crowd") for each in (one, other)]
    return all(map(str.isdecimal, numbers)) and abs(int(numbers[0]) - int(numbers[1])) == 1
