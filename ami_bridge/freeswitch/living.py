"""What lives on a FreeSWITCH, as ``show channels`` and ``uuid_dump`` say. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ami_bridge.freeswitch.bridges import pair
from ami_bridge.freeswitch.esl import CURRENT_DATA
from ami_bridge.freeswitch.queues import name_of
from ami_bridge.places import place
from hushtape.config import Pbx

Living = Mapping[str, str]

THREE_WAY = "three_way"  # the application
_WAITS_IN_FIFO = "WAITING"
_IN_QUEUES = ("callcenter", "fifo", "playback")  # what a channel does while it waits


def uuid_of(living: Living) -> str:
    """Name a channel."""
    return living.get("Unique-ID") or living.get("uuid", "")


def hangs_up(living: Living) -> bool:
    """Tell whether a channel is about to go."""
    return living.get("Answer-State") == "hangup"


def holds(living: Living) -> bool:
    """Tell whether a telephone has put the others on hold."""
    return living.get("Channel-Call-State") == "HELD"


def joins(living: Living) -> bool:
    """Tell whether somebody speaks on another's channel, as a third."""
    return living.get("variable_current_application") == THREE_WAY


def speaks_on(living: Living) -> str:
    """Name that channel, by a uuid; "": it isn't said."""
    return living.get(CURRENT_DATA, "")


def bridges(living: Sequence[Living]) -> dict[str, tuple[str, bool]]:
    """Say in which bridge each channel is, by uuid, and whether both of it say so.

    Where they don't, the other one is in another bridge for a while and comes back.
    """
    partners = {uuid_of(each): each.get("variable_bridge_to", "") for each in living}
    found = {}
    for each in living:
        uuid = uuid_of(each)
        conference = each.get("variable_conference_name", "")
        if each.get("variable_current_application") == "conference" and conference:
            found[uuid] = (conference_bridge(conference), True)
        elif partners[uuid]:
            mutual = partners.get(partners[uuid]) == uuid
            found[uuid] = (pair(uuid, partners[uuid]), mutual)
    return found


def conference_bridge(name: str) -> str:
    """Name a conference's bridge."""
    return f"conference:{name}"


def waits(living: Living) -> bool:
    """Tell whether a channel waits in a queue."""
    if living.get("variable_bridge_to"):
        return False
    if living.get("variable_fifo_status") == _WAITS_IN_FIFO:
        return True
    if living.get("variable_cc_side") != "member":
        return False
    joined = _epoch(living, "joined")
    over = max(_epoch(living, "answered"), _epoch(living, "canceled"))
    in_queue = living.get("variable_current_application") == "callcenter"
    return joined > over or (in_queue and joined == over)


def left_queue(living: Living) -> bool:
    """Tell whether a channel surely waits in no queue."""
    if living.get("variable_bridge_to"):
        return True
    return living.get("variable_current_application") not in _IN_QUEUES


def waits_in(living: Living, pbx: Pbx) -> str:
    """Name the queue in which a channel waits; ``""``: in none, or it doesn't say."""
    if not waits(living):
        return ""
    if living.get("variable_fifo_status") == _WAITS_IN_FIFO:
        # What it has dialled may tell.
        return place(pbx, living.get("Caller-Destination-Number", "")).queue
    return name_of(living.get("variable_cc_queue", ""))


def talks_in(living: Living, pbx: Pbx) -> str:
    """Name the queue through which a channel came to its talk, if it has it still; else ``""``."""
    other = living.get("variable_bridge_to", "")
    if other and living.get("variable_cc_agent_uuid") == other:
        return name_of(living.get("variable_cc_queue", ""))
    if other and living.get("variable_fifo_target") == other:
        return place(pbx, living.get("Caller-Destination-Number", "")).queue
    return ""


def _epoch(living: Living, what: str) -> int:
    text = living.get(f"variable_cc_queue_{what}_epoch", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
