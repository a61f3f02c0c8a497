"""Measures the way from the ring to the archive: one call, many at once, and an hour.

    python benchmarks/encode_recordings.py

Needs ffmpeg. Starts a Redis-compatible server and workers of its own; takes about a minute.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hushtape.ids import new_call_id
from hushtape.recordings.manifest import AudioFormat, AudioTerms
from tests.integration.conftest import RedisServer
from tests.integration.workers.worker_house import House, make_house, wait_for
from tests.recording_samples import RATE_HZ, RECORDING_ID, START, handoff, segment
from workers import encode, heard, mix, settle

RUNS = 7
MANY = 20
CALL_S = 10


def noise(seconds: float) -> bytes:
    """Something an encoder has to work on, a quarter of it pauses."""
    chance = random.Random(1)
    second = array("h", (chance.randrange(-6000, 6000) for _ in range(RATE_HZ))).tobytes()
    return b"".join(bytes(len(second)) if n % 4 == 3 else second for n in range(int(seconds)))


def call(house: House, number: int, sound: bytes):  # type: ignore[no-untyped-def]
    recording_id = new_call_id(START, number.to_bytes(5, "big"))
    one = segment(
        1,
        0,
        CALL_S,
        outside_file=f"{recording_id}.1-outside.wav",
        inside_file=f"{recording_id}.1-inside.wav",
    )
    house.write_segment(one, sound, sound)
    return handoff(one, recording_id=recording_id)


def archived(house: House, recording_id: str) -> bool:
    return house.redis.exists(f"hushtape:recording:{recording_id}") == 1


def one_at_a_time(house: House) -> None:
    sound = noise(CALL_S)
    times = []
    for number in range(RUNS):
        given = call(house, number, sound)
        began_s = time.monotonic()
        house.ring(given)
        wait_for(lambda given=given: archived(house, given.id))
        times.append(time.monotonic() - began_s)
    print(
        f"one call of {CALL_S} s, ring to catalogue: median {statistics.median(times):.3f} s,"
        f" worst of {RUNS} {max(times):.3f} s"
    )


def many_at_once(house: House, processes: int) -> None:
    sound = noise(CALL_S)
    worsts = []
    for run in range(3):
        calls = [call(house, 1000 * (run + 1) + number, sound) for number in range(MANY)]
        began_s = time.monotonic()
        for given in calls:
            house.ring(given)
        wait_for(lambda calls=calls: all(archived(house, each.id) for each in calls), 60)
        worsts.append(time.monotonic() - began_s)
    print(
        f"{MANY} calls of {CALL_S} s at once, {processes} processes: the last after"
        f" {statistics.median(worsts):.2f} s (runs: {', '.join(f'{each:.2f}' for each in worsts)})"
    )


def an_hour(folder: Path) -> None:
    one = segment(1, 0, 3600)
    for name in (one.outside_file, one.inside_file):
        from tests.recording_samples import wav

        (folder / name).write_bytes(wav(noise(3600)))
    plain = folder / "plain.opus"
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y"]
    command += ["-i", str(folder / one.outside_file), "-i", str(folder / one.inside_file)]
    command += [
        "-filter_complex",
        "amerge=inputs=2",
        "-threads",
        "1",
        *encode.CODEC[AudioFormat.OPUS],
    ]
    began_s, began_cpu_s = time.monotonic(), children_s()
    subprocess.run([*command, str(plain)], check=True)
    plain_s, plain_cpu_s = time.monotonic() - began_s, children_s() - began_cpu_s
    for audio_format in AudioFormat:
        given = handoff(one, audio=AudioTerms(format=audio_format))
        own_s, began_cpu_s, began_s = time.process_time(), children_s(), time.monotonic()
        timeline = mix.lay_out(RECORDING_ID, settle.settle(folder, given))
        encode.encode(
            mix.stereo_blocks(folder, timeline, heard.Heard(timeline, START)),
            folder=folder,
            audio_format=audio_format,
            rate_hz=timeline.rate_hz,
            duration_s=timeline.duration_s,
            tags=encode.tags_of(given),
        )
        print(
            f"an hour to {audio_format.value}: {time.monotonic() - began_s:.1f} s"
            f" (CPU: ffmpeg {children_s() - began_cpu_s:.1f} s,"
            f" mixing {time.process_time() - own_s:.2f} s)"
        )
    print(f"an hour to opus by ffmpeg alone: {plain_s:.1f} s (CPU {plain_cpu_s:.1f} s)")


def children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        (folder / "redis").mkdir()
        (folder / "hour").mkdir()
        if "--hour" in sys.argv or len(sys.argv) == 1:
            an_hour(folder / "hour")
        server = RedisServer(folder / "redis")
        server.start()
        processes = min(4, os.cpu_count() or 1)
        house = make_house(folder, server.url, processes)
        try:
            house.start("worker", "--no-upkeep")
            wait_for(lambda: house.redis.scard("rq:workers:spool-town-hall") == processes)
            one_at_a_time(house)
            many_at_once(house, processes)
        finally:
            house.end()
            server.stop()


if __name__ == "__main__":
    main()
