from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hushtape.ids import is_call_id, keyed_hash, new_call_id

AT = datetime(2026, 11, 21, 17, 15, 2, tzinfo=UTC)


def test_a_call_id_is_time_and_chance() -> None:
    name = new_call_id(AT, b"\x00\x01\x02\x03\x04")
    assert name == "20261121-171502-aaaqeayea"[: len(name)]
    assert is_call_id(name)


def test_it_is_in_utc() -> None:
    local = AT.astimezone(timezone(timedelta(hours=5)))
    assert new_call_id(local, bytes(5)) == new_call_id(AT, bytes(5))


def test_it_takes_so_many_random_bytes() -> None:
    with pytest.raises(ValueError, match="5 random bytes"):
        new_call_id(AT, b"")


@pytest.mark.parametrize(
    "text", ["", "20261121-171502-AAAAAAAA", "20261121-171502-aaaaaaaa\n", "../20261121-171502-a"]
)
def test_what_has_another_shape_is_no_call_id(text: str) -> None:
    assert not is_call_id(text)


def test_a_keyed_hash_needs_its_key() -> None:
    hashes = {keyed_hash("07900123001", key) for key in (b"a", b"b")}
    assert len(hashes) == 2
    assert all(len(each) == 32 for each in hashes)
    assert keyed_hash("", b"a") == ""
