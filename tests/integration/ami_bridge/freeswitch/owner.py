"""The owner of a link to a FreeSWITCH, for the tests."""

from __future__ import annotations

from typing import Any

from ami_bridge.freeswitch.esl import Message
from ami_bridge.freeswitch.limits import Limits
from ami_bridge.freeswitch.link import Link
from hushtape.config import Pbx
from tests.integration.ami_bridge import owners

# The proportions of the real limits, a twenty-fifth as long.
PING = Limits(ping_interval_s=0.2, ping_timeout_s=0.2)
PATIENT = Limits(ping_interval_s=60, answer_timeout_s=10)
EVENTS = ("CHANNEL_CREATE", "CHANNEL_DESTROY", "RECORD_START")


class Owner(owners.Owner[Message, Link]):
    """Owns a link, and notes what it was told."""

    def __init__(self, port: int, limits: Limits = PATIENT, **options: Any) -> None:
        super().__init__()
        password = options.pop("password", "correct")
        host = options.pop("host", "127.0.0.1")
        pbx = Pbx(
            kind="freeswitch", host=host, port=port, spool="/spool", outside_contexts=("public",)
        )
        options.setdefault("events", EVENTS)
        options.setdefault("subclasses", ("hushtape::told",))
        self.link = Link(
            "town-hall",
            pbx,
            password,
            self.on_event,
            self.on_up,
            self.on_down,
            limits=limits,
            chance=options.pop("chance", lambda: 0.5),
            pause=self.pause,
            **options,
        )
