"""A recorded session, played under policies: what would be recorded of each of its calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ami_bridge.asterisk.protocol import Frame
from ami_bridge.asterisk.session import (
    Happened,
    Item,
    LinkDown,
    LinkUp,
    Living,
    Reader,
    TraceEnds,
    frames,
)
from ami_bridge.asterisk.translate import Translator
from ami_bridge.rehearsal.rehearsal import Rehearsal, Rehearsed
from hushtape.config import Pbx
from hushtape.errors import ConfigError, TooBig
from hushtape.policy.schema import Policy

SESSION_LIMIT_BYTES = 1_000_000_000
# As quick as an Asterisk beside it.
START_TAKES_S = 0.010
STOP_TAKES_S = 0.005


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


def play(path: Path, pbx: Pbx, policies: Sequence[Policy]) -> Replayed:
    """Play a file.

    Args:
        pbx: the one that said it, as the configuration has it.

    Raises:
        ConfigError: it can't be read.
        TooBig: it is over the limit.
        Damaged: it is no session of an Asterisk.
    """
    try:
        with path.open("rb") as stream:
            if path.stat().st_size > SESSION_LIMIT_BYTES:
                raise TooBig(f"{path} is larger than {SESSION_LIMIT_BYTES} bytes")
            return play_frames(frames(stream, str(path)), pbx, policies)
    except OSError as error:
        raise ConfigError(str(path), f"can't be read: {error.strerror}") from None


def play_frames(session: Iterable[Frame], pbx: Pbx, policies: Sequence[Policy]) -> Replayed:
    """Play what a PBX said."""
    player = _Player(pbx, policies)
    reader = Reader()
    for frame in session:
        item = reader.take(frame)
        if item is not None:
            player.take(item)
    return player.end()


class _Player:
    def __init__(self, pbx: Pbx, policies: Sequence[Policy]) -> None:
        self._translator = Translator(pbx)
        self._rehearsal = Rehearsal(policies, "pbx", START_TAKES_S, STOP_TAKES_S)
        self._last: datetime | None = None
        self._unseen_since: datetime | None = None
        self._notes: list[str] = []

    def take(self, item: Item) -> None:
        self._last = max(self._last or item.at, item.at)
        match item:
            case Happened(at=at, frame=frame):
                for told in self._translator.translate(frame, at):
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

    def _resync(self, at: datetime, channels: Sequence[Frame]) -> None:
        since, self._unseen_since = self._unseen_since or at, None
        self._rehearsal.linked = True
        for told in self._translator.resync(channels, at, since):
            self._rehearsal.tell(told.channel, told.fact)
        self._rehearsal.come_back(at, adopted=False)

    def end(self) -> Replayed:
        if self._last is None:
            return Replayed((), None, ("nothing happened in it",))
        return Replayed(tuple(self._rehearsal.finish(self._last)), self._last, tuple(self._notes))
