"""Twenty calls at once: every recording holds its own two people, and nobody else."""

from __future__ import annotations

import time

from lab import personal
from lab.ear import hear
from lab.eyes import event
from lab.product import Recording
from lab.scene import BOTH_SHARE, EVENT_TIMEOUT_S, Stage, Take
from lab.town import CROWD_DID, MUSIC_HZ, Crowd
from lab.waiting import pass_time, until

NAME = "crowd"
SIZE = 20
TALK_S = 10.0
ARCHIVE_TIMEOUT_S = 60.0


def play(stage: Stage, crowd: Crowd, take: Take) -> None:
    """Let everybody ring at once, talk, and hang up at once."""
    size = len(crowd.callers)
    take.says = f"{size} calls at once: {size} recordings, none mixed up"
    mark = stage.eyes.mark()
    marks = {person.name: stage.phone(person).mark() for person in crowd.callers}
    for person in crowd.callers:
        stage.phone(person).dial(CROWD_DID)
    until(
        f"{size} agents have answered",
        lambda: len(stage.eyes.events(event("AgentConnect"), mark)) >= size,
        EVENT_TIMEOUT_S,
    )
    connects = stage.eyes.events(event("AgentConnect"), mark)
    first_s = min(connect.at_s for connect in connects)
    take.lines.append((0.0, f"{len(connects)} callers talk to as many agents"))
    pass_time(TALK_S)
    for person in crowd.callers:
        stage.phone(person).hang_up()
    for person in crowd.callers:
        stage.phone(person).closed(since=marks[person.name])
    take.lines.append((time.time() - first_s, "all have hung up"))
    callers = {person.number: person.name for person in crowd.callers}
    agents = {f"PJSIP/{person.endpoint}": person.name for person in crowd.agents}
    people = {person.name: person for person in crowd.callers}
    mixed_up, shares, wrong = [], [], []
    for connect in connects:
        uniqueid = connect.get("Uniqueid")
        take.calls.append(uniqueid)
        recording = stage.product.recording(uniqueid, ARCHIVE_TIMEOUT_S)
        take.latencies_s.append(recording.hang_up_to_archived_s)
        caller = callers[connect.get("CallerIDNum")]
        wrong += personal.trespasses(recording, people[caller])
        agent = agents[connect.get("Interface")]
        if not _is_of(recording, crowd, caller, agent):
            mixed_up.append(f"{caller} with {agent}")
        gone = stage.eyes.wait_for(event("Hangup", Uniqueid=uniqueid), EVENT_TIMEOUT_S, mark)
        talk = connect.at_s, gone.at_s
        shares.append(_whole(recording, crowd, (caller, agent), talk, take.measure.edges_s))
    take.check(not mixed_up, f"{len(mixed_up)} recordings mixed up {' '.join(mixed_up)}".rstrip())
    take.check(
        min(shares, default=0.0) >= BOTH_SHARE,
        f"both tones, each on its own side, in {min(shares, default=0.0):.1%} of the talk at the"
        " least",
    )
    take.check(
        not wrong,
        f"nothing personal outside {personal.PRIVATE}, {len(wrong)} trespasses"
        f" {'; '.join(wrong[:3])}".rstrip(),
    )
    ids = {stage.product.recordings_of(each)[0].id for each in take.calls}
    take.check(len(ids) == size, f"{len(ids)} recordings of {size} calls")


def _is_of(recording: Recording, crowd: Crowd, caller: str, agent: str) -> bool:
    heard = hear(recording.audio, {"music": MUSIC_HZ})
    left = heard.which_of(crowd.tones, "left", least_share=0.2)
    right = heard.which_of(crowd.tones, "right", least_share=0.2)
    return (left, right) == ({caller}, {agent})


def _whole(
    recording: Recording,
    crowd: Crowd,
    pair: tuple[str, str],
    talk: tuple[float, float],
    edges_s: float,
) -> float:
    caller, agent = pair
    tones = {name: crowd.tones[name] for name in pair}
    heard = hear(recording.audio, {**tones, "music": MUSIC_HZ})
    # An agent who answers at once may be quicker than the recorder, by some milliseconds.
    start_s, end_s = max(0.0, talk[0] - recording.began_s), talk[1] - recording.began_s
    all_of_it = round((end_s - start_s - edges_s) / heard.frame_s)
    left = heard.frames("left", caller, start_s, end_s)
    return min(1.0, left / all_of_it, heard.frames("right", agent, start_s, end_s) / all_of_it)
