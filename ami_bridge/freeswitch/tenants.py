"""Queues of several tenants that have one name: to a policy they are one. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ami_bridge.freeswitch.queues import name_of

Event = Mapping[str, str]

MOST_QUEUES = 1000  # a dialplan may make up fifos without end


class Tenants:
    """Remembers in which domain each queue was seen first."""

    def __init__(self) -> None:
        self._domains: dict[str, str] = {}

    def mixed(self, event: Event) -> str:
        """Name the queue that an event is about, if there is one of its name in another domain."""
        whole = event.get("CC-Queue") or event.get("FIFO-Name", "")
        queue, domain = name_of(whole), whole.partition("@")[2]
        if not domain or (len(self._domains) >= MOST_QUEUES and queue not in self._domains):
            return ""
        return queue if self._domains.setdefault(queue, domain) != domain else ""
