"""Sees that what should exist, does: archived within five minutes, or named.

The ledger says what is expected; the archive, and never Redis, says that it is there.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import redis

from hushtape import handoff_names
from hushtape.alarms import Kind as AlarmKind
from hushtape.alarms import raise_alarm
from hushtape.errors import HushtapeError, RecordingError
from hushtape.recordings import acts, foreign, layout
from hushtape.recordings.acts import Act
from hushtape.recordings.assurance import (
    AS_WANTED,
    PROMISED,
    Finding,
    Kind,
    of_remarks,
    remarks_of,
    words_of,
)
from hushtape.recordings.catalogue import read_entry
from hushtape.recordings.findings import KEPT, Findings
from hushtape.recordings.ledger import Expectation, Ledger, State, of_unreadable
from hushtape.recordings.moments import local
from hushtape.recordings.retention import Verdict, rule
from workers import discard
from workers.listening import workers_on
from workers.log import log

if TYPE_CHECKING:
    from workers.runtime import Context

CLOCK_LIMIT = timedelta(hours=24)  # no two clocks of ours differ by more, unless one is wrong
OVERDUE_AFTER = timedelta(hours=1)  # a deletion is tried every quarter of an hour
OVERDUE_LOOK = timedelta(minutes=15)  # what failed, or is held by a sweeper, is due then
OVERDUE_LIMIT = 2000  # recordings that are looked at in one run
BY_ITSELF = "hushtape"  # who does what nobody has asked for
ARCHIVED = "hushtape:archived-total"
ASSURED = "hushtape:assured-at"  # seconds since 1970
OVERDUE = "hushtape:deletions-overdue"
OVERDUE_TOLD = "hushtape:deletions-overdue-told"
SAY_AGAIN_S = 3600
ALARM_KINDS = {  # others are about the recording
    Kind.QUARANTINED: AlarmKind.SILENCE,
    Kind.UNPROVED: AlarmKind.SILENCE,
    Kind.FOREIGN: AlarmKind.FOREIGN,
}


class Assurance:
    """What a worker tells of a recording when it is done with it."""

    def __init__(self, here: Context) -> None:
        self._here = here

    def settled(self, recording_id: str, remarks: Sequence[str]) -> None:
        """A recording is archived and in the catalogue, or its call was discarded.

        To be called last: it raises nothing, and where it can't be carried out, ``assure`` finds
        out by itself.

        Args:
            remarks: the manifest's; "discarded: …" if there is no recording and must be none.
        """
        try:
            if _settle(self._here, recording_id, remarks):
                self._here.redis.incr(ARCHIVED)
        except (HushtapeError, redis.exceptions.RedisError) as error:
            log.warning("not settled yet", recording=recording_id, why=str(error))

    def foreign(self, call_id: str, pbx: str) -> None:
        """Something else recorded during a call's payment: write it beside the recording, and tell.

        To be called when the proof of what became of it is in the archive; may be called again.

        Raises:
            Busy: the recording is being worked on; try again in a moment.
            RecordingError: it can't be read.
        """
        _tell_of_foreign(self._here, call_id, pbx)


def assure(here: Context) -> None:
    """Name what should be archived and isn't."""
    now = here.clock()
    ledger, findings = Ledger(here.redis), Findings(here.redis)
    expected = ledger.all()
    for call_id, each in expected.items():
        kind = _overdue(each, now)
        if kind is None:
            continue
        try:
            _look_for(here, call_id, each, kind, now)
        except HushtapeError as error:  # one that can't be read keeps no other
            log.error("not assured", recording=call_id, why=str(error))
    for call_id in findings.opened(Kind.UNWATCHED):
        if call_id not in expected or _overdue(expected[call_id], now) is not Kind.UNWATCHED:
            _watched_again(findings, call_id)
    findings.forget(now)
    _look_for_overdue_deletions(here, now)
    here.redis.set(ASSURED, f"{now.timestamp():.0f}")


