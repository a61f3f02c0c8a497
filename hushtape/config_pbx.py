"""What the configuration says of each PBX."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from hushtape.config_doors import PORT_MAX, Problem
from hushtape.errors import ConfigError
from hushtape.policy import numbers

ASTERISK = "asterisk"
FREESWITCH = "freeswitch"
KINDS = (ASTERISK, FREESWITCH)
EVENT_SOCKET_PORT = 8021  # FreeSWITCH's own default
QUEUE = re.compile(r"[A-Za-z0-9_.-]{1,80}")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
SPOOL_PATH = re.compile(r"/[A-Za-z0-9._/-]+")

_NO_TLS = (
    "the event socket has no TLS: leave it out, and lead it through a tunnel to other machines"
)
NOT_OF_FREESWITCH = {
    "user": "the event socket has a password and no user: leave it out",
    "tls": _NO_TLS,
    "tls_ca": _NO_TLS,
}


class Pbx(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One PBX, and what its numbers mean."""

    kind: str  # ASTERISK or FREESWITCH
    host: str
    port: int = 5038  # of a FreeSWITCH: EVENT_SOCKET_PORT, see of_its_kind
    user: str = "hushtape"
    password_file: str = ""
    password_env: str = ""
    tls: bool = False
    tls_ca: str = ""  # a PEM file; left out: the system's authorities
    spool: str  # the folder where the PBX writes, as the PBX sees it
    spool_here: str = ""  # the same folder as the worker sees it, where that differs
    spool_elsewhere: bool = False  # this machine has no part of it; only the PBX and its worker do
    outside_contexts: tuple[str, ...]  # the dialplan contexts in which outside callers arrive
    queues: dict[str, str] = {}  # extension -> the queue that it leads to
    extensions: tuple[str, ...] = ()  # patterns of internal extensions: "2XX"
    outside: tuple[str, ...] = ()  # patterns that dial an outside number: "9."
    outside_prefix: str = ""  # what staff dial before an outside number: "9"

    @property
    def spool_path(self) -> Path:
        """Where this machine finds the spool."""
        return Path(self.spool_here or self.spool)

    @property
    def spool_to_try(self) -> Path | None:
        """The spool, which must be there; None: by the configuration this machine has none."""
        return None if self.spool_elsewhere else self.spool_path


def of_its_kind(document: dict[str, Any], where: str) -> dict[str, Any]:
    """Fill in what is another default for a FreeSWITCH.

    Args:
        document: the whole file, not checked yet.
        where: the file, for errors.

    Raises:
        ConfigError: it says of a FreeSWITCH what only an Asterisk has.
    """
    tables = document.get("pbx")
    if not isinstance(tables, dict):
        return document
    filled = dict(tables)
    for name, table in tables.items():
        if not isinstance(table, dict) or table.get("kind") != FREESWITCH:
            continue
        for key, what in NOT_OF_FREESWITCH.items():
            if key in table:
                raise ConfigError(f"{where}: pbx.{name}.{key}", what)
        filled[name] = {"port": EVENT_SOCKET_PORT, **table}
    return {**document, "pbx": filled}


def pbx_problems(name: str, pbx: Pbx) -> Iterator[Problem]:
    """Say of each thing that can be wrong with a PBX whether it is, in which key, and what."""
    yield (
        not NAME.fullmatch(name),
        "",
        "a PBX's name is made of small letters, digits and hyphens, up to 32",
    )
    yield (
        pbx.kind not in KINDS,
        ".kind",
        f'expected "{ASTERISK}" or "{FREESWITCH}", not "{pbx.kind}"',
    )
    yield (
        pbx.kind == FREESWITCH and ":" in pbx.host,
        ".host",
        f"the event socket is reached by IPv4 only, not at {pbx.host}",
    )
    yield not 0 < pbx.port <= PORT_MAX, ".port", f"expected 1 to {PORT_MAX}, not {pbx.port}"
    yield (
        not SPOOL_PATH.fullmatch(pbx.spool) or ".." in pbx.spool.split("/"),
        ".spool",
        "expected an absolute path, as the PBX sees it, of letters, digits and / . _ - (no comma)",
    )
    yield (
        pbx.spool_elsewhere and bool(pbx.spool_here),
        ".spool_elsewhere",
        "is true, but spool_here says where this machine has the spool: leave one of them out",
    )
    yield (
        not (pbx.password_file or pbx.password_env),
        "",
        "password_file or password_env is needed to log in",
    )
    yield (
        not pbx.outside_contexts,
        ".outside_contexts",
        'expected the dialplan contexts of outside calls, such as ["from-trunk"]',
    )
    yield from _number_problems(pbx)
    yield bool(pbx.tls_ca) and not pbx.tls, ".tls_ca", "is given, but tls = true is not"
    yield (
        bool(pbx.tls_ca) and not Path(pbx.tls_ca).is_file(),
        ".tls_ca",
        f"there is no file {pbx.tls_ca}",
    )


def _number_problems(pbx: Pbx) -> Iterator[Problem]:
    for field, patterns in (("extensions", pbx.extensions), ("outside", pbx.outside)):
        for pattern in patterns:
            what = f'"{pattern}" is no dialplan pattern'
            yield not numbers.is_pattern(pattern), f".{field}", what
    for queue in pbx.queues.values():
        yield not QUEUE.fullmatch(queue), ".queues", f'"{queue}" can\'t be the name of a queue'
