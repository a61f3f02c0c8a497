"""What goes wrong on real machines, done on purpose while a call is recorded."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

from lab import processes
from lab.cable import Cable
from lab.ear import EarError, Heard
from lab.eyes import event
from lab.processes import descendants
from lab.product import ARCHIVE_TIMEOUT_S, Product, Recording, command_line
from lab.scene import (
    AFTER_S,
    EDGE_S,
    RUN_ON_S,
    QueueCall,
    Stage,
    Take,
    check_both,
    check_edge,
    check_silence,
    hang_up,
    heard_by,
    listen,
    ring_queue,
    told,
    transfer,
)
from lab.town import Council
from lab.waiting import LabTimeoutError, pass_time, until

AWAY_S = 20.0
TALK_S = 4.0
LONG_TALK_S = 6.0
LONGEST_TALK_S = 8.0  # edges of some 60 ms must stay under one percent of it
LATE_S = 0.3  # the bridge stands still for so long after a transfer
LINK_AWAY_S = 3.0
GRACE_S = 1.0  # after the link's return: then everything must have been stopped
SIGN_OF_LIFE_S = 3.5  # a killed bridge is known to have lived until then before it died
UNSURE_S = 2.5  # a quiet PBX is known to be there by its last answered ping
SLACK_S = 0.5  # a phone's own beginnings and ends
RECOVER_TIMEOUT_S = 150.0
SEEN_TIMEOUT_S = 10.0
REDIS_TIMEOUT_S = 20.0
TRIES = 4
FAST_S = 0.001


class OwnRedis:
    """A Redis-compatible server that the lab can take away and bring back; it keeps its data."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis" / "redis.sock"
        self._log = folder / "redis.log"
        self._process: processes.Process | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "hushtape.embedded_redis", str(self.socket)]
        self._process = processes.spawn(command, self._log, env=dict(os.environ))
        until("Redis answers", self._answers, REDIS_TIMEOUT_S)

    def kill(self) -> None:
        """End it as a power cut would; its socket stays behind."""
        if self._process is not None:
            processes.kill(self._process)
            self._process = None

    def _answers(self) -> bool:
        with closing(redis.Redis(unix_socket_path=str(self.socket))) as client:
            try:
                return bool(client.ping())
            except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
                return False

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            processes.end([self._process], REDIS_TIMEOUT_S)
            self._process = None
        self.socket.unlink(missing_ok=True)


@dataclass(frozen=True)
class Props:
    """What a fault can take away: Redis, and the line to the PBX."""

    redis: OwnRedis
    cable: Cable


@dataclass(frozen=True)
class Fault:
    """One fault: a name, a title, how it is played, and on which track.

    Each track has a PBX, a Redis and a Hushtape of its own; the tracks run side by side.

    Args:
        lacks: kinds of PBX on which it can't be played, and what they lack for it.
    """

    name: str
    title: str
    play: Callable[[Stage, Council, Props, Take], None]
    track: int = 0
    lacks: Mapping[str, str] = field(default_factory=dict)


def _redis_away(stage: Stage, council: Council, props: Props, take: Take) -> None:
    redis = props.redis
    take.says = f"Redis stopped for {AWAY_S:.0f} s around a hang-up: archived afterwards, once"
    call = ring_queue(stage, council, take)
    pass_time(TALK_S)
    redis.stop()
    stopped_s = time.time()
    take.lines.append((stopped_s - call.entered_s, "Redis is stopped"))
    pass_time(1.0)
    ended_s = hang_up(stage, council, call, council.caller, take)
    pass_time(AWAY_S - (time.time() - stopped_s))
    before = stage.product.recordings_of(call.uniqueid)
    redis.start()
    take.lines.append((time.time() - call.entered_s, "Redis is back"))
    take.check(not before, "nothing is archived while Redis is away, so it was a fault")
    _archived_once(stage, take, council, call, ended_s)


