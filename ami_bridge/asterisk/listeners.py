"""Who records or listens in beside MixMonitor, as far as an Asterisk tells of it. Pure.

None of them is ours to stop, so while one is there nobody can say that nothing records: who spies
(``ChanSpy``) may record, too. Of what a channel records itself (``Record``, ARI's recordings)
Asterisk tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from ami_bridge.facts import Channel

_MACHINES = ("CBRec/", "Recorder/", "Snoop/")
_SNOOP = "Snoop/"  # and the uniqueid of whom it hears, and a number of its own
EVENTS = (
    *("MonitorStart", "MonitorStop"),
    *("ChanSpyStart", "ChanSpyStop"),
    *("ConfbridgeRecord", "ConfbridgeStopRecord", "ConfbridgeEnd"),
)


def begins_to_hear(
    event: Mapping[str, str], members: Callable[[str], Sequence[str]]
) -> Sequence[str]:
    """Name whom somebody hears from this event on, by uniqueids.

    Args:
        members: names those in a bridge.
    """
    channel, bridge = event.get("Channel", ""), event.get("BridgeUniqueid", "")
    match event.get("Event"):
        case "MonitorStart":
            return [event.get("Uniqueid", "")]
        case "ChanSpyStart":
            return [event.get("SpyeeUniqueid", "")]
        case "Newchannel" if channel.startswith(_SNOOP):
            return [channel.removeprefix(_SNOOP).rpartition("-")[0]]
        case "BridgeEnter" if channel.startswith(_MACHINES):
            return members(bridge)
        case "ConfbridgeRecord":
            return members(bridge)
    return []


class Listeners:
    """Those of one PBX.

    Args:
        channels: every channel that is known, by uniqueid; the translator's own.
    """

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels
        self._monitored: set[str] = set()  # uniqueids
        self._spied_on: dict[str, str] = {}  # a spying channel's uniqueid -> whom it hears
        self._recorded: set[str] = set()  # bridges of conferences

    def said(self, event: Mapping[str, str]) -> None:
        """Take in one of EVENTS."""
        channel, bridge = event.get("Uniqueid", ""), event.get("BridgeUniqueid", "")
        match event.get("Event"):
            case "MonitorStart" if channel in self._channels:
                self._monitored.add(channel)
            case "MonitorStop":
                self._monitored.discard(channel)
            case "ChanSpyStart" if event.get("SpyeeUniqueid") in self._channels:
                self._spied_on[event.get("SpyerUniqueid", "")] = event["SpyeeUniqueid"]
            case "ChanSpyStop":
                self._spied_on.pop(event.get("SpyerUniqueid", ""), None)
            case "ConfbridgeRecord":
                self._recorded.add(bridge)
            case "ConfbridgeStopRecord" | "ConfbridgeEnd":
                self._recorded.discard(bridge)

    def forget(self, uniqueid: str) -> None:
        """Forget a channel that is gone."""
        self._monitored.discard(uniqueid)
        self._spied_on = {
            spyer: spyee
            for spyer, spyee in self._spied_on.items()
            if uniqueid not in (spyer, spyee)
        }

    def on(self, channels: Collection[Channel], bridges: Iterable[str]) -> bool:
        """Tell whether one of them hears somebody of these channels, who are in these bridges."""
        named = {each.uniqueid for each in channels}
        snooped = tuple(f"{_SNOOP}{each}-" for each in named)
        return (
            bool(named & self._monitored or self._recorded & set(bridges))
            or not named.isdisjoint(self._spied_on.values())
            or any(each.name.startswith(_MACHINES) for each in channels)
            or any(each.name.startswith(snooped) for each in self._channels.values())
        )
