"""The secrets of the doors to others, read and checked before a program starts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hushtape.config import Config, secret
from hushtape.errors import ConfigError

if TYPE_CHECKING:
    from hushtape.webhook import Address

TOKEN_LENGTH_MIN = 32  # characters: 128 bits in hexadecimal
TOKEN_LENGTH_MAX = 512
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")  # what may stand after "Bearer"
HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")


def check(config: Config, where: str, environ: Mapping[str, str] = os.environ) -> None:
    """Read every secret of the doors, to see that it is there.

    Raises:
        ConfigError: one of them isn't where the configuration says, or is no good.
    """
    tokens(config, where, environ)
    webhook(config, where, environ)


def lines(config: Config) -> list[str]:
    """Say which doors are open; an address for alarms may hold a secret, so only its host."""
    said = []
    if config.api.port:
        tls = "TLS" if config.api.tls_cert else "without TLS"
        who = ", ".join(sorted(config.api.tokens))
        said.append(f"API at {config.api.listen}:{config.api.port}, {tls}, for {who}")
    if config.alarms.webhook:
        said.append(f"alarms are sent to {urlsplit(config.alarms.webhook).hostname}")
    return said


def tokens(config: Config, where: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Read the API's tokens, by who has them; none where the API is off.

    Raises:
        ConfigError: one isn't where the configuration says, is too short, or is another's, too.
    """
    if not config.api.port:
        return {}
    found: dict[str, str] = {}
    for name, token in config.api.tokens.items():
        key = f"{where}: api.tokens.{name}"
        text = secret(key, token.token_file, token.token_env, environ, "token")
        if not TOKEN_LENGTH_MIN <= len(text) <= TOKEN_LENGTH_MAX or not TOKEN.fullmatch(text):
            raise ConfigError(
                key,
                f"the token must be {TOKEN_LENGTH_MIN} to {TOKEN_LENGTH_MAX} letters, digits and"
                " . _ ~ + / = - ; `openssl rand -hex 32` makes one",
            )
        if text in found.values():
            raise ConfigError(key, "another name has the same token: the log couldn't tell them")
        found[name] = text
    return found


def webhook(config: Config, where: str, environ: Mapping[str, str] = os.environ) -> Address | None:
    """Read where alarms are sent to; None: nowhere.

    Raises:
        ConfigError: its secret isn't where the configuration says, or can't stand in a header.
    """
    told = config.alarms
    if not told.webhook:
        return None
    from hushtape.webhook import Address  # here: what it imports takes longer than most commands

    key = f"{where}: alarms"
    text = secret(key, told.secret_file, told.secret_env, environ, "secret")
    if text and not HEADER_VALUE.fullmatch(text):
        raise ConfigError(key, "the secret must be one line of plain characters")
    return Address(url=told.webhook, header=told.secret_header, secret=text)
