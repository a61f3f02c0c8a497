"""The answer of a SIP phone to who asks for its password: Digest (RFC 2617), with MD5."""

from __future__ import annotations

import hashlib
import re
import secrets

_CHALLENGED = re.compile(
    rb"^(?:WWW|Proxy)-Authenticate:[ \t]*Digest ([^\r\n]*)", re.IGNORECASE | re.MULTILINE
)
_FIELD = re.compile(rb'(\w+)="?([^",]*)"?')
COUNT = b"00000001"


def authorization(
    challenge: bytes, method: bytes, uri: bytes, user: bytes, secret: bytes, ours: bytes = b""
) -> bytes:
    """The header field's value that answers a challenge.

    Args:
        challenge: the whole message, 401 or 407.
        ours: a nonce of this side's; left out: a new one.

    Raises:
        ValueError: nothing is asked for in it.
    """
    found = _CHALLENGED.search(challenge)
    if found is None:
        raise ValueError("no password is asked for")
    said = {name.lower(): value for name, value in _FIELD.findall(found[1])}
    realm, nonce = said[b"realm"], said[b"nonce"]
    ours = ours or secrets.token_hex(8).encode()
    who = _digest(user, realm, secret)
    answer = _digest(who, nonce, COUNT, ours, b"auth", _digest(method, uri))
    fields = {b"username": user, b"realm": realm, b"nonce": nonce, b"uri": uri}
    fields |= {b"cnonce": ours, b"response": answer}
    return b"Digest %b, qop=auth, nc=%b" % (
        b", ".join(b'%b="%b"' % each for each in fields.items()),
        COUNT,
    )


def _digest(*parts: bytes) -> bytes:
    return hashlib.md5(b":".join(parts), usedforsecurity=False).hexdigest().encode()
