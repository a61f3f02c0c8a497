"""What one PBX of any kind said, item by item, as a player takes it. Pure.

asterisk/session.py and freeswitch/session.py read the items from a file that ``hushtape bridge
--trace`` has made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ami_bridge.clock import PbxClock, believable
from hushtape.errors import Damaged

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Item:
    """Something that a session says; ``at`` is the PBX's time, aware UTC."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Happened(Item):
    """An event."""

    event: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LinkUp(Item):
    """The link is there. ``Living`` follows before any event counts."""


@dataclass(frozen=True, slots=True)
class Living(Item):
    """What lived when the bridge asked, after its login.

    Args:
        channels: what was said of each.
    """

    channels: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class LinkDown(Item):
    """The link is lost; ``at`` is when the PBX was last heard."""


@dataclass(frozen=True, slots=True)
class TraceEnds(Item):
    """The file was full: what came later isn't in it."""


class BaseReader:
    """What readers of every kind of session have in common: the trace's marks, and the time."""

    def __init__(self) -> None:
        self._received: datetime | None = None  # what the trace says of the frames that follow
        self._clock = PbxClock()
        self._now: datetime | None = None
        self._asked = False  # the bridge asks what lives: what comes before the answer is in it

    def _mark(self, received: str, link: str) -> Item | None:
        """Take in a mark of the trace.

        Args:
            received: when the frames that follow came, in Unix time.
            link: what became of the link, if anything did.

        Raises:
            Damaged: it holds no time.
        """
        try:
            self._received = datetime.fromtimestamp(float(received), UTC)
        except (ValueError, OverflowError, OSError):
            raise Damaged("a mark of the trace holds no time: expected Unix time") from None
        at = self._clock.pbx_time(self._received)
        match link:
            case "up":
                self._asked = True
                return LinkUp(at)
            case "down":
                self._asked = False
                return LinkDown(self._now or at)
            case "trace ends":
                return TraceEnds(at)
        return None

    def _time_of(self, sent: datetime | None) -> datetime:
        """Tell when something happened, as a station does.

        Args:
            sent: what the PBX says of it.
        """
        received = self._received
        if sent is not None and received is not None and believable(sent, received):
            self._clock.note(sent, received)
        elif sent is None or received is not None:
            sent = self._clock.pbx_time(received) if received is not None else None
        self._now = sent or self._now or LONG_AGO
        return self._now