def _worker_killed(stage: Stage, council: Council, _props: Props, take: Take) -> None:
    take.says = "kill -9 of the worker in the middle of an encode: archived afterwards, once"
    for _ in range(TRIES):
        call = ring_queue(stage, council, take)
        pass_time(LONG_TALK_S)
        ended_s = hang_up(stage, council, call, council.caller, take)
        take.calls.append(call.uniqueid)
        if _kill_in_encode(stage.product):
            break
        take.lines.clear()
    else:
        raise LabTimeoutError("no encoder was ever seen at work")
    take.lines.append((time.time() - call.entered_s, "the worker and all its processes are killed"))
    before = stage.product.recordings_of(call.uniqueid)
    take.check(not before, "nothing was archived before the kill")
    take.calls.remove(call.uniqueid)
    _archived_once(stage, take, council, call, ended_s)


def _kill_in_encode(product: Product) -> bool:
    """Freeze the first encoder that shows itself, and kill the worker around it."""
    worker = product.part("worker")

    def encoder() -> int | None:
        found = [pid for pid in descendants(worker) if "ffmpeg" in command_line(pid).split("\0")[0]]
        return found[0] if found else None

    with suppress(LabTimeoutError, ProcessLookupError):
        pid = until("an encoder is at work", encoder, SEEN_TIMEOUT_S, poll_s=FAST_S)
        os.kill(pid, signal.SIGSTOP)
        for each in [worker, *descendants(worker)]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        return True
    return False


def _archived_once(
    stage: Stage, take: Take, council: Council, call: QueueCall, ended_s: float
) -> None:
    recording, heard = _archived(stage, take, council, call, RECOVER_TIMEOUT_S)
    check_both(take, heard, recording.began_s, call.answered_s, ended_s)
    stage.product.await_empty_spool()
    found = stage.product.recordings_of(call.uniqueid)
    take.check(len(found) == 1, f"{len(found)} recording of the call")
    lines = stage.product.command("recordings", "list", "--json").splitlines()
    named = sum(recording.id in line for line in lines)
    take.check(named == 1, f"{named} line of `hushtape recordings list` names it")


def _archived(
    stage: Stage,
    take: Take,
    council: Council,
    call: QueueCall,
    timeout_s: float = ARCHIVE_TIMEOUT_S,
) -> tuple[Recording, Heard]:
    take.calls.append(call.uniqueid)
    recording = stage.product.recording(call.uniqueid, timeout_s)
    heard = told(take, stage.product, recording, call.entered_s, council.caller)
    take.latencies_s.clear()  # a fault's delay is no measure of speed
    return recording, heard


def _late_stop(stage: Stage, council: Council, _props: Props, take: Take) -> None:
    take.says = "the stop comes late: what was recorded after the transfer is cut away"
    call = ring_queue(stage, council, take)
    pass_time(LONGEST_TALK_S)
    bridge = stage.product.part("bridge")
    os.kill(bridge, signal.SIGSTOP)
    try:
        moved = transfer(stage, council, call, council.payment_number, take)
        pass_time(max(0.0, moved.at_s + LATE_S - time.time()))
    finally:
        os.kill(bridge, signal.SIGCONT)
    late_s = time.time() - moved.at_s
    take.lines.append((moved.at_s + late_s - call.entered_s, "the bridge comes to itself again"))
    pass_time(AFTER_S)
    hang_up(stage, council, call, council.caller, take)
    recording, heard = _archived(stage, take, council, call)
    stops = stage.eyes.events(event("MixMonitorStop", Uniqueid=call.uniqueid))
    stopped_s = stops[0].at_s - moved.at_s if stops else float("nan")
    take.check(
        stopped_s >= LATE_S - 0.01,  # the clocks of two programs
        f"the recorder ran on for {stopped_s * 1000:.0f} ms after the transfer: a cut was needed",
    )
    check_both(take, heard, recording.began_s, call.answered_s, moved.at_s)
    check_silence(take, heard, heard_by(stage, council.caller), "payment")
    check_edge(take, heard.seconds - (moved.at_s - recording.began_s))


