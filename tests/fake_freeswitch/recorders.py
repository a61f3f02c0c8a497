"""The recorders of a channel: begun, masked, ended, and moved to another channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fake_freeswitch.channel import Channel, is_true

if TYPE_CHECKING:
    from tests.fake_freeswitch.sound import Side, Tape
    from tests.fake_freeswitch.switch import FakeFreeSwitch

FOLDER_MODE = 0o750


@dataclass(eq=False)
class Recorder:
    """One file that is written."""

    path: str
    tape: Tape
    variables: dict[str, str] = field(default_factory=dict)
    moved: bool = False  # then nobody finds it by its path any more


def _sides(channel: Channel, variables: Mapping[str, str]) -> tuple[Side, ...]:
    """What goes into which channel of the file. What is said with the command comes first."""

    def says(name: str) -> bool:
        return is_true(variables.get(name, "") or channel.get(name))

    one: Side = "said" if says("RECORD_READ_ONLY") else "both"
    if says("RECORD_WRITE_ONLY"):
        one = "heard"
    if not says("RECORD_STEREO"):
        return (one,)
    return ("heard", "said") if says("RECORD_STEREO_SWAP") else ("said", "heard")


def start(
    switch: FakeFreeSwitch, channel: Channel, path: str, variables: dict[str, str] | None = None
) -> bool:
    """Begin a recorder; false: it can't be."""
    if _find(channel, path) is not None:
        return True
    variables = variables or {}
    file = Path(path)
    try:
        file.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        tape = switch.studio.tape(file, channel, *_sides(channel, variables))
    except OSError:
        return False
    channel.recorders.append(Recorder(path, tape, variables))
    if not channel.answered and channel.direction == "inbound":
        switch.early(channel)
    switch.fire("RECORD_START", channel, {"Record-File-Path": path, **_said(variables)})
    switch.fire("MEDIA_BUG_START", channel, _bug(path))
    return True


def stop(switch: FakeFreeSwitch, channel: Channel, path: str) -> bool:
    """End a recorder; false: there is none of this path."""
    recorder = _find(channel, path)
    if recorder is None:
        return False
    _end(switch, channel, recorder)
    return True


def stop_all(switch: FakeFreeSwitch, channel: Channel) -> bool:
    """End every recorder of a channel; false: there was none."""
    recorders = list(channel.recorders)
    for recorder in recorders:
        _end(switch, channel, recorder)
    return bool(recorders)


def mask(switch: FakeFreeSwitch, channel: Channel, path: str, *, masked: bool) -> bool:
    """Have a recorder write zeros, or sound again; false: there is none of this path."""
    recorder = _find(channel, path)
    if recorder is None:
        return False
    switch.advance()
    recorder.tape.masked = masked
    return True


def move(channel: Channel, other: Channel) -> None:
    """All recorders of a channel go on on another one."""
    switch = channel.switch
    switch.advance()
    for recorder in list(channel.recorders):
        channel.recorders.remove(recorder)
        other.recorders.append(recorder)
        recorder.moved = True
        recorder.tape.leg = other
        switch.fire("MEDIA_BUG_START", other, _bug(recorder.path))
        switch.fire("MEDIA_BUG_STOP", channel, _bug(recorder.path))


def listed(channel: Channel) -> str:
    """What is attached to a channel's sound."""
    bugs = [
        " <media-bug>\n"
        "  <function>session_record</function>\n"
        f"  <target>{recorder.path}</target>\n"
        "  <thread-locked>0</thread-locked>\n"
        " </media-bug>\n"
        for recorder in channel.recorders
    ]
    return f"<media-bugs>\n{''.join(bugs)}</media-bugs>\n"


def _find(channel: Channel, path: str) -> Recorder | None:
    found = (each for each in channel.recorders if each.path == path and not each.moved)
    return next(found, None)


def _end(switch: FakeFreeSwitch, channel: Channel, recorder: Recorder) -> None:
    channel.recorders.remove(recorder)
    switch.studio.end(recorder.tape)
    least = recorder.variables.get("RECORD_MIN_SEC") or channel.get("RECORD_MIN_SEC")
    discarded = True
    if not recorder.tape.samples:
        cause = "empty-file"
    elif recorder.tape.seconds < float(least or "0"):
        cause = "input-too-short"
    else:
        cause, discarded = "success-maxtime" if channel.up else "success-silence", False
    if discarded:
        Path(recorder.path).unlink(missing_ok=True)
        channel.set("RECORD_DISCARDED", "true")
    more = {"Record-Completion-Cause": cause}
    said = {"Record-File-Path": recorder.path, **_said(recorder.variables), **more}
    switch.fire("RECORD_STOP", channel, said)
    switch.fire("MEDIA_BUG_STOP", channel, _bug(recorder.path))


def _said(variables: dict[str, str]) -> dict[str, str]:
    return {f"Recording-Variable-{name}": value for name, value in variables.items()}


def _bug(path: str) -> dict[str, str]:
    return {"Media-Bug-Function": "session_record", "Media-Bug-Target": path}
