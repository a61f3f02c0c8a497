"""Takes a hand-off: nothing in it is believed before it was looked at."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from hushtape.config import Config
from hushtape.errors import Damaged, TooBig
from hushtape.ids import is_call_id
from hushtape.recordings.assurance import Kind
from hushtape.recordings.manifest import (
    BOTH,
    HANDOFF_LIMIT_BYTES,
    CallFacts,
    Handoff,
    StopSeen,
)
from workers import spool

SEGMENTS_MAX = 1000
TAGS_MAX = 100
TAG_LIMIT = 200  # characters
RECORDING_LIMIT = timedelta(hours=24)  # longer calls are a mistake of some clock
_ONE_FILE = f".{BOTH}.wav"  # with what the name of a file ends that holds both directions


def parse(text: str | bytes) -> Handoff:
    """Read a hand-off and see that it can be worked on safely.

    Raises:
        TooBig: it is over HANDOFF_LIMIT_BYTES.
        Damaged: it isn't a hand-off, or something in it can't be.
    """
    if not isinstance(text, str | bytes):
        raise Damaged("a hand-off is a JSON text")
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if len(data) > HANDOFF_LIMIT_BYTES:
        raise TooBig(f"a hand-off is at most {HANDOFF_LIMIT_BYTES} bytes, not {len(data)}")
    try:
        handoff = msgspec.json.decode(data, type=Handoff)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Damaged(f"a hand-off can't be read: {str(error)[:200]}") from None
    for what in _faults(handoff):
        raise Damaged(f"a hand-off can't be worked on: {what}")
    for segment in handoff.segments:
        spool.check_name(handoff.id, segment.outside_file)
        spool.check_name(handoff.id, segment.inside_file)
    return handoff


def mend(handoff: Handoff) -> tuple[Handoff, tuple[str, ...]]:
    """Straighten out what a clock that was set back has left behind: an end before a beginning.

    Returns:
        The hand-off in which nothing ends before it began, and a remark for each that did; one,
        too, for a hand-off that wasn't the bridge's.
    """
    remarks = [f"{Kind.ADOPTED}: {handoff.adopted}"] if handoff.adopted else []
    call = handoff.call
    if call.ended_at < call.started_at:
        remarks.append(f"clock: the call ended {_back(call)} s before it began")
        call = msgspec.structs.replace(call, ended_at=call.started_at)
    segments = []
    for segment in handoff.segments:
        if segment.ended_at and segment.ended_at < segment.started_at:
            remarks.append(f"clock: segment {segment.number} ended before it began")
            # Where the end was seen the file tells it. Where it wasn't, what came after the last
            # sign of the PBX isn't kept: all of it did.
            ended_at = segment.started_at if segment.stop is StopSeen.UNSEEN else None
            segment = msgspec.structs.replace(segment, ended_at=ended_at)
        segments.append(segment)
    spans = []
    for span in handoff.spans:
        if span.ended_at < span.started_at:
            remarks.append(f"clock: a stretch without sound ({span.kind}) ended before it began")
            span = msgspec.structs.replace(span, ended_at=span.started_at)
        spans.append(span)
    if not remarks:
        return handoff, ()
    mended = msgspec.structs.replace(
        handoff, call=call, segments=tuple(segments), spans=tuple(spans)
    )
    return mended, tuple(remarks)


def spool_of(config: Config, handoff: Handoff) -> Path:
    """The folder in which this recording's files are.

    Raises:
        Damaged: the hand-off names a PBX that the configuration doesn't have.
    """
    pbx = config.pbx.get(handoff.call.pbx)
    if pbx is None:
        raise Damaged(
            f"recording {handoff.id} comes from a PBX that hushtape.toml doesn't name:"
            f" expected one of {', '.join(sorted(config.pbx))}"
        )
    return pbx.spool_path


def file_names(handoff: Handoff) -> tuple[str, ...]:
    """All spool files of a recording."""
    return tuple(name for each in handoff.segments for _, name in each.files)


def _back(call: CallFacts) -> float:
    return round((call.started_at - call.ended_at).total_seconds(), 1)


def _faults(handoff: Handoff) -> Iterator[str]:
    if not is_call_id(handoff.id):
        yield "its id is not of the shape 20261121-171502-k3f9x2m7"
        return
    if handoff.version != 1:
        yield f"it is of version {handoff.version}, and this worker knows version 1"
    if len(handoff.segments) > SEGMENTS_MAX:
        yield f"it has more than {SEGMENTS_MAX} segments"
    if len(handoff.tags) > TAGS_MAX or any(len(each) > TAG_LIMIT for each in handoff.tags):
        yield f"it has more than {TAGS_MAX} tags, or one of more than {TAG_LIMIT} characters"
    if any(at.tzinfo is None for at in _times(handoff)):
        yield "a time in it has no time zone"
        return
    if handoff.keep.until <= handoff.call.started_at:
        yield "it is to be kept until before the call began"
    try:
        ZoneInfo(handoff.keep.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "its time zone is unknown"
    yield from _segment_faults(handoff)


def _segment_faults(handoff: Handoff) -> Iterator[str]:
    names = file_names(handoff)
    alone = [each.files[0][1] for each in handoff.segments if len(each.files) == 1]
    if len(set(names)) != len(names) or not all(each.endswith(_ONE_FILE) for each in alone):
        yield "a spool file appears in it twice"
    for segment in handoff.segments:
        if not (math.isfinite(segment.cut_s) and segment.cut_s >= 0):
            yield f"segment {segment.number}: cut_s is not a length of time"
        if abs(segment.started_at - handoff.segments[0].started_at) > RECORDING_LIMIT:
            yield f"segment {segment.number} is more than a day away from the first"


def _times(handoff: Handoff) -> Iterator[datetime]:
    yield from (handoff.call.started_at, handoff.call.ended_at, handoff.keep.until)
    if handoff.call.answered_at:
        yield handoff.call.answered_at
    for segment in handoff.segments:
        yield segment.started_at
        if segment.ended_at:
            yield segment.ended_at
    for span in handoff.spans:
        yield from (span.started_at, span.ended_at)
    yield from (happening.at for happening in handoff.story)
