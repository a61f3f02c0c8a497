"""Reading WAV heads."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hushtape.errors import Damaged
from tests.recording_samples import RATE_HZ, wav
from workers.wave import Incomplete, parse_head


def test_a_head_is_read() -> None:
    assert parse_head(wav(bytes(100))) == (44, 100, RATE_HZ)
    assert parse_head(wav(bytes(100))).claims(144)
    assert not parse_head(wav(bytes(100), claimed=0)).claims(144)


def test_both_sides_in_one_file_are_two_channels() -> None:
    assert parse_head(wav(bytes(100), channels=2), 2) == (44, 100, RATE_HZ)
    for channels, wanted, words in (
        (1, 2, "expected 2 channels of 16-bit PCM, not 1 of 16 bits at 8000 Hz"),
        (2, 1, "expected one channel of 16-bit PCM, not 2 of 16 bits at 8000 Hz"),
        (3, 2, "expected 2 channels of 16-bit PCM, not 3 of 16 bits"),
    ):
        with pytest.raises(Damaged, match=words):
            parse_head(wav(bytes(100), channels=channels), wanted)


def test_other_chunks_are_passed_over() -> None:
    plain = wav(bytes(4))
    extra = b"LIST" + (5).to_bytes(4, "little") + b"INFOx\0"
    assert parse_head(plain[:36] + extra + plain[36:]).data_offset_bytes == 44 + len(extra)


@pytest.mark.parametrize("size", range(44))
def test_a_head_that_is_not_all_there_may_come_yet(size: int) -> None:
    with pytest.raises(Incomplete):
        parse_head(wav(b"")[:size])


def changed(at: int, value: bytes) -> bytes:
    head = wav(bytes(8))
    return head[:at] + value + head[at + len(value) :]


@pytest.mark.parametrize(
    "head",
    [
        changed(0, b"OggS"),
        changed(8, b"AVI "),
        changed(20, b"\x07\0"),  # mu-law
        changed(22, b"\x02\0"),  # stereo
        changed(24, (12345).to_bytes(4, "little")),
        changed(34, b"\x08\0"),  # 8 bits
        changed(12, b"junk"),
        changed(16, (2**32 - 1).to_bytes(4, "little")).ljust(4096, b"\0"),
    ],
)
def test_what_no_pbx_of_ours_writes_is_refused(head: bytes) -> None:
    with pytest.raises(Damaged):
        parse_head(head)


@given(some.binary(max_size=200))
def test_a_hostile_head_raises_nothing_else(tail: bytes) -> None:
    for head in (tail, b"RIFF\0\0\0\0WAVE" + tail):
        with suppress(Damaged):
            parse_head(head)
