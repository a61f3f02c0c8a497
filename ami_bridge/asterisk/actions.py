"""The actions that the bridge sends to an Asterisk, as headers. Pure: nothing here touches a wire.

Nothing that came from a caller may end a line (it would begin an action of its own) or an argument
(it would become an option of MixMonitor, or its shell command): each value is checked here, and
``Link`` checks the whole action once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hushtape.errors import UnsafeValue

LINE_LIMIT_BYTES = 1000
"""Asterisk throws away a line of more than 1,024 bytes, and with it a part of the action."""

HEADERS_LIMIT = 100
"""Asterisk keeps the first 128 headers of an action."""

HEADER = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
PATH = re.compile(r"/[A-Za-z0-9._/-]+")
RECORDER_ID = re.compile(r"[0-9A-Za-z]{1,40}")  # a pointer: 0x7f3a1c004f10

_ENDS_A_LINE = re.compile(r"[\r\n\0]")


def safe(value: str, what: str = "a value") -> str:
    """Return the value if it can stand in a line of its own.

    Raises:
        UnsafeValue: it holds CR, LF or NUL, or can't be written in UTF-8. The value isn't quoted in
            the error, since it may be a person's name or a password.
    """
    if _ENDS_A_LINE.search(value):
        raise UnsafeValue(f"{what} holds a line break or NUL")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise UnsafeValue(f"{what} holds half of a character") from None
    return value


def safe_path(value: str, what: str = "a path") -> str:
    """Return the path if MixMonitor takes it as one word: letters, digits, and ``. _ / -`` only.

    Raises:
        UnsafeValue: it holds anything else, is relative, or climbs with ``..``.
    """
    if not PATH.fullmatch(value) or ".." in value.split("/"):
        raise UnsafeValue(f"{what} is not an absolute path of letters, digits, dots and hyphens")
    return value


def check(action: Mapping[str, str]) -> None:
    """Check a whole action, whoever built it, before it is sent.

    Raises:
        UnsafeValue: a header's name or value can't be sent, or Asterisk would cut the action short.
    """
    if len(action) > HEADERS_LIMIT:
        raise UnsafeValue(f"an action of {len(action)} headers, more than {HEADERS_LIMIT}")
    for name, value in action.items():
        if not HEADER.fullmatch(name):
            raise UnsafeValue("the name of a header is not made of letters and digits")
        safe(value, name)
        length = len(f"{name}: {value}".encode())
        if length > LINE_LIMIT_BYTES:
            raise UnsafeValue(f"{name} makes a line of {length} bytes, over {LINE_LIMIT_BYTES}")


def start_recorder(
    channel: str, outside_path: str, inside_path: str, id_variable: str
) -> dict[str, str]:
    """Record what comes from the channel in one file and what goes to it in the other.

    Args:
        channel: the outside party's.
        outside_path: what the channel says (``r``).
        inside_path: what the channel hears (``t``).
        id_variable: where Asterisk notes the recorder's id, which the answer carries as
            ``MixMonitorID``. A fresh name for each recorder of a channel: where the new one can't
            start, Asterisk answers Success all the same, with the id that an older one left there.

    Raises:
        UnsafeValue: a path or name would be read as more than one word.
    """
    outside = safe_path(outside_path, "the outside party's file")
    inside = safe_path(inside_path, "the inside file")
    variable = _variable(id_variable)
    # Without File there is no mixed recording, which nobody would seal or delete.
    return {
        "Action": "MixMonitor",
        "Channel": _channel(channel),
        "Options": f"r({outside})t({inside})i({variable})",
    }


def stop_recorder(channel: str, mixmonitor_id: str) -> dict[str, str]:
    """Stop one recorder. A second time the PBX refuses: then it is gone.

    Raises:
        UnsafeValue: the id is empty or not an id. (Without one the newest recorder would stop.)
    """
    if not RECORDER_ID.fullmatch(mixmonitor_id):
        raise UnsafeValue("a recorder's id is not made of letters and digits")
    return {
        "Action": "StopMixMonitor",
        "Channel": _channel(channel),
        "MixMonitorID": mixmonitor_id,
    }


def stop_newest_recorder(channel: str) -> dict[str, str]:
    """Stop the channel's newest recorder, whoever started it.

    No action stops them all: send this until it is refused, at most a few times.
    """
    return {"Action": "StopMixMonitor", "Channel": _channel(channel)}


def mute_recorder(channel: str, mixmonitor_id: str, *, muted: bool) -> dict[str, str]:
    """Have one recorder write zeros in both directions, or sound again.

    Success says only that the PBX has understood: it comes for a channel without a recorder, too.

    Raises:
        UnsafeValue: the id is empty or not an id. (Without one all recorders would be muted.)
    """
    if not RECORDER_ID.fullmatch(mixmonitor_id):
        raise UnsafeValue("a recorder's id is not made of letters and digits")
    return {
        "Action": "MixMonitorMute",
        "Channel": _channel(channel),
        "Direction": "both",
        "State": "1" if muted else "0",
        "MixMonitorID": mixmonitor_id,
    }


def set_variable(channel: str, name: str, value: str) -> dict[str, str]:
    """Set a variable of a channel. Functions such as ``SHELL(…)`` are not variables.

    Raises:
        UnsafeValue: the name isn't a variable's, or the channel is empty: then every channel would
            have got the variable.
    """
    return {
        "Action": "Setvar",
        "Channel": _channel(channel),
        "Variable": _variable(name),
        "Value": safe(value, "a variable's value"),
    }


def set_global(name: str, value: str) -> dict[str, str]:
    """Set a variable of the whole PBX, which forgets it when it starts anew.

    Raises:
        UnsafeValue: the name isn't a variable's, or the value can't be sent.
    """
    return {
        "Action": "Setvar",
        "Variable": _variable(name),
        "Value": safe(value, "a variable's value"),
    }


def get_global(name: str) -> dict[str, str]:
    """Ask for a variable of the whole PBX: ``Value`` in the answer, ``""`` where it isn't set.

    Raises:
        UnsafeValue: the name isn't a variable's.
    """
    return {"Action": "Getvar", "Variable": _variable(name)}


def status(variables: Iterable[str] = ()) -> dict[str, str]:
    """Ask for every live channel (a list), each with these variables: ``Variable: NAME=value``."""
    action = {"Action": "Status"}
    names = ",".join(_variable(name) for name in variables)
    if names:
        action["Variables"] = names
    return action


def ping() -> dict[str, str]:
    """Ask whether anybody is there."""
    return {"Action": "Ping"}


def login(user: str, password: str, events: str) -> dict[str, str]:
    """Log in, and say which classes of events are wanted: ``on`` or ``call,agent,user``."""
    return {
        "Action": "Login",
        "Username": safe(user, "the user's name"),
        "Secret": safe(password, "the password"),
        "Events": safe(events, "the event classes"),
    }


def _channel(name: str) -> str:
    if not name:
        raise UnsafeValue("a channel's name is empty")
    return safe(name, "a channel's name")


def _variable(name: str) -> str:
    if not VARIABLE.fullmatch(name):
        raise UnsafeValue("a variable's name is not made of letters, digits and _")
    return name