def _overdue(each: Expectation, now: datetime) -> Kind | None:
    """What is wrong with an expected call by the clock alone."""
    if each.state is State.LIVE:
        seen_at = each.seen_at or each.started_at
        return Kind.UNWATCHED if _age(seen_at, now) > PROMISED else None
    # A call that ends in the future: some clock is wrong, and waiting must have an end.
    ended_at = min(each.ended_at or each.started_at, each.seen_at or now)
    return Kind.MISSING if _age(ended_at, now) > PROMISED else None


def _age(at: datetime, now: datetime) -> timedelta:
    """How long ago something was; what is days ahead was noted by a clock that was set back."""
    return now - at if at - now < CLOCK_LIMIT else timedelta.max


def _look_for(here: Context, call_id: str, each: Expectation, kind: Kind, now: datetime) -> None:
    """Settle a call that is in the archive; name what is wrong with one that isn't."""
    ledger, findings = Ledger(here.redis), Findings(here.redis)
    try:
        here.archive.check()
        if _is_settled(here, call_id):
            return
        away = ""
    except RecordingError as error:
        _record(findings, call_id, each, {Kind.DAMAGED: (f"{Kind.DAMAGED}: {error}",)}, now)
        return
    except HushtapeError as error:  # it isn't mounted: all the more it has to be said
        away = str(error)
    since = each.seen_at or each.ended_at or each.started_at
    if now - since > KEPT:
        ledger.settle(call_id)
        return
    if kind is Kind.UNWATCHED:
        words = f"nobody watches this call any more: last seen {local(since)}"
    else:
        words = f"not archived: {away or _reason(here, call_id, each)}"
    _record(findings, call_id, each, {kind: (f"{kind}: {words}",)}, now)
    if here.catalogue.get(call_id) is not None:  # archived this moment, before we wrote
        here.catalogue.add(read_entry(here.archive, call_id))


def _is_settled(here: Context, call_id: str) -> bool:
    """Settle a call that the archive knows; a worker may have been killed before it could."""
    store = here.archive
    if store.exists(layout.manifest(call_id)):
        entry = read_entry(store, call_id)
        here.catalogue.add(entry)
        _settle(here, call_id, entry.manifest.remarks)
    elif store.exists(layout.discard_proof(call_id)):
        _settle(here, call_id, (discard.words_of(store, call_id), *foreign.remarks(store, call_id)))
    elif store.exists(layout.deletion_proof(call_id)):
        _settle(here, call_id, ())
    else:
        return False
    return True


def _settle(here: Context, recording_id: str, remarks: Sequence[str]) -> bool:
    """Expect it no longer, and tell what is wrong with it.

    Returns:
        Whether there is a recording.
    """
    ledger, findings = Ledger(here.redis), Findings(here.redis)
    now = here.clock()
    each = ledger.get(recording_id)
    finding = findings.get(recording_id)
    is_there = here.catalogue.get(recording_id) is not None
    found = {} if is_there else of_remarks(remarks)
    if found:
        _record(findings, recording_id, each or of_unreadable(recording_id), found, now)
    elif finding is not None and is_there:  # the catalogue has written it, from the manifest
        _tell(findings, finding, now)
    elif finding is not None:  # deleted by now
        findings.withdraw(recording_id)
    # Last: of what was interrupted before, ``assure`` finds out.
    ledger.settle(recording_id)
    return is_there


def _tell_of_foreign(here: Context, call_id: str, pbx: str) -> None:
    store, findings, now = here.archive, Findings(here.redis), here.clock()
    told = foreign.remarks(store, call_id)
    if store.exists(layout.manifest(call_id)):
        known = remarks_of(read_entry(store, call_id))
        for words in told:
            if words not in known:
                act = Act(kind=acts.FOREIGN_RECORDER, at=now, by=BY_ITSELF, words=words)
                acts.append(store, call_id, act, secrets.token_bytes(acts.RANDOM_BYTES))
        here.catalogue.add(read_entry(store, call_id))
    elif not store.exists(layout.deletion_proof(call_id)):
        if discard.was_discarded(store, call_id):
            told = (discard.words_of(store, call_id), *told)
        expected = Ledger(here.redis).get(call_id) or of_unreadable(call_id)
        each = msgspec.structs.replace(expected, pbx=pbx)
        _record(findings, call_id, each, of_remarks(told), now)
    finding = findings.get(call_id)
    if finding is not None:
        _tell(findings, finding, now)


