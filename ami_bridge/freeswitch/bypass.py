"""Talks whose sound FreeSWITCH doesn't hear: nobody can record them there. Pure.

Run on 1.10.12: with bypass_media, bypass_media_after_bridge and ``uuid_media off`` the sound goes
past it. A recorder is answered ``+OK`` all the same, and nothing is ever written. What tells of it
is a variable of the channel, to whom its signals alone are bridged: it is there in CHANNEL_BRIDGE,
which each such talk has of its own, and gone when the sound is back. With proxy_media the sound is
passed on unread: a recorder wrote nothing, or two thirds on a channel that was answered by then.
"""

from __future__ import annotations

from collections.abc import Mapping

Event = Mapping[str, str]

GOES_PAST = (
    "the sound of a call doesn't pass through the PBX, and can't be recorded: no bypass_media,"
    " bypass_media_after_bridge or uuid_media off where calls are to be recorded"
)
UNREAD = (
    "a call that is to be recorded has proxy_media: the PBX passes its sound on unread, and a"
    " recording holds little of it or nothing. No proxy_media where calls are to be recorded"
)
_SIGNALS_ONLY = "variable_signal_bridge_to"
_PROXY = "variable_proxy_media"
_BEGINS = "CHANNEL_BRIDGE"
_LIVES = "CHANNEL_DATA"  # what ``uuid_dump`` calls itself
_ENDS = ("CHANNEL_UNBRIDGE", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY")


class Bypass:
    """The channels of one PBX that it doesn't hear, by uuid."""

    def __init__(self) -> None:
        self._past: dict[str, str] = {}  # uuid -> the other one of the talk
        self._unread: dict[str, str] = {}  # the same

    def take(self, event: Event) -> tuple[str, ...]:
        """Take in an event, or what is said of a channel; name those who are unheard from now."""
        uuid, name = event.get("Unique-ID", ""), event.get("Event-Name", "")
        other = event.get(_SIGNALS_ONLY, "")
        if name in _ENDS or (name == _BEGINS and not other):
            for talks in (self._past, self._unread):
                talks.pop(talks.pop(uuid, ""), None)
        if name not in (_BEGINS, _LIVES) or not uuid:
            return ()
        if other:
            self._past |= {uuid: other, other: uuid}
            return uuid, other
        if name == _BEGINS and event.get(_PROXY) == "true":
            both = (event.get("Bridge-A-Unique-ID", ""), event.get("Bridge-B-Unique-ID", ""))
            self._unread |= dict(zip(both, reversed(both), strict=True))
            return both
        return ()

    def why(self, uuid: str) -> str:
        """Say why a channel can't be heard; "": it can."""
        if uuid in self._past:
            return GOES_PAST
        return UNREAD if uuid in self._unread else ""
