"""Whether an event's lines stand as Asterisk writes them; what doesn't, somebody else wrote. Pure.

An event that follows from what a caller has claimed (see ``forgery``) can be no longer than such a
claim, 79 bytes, and what stands after it is the rest of another event. So the events that act are
believed only whole: with Asterisk's own first lines, with every line by which it describes a
channel, in its order (the same in Asterisk 18, 20 and 22), and with no line twice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

Pairs = Sequence[tuple[str, str]]

# After Privilege; the middle ones with debug = on in manager.conf, the last with a systemname.
_HEAD = re.compile(
    r"Event,Privilege,(Timestamp,)?(SequenceNumber,File,Line,Func,)?(SystemName,)?(?P<rest>.*)"
)
_CLASSES = re.compile(r"[A-Za-z]+(,[a-z]+)*")
_TIME = re.compile(r"\d{9,12}\.\d{6}", re.ASCII)
_NAME = re.compile(r"\w+(/|\Z)")  # of a channel, as far as nobody has a say in it
_OTHERS = ("ActionID", "Received")  # an item of a list; a mark in a trace
_DESCRIPTION = (
    *("Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName"),
    *("ConnectedLineNum", "ConnectedLineName", "Language", "AccountCode", "Context", "Exten"),
    *("Priority", "Uniqueid", "Linkedid"),
)
_VARIABLE = "ChanVariable"  # channelvars in manager.conf; there may be several


def _channel(whose: str = "") -> str:
    """Return a pattern of the lines that describe a channel; newer ones may name its tenant."""
    lines = "".join(f"{whose}{name}," for name in _DESCRIPTION)
    return rf"{lines}({whose}([Tt]enant[Ii][Dd]|{_VARIABLE}[^,]*),)*"


_ANY = "([^,]+,)*"
_BRIDGE = r"(Bridge\w+,)+"
_SHAPES = {
    name: re.compile(shape)
    for name, shape in {
        "Newchannel": _channel() + _ANY,
        "Rename": f"Channel,Newname,Uniqueid,({_VARIABLE}[^,]*,)*",
        "QueueCallerJoin": _channel() + "Queue," + _ANY,
        "QueueCallerLeave": _channel() + "Queue," + _ANY,
        "AgentConnect": _channel() + f"({_channel('Dest')})?((?!Dest)[^,]+,)*",
        "DialBegin": f"({_channel()})?" + _channel("Dest") + _ANY,
        "DialEnd": f"({_channel()})?" + _channel("Dest") + _ANY + "DialStatus,",
        "BlindTransfer": "Result,"
        + _channel("Transferer")
        + f"({_channel('Transferee')})?((?!Transferee)[^,]+,)*",
        "AttendedTransfer": "Result," + _channel("OrigTransferer") + _ANY,
        "BridgeEnter": _BRIDGE + _channel() + _ANY,
        "BridgeLeave": _BRIDGE + _channel() + _ANY,
        "Hold": _channel() + _ANY,
        "Unhold": _channel() + _ANY,
        "ParkedCall": _channel("Parkee") + _ANY,
        "UserEvent": f"({_channel()})?UserEvent,([^,]*,)*",
        "Shutdown": "Shutdown,Restart,",
        "MixMonitorStart": _channel() + _ANY,
        "MonitorStart": _channel() + _ANY,
        "MonitorStop": _channel() + _ANY,
        "ChanSpyStart": _channel("Spyer") + _channel("Spyee"),
        "ChanSpyStop": _channel("Spyer") + f"({_channel('Spyee')})?",
        "ConfbridgeRecord": "Conference," + _BRIDGE,
        "ConfbridgeStopRecord": "Conference," + _BRIDGE,
        "ConfbridgeEnd": "Conference," + _BRIDGE,
        "Hangup": _channel() + _ANY,
    }.items()
}
ACTING = frozenset(_SHAPES)
_OURS = ("UserEvent", "Hushtape")  # the only one of its kind that acts
_REPEATING = ("UserEvent",)  # its arguments are the dialplan's; the first of a name counts


def is_as_written(pairs: Pairs, *, stamped: bool = False) -> bool:
    """Tell whether an event that nobody has asked for is one of Asterisk's.

    Args:
        stamped: whether this PBX is known to stamp its events.
    """
    if len(pairs) < 2 or pairs[0][0] != "Event":
        return False
    kind, (second, value) = pairs[0][1], pairs[1]
    shape = _SHAPES.get(kind)
    if kind == _OURS[0] and _OURS not in pairs:
        shape = None
    if shape is None:  # nothing follows from it
        return second in _OTHERS or (second == "Privilege" and bool(_CLASSES.fullmatch(value)))
    if stamped and not is_stamped(pairs):
        return False
    if not _CLASSES.fullmatch(value):
        return False
    head = _HEAD.fullmatch("".join(f"{name.replace(',', ' ')}," for name, _ in pairs))
    if head is None or shape.fullmatch(head["rest"]) is None:
        return False
    described = pairs[: next((n for n, (name, _) in enumerate(pairs) if name == kind), len(pairs))]
    if not all(_NAME.match(value) for name, value in described if name.endswith("Channel")):
        return False
    if kind in _REPEATING:
        return True
    times = Counter(name for name, _ in pairs if _VARIABLE not in name)
    return max(times.values()) == 1


def is_stamped(pairs: Pairs) -> bool:
    """Tell whether the PBX has written when it made an event (``timestampevents``)."""
    return len(pairs) > 2 and pairs[2][0] == "Timestamp" and bool(_TIME.fullmatch(pairs[2][1]))
