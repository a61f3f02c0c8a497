"""What all the calls left behind: what lies where, who stands in it, how long it took."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from contextlib import suppress

from redis import Redis

from hushtape import config as configuration
from hushtape import redis_link
from lab import crowd, personal, retention
from lab.scene import Stage, Take
from lab.town import Person
from lab.waiting import LabTimeoutError, until

REWRITE_TIMEOUT_S = 20.0
LATENCY_AIM_S = 2.0
LATENCY_BOUND_S = 5.0  # machines are noisy: what is slower than this is broken


def nothing_else(stage: Stage, takes: Sequence[Take]) -> Take:
    """Afterwards: one recording for each call that must have one, and no other file anywhere."""
    take = Take("nothing else", "what lies in archive and spool after all calls", "all")
    expected = sorted(each for one in takes for each in one.calls)
    with suppress(LabTimeoutError):  # then the check below names what is left
        stage.product.await_empty_spool()
    strays = {each for one in takes for each in one.strays} - set(expected)
    archived = sorted(x.manifest["call"]["pbx_call"] for x in stage.product.recordings())
    is_ours = stage.product.is_ours
    found = [each for each in archived if each not in strays and is_ours(each)]
    left = stage.product.spooled()
    take.check(
        found == expected,
        f"{len(found)} recordings in the archive for {len(expected)} calls to be recorded",
    )
    unrecorded = {each for one in takes for each in one.unrecorded}
    take.check(
        not unrecorded & set(found), f"no recording of the {len(unrecorded)} calls without one"
    )
    discarded = sorted(each for one in takes for each in one.discarded)
    proved = [each for each in _discards(stage) if each not in strays and is_ours(each)]
    take.check(
        proved == discarded and not set(discarded) & set(found),
        f"{len(proved)} proofs for {len(discarded)} calls of which nothing was to be kept",
    )
    take.check(not left, f"{len(left)} files left in the spool")
    listed = stage.product.command("recordings", "list", "--limit", "1000", "--json").splitlines()
    take.check(len(listed) == len(archived), f"`hushtape recordings list` names {len(listed)}")
    return take


def _discards(stage: Stage) -> list[str]:
    return sorted(each["pbx_call"] for each in stage.product.discards())


def nothing_personal(stage: Stage, people: Sequence[Person]) -> Take:
    """Afterwards: what Redis holds, what was logged, and who may read what lies on the disk."""
    take = Take("nothing personal", "who was in a call stands in its private part only", "all")
    product = stage.product
    client = redis_link.connect(configuration.load(product.config))
    keys, leaks = 0, set()
    for key, held in personal.in_redis(client):
        keys += 1
        leaks |= {f"{each} under {key}" for each in personal.traces(held, people)}
    take.check(keys > 0 and not leaks, f"{keys} keys in Redis{_listed(leaks)}")
    recordings = product.recordings()
    scheduled = sum(
        client.zscore("hushtape:due", each.id) == retention.by_hand(each).timestamp()
        for each in recordings
    )
    take.check(
        scheduled == len(recordings),
        f"{scheduled} of {len(recordings)} recordings are scheduled for deletion when they are due",
    )
    rewrite_aof(client)
    client.close()
    logged = personal.traces(product.log_bytes(), people)
    take.check(not logged, f"{len(product.log_lines())} lines of log{_listed(logged)}")
    beside = {
        f"{each} in {path.relative_to(product.archive)}"
        for path in personal.below(product.archive)
        if path.name != personal.PRIVATE
        for each in personal.traces(personal.content(path), people)
    }
    take.check(not beside, f"the archive{_listed(beside)}")
    open_ones = personal.readable_by_others(product.archive)
    files = [str(path.relative_to(product.archive)) for path in open_ones if path.is_file()]
    take.check(not files, f"{len(files)} files that others may read{_listed(files, '')}")
    folders = [str(path.relative_to(product.archive)) for path in open_ones if path.is_dir()]
    take.check(not folders, f"{len(folders)} folders that others may list{_listed(folders, '')}")
    with suppress(LabTimeoutError):  # then the line below names what is left
        product.await_empty_outbox()
    elsewhere = {
        f"{each} in {path.relative_to(product.folder)}"
        for path in personal.below(product.folder)
        if not path.is_relative_to(product.archive)
        for each in personal.traces(personal.unpacked(personal.content(path)), people)
    }
    take.check(not elsewhere, f"Redis' own files, outbox and log on the disk{_listed(elsewhere)}")
    return take


def rewrite_aof(client: Redis) -> None:
    """Do what upkeep does every day: the append-only file forgets the jobs that are done."""
    client.bgrewriteaof()
    until(
        "the append-only file is rewritten",
        lambda: not client.info("persistence")["aof_rewrite_in_progress"],
        REWRITE_TIMEOUT_S,
    )


def _listed(leaks: Iterable[str], none: str = ", nothing personal", most: int = 5) -> str:
    found = sorted(leaks)
    return f": {'; '.join(found[:most])}" if found else none


def speed(takes: Sequence[Take]) -> Take:
    """Hang-up to archived: aimed at, and bounded generously, since machines are noisy."""
    take = Take("speed", "from hang-up to the archive", "all")
    groups = {
        "single calls": [x for one in takes if one.scenario != crowd.NAME for x in one.latencies_s],
        "the crowd": [x for one in takes if one.scenario == crowd.NAME for x in one.latencies_s],
    }
    for name, values in groups.items():
        if not values:
            continue
        in_order = sorted(values)
        p95_s = percentile(in_order, 95)
        words = (
            f"{name}, {len(values)} recordings: p50 {statistics.median(values):.2f} s,"
            f" p95 {p95_s:.2f} s"
        )
        take.check(p95_s < LATENCY_BOUND_S, f"{words} (bound: p95 under {LATENCY_BOUND_S:g} s)")
        take.aim(p95_s < LATENCY_AIM_S, f"{words} (aim: p95 under {LATENCY_AIM_S:g} s)")
    return take


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of sorted values."""
    return values[max(0, math.ceil(len(values) * percent / 100) - 1)]
