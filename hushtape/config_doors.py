"""What the configuration says of its doors to others: the desktop's API, the webhook for alarms."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

PORT_MAX = 65535
TOKENS_MAX = 100
TOKEN_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
URL_MAX = 2000

Problem = tuple[bool, str, str]  # is it wrong; the key; what is wrong, and what was expected


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one secret lies by which a desktop is known."""

    token_file: str = ""
    token_env: str = ""


class Api(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where agents' desktops tell of payments; 0: nowhere."""

    listen: str = "127.0.0.1"
    port: int = 0
    tls_cert: str = ""  # PEM files
    tls_key: str = ""
    tokens: dict[str, Token] = {}  # by who it is that has it: "crm"


class Alarms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where alarms are sent, beside the log."""

    webhook: str = ""
    secret_header: str = "Authorization"  # noqa: S105
    secret_file: str = ""  # holds what stands in that header
    secret_env: str = ""


def api_problems(api: Api) -> Iterator[Problem]:
    """Name what is wrong with the API's settings, by key."""
    tls = bool(api.tls_cert or api.tls_key)
    yield (
        not 0 <= api.port <= PORT_MAX,
        "api.port",
        f"expected 0 to {PORT_MAX}, not {api.port}",
    )
    yield (
        not _is_address(api.listen),
        "api.listen",
        f'expected an IP address such as "127.0.0.1", not "{api.listen}"',
    )
    yield (
        bool(api.tls_cert) != bool(api.tls_key),
        "api.tls_cert",
        "tls_cert and tls_key belong together, and one of them is missing",
    )
    for key, path in (("tls_cert", api.tls_cert), ("tls_key", api.tls_key)):
        yield bool(path) and not Path(path).is_file(), f"api.{key}", f"there is no file {path}"
    yield (
        bool(api.port) and not tls and _is_address(api.listen) and not _is_loopback(api.listen),
        "api.listen",
        f"{api.listen} is reached by other machines: that needs tls_cert and tls_key",
    )
    yield (
        bool(api.port) and not api.tokens,
        "api.tokens",
        "at least one is needed, such as [api.tokens.crm]",
    )
    yield len(api.tokens) > TOKENS_MAX, "api.tokens", f"expected {TOKENS_MAX} at most"
    for name, token in api.tokens.items():
        yield (
            not TOKEN_NAME.fullmatch(name),
            f"api.tokens.{name}",
            "a token's name is made of small letters, digits and hyphens, up to 32",
        )
        yield (
            not (token.token_file or token.token_env),
            f"api.tokens.{name}",
            "token_file or token_env is needed",
        )


def alarms_problems(alarms: Alarms) -> Iterator[Problem]:
    """Name what is wrong with the alarms' settings, by key."""
    has_secret = bool(alarms.secret_file or alarms.secret_env)
    yield (
        bool(alarms.webhook) and not _is_webhook(alarms.webhook),
        "alarms.webhook",
        "expected https://HOST/PATH, or http:// to an address of this machine",
    )
    yield (
        not HEADER.fullmatch(alarms.secret_header),
        "alarms.secret_header",
        f'expected the name of a header such as "Authorization", not "{alarms.secret_header}"',
    )
    yield (
        has_secret and not alarms.webhook,
        "alarms.webhook",
        "is missing: there is a secret for it, and no address",
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(text: str) -> bool:
    return _is_address(text) and ipaddress.ip_address(text).is_loopback


def _is_webhook(url: str) -> bool:
    if len(url) > URL_MAX or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    if not host or parts.username is not None or parts.fragment:
        return False
    if parts.scheme == "http":
        return host == "localhost" or _is_loopback(host)
    return parts.scheme == "https"
