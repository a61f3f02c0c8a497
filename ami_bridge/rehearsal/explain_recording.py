"""Why a recording of the archive is as it is, and what its policy would say of it today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ami_bridge.rehearsal.explain import because
from hushtape.config import Config
from hushtape.errors import ConfigError, RecordingError
from hushtape.ids import is_call_id
from hushtape.policy import decide
from hushtape.policy.decide import Beside, Place
from hushtape.policy.schema import OnTransfer, Policy
from hushtape.policy.trying.places import of_destination
from hushtape.policy.trying.timeline import seconds
from hushtape.recordings import layout
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.entry import read_entry
from hushtape.recordings.manifest import Leg, Manifest, SpanKind
from hushtape.recordings.retention import Entry, rule

_DESTINATION = "destination: "
_TRANSFER = " transfer"
_SPANS = {
    SpanKind.PAYMENT: "payment: silence",
    SpanKind.NOT_RECORDED: "not recorded",
    SpanKind.CONSULTATION: "consultation",
}


def explain(
    config: Config, policies: Sequence[Policy], recording_id: str, now: datetime
) -> list[str]:
    """Tell a recording's story by its reasons; nobody is named.

    Args:
        policies: every version of every policy, as they are now.
        now: aware.

    Raises:
        ConfigError: that is no recording's id.
        RecordingError: there is none of this id, or it can't be read.
        Unreachable: the archive isn't there.
    """
    if not is_call_id(recording_id):
        raise ConfigError("ID", "expected the shape 20261121-171502-k3f9x2m7")
    archive = LocalArchive(config.archive_path)
    archive.check()
    proofs = (layout.discard_proof(recording_id), layout.deletion_proof(recording_id))
    if any(archive.exists(each) for each in proofs):
        raise RecordingError(
            f"{recording_id} is gone: see `hushtape recordings show {recording_id}` for the proof"
        )
    entry = read_entry(archive, recording_id)
    return [*_story(entry, now), *_today(entry.manifest, policies, now)]


def _story(entry: Entry, now: datetime) -> Iterator[str]:
    manifest = entry.manifest
    call, reason = manifest.call, manifest.keep.reason
    zone = _zone(manifest.keep.time_zone)
    queues = f", queue {', '.join(call.queues)}" if call.queues else ""
    yield (
        f"{manifest.id}: an {call.direction} call{queues}, on"
        f" {call.started_at.astimezone(zone):%A %-d %B %Y at %H:%M}"
    )
    yield f"policy {reason.policy}, the version of {reason.version}"
    yield ""
    for each in manifest.story:
        at_s = (each.at - call.started_at).total_seconds()
        yield f"{seconds(at_s):>8} s  {each.what}"
        if each.reason is not None:
            yield f"{'':12}{because(each.reason)}"
    yield ""
    for segment in manifest.segments:
        start_s = (segment.started_at - call.started_at).total_seconds()
        beside = " (consultation)" if segment.leg is Leg.CONSULTATION else ""
        yield f"recorded {_span(start_s, start_s + segment.duration_s)}{beside}"
    for span in manifest.spans:
        start_s, end_s = (
            (at - call.started_at).total_seconds() for at in (span.started_at, span.ended_at)
        )
        yield f"{_SPANS[span.kind]} {_span(start_s, end_s)}: {because(span.reason)}"
    if manifest.tags:
        yield f"tags: {', '.join(manifest.tags)}"
    yield because(reason)
    yield rule(entry, now).why


def _today(manifest: Manifest, policies: Sequence[Policy], now: datetime) -> Iterator[str]:
    """What the version that is in force now says otherwise."""
    then = manifest.keep.reason
    all_current = decide.in_force(policies, now)
    current = next((each for each in all_current if each.name == then.policy), None)
    yield ""
    if current is None:
        yield f"Today no policy {then.policy} is in force: such a call would not be recorded by it."
        return
    if current.version == then.version:
        yield f"Today the same version of {then.policy} is in force."
        return
    differs = list(_differences(manifest, decide.beside(current, all_current)))
    if not differs:
        yield f"Today the version of {current.version} is in force: it says the same of this call."
        return
    yield f"Today the version of {current.version} is in force. For such a call it says:"
    yield from (f"  {line}" for line in differs)
    yield "  (This recording stays under the version of its day.)"


def _differences(manifest: Manifest, current: Beside) -> Iterator[str]:
    call = manifest.call
    if call.direction not in current.calls.directions:
        yield f"{call.direction} calls are not recorded [calls.directions]"
    if current.calls.queues:
        for queue in dict.fromkeys(call.queues):
            if queue not in current.calls.queues and decide.on_return(current, queue).outcome is (
                OnTransfer.STOP
            ):
                yield because(decide.on_return(current, queue).reason)
    yield from _transfers(manifest, current)
    keep = decide.keep(current, call.started_at, call.queues, manifest.tags)
    if keep.until != manifest.keep.until:
        yield because(keep.reason)


def _transfers(manifest: Manifest, current: Beside) -> Iterator[str]:
    for each in manifest.story:
        reason = each.reason
        if reason is None or not reason.rule.startswith(_DESTINATION):
            continue
        if not each.what.endswith(_TRANSFER):
            continue
        name = reason.rule.removeprefix(_DESTINATION)
        owners = [each for each in (current, *current.others) if each.name == reason.policy]
        place = _place(owners[0], name) if owners else None
        if place is None:
            own = reason.policy == current.name
            its = f"it has no destination {name}"
            yield its if own else f"policy {reason.policy} names no payment line {name}"
            continue
        ruling = decide.on_transfer(current, place, each.what.removesuffix(_TRANSFER))
        if ruling.reason.words != reason.words:
            yield because(ruling.reason)


def _place(policy: Policy, destination: str) -> Place | None:
    for each in policy.destination:
        if each.name == destination:
            return of_destination(each)
    return None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _span(start_s: float, end_s: float) -> str:
    return f"{seconds(start_s)}-{seconds(end_s)} s"
