"""The key with which numbers and agents are hashed, so that only its holder can search for them."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from hushtape.errors import ConfigError, Unreachable
from hushtape.ids import keyed_hash

KEY_BYTES = 32
_FILLING = re.compile(r"[\s().\-/]")


def load_or_create(path: Path) -> bytes:
    """Read the key; make it when it is missing. Two processes that make it at once get the same.

    Raises:
        ConfigError: the file isn't a key of ours, or can't be read.
        Unreachable: it can't be written.
    """
    if not path.exists():
        _create(path)
    return load(path)


def load(path: Path) -> bytes:
    """Read the key; none is made.

    Raises:
        ConfigError: there is no key, it isn't one of ours, or it can't be read.
    """
    try:
        with path.open("rb") as stream:
            key = stream.read(KEY_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(
            "archive.number_key_file",
            f"there is no key {path}: the workers make it, and only with theirs a number is found",
        ) from None
    except OSError as error:
        raise ConfigError("archive.number_key_file", f"{path} can't be read: {error}") from None
    if len(key) != KEY_BYTES:
        raise ConfigError(
            "archive.number_key_file", f"{path} is not a key: expected {KEY_BYTES} bytes"
        )
    return key


def number_hash(number: str, key: bytes) -> str:
    """Hash a telephone number; spaces, brackets and hyphens in it make no difference."""
    return keyed_hash(_FILLING.sub("", number), key)


def agent_hash(agent: str, key: bytes) -> str:
    """Hash an agent's name as the queue knows it."""
    return keyed_hash(agent.strip(), key)


def _create(path: Path) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(secrets.token_bytes(KEY_BYTES))
                stream.flush()
                os.fsync(stream.fileno())
            try:
                os.link(part, path)  # the first one wins, and nobody sees half a key
            except FileExistsError:
                return
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Unreachable(f"the key {path} can't be written: {error.strerror}") from None
