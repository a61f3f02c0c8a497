"""The api commands that the bridge has a FreeSWITCH carry out, as texts. Pure.

FreeSWITCH splits a command at its spaces, and what a value holds may be a quote, an option or a
variable to it: so each word is checked here, letter by letter, and what isn't expected is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from hushtape.errors import UnsafeValue

# ``origination_uuid`` may be any word; with ``inbound-use-callid-as-uuid`` it is a Call-ID.
UUID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:-]{0,127}")
PATH = re.compile(r"/[A-Za-z0-9._/-]{1,400}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
VALUE = re.compile(r"[A-Za-z0-9;:,.@~/_+-]{1,1000}")  # no quote, no $, no %, no space

NOTHING_TO_STOP = "-ERR Cannot stop record session!"
NO_CHANNEL = ("-ERR Cannot locate session!", "-ERR No such channel!")
CANNOT_RECORD = "-ERR Cannot record session!"  # as of one that is being hung up
NO_CORE_DATABASE = "SQL disabled"
RECORDER = "session_record"  # what FreeSWITCH calls a recorder among a channel's media bugs

# What a recorder is told, each one: a channel's own variables of these names, which an
# administrator may have set for other recorders, don't count for ours. Run on 1.10.12; the ones
# that aren't obvious:
HOW = (
    ("RECORD_STEREO", "true"),  # left: what the channel says; right: what it hears
    ("RECORD_STEREO_SWAP", "false"),
    ("RECORD_READ_ONLY", "false"),
    ("RECORD_WRITE_ONLY", "false"),
    ("RECORD_ANSWER_REQ", "false"),
    ("RECORD_BRIDGE_REQ", "false"),  # it would not write while the caller waits
    ("RECORD_APPEND", "false"),
    ("RECORD_MIN_SEC", "0"),  # shorter files would be deleted
    # Else the first half second is held back, and lost if the recorder is stopped in it.
    ("RECORD_PRE_BUFFER_FRAMES", "0"),
    ("RECORD_TOGGLE_ON_REPEAT", "false"),
    ("RECORD_CHECK_BRIDGE", "false"),
    # A recorder must not end by itself because nobody speaks.
    ("RECORD_INITIAL_TIMEOUT_MS", "0"),
    ("RECORD_FINAL_TIMEOUT_MS", "0"),
    ("RECORD_SILENCE_THRESHOLD", "0"),
    ("RECORD_HANGUP_ON_ERROR", "false"),
    ("RECORD_USE_THREAD", "true"),  # a slow disk must not slow the call
    # Else nothing is written for two seconds at a time, and that much is lost in a crash.
    ("enable_file_write_buffering", "false"),
    # A consultation with a wideband telephone has the rate of the call that it belongs to.
    ("record_sample_rate", "8000"),
)
_HOW = "{" + ",".join(f"{name}={value}" for name, value in HOW) + "}"
_BUG = re.compile(r"<function>(.*?)</function>\s*<target>(.*?)</target>")


class Bug(NamedTuple):
    """What is attached to a channel's sound."""

    kind: str
    target: str  # of a recorder: its file


def start_recorder(uuid: str, path: str) -> str:
    """Record both sides of a channel into one file.

    The fourth word is a limit in seconds; 0 is none.

    Raises:
        UnsafeValue: a word of it isn't what it should be. So in every function here.
    """
    return f"uuid_record {_uuid(uuid)} start {_path(path)} 0 {_HOW}"


def stop_recorder(uuid: str, path: str) -> str:
    """Stop the recorder that writes this file, if it is on this channel."""
    return f"uuid_record {_uuid(uuid)} stop {_path(path)}"


def stop_every_recorder(uuid: str) -> str:
    """Stop whatever records on a channel."""
    return f"uuid_record {_uuid(uuid)} stop all"


def mute_recorder(uuid: str, path: str, *, muted: bool) -> str:
    """Have one recorder write zeros on both sides, or sound again."""
    return f"uuid_record {_uuid(uuid)} {'mask' if muted else 'unmask'} {_path(path)}"


def bugs_on(uuid: str) -> str:
    """Ask what is attached to a channel's sound; for ``bugs_in``."""
    return f"uuid_buglist {_uuid(uuid)}"


def set_variable(uuid: str, name: str, value: str) -> str:
    """Set a variable of a channel, or take it away: an empty value is none."""
    if not VARIABLE.fullmatch(name):
        raise UnsafeValue("a variable's name is not made of letters, digits and _")
    if value and not VALUE.fullmatch(value):
        raise UnsafeValue("a variable's value holds what FreeSWITCH may read as its own")
    return f"uuid_setvar {_uuid(uuid)} {name} {value}".rstrip()


def channels() -> str:
    """Ask for every live channel."""
    return "show channels as json"


def dump(uuid: str) -> str:
    """Ask for all that is known of a channel."""
    return f"uuid_dump {_uuid(uuid)} json"


def usage() -> str:
    """Ask how a recorder can be started; the refusal says it. See ``takes_variables``."""
    return "uuid_record"


def takes_variables(refusal: str) -> bool:
    """Tell from the answer to ``usage`` whether a recorder can be told how to record."""
    return "recording_vars" in refusal


def bugs_in(answer: str) -> tuple[Bug, ...]:
    """Read the answer to ``bugs_on``."""
    return tuple(Bug(kind, target) for kind, target in _BUG.findall(answer))


def rows_in(answer: str) -> list[dict[str, str]]:
    """Read the answer to ``channels``: a row for each.

    Raises:
        ValueError: it is something else.
    """
    try:
        rows = json.loads(answer).get("rows", [])
        return [
            {name: value for name, value in row.items() if isinstance(value, str)} for row in rows
        ]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("no list of channels") from error


def paths_in(bugs: Iterable[Bug]) -> tuple[str, ...]:
    """Name the files that are written."""
    return tuple(bug.target for bug in bugs if bug.kind == RECORDER)


def _uuid(value: str) -> str:
    if not UUID.fullmatch(value):
        raise UnsafeValue("a channel's id is not made of letters, digits, dots and hyphens")
    return value


def _path(value: str) -> str:
    if not PATH.fullmatch(value) or ".." in value.split("/"):
        raise UnsafeValue("a path is not an absolute one of letters, digits, dots and hyphens")
    return value
