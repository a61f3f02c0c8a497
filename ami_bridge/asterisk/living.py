"""What lives on an Asterisk, as its ``Status`` events say. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ami_bridge.places import queue_name

Living = Mapping[str, str]

_UNSET = "(null)"


def variables_of(living: Living) -> dict[str, str]:
    """Return the variables that are told of a channel; those that are unset are left out."""
    every = getattr(living, "every", None)
    lines = every("Variable") if every is not None else (living.get("Variable", ""),)
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, _, value in pairs if value and value != _UNSET}


def queue_of(living: Living) -> str:
    """Name the queue in which a channel waits, or through which it came to its talk."""
    if not in_queue(living):
        return ""
    return queue_name(living.get("Data", "").partition(",")[0])


def in_queue(living: Living) -> bool:
    """Tell whether a channel waits in a queue, or came to its talk through one."""
    return living.get("Application") == "Queue"


def bridge_of(living: Living) -> str:
    """Name the bridge in which a channel is; ``""``: in none."""
    return living.get("BridgeID", "")


def was_dialled(living: Living) -> bool:
    """Tell whether a channel was called, and has answered."""
    return living.get("Application") == "AppDial"
