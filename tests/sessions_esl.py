"""What a real FreeSWITCH said (tests/data/esl), acted out as tests/sessions.py does it."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from ami_bridge.facts import Channel
from ami_bridge.freeswitch.esl import Cutter, Message, parse
from ami_bridge.freeswitch.said import HEADERS
from ami_bridge.freeswitch.translate import Translator
from ami_bridge.told import Told
from hushtape.config import Pbx
from tests.playback_esl import PBX, SESSIONS, pbx_of
from tests.sessions import LONG_AGO


def said(session: str) -> bytes:
    """What the PBX said."""
    return SESSIONS[session].read_bytes()


def events(data: bytes) -> tuple[Message, ...]:
    """Every event, as a station gets it."""
    found = (parse(frame, LONG_AGO, HEADERS) for frame in Cutter().feed(data))
    return tuple(event for event in found if event is not None)


@cache
def told(session: str) -> tuple[Told, ...]:
    """What was told in a session; times are those of the PBX."""
    return translated(said(session), pbx_of(session))


def translated(data: bytes, pbx: Pbx = PBX) -> tuple[Told, ...]:
    """What follows from what a PBX said."""
    translator, found = Translator(pbx), []
    for event in events(data):
        # What a fact says of its channel is what was known then.
        for each in translator.translate(event, event.sent or LONG_AGO):
            channel = each.channel
            now = Channel(*(getattr(channel, name) for name in Channel.__slots__))
            found.append(Told(now, each.fact))
    return tuple(found)


@cache
def began(session: str) -> datetime:
    """When the first thing happened."""
    return min(event.sent for event in events(said(session)) if event.sent is not None)
