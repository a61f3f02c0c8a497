"""What each event of the fake FreeSWITCH says, in the order in which a real one says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from tests.fake_freeswitch.channel import Channel, Profile, array_text

Headers = dict[str, str | list[str]]

# Those that carry the channel's variables.
WITH_VARIABLES = frozenset(
    [
        "CHANNEL_CREATE",
        "CHANNEL_ORIGINATE",
        "CHANNEL_UUID",
        "CHANNEL_ANSWER",
        "CHANNEL_PARK",
        "CHANNEL_UNPARK",
        "CHANNEL_BRIDGE",
        "CHANNEL_UNBRIDGE",
        "CHANNEL_PROGRESS",
        "CHANNEL_PROGRESS_MEDIA",
        "CHANNEL_HANGUP",
        "CHANNEL_HANGUP_COMPLETE",
        "CHANNEL_DATA",
        "CHANNEL_EXECUTE",
        "CHANNEL_EXECUTE_COMPLETE",
        "CHANNEL_DESTROY",
        "RECORD_START",
        "RECORD_STOP",
        "PLAYBACK_START",
        "PLAYBACK_STOP",
        "CALL_UPDATE",
        "MEDIA_BUG_START",
        "MEDIA_BUG_STOP",
        "CHANNEL_HOLD",
        "CHANNEL_UNHOLD",
        "CUSTOM",
    ]
)
NAMES = WITH_VARIABLES | frozenset(
    [
        "CHANNEL_STATE",
        "CHANNEL_CALLSTATE",
        "CHANNEL_OUTGOING",
        "CHANNEL_APPLICATION",
        "CODEC",
        "API",
        "DTMF",
        "HEARTBEAT",
        "BACKGROUND_JOB",
        "PRESENCE_IN",
        "RE_SCHEDULE",
        "MESSAGE",
        "COMMAND",
        "ALL",
    ]
)


@lru_cache(maxsize=10_000)
def written(value: str) -> str:
    """A value as an event of plain format holds it."""
    return quote(value, safe="!$'()*,-./_~")


def stamp_headers(switchname: str, core_uuid: str, at_us: int, sequence: int) -> Headers:
    """What stands at the head of every event."""
    at = datetime.fromtimestamp(at_us / 1e6, UTC)
    return {
        "Core-UUID": core_uuid,
        "FreeSWITCH-Hostname": "fake",
        "FreeSWITCH-Switchname": switchname,
        "FreeSWITCH-IPv4": "127.0.0.1",
        "FreeSWITCH-IPv6": "::1",
        "Event-Date-Local": f"{at:%Y-%m-%d %H:%M:%S}",
        "Event-Date-GMT": f"{at:%a, %d %b %Y %H:%M:%S} GMT",
        "Event-Date-Timestamp": str(at_us),
        "Event-Sequence": str(sequence),
    }


def channel_headers(channel: Channel, *, variables: bool) -> Headers:
    """What an event says of its channel."""
    profile = channel.profile
    codec = "L16" if channel.name.startswith(("null/", "loopback/")) else "PCMU"
    bits = "128000" if codec == "L16" else "64000"
    found: Headers = {
        "Channel-State": f"CS_{channel.running.name}",
        "Channel-Call-State": channel.callstate,
        "Channel-State-Number": str(max(0, int(channel.state))),
        "Channel-Name": channel.name,
        "Unique-ID": channel.uuid,
        "Call-Direction": channel.direction,
        "Presence-Call-Direction": channel.direction,
        "Channel-HIT-Dialplan": "true" if channel.hits_dialplan else "false",
    }
    if presence := channel.get("presence_id"):
        found["Channel-Presence-ID"] = presence
    found["Channel-Call-UUID"] = channel.get("call_uuid") or channel.uuid
    found["Answer-State"] = channel.answer_state
    if channel.cause:
        found["Hangup-Cause"] = channel.cause
    if channel.running.value < 1:
        return found
    for way in ("Read", "Write"):
        found[f"Channel-{way}-Codec-Name"] = codec
        found[f"Channel-{way}-Codec-Rate"] = "8000"
        found[f"Channel-{way}-Codec-Bit-Rate"] = bits
    found |= profile_headers("Caller", profile)
    if channel.other_type == "originator" and profile.originator is not None:
        found["Other-Type"] = "originator"
        found |= profile_headers("Other-Leg", profile.originator)
    elif channel.other_type == "originatee" and profile.originatee is not None:
        found["Other-Type"] = "originatee"
        found |= profile_headers("Other-Leg", profile.originatee)
    if variables:
        found |= {f"variable_{name}": value for name, value in channel.variables.items()}
    return found


def profile_headers(prefix: str, profile: Profile) -> Headers:
    """What an event says of who calls whom."""
    said = {
        "Direction": profile.direction,
        "Logical-Direction": profile.logical_direction,
        "Username": profile.username,
        "Dialplan": profile.dialplan,
        "Caller-ID-Name": profile.caller_id_name,
        "Caller-ID-Number": profile.caller_id_number,
        "Orig-Caller-ID-Name": profile.orig_caller_id_name,
        "Orig-Caller-ID-Number": profile.orig_caller_id_number,
        "Callee-ID-Name": profile.callee_id_name,
        "Callee-ID-Number": profile.callee_id_number,
        "Network-Addr": profile.network_addr,
        "ANI": profile.ani,
        "Destination-Number": profile.destination_number,
        "Unique-ID": profile.uuid,
        "Source": profile.source,
        "Transfer-Source": profile.transfer_source,
        "Context": profile.context,
        "RDNIS": profile.rdnis,
        "Channel-Name": profile.channel_name,
        "Profile-Index": str(profile.index) if prefix == "Caller" else "",
        "Profile-Created-Time": str(profile.profile_created_us),
        "Channel-Created-Time": str(profile.created_us),
        "Channel-Answered-Time": str(profile.answered_us),
        "Channel-Progress-Time": str(profile.progress_us),
        "Channel-Progress-Media-Time": str(profile.progress_media_us),
        "Channel-Hangup-Time": str(profile.hangup_us),
        "Channel-Transfer-Time": str(profile.transfer_us),
        "Channel-Resurrect-Time": "0",
        "Channel-Bridged-Time": str(profile.bridged_us),
        "Channel-Last-Hold": str(profile.last_hold_us),
        "Channel-Hold-Accum": "0",
        "Screen-Bit": "true",
        "Privacy-Hide-Name": "false",
        "Privacy-Hide-Number": "false",
    }
    return {f"{prefix}-{name}": value for name, value in said.items() if value}


def plain(headers: Mapping[str, str | list[str]], body: str = "") -> bytes:
    """An event in plain format, with a body if it has one."""
    lines = []
    for name, value in headers.items():
        text = value if isinstance(value, str) else array_text(value)
        lines.append(f"{name}: {written(text)}")
    data = body.encode()
    if data:
        lines.append(f"Content-Length: {len(data)}")
    return ("\n".join(lines) + "\n\n").encode("utf-8", "surrogateescape") + data


def as_json(headers: Mapping[str, str | list[str]], body: str = "") -> bytes:
    """An event in JSON."""
    said = dict(headers)
    if body:
        said["Content-Length"] = str(len(body.encode()))
        said["_body"] = body
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogateescape"
    )