def _link_lost(stage: Stage, council: Council, props: Props, take: Take) -> None:
    take.says = (
        "the link to the PBX is away around a transfer to the payment line: nothing of that is kept"
    )
    call = ring_queue(stage, council, take)
    pass_time(LONGEST_TALK_S)
    props.cable.cut()
    cut_s = time.time()
    take.lines.append((cut_s - call.entered_s, "the link to the PBX is cut"))
    try:
        moved = transfer(stage, council, call, council.payment_number, take)
        pass_time(LINK_AWAY_S)
    finally:
        props.cable.mend()
    until("the link is back", lambda: props.cable.joined_s > cut_s, RECOVER_TIMEOUT_S)
    back_s = props.cable.joined_s
    take.lines.append((back_s - call.entered_s, "the link is back"))
    pass_time(GRACE_S + AFTER_S)
    ended_s = hang_up(stage, council, call, council.caller, take)
    recording, heard = _archived(stage, take, council, call)
    began_s = recording.began_s
    kept_until_s = began_s + heard.seconds
    take.check(
        cut_s - UNSURE_S <= kept_until_s <= cut_s + GRACE_S,
        f"the recording ends {kept_until_s - cut_s:+.2f} s from the cut: what came after the last"
        " sign of the PBX is not kept",
    )
    check_both(take, heard, began_s, call.answered_s, kept_until_s - 2 * EDGE_S)
    later = heard.frames("any", "payment", back_s + GRACE_S - began_s)
    take.check(
        later == 0,
        f"{later} frames of the payment line later than {GRACE_S:.0f} s after the return",
    )
    between = heard.frames("any", "payment")
    take.check(
        between == 0,
        f"{between} frames of the payment line are left of the {back_s - moved.at_s:.1f} s in which"
        " nobody could stop the recorder",
    )
    control = heard_by(stage, council.caller)
    sung_s = control.frames("any", "payment") * control.frame_s
    take.check(
        sung_s >= ended_s - moved.at_s - SLACK_S,
        f"control: the caller's phone heard the payment line for {sung_s:.2f} s, until the hang-up",
    )


def _bridge_ends(stage: Stage, council: Council, _props: Props, take: Take) -> None:
    take.says = (
        "the bridge is ended in a call, then the caller goes to the payment line: what was"
        " recorded before is archived, and nothing of the payment line is anywhere"
    )
    product = stage.product
    call = ring_queue(stage, council, take)
    pass_time(LONGEST_TALK_S)
    bridge, ups = product.part("bridge"), product.links_up()
    os.kill(bridge, signal.SIGTERM)
    ended_s = time.time()
    take.lines.append((ended_s - call.entered_s, "the bridge is told to end"))
    until("the bridge ends", lambda: not command_line(bridge), RECOVER_TIMEOUT_S)
    transfer(stage, council, call, council.payment_number, take)
    until("the bridge is started again", lambda: product.links_up() > ups, RECOVER_TIMEOUT_S)
    take.lines.append((time.time() - call.entered_s, "another bridge has taken over"))
    pass_time(AFTER_S)
    spooled = _payment_frames(product.spooled())
    hang_up(stage, council, call, council.caller, take)
    recording, heard = _archived(stage, take, council, call)
    product.await_empty_spool()
    # There is no moment of the PBX's own for a signal to a process.
    check_both(take, heard, recording.began_s, call.answered_s, ended_s - EDGE_S)
    over_s = recording.began_s + heard.seconds - ended_s
    take.check(over_s <= RUN_ON_S, f"the recording ends {over_s:+.2f} s from the bridge's end")
    found = product.recordings_of(call.uniqueid)
    archived = _payment_frames([each.audio for each in found])
    take.check(
        (spooled, archived) == (0, 0),
        f"{spooled} frames of the payment line in the spool, {archived} in the archive",
    )
    check_silence(take, heard, heard_by(stage, council.caller), "payment")
    take.notes.append(
        f"{len(found)} recording of the call: the bridge that took over "
        + ("recorded nothing of it" if len(found) == 1 else "recorded it anew")
    )


