"""A recorded session of any PBX, played under policies: what would be recorded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ami_bridge.rehearsal.rehearsal import Rehearsal, Rehearsed
from ami_bridge.session import Happened, Item, LinkDown, LinkUp, Living, TraceEnds
from ami_bridge.told import Told
from hushtape.policy.schema import Policy


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a session.

    Args:
        ended_at: its last moment; None if nothing happened in it.
        notes: what a person should know of it.
    """

    calls: tuple[Rehearsed, ...]
    ended_at: datetime | None
    notes: tuple[str, ...] = ()


class Translates(Protocol):
    """The translator of a kind of PBX."""

    def translate(self, event: Any, at: datetime) -> Iterable[Told]:
        """Turn an event into facts."""

    def resync(self, living: Any, at: datetime, since: datetime) -> Iterable[Told]:
        """Take in what lives on the PBX."""


def play_items(
    items: Iterable[Item],
    translator: Translates,
    policies: Sequence[Policy],
    start_takes_s: float,
    stop_takes_s: float,
) -> Replayed:
    """Play what a PBX said.

    Args:
        start_takes_s: until a recorder that is asked for records.
        stop_takes_s: the same, for its end.
    """
    player = _Player(translator, Rehearsal(policies, "pbx", start_takes_s, stop_takes_s))
    for item in items:
        player.take(item)
    return player.end()


class _Player:
    def __init__(self, translator: Translates, rehearsal: Rehearsal) -> None:
        self._translator = translator
        self._rehearsal = rehearsal
        self._last: datetime | None = None
        self._unseen_since: datetime | None = None
        self._notes: list[str] = []

    def take(self, item: Item) -> None:
        self._last = max(self._last or item.at, item.at)
        match item:
            case Happened(at=at, event=event):
                for told in self._translator.translate(event, at):
                    self._rehearsal.tell(told.channel, told.fact)
            case LinkDown(at=at):
                self._unseen_since = self._unseen_since or at
                self._rehearsal.lose_link()
            case Living(at=at, channels=channels):
                self._resync(at, channels)
            case TraceEnds():
                self._notes.append("the trace was full: what came later isn't in it")
            case LinkUp():
                pass  # what lives is told next

    def _resync(self, at: datetime, channels: Sequence[Mapping[str, str]]) -> None:
        since, self._unseen_since = self._unseen_since or at, None
        self._rehearsal.linked = True
        for told in self._translator.resync(channels, at, since):
            self._rehearsal.tell(told.channel, told.fact)
        self._rehearsal.come_back(at, adopted=False)

    def end(self) -> Replayed:
        if self._last is None:
            return Replayed((), None, ("nothing happened in it",))
        return Replayed(tuple(self._rehearsal.finish(self._last)), self._last, tuple(self._notes))
