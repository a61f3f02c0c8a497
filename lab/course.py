"""What truly became of a call: who could hear the caller when, out of the PBX's own events.

Told by the lab's all-seeing account and by nothing of Hushtape's. Whoever is in a bridge with the
caller hears him and is heard. (Behind a Local channel, too; but while Asterisk is about to take it
out, for half a second after an attended transfer, packets are lost on the way.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lab.eyes import Event

PHONE = "PJSIP/"


@dataclass(frozen=True)
class Talk:
    """Somebody and the caller could hear each other (epoch, s)."""

    endpoint: str
    start_s: float
    end_s: float


@dataclass
class Course:
    """One call, from its first queue to its end; a time is None while it hasn't come."""

    uniqueid: str
    entered_s: float | None = None
    answered_s: float | None = None
    gone_s: float | None = None
    talks: list[Talk] = field(default_factory=list)

    def over_s(self) -> float:
        """When the caller hung up.

        Raises:
            ValueError: he hasn't.
        """
        if self.gone_s is None:
            raise ValueError(f"call {self.uniqueid} is not over")
        return self.gone_s


def course_of(events: Iterable[Event], uniqueid: str) -> Course:
    """Follow one caller through the events of a PBX, oldest first."""
    course = Course(uniqueid)
    mesh = _Mesh()
    since: dict[str, float] = {}
    for event in events:
        _milestone(course, event)
        if not mesh.take(event):
            continue
        heard = mesh.heard_with(uniqueid)
        for endpoint in [each for each in since if each not in heard]:
            course.talks.append(Talk(endpoint, since.pop(endpoint), event.at_s))
        for endpoint in heard:
            since.setdefault(endpoint, event.at_s)
        if course.gone_s is not None:
            break
    course.talks.sort(key=lambda talk: talk.start_s)
    return course


def _milestone(course: Course, event: Event) -> None:
    if event.get("Uniqueid") != course.uniqueid:
        return
    match event.name:
        case "QueueCallerJoin":
            course.entered_s = course.entered_s or event.at_s
        case "AgentConnect":
            course.answered_s = course.answered_s or event.at_s
        case "Hangup":
            course.gone_s = event.at_s


class _Mesh:
    """Who is in which bridge now."""

    def __init__(self) -> None:
        self._bridges: dict[str, dict[str, str]] = {}  # its id: channels' uniqueids and names

    def take(self, event: Event) -> bool:
        """Take in an event; tell whether anybody entered or left a bridge."""
        channel, name = event.get("Uniqueid"), event.get("Channel")
        match event.name:
            case "BridgeEnter":
                self._bridges.setdefault(event.get("BridgeUniqueid"), {})[channel] = name
            case "BridgeLeave":
                self._bridges.get(event.get("BridgeUniqueid"), {}).pop(channel, None)
            case "BridgeDestroy":
                self._bridges.pop(event.get("BridgeUniqueid"), None)
            case "Hangup":
                for members in self._bridges.values():
                    members.pop(channel, None)
            case _:
                return False
        return True

    def heard_with(self, uniqueid: str) -> set[str]:
        """The endpoints of the phones that are in a bridge with this channel."""
        return {
            endpoint_of(name)
            for members in self._bridges.values()
            if uniqueid in members
            for channel, name in members.items()
            if channel != uniqueid and name.startswith(PHONE)
        }


def endpoint_of(channel: str) -> str:
    """PJSIP/211-0000001f: 211."""
    return channel.removeprefix(PHONE).rpartition("-")[0]