def _record(
    findings: Findings,
    call_id: str,
    each: Expectation,
    found: Mapping[Kind, tuple[str, ...]],
    now: datetime,
) -> None:
    """Write down what is wrong with a call of which there is no recording."""
    before = findings.get(call_id)
    same = before is not None and before.kinds == tuple(found)
    finding = Finding(
        id=call_id,
        pbx=each.pbx,
        policy=each.policy,
        started_at=each.started_at,
        kinds=tuple(found),
        words=words_of(found.values()),
        found_at=before.found_at if before is not None and same else now,
        archived=False,
        seen=before.seen if before is not None and same else None,
    )
    if finding != before:
        findings.record(finding)
    _tell(findings, finding, now)


def _tell(findings: Findings, finding: Finding, now: datetime) -> None:
    """Log each thing that is wrong, once."""
    for kind in finding.kinds:
        if not findings.first_told(finding.id, kind, now):
            continue
        words = next((each for each in finding.words if each.startswith(f"{kind}:")), kind.value)
        expected_late = kind is Kind.LATE and findings.was_told(finding.id, Kind.MISSING)
        if kind in AS_WANTED or expected_late:
            log.info("finding", recording=finding.id, pbx=finding.pbx, what=words)
        else:
            about = ALARM_KINDS.get(kind, AlarmKind.RECORDING)
            raise_alarm(about, words, pbx=finding.pbx, recording=finding.id)


def _watched_again(findings: Findings, call_id: str) -> None:
    finding = findings.get(call_id)
    if finding is not None and finding.kinds == (Kind.UNWATCHED,):
        findings.withdraw(call_id)
        log.info("watched again", recording=call_id, pbx=finding.pbx)


def _reason(here: Context, call_id: str, each: Expectation) -> str:
    """Why a call that is over isn't archived, as far as it is known."""
    trouble = here.catalogue.trouble(call_id)
    if not each.pbx:
        return f"its hand-off can't be read{f': {trouble.words}' if trouble else ''}"
    if each.pbx not in here.config.pbx:
        return "it comes from a PBX that hushtape.toml doesn't name"
    from workers.runtime import queue  # here: runtime needs this module

    spool_queue = queue(handoff_names.spool_queue(each.pbx), here.redis)
    taken = here.redis.exists(handoff_names.taken_key(call_id))
    silent = "" if workers_on(spool_queue) else ", and no worker serves it"
    if trouble is not None:
        return f"waits in the spool{silent}, tried {trouble.tries} times: {trouble.words}"
    if taken:
        return f"waits in the spool{silent}, or its files are gone"
    position = spool_queue.get_job_position(handoff_names.archive_job_id(call_id))
    if silent:
        return f"waits in the outbox: no worker serves the spool of {each.pbx}"
    if position is not None:
        return f"waits in the outbox, and in the queue behind {position} others"
    return "waits in the outbox: no worker has taken it"


def _look_for_overdue_deletions(here: Context, now: datetime) -> None:
    """Count what should have been deleted an hour ago, and say so. A hold is no delay."""
    count = 0
    for recording_id in here.catalogue.looked_at_until(now + OVERDUE_LOOK, OVERDUE_LIMIT):
        found = here.catalogue.get(recording_id)
        if found is None or found.keep_until > now - OVERDUE_AFTER:
            continue
        try:
            ruling = rule(read_entry(here.archive, recording_id), now)
            count += ruling.verdict is Verdict.DELETE
        except HushtapeError:  # it can't be read, so it can't be deleted either
            count += 1
    here.redis.set(OVERDUE, count)
    if not count:
        here.redis.delete(OVERDUE_TOLD)
    elif here.redis.set(OVERDUE_TOLD, b"1", nx=True, ex=SAY_AGAIN_S):
        words = f"{count} recordings should have been deleted an hour ago"
        raise_alarm(AlarmKind.RETENTION, words)
