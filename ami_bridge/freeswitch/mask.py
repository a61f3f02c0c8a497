"""Takes what is personal out of what a FreeSWITCH said, so that a trace can be shown to somebody.

Names, addresses and the numbers of people outside are made up (``ami_bridge.made_up``). What a
translation needs stays: extensions, queues, the service's own numbers, channels' ids, states, the
order of the events. A made-up value may be longer than the real one once it is encoded: the trace
writes down the length of what it keeps.

What isn't known to be needed is masked letter by letter: a header that isn't listed here, too.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from pathlib import PurePosixPath

from ami_bridge.freeswitch.esl import APPLICATION_DATA, CHANNEL_ID, CURRENT_DATA
from ami_bridge.freeswitch.party import HALVES, LOOPBACK
from ami_bridge.freeswitch.said import OWN_EVENT
from ami_bridge.made_up import NOBODY, OWN, MadeUp
from hushtape.config import Pbx
from hushtape.ids import CALL_ID
from hushtape.policy.schema import Policy

Event = Mapping[str, str]

COMES = "CS_INIT"  # the state in which a channel has dialled, and nobody has sent it anywhere


class _Kind(Enum):
    PLAIN = auto()  # states, times, counts, queues, contexts: nobody is in them
    ID = auto()
    TOLD = auto()  # what our dialplan says
    WHO = auto()  # a number, or a word: whom it is about, or where it leads
    ADDRESS = auto()
    CHANNEL = auto()
    NAME = auto()
    FILE = auto()
    OTHER = auto()


_HEADERS = {
    _Kind.PLAIN: (
        *("Event-Name", "Event-Subclass", "Event-Date-Timestamp", "Call-Direction"),
        *("Caller-Context", "Caller-Dialplan", "Other-Type", "Channel-State", "Channel-Call-State"),
        *("Answer-State", "Application", "Hangup-Cause", "Record-Completion-Cause"),
        *("Media-Bug-Function", "CC-Action", "CC-Queue", "CC-Cause", "FIFO-Action", "FIFO-Name"),
        *("Action", "Job-Command", "Job-UUID", "initial_context", "row_count"),
        *("variable_sip_gateway_name", "variable_endpoint_disposition", "variable_loopback_leg"),
        *("variable_current_application", "variable_cc_side", "variable_cc_queue"),
        *("variable_cc_queue_joined_epoch", "variable_cc_queue_answered_epoch"),
        *("variable_cc_queue_canceled_epoch", "variable_fifo_status"),
        *("variable_proxy_media", "variable_recovered"),
    ),
    _Kind.ID: (
        *("Unique-ID", "Old-Unique-ID", "Other-Leg-Unique-ID", "uuid", "CC-Agent-UUID"),
        *("Bridge-A-Unique-ID", "Bridge-B-Unique-ID", "CC-Member-Session-UUID"),
        *("variable_other_loopback_leg_uuid", "variable_bridge_to", "variable_cc_agent_uuid"),
        *("variable_fifo_target", "variable_signal_bridge_to", APPLICATION_DATA, CURRENT_DATA),
    ),
    _Kind.TOLD: ("Hushtape-Act", "Hushtape-By", "Hushtape-Nonce"),
    _Kind.WHO: (
        *("Caller-Caller-ID-Number", "Caller-Callee-ID-Number", "variable_dialed_user"),
        *("Caller-Destination-Number", "Other-Leg-Destination-Number", "initial_dest"),
        *("Conference-Name", "variable_conference_name"),
    ),
    _Kind.ADDRESS: ("Channel-Presence-ID", "CC-Agent"),
    _Kind.CHANNEL: ("Channel-Name",),
    _Kind.NAME: ("Caller-Caller-ID-Name",),
    _Kind.FILE: ("Record-File-Path", "Media-Bug-Target"),
}
KINDS = {header: kind for kind, headers in _HEADERS.items() for header in headers}

_OUR_FILE = re.compile(rf"{CALL_ID.pattern}\.\d+\.[a-z]+\.wav")
_NUMBER = re.compile(r"[\d\s()+*#./-]+", re.ASCII)
_ADDRESS = re.compile(
    r"(?P<scheme>(?:sips?:)?)(?:(?P<user>.*)@)?(?P<host>\[[^]]*\]|[^:]*)(?P<port>(?::\d+)?)",
    re.DOTALL,
)
_VERDICTS = ("+OK", "-ERR", "-USAGE", "_undef_")  # how answers begin that are FreeSWITCH's words
_CHANNELS_COMMAND = "uuid_"
_READS = "global_getvar"
_ARGUMENT = "Job-Command-Arg"


class Masker:
    """Masks the words of one PBX.

    Args:
        pbx: says which numbers are inside.
        policies: name the service's own numbers, and outside ones that mean something.
        chance: makes numbers and names up.
    """

    def __init__(
        self, pbx: Pbx, policies: Iterable[Policy], chance: random.Random | None = None
    ) -> None:
        self._pbx = pbx
        self._made_up = MadeUp(pbx, policies, chance)
        self._masks: dict[_Kind, Callable[[str], str]] = {
            _Kind.PLAIN: lambda value: value,
            _Kind.ID: self._id,
            _Kind.WHO: self._who,
            _Kind.NAME: self._name,
            _Kind.ADDRESS: self._address,
            _Kind.CHANNEL: self._channel,
            _Kind.FILE: self._file,
        }

    def headers(self, event: Event) -> dict[str, str]:
        """Return an event, a channel or a channel's row with nothing personal in it."""
        self._learn(event)
        return {name: self._masked(name, value, event) for name, value in event.items()}

    def answer(self, job: Event, said: str) -> str:
        """Return an answer to a command of ours that is no list of channels and no channel."""
        about_us = job.get("Job-Command") == _READS and job.get(_ARGUMENT, "").startswith(OWN)
        return said if about_us or said.startswith(_VERDICTS) else self._made_up.text(said)

    def _learn(self, event: Event) -> None:
        """What a caller dialled to come in is the service's number."""
        outside = self._pbx.outside_contexts
        if event.get("Channel-State") == COMES and event.get("Call-Direction") == "inbound":
            if event.get("Caller-Context") in outside:
                self._made_up.learn(event.get("Caller-Destination-Number", ""))
        elif event.get("initial_context") in outside:
            self._made_up.learn(event.get("initial_dest", ""))

    def _masked(self, name: str, value: str, event: Event) -> str:
        if value.lower() in NOBODY or name.startswith(f"variable_{OWN}"):
            return value
        kind = KINDS.get(name, _Kind.OTHER)
        if kind is _Kind.TOLD and event.get("Event-Subclass") == OWN_EVENT:
            return value
        if name == _ARGUMENT:
            return self._argument(value, event)
        return self._masks.get(kind, self._made_up.text)(value)

    def _id(self, value: str) -> str:
        """Who calls may have chosen it: ``inbound-use-callid-as-uuid``."""
        return value if CHANNEL_ID.fullmatch(value) else self._made_up.whole(value)

    def _who(self, value: str) -> str:
        """Mask a number, or a word that isn't in the configuration: the same one by the same."""
        if self._made_up.is_ours(value):
            return value
        masked = self._made_up.caller if _NUMBER.fullmatch(value) else self._made_up.whole
        return masked(value)

    def _name(self, value: str) -> str:
        return self._who(value) if _NUMBER.fullmatch(value) else self._made_up.text(value)

    def _address(self, value: str) -> str:
        match = _ADDRESS.fullmatch(value)
        if match is None:
            return self._made_up.whole(value)
        if match["user"] is None:
            return f"{match['scheme']}{self._who(match['host'])}{match['port']}"
        host = self._made_up.whole(match["host"])
        return f"{match['scheme']}{self._who(match['user'])}@{host}{match['port']}"

    def _channel(self, value: str) -> str:
        """Mask whom a channel's name names; what kind it is stays."""
        kind, slash, who = value.rpartition("/")
        if value.startswith(LOOPBACK) and value.endswith(HALVES):
            return LOOPBACK + self._who(value.removeprefix(LOOPBACK)[:-2]) + value[-2:]
        return kind + slash + self._address(who)

    def _file(self, value: str) -> str:
        """Mask a file's name but for ours; a media bug's target may be a channel, too."""
        if CHANNEL_ID.fullmatch(value):
            return value
        path = PurePosixPath(value)
        ours = str(path.parent) == self._pbx.spool and _OUR_FILE.fullmatch(path.name)
        return value if ours else self._made_up.whole(value)

    def _argument(self, value: str, job: Event) -> str:
        """Of our own commands only the channel's id was somebody else's choice."""
        uuid, space, rest = value.partition(" ")
        about_channel = job.get("Job-Command", "").startswith(_CHANNELS_COMMAND) and uuid
        return self._id(uuid) + space + rest if about_channel else value