def _bridge_killed(stage: Stage, council: Council, _props: Props, take: Take) -> None:
    take.says = "kill -9 of the bridge in a call: its successor goes on, and nothing is lost"
    call = ring_queue(stage, council, take)
    pass_time(LONG_TALK_S)
    _kill_bridge(stage, call, take)
    pass_time(AFTER_S)
    moved = transfer(stage, council, call, council.payment_number, take)
    pass_time(AFTER_S)
    hang_up(stage, council, call, council.caller, take)
    recording, heard = _archived(stage, take, council, call)
    check_both(take, heard, recording.began_s, call.answered_s, moved.at_s)
    check_silence(take, heard, heard_by(stage, council.caller), "payment")
    segments = len(recording.manifest["segments"])
    take.check(segments == 1, f"{segments} segment: the recorder ran on while nobody watched it")


def _bridge_killed_unseen(stage: Stage, council: Council, _props: Props, take: Take) -> None:
    take.says = (
        "kill -9 of the bridge, then a transfer to the payment line that nobody sees: nothing of"
        " that is kept"
    )
    call = ring_queue(stage, council, take)
    pass_time(LONGEST_TALK_S)
    killed_s = _kill_bridge(
        stage, call, take, lambda: transfer(stage, council, call, council.payment_number, take)
    )
    pass_time(AFTER_S)
    hang_up(stage, council, call, council.caller, take)
    recording, heard = _archived(stage, take, council, call)
    kept_until_s = recording.began_s + heard.seconds
    take.check(
        killed_s - SIGN_OF_LIFE_S <= kept_until_s <= killed_s + EDGE_S,
        f"the recording ends {kept_until_s - killed_s:+.2f} s from the kill: what came after the"
        " bridge's last sign of life is not kept",
    )
    check_both(take, heard, recording.began_s, call.answered_s, kept_until_s - 2 * EDGE_S)
    check_silence(take, heard, heard_by(stage, council.caller), "payment")


def _kill_bridge(
    stage: Stage, call: QueueCall, take: Take, meanwhile: Callable[[], object] = lambda: None
) -> float:
    """Kill the bridge and wait for its successor; return when (epoch, s)."""
    product = stage.product
    bridge, ups = product.part("bridge"), product.links_up()
    os.kill(bridge, signal.SIGKILL)
    killed_s = time.time()
    take.lines.append((killed_s - call.entered_s, "the bridge is killed"))
    meanwhile()
    until("the bridge is started again", lambda: product.links_up() > ups, RECOVER_TIMEOUT_S)
    take.lines.append((time.time() - call.entered_s, "another bridge has taken over"))
    return killed_s


def _payment_frames(paths: Iterable[Path]) -> int:
    """In how many frames of these files the payment line is heard."""
    total = 0
    for path in paths:
        if path.suffix == ".json":
            continue
        with suppress(EarError):  # it went meanwhile, or holds no sound yet
            total += listen(path).frames("any", "payment")
    return total


FAULTS: tuple[Fault, ...] = (
    Fault("redis-away", "Redis is away", _redis_away),
    Fault("worker-killed", "the worker is killed", _worker_killed),
    Fault("late-stop", "the bridge is late", _late_stop, track=1),
    Fault("link-lost", "the link to the PBX is lost", _link_lost, track=1),
    Fault("bridge-ends", "the bridge ends in a call", _bridge_ends, track=1),
    Fault("bridge-killed", "the bridge is killed in a call", _bridge_killed, track=1),
    Fault("bridge-killed-unseen", "… and a transfer is missed", _bridge_killed_unseen, track=1),
)
