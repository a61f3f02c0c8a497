"""Identities of our own making. Nothing from the network is ever part of one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime

RANDOM_BYTES = 5  # 40 bits beside a second: 1,000 calls a second collide once in 70,000 years
CALL_ID = re.compile(r"\d{8}-\d{6}-[a-z2-7]{8}")


def new_call_id(at: datetime, randomness: bytes) -> str:
    """Name a call, and so its recording: ``20261121-171502-k3f9x2m7``, in UTC.

    It sorts by time, is a legal file name, Redis key, RQ job id and channel variable, and says
    nothing about who called.

    Args:
        at: when the call began, aware.
        randomness: RANDOM_BYTES bytes, for instance from ``secrets.token_bytes``.
    """
    if len(randomness) != RANDOM_BYTES:
        raise ValueError(f"a call id takes {RANDOM_BYTES} random bytes, not {len(randomness)}")
    tail = base64.b32encode(randomness).decode("ascii").lower()
    return f"{at.astimezone(UTC):%Y%m%d-%H%M%S}-{tail}"


def is_call_id(text: str) -> bool:
    """Tell whether a text from outside has the shape of a call id."""
    return CALL_ID.fullmatch(text) is not None


def keyed_hash(value: str, key: bytes) -> str:
    """Hash a number or a name so that only a holder of the key can look for it.

    Returns:
        32 hexadecimal digits; ``""`` for an empty value.
    """
    if not value:
        return ""
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:32]
