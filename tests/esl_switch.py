"""A FreeSWITCH as its events show it: what lives there, and what it would say of that."""

from __future__ import annotations

from collections.abc import Mapping

_BARE = ("CHANNEL_STATE",)  # carries no variables
_ROW = {"initial_context": "Caller-Context", "initial_dest": "Caller-Destination-Number"}


class EslSwitch:
    """One FreeSWITCH."""

    def __init__(self) -> None:
        self.channels: dict[str, dict[str, str]] = {}
        self.variables: dict[str, dict[str, str]] = {}
        self.recorders: dict[str, set[str]] = {}

    def take(self, event: Mapping[str, str]) -> None:
        """Take in an event."""
        name, uuid = event.get("Event-Name", ""), event.get("Unique-ID", "")
        if name == "CHANNEL_CREATE":
            row = {key: event.get(header, "") for key, header in _ROW.items()}
            self.channels[uuid] = {"uuid": uuid, **row}
        if name in ("CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY"):
            for each in (self.channels, self.variables, self.recorders):
                each.pop(uuid, None)
        if uuid in self.channels:
            self._see(self.channels[uuid], event, name)
        a, b = event.get("Bridge-A-Unique-ID", ""), event.get("Bridge-B-Unique-ID", "")
        if name == "CHANNEL_BRIDGE":
            self._bridge(a, b)
            self._bridge(b, a)
        elif name == "CHANNEL_UNBRIDGE":
            for one, other in ((a, b), (b, a)):
                if self.channels.get(one, {}).get("variable_bridge_to") == other:
                    del self.channels[one]["variable_bridge_to"]
        elif event.get("Action") == "add-member" and uuid in self.channels:
            self.channels[uuid]["variable_conference_name"] = event.get("Conference-Name", "")
            self.channels[uuid]["variable_current_application"] = "conference"

    def _see(self, channel: dict[str, str], event: Mapping[str, str], name: str) -> None:
        bridged = channel.get("variable_bridge_to", "")
        if name not in _BARE:
            for variable in [each for each in channel if each.startswith("variable_")]:
                del channel[variable]
        own = ("Caller-", "Channel-", "Call-", "Other-", "variable_")
        channel |= {header: event[header] for header in event if header.startswith(own)}
        channel["Unique-ID"] = event.get("Unique-ID", "")
        channel["Answer-State"] = event.get("Answer-State", "")
        channel.pop("variable_bridge_to", None)
        if bridged:
            channel["variable_bridge_to"] = bridged

    def _bridge(self, one: str, other: str) -> None:
        if one in self.channels:
            self.channels[one]["variable_bridge_to"] = other

    def living(self) -> list[dict[str, str]]:
        """Say what lives, as a station hands it over."""
        return [
            {**channel, **self._variables(uuid)}
            for uuid, channel in self.channels.items()
            if channel.get("Unique-ID")
        ]

    def _variables(self, uuid: str) -> dict[str, str]:
        values = self.variables.get(uuid, {})
        return {f"variable_{name}": value for name, value in values.items() if value}
