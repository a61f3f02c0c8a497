"""What is kept how long: the plan, and a real sweep of a copy of the archive, at times to come."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
import structlog

from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.catalogue import Catalogue
from lab import personal
from lab.faults import OwnRedis
from lab.product import Product, Recording
from lab.scene import Take
from lab.terms import TERMS
from lab.town import Person
from workers import expire

JUST_BEFORE = timedelta(minutes=1)
COMMANDS_AT_ONCE = 4


def policy_of(recording: Recording) -> str:
    """The policy under which a recording was made."""
    return str(recording.manifest["keep"]["reason"]["policy"])


def by_hand(recording: Recording) -> datetime:
    """Until when a recording must be kept, reckoned from the council's own words."""
    began = datetime.fromisoformat(recording.manifest["call"]["started_at"])
    return TERMS[policy_of(recording)].after(began)


def terms(product: Product) -> Take:
    """Every recording is kept exactly as long as the council says; the plan says the same."""
    take = Take("retention", "how long each is kept, and what will be deleted when", "all")
    recordings = product.recordings()
    due = {each.id: by_hand(each) for each in recordings}
    for policy in sorted({policy_of(each) for each in recordings}):
        of_it = [each for each in recordings if policy_of(each) == policy]
        right = [
            each
            for each in of_it
            if datetime.fromisoformat(each.manifest["keep"]["until"]) == due[each.id]
        ]
        take.check(
            len(right) == len(of_it),
            f"{policy}: {len(right)} of {len(of_it)} are kept until the moment reckoned by hand",
        )
    moments = []
    for policy in dict.fromkeys(policy_of(each) for each in recordings):
        of_it_due = [due[each.id] for each in recordings if policy_of(each) == policy]
        moments += [(policy, min(of_it_due) - JUST_BEFORE), (policy, max(of_it_due))]
    with ThreadPoolExecutor(COMMANDS_AT_ONCE) as pool:
        plans = pool.map(lambda moment: _plan(product, moment[1]), moments)
    for (policy, at), plan in zip(moments, plans, strict=True):
        planned = {each["id"] for each in plan if each["verdict"] == "delete"}
        expected = {each for each, until in due.items() if until <= at}
        ours = [each for each in recordings if policy_of(each) == policy]
        gone = sum(each.id in planned for each in ours)
        take.check(
            planned == expected and len(plan) == len(recordings),
            f"at {at:%Y-%m-%d %H:%M:%S}: {gone} of {len(ours)} of {policy} are due,"
            f" {len(planned)} of {len(plan)} in all",
        )
        if gone:
            words = next(each for each in plan if each["id"] == ours[0].id)
            take.notes.append(f"{words['id']}: {words['why']}")
    return take


def _plan(product: Product, at: datetime) -> list[dict[str, str]]:
    printed = product.command("retention", "plan", "--json", "--at", at.isoformat())
    return [json.loads(line) for line in printed.splitlines()]


def swept(product: Product, folder: Path, people: Sequence[Person]) -> Take:
    """Sweep a copy of the archive twice, at moments of our choice: due ones go, others stay."""
    take = Take("sweep", "a sweep of a copy of the archive, at a moment to come", "all")
    copy = folder / "archive"
    # what others are at work on isn't part of it
    shutil.copytree(product.archive, copy, ignore=shutil.ignore_patterns(".scratch"))
    # The workers' code runs in this process here: its log is not what the lab has to say.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    server = OwnRedis(folder)
    server.start()
    try:
        client = redis.Redis.from_url(server.url)
        archive, catalogue = LocalArchive(copy), Catalogue(client)
        entered = catalogue.rebuild(archive, datetime.now(UTC))
        recordings = product.recordings()
        take.check(entered == len(recordings), f"{entered} recordings are in the new catalogue")
        due = {each: by_hand(each) for each in recordings}
        in_order = sorted(due.values())
        # The middle one's own moment; and just before the last one's, so that one always stays.
        for at in sorted({in_order[len(due) // 2], in_order[-1] - timedelta(microseconds=1)}):
            _sweep(take, archive, catalogue, at, due)
            gone = [each for each, until in due.items() if until <= at]
            _check_gone(take, product, copy, client, gone, people)
            _check_kept(take, product, copy, client, [each for each in due if each not in gone])
        client.close()
    finally:
        server.stop()
    return take


def _sweep(
    take: Take,
    archive: LocalArchive,
    catalogue: Catalogue,
    at: datetime,
    due: dict[Recording, datetime],
) -> None:
    there = [each for each in due if archive.exists(_manifest_name(each))]
    expected = {each.id for each in there if due[each] <= at}
    done = expire.sweep(archive, catalogue, lambda: at)
    take.check(
        set(done.deleted) == expected and not done.failed,
        f"at {at:%Y-%m-%d %H:%M:%S}: {len(done.deleted)} of {len(there)} deleted,"
        f" {len(expected)} were due, {len(done.failed)} failed",
    )


def _check_gone(
    take: Take,
    product: Product,
    copy: Path,
    client: redis.Redis,
    gone: Sequence[Recording],
    people: Sequence[Person],
) -> None:
    left = [each.id for each in gone if (copy / _place(product, each)).exists()]
    indexed = list(personal.in_redis(client))
    known = [each.id for each in gone if any(each.id.encode() in held for _, held in indexed)]
    take.check(
        not left and not known,
        f"of {len(gone)} deleted ones {len(left)} have files left, {len(known)} are in Redis",
    )
    proved, leaks = 0, set()
    for each in gone:
        path = copy / "deletions" / each.id[:4] / each.id[4:6] / f"{each.id}.json"
        if path.exists():
            proof = path.read_bytes()
            found = json.loads(proof)
            proved += found["verified"] and found["sha256"] == each.manifest["audio"]["sha256"]
            leaks |= personal.traces(proof, people)
            leaks |= {"an agent"} if b"PJSIP/" in proof else set()
    take.check(
        proved == len(gone) and not leaks,
        f"{proved} proofs of {len(gone)} deletions, {len(leaks)} traces of a person in them",
    )


def _check_kept(
    take: Take, product: Product, copy: Path, client: redis.Redis, kept: Sequence[Recording]
) -> None:
    same = [
        each
        for each in kept
        if _contents(copy / _place(product, each)) == _contents(each.folder)
        and client.exists(f"hushtape:recording:{each.id}")
        and client.zscore("hushtape:due", each.id) == by_hand(each).timestamp()
    ]
    take.check(
        len(same) == len(kept),
        f"{len(same)} of {len(kept)} others stay, byte for byte, with their day in Redis",
    )


def _contents(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _place(product: Product, recording: Recording) -> Path:
    return recording.folder.relative_to(product.archive)


def _manifest_name(recording: Recording) -> str:
    return "/".join((*recording.folder.parts[-4:], "manifest.json"))
