"""The answer to a challenge, with the example that RFC 2617 gives (section 3.5)."""

from __future__ import annotations

import pytest

from lab.digest import authorization

CHALLENGE = (
    b"SIP/2.0 401 Unauthorized\r\n"
    b'WWW-Authenticate: Digest realm="testrealm@host.com", qop="auth,auth-int",'
    b' nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"\r\n'
    b"\r\n"
)


def test_the_example_of_the_rfc() -> None:
    said = authorization(
        CHALLENGE, b"GET", b"/dir/index.html", b"Mufasa", b"Circle Of Life", b"0a4f113b"
    )
    assert said.startswith(b'Digest username="Mufasa", realm="testrealm@host.com", ')
    assert b'response="6629fae49393a05397450978507c4ef1"' in said
    assert said.endswith(b"qop=auth, nc=00000001")


def test_each_answer_has_a_nonce_of_its_own() -> None:
    one, other = (authorization(CHALLENGE, b"GET", b"/", b"me", b"secret") for _ in range(2))
    assert one != other


def test_without_a_question_there_is_no_answer() -> None:
    with pytest.raises(ValueError, match="no password"):
        authorization(b"SIP/2.0 200 OK\r\n\r\n", b"GET", b"/", b"me", b"secret")
