"""Where our recorders are, as a FreeSWITCH tells it. Pure.

A recorder is known by the path of its file. FreeSWITCH may move it to another channel: with the
variables recording_follow_transfer, recording_follow_attxfer and flip_record_on_hold, and always
when a loopback channel steps out of a call. Run on 1.10.12: it then goes on into the same file
there, ``stop`` and ``mask`` by path are refused everywhere, and only ``stop all`` on the new
channel ends it. What tells of it is MEDIA_BUG_START on the new channel; no RECORD_START comes.

RECORD_STOP is sent when the file is closed, whoever has stopped it and wherever it was by then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from ami_bridge.facts import Channel
from ami_bridge.freeswitch.commands import RECORDER

NOT_WRITTEN = "uri-failure"  # run: on a full disk, and told only when the recorder ends
OVER_KEPT_S = 60.0  # a stop that finds nothing may come as late, and is answered by this
STRANGERS_KEPT_S = 10.0  # between the two events of one start lie milliseconds


@dataclass(slots=True)
class Known:
    """A recorder of ours.

    Args:
        channel: on which it was started.
        on: the uuid of the channel where it is now.
        began_at: what the PBX says.
        moved_at: since when it isn't where it was started.
        ended_at: when its file was closed.
        given_up: it was shown not to be there, or refused: should it begin now, it is too late.
        stopping: somebody here has asked for its end.
        told: that it isn't the call's any more.
    """

    path: str
    channel: Channel
    segment: int
    on: str
    began_at: datetime | None = None
    moved_at: datetime | None = None
    ended_at: datetime | None = None
    given_up: bool = False
    stopping: bool = False
    told: bool = False


@dataclass(frozen=True, slots=True)
class Stray:
    """A recorder of ours that is where, or when, it must not be: it is to be ended."""

    known: Known
    moved: bool  # else it has begun too late


@dataclass(frozen=True, slots=True)
class Ended:
    """A recorder of ours ended, and not because its channel did."""

    known: Known


@dataclass(frozen=True, slots=True)
class Cut(Ended):
    """The same, and its file couldn't be written to the end."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A recorder that isn't ours, on the channel that the event names."""


class Recorders:
    """The recorders that were asked for.

    Args:
        clock_s: a monotonic clock, seconds.
    """

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._known: dict[str, Known] = {}  # by path
        self._paths: dict[tuple[str, int], str] = {}  # (uuid of the channel, segment)
        self._over: deque[tuple[float, Known]] = deque()
        self._strangers: dict[tuple[str, str], float] = {}  # (uuid, path) -> seen

    def asked(self, path: str, channel: Channel, segment: int) -> None:
        """Expect a recorder, before it is asked for."""
        self._forget()
        self._known[path] = Known(path, channel, segment, channel.name)
        self._paths[channel.uniqueid, segment] = path

    def get(self, path: str) -> Known | None:
        """What is known of a recorder."""
        return self._known.get(path)

    def of(self, uuid: str, segment: int) -> Known | None:
        """The recorder of a segment that was started on this channel."""
        return self._known.get(self._paths.get((uuid, segment), ""))

    def runs_on(self, uuid: str) -> bool:
        """Tell whether one is on this channel now."""
        known = (each for each in self._known.values() if each.on == uuid)
        return any(each.ended_at is None and not each.given_up for each in known)

    def stopping(self, path: str) -> None:
        """Note that somebody here asks for a recorder's end."""
        known = self._known.get(path)
        if known is not None:
            known.stopping = True

    def moved_from(self, uniqueid: str) -> list[Known]:
        """Those that were started on a channel, and are elsewhere now."""
        return [
            known
            for known in self._known.values()
            if known.channel.uniqueid == uniqueid and known.moved_at is not None
        ]

    def found(self, path: str, uuid: str, since: datetime) -> Stray | None:
        """Take in that a file is written on this channel; until ``since`` every move was told."""
        known = self._known.get(path)
        if known is None or uuid == known.on:
            return None
        return self._move(known, uuid, since)

    def give_up(self, path: str) -> None:
        """Note that a recorder isn't there, and should not come any more."""
        known = self._known.get(path)
        if known is not None and not known.given_up:
            known.given_up = True
            self._over.append((self._clock_s(), known))

    def only_on(self, uuids: Collection[str]) -> None:
        """Give up every recorder whose channel went while nobody listened."""
        for path, known in list(self._known.items()):
            if known.on not in uuids:
                self.give_up(path)

    def hear(self, event: Mapping[str, str], at: datetime) -> Stray | Stranger | Ended | None:
        """Take in an event that tells of a recorder; others say nothing."""
        uuid = event.get("Unique-ID", "")
        match event.get("Event-Name"):
            case "RECORD_STOP":
                known = self._known.get(event.get("Record-File-Path", ""))
                if known is not None and known.ended_at is None:
                    known.ended_at = at
                    self._over.append((self._clock_s(), known))
                    if event.get("Record-Completion-Cause") == NOT_WRITTEN:
                        return Cut(known)
                    return None if event.get("Answer-State") == "hangup" else Ended(known)
            case "RECORD_START":
                return self._started(event.get("Record-File-Path", ""), uuid, at, is_bug=False)
            case "MEDIA_BUG_START" if event.get("Media-Bug-Function") == RECORDER:
                return self._started(event.get("Media-Bug-Target", ""), uuid, at, is_bug=True)
        return None

    def _started(
        self, path: str, uuid: str, at: datetime, *, is_bug: bool
    ) -> Stray | Stranger | None:
        known = self._known.get(path)
        if known is None:
            return self._strange(path, uuid, is_bug=is_bug)
        known.began_at = known.began_at or at
        if uuid != known.on:
            return self._move(known, uuid, at)
        return Stray(known, moved=False) if known.given_up else None

    def _move(self, known: Known, uuid: str, at: datetime) -> Stray:
        known.on, known.moved_at = uuid, known.moved_at or at
        return Stray(known, moved=True)

    def _strange(self, path: str, uuid: str, *, is_bug: bool) -> Stranger | None:
        """Tell once of a start, which has two events; of one that moved here only the second."""
        self._forget()
        if not is_bug:
            self._strangers[uuid, path] = self._clock_s()
        elif self._strangers.pop((uuid, path), None) is not None:
            return None
        return Stranger()

    def _forget(self) -> None:
        now_s = self._clock_s()
        while self._over and self._over[0][0] < now_s - OVER_KEPT_S:
            known = self._over.popleft()[1]
            if self._known.get(known.path) is known:
                del self._known[known.path]
                self._paths.pop((known.channel.uniqueid, known.segment), None)
        for key, seen_s in list(self._strangers.items()):  # in the order in which they were seen
            if seen_s >= now_s - STRANGERS_KEPT_S:
                break
            del self._strangers[key]
