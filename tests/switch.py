"""A PBX as its events show it: what lives there, and what ``Status`` would say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from ami_bridge.asterisk.protocol import Frame
from ami_bridge.variables import VARIABLES

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Switch:
    """One PBX."""

    def __init__(self) -> None:
        self.channels: dict[str, dict[str, str]] = {}
        self.variables: dict[str, dict[str, str]] = {}
        self.recorders: dict[str, set[str]] = {}

    def take(self, event: Mapping[str, str]) -> None:
        """Take in an event."""
        name = event.get("Event", "")
        for header in event:
            if header.endswith("Uniqueid") and not header.endswith("BridgeUniqueid"):
                self._see(event, header.removesuffix("Uniqueid"), new=name == "Newchannel")
        uniqueid = event.get("Uniqueid", "")
        if name == "DialBegin":
            uniqueid = event.get("DestUniqueid", "")
        if name == "Hangup":
            for each in (self.channels, self.variables, self.recorders):
                each.pop(uniqueid, None)
        elif uniqueid in self.channels:
            self.channels[uniqueid] |= _changes(name, event)

    def _see(self, event: Mapping[str, str], prefix: str, *, new: bool) -> None:
        uniqueid = event[f"{prefix}Uniqueid"]
        channel = self.channels.get(uniqueid)
        if channel is None:
            if not new:
                return
            channel = self.channels[uniqueid] = {"Uniqueid": uniqueid}
        before = channel.get("Exten")
        for header in ("Channel", "Context", "Exten", "CallerIDNum", "CallerIDName", "Linkedid"):
            channel[header] = event.get(f"{prefix}{header}", channel.get(header, ""))
        if before != channel["Exten"] and channel.get("Application") == "Queue":
            channel |= {"Application": "", "Data": ""}

    def status(self) -> list[Frame]:
        """Answer ``Status``, for the variables that the bridge asks for."""
        return [
            Frame((("Event", "Status"), *channel.items(), *self._variables(uniqueid)), EPOCH)
            for uniqueid, channel in self.channels.items()
        ]

    def _variables(self, uniqueid: str) -> Iterator[tuple[str, str]]:
        values = self.variables.get(uniqueid, {})
        for name in VARIABLES:
            yield "Variable", f"{name}={values.get(name, '(null)')}"


def _changes(name: str, event: Mapping[str, str]) -> dict[str, str]:
    """What ``Status`` says anew of a channel after an event of its own."""
    match name:
        case "Newchannel":
            return {"DNID": event.get("Exten", "")}
        case "Rename":
            return {"Channel": event.get("Newname", "")}
        case "QueueCallerJoin":
            return {"Application": "Queue", "Data": f"{event.get('Queue', '')},t"}
        case "QueueCallerAbandon" | "AgentComplete":
            return {"Application": "", "Data": ""}
        case "DialBegin":
            return {"Application": "AppDial", "Data": "(Outgoing Line)"}
        case "BridgeEnter":
            return {"BridgeID": event.get("BridgeUniqueid", "")}
        case "BridgeLeave":
            return {"BridgeID": ""}
        case _:
            return {}
