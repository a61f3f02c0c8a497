from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from hushtape.recordings.ledger import (
    Expectation,
    State,
    _read,
    began_at,
    of_handoff,
    of_unreadable,
)
from tests.recording_samples import RECORDING_ID, START, handoff, segment


def test_an_id_says_when_its_call_began() -> None:
    assert began_at(RECORDING_ID) == START
    assert began_at("20261399-131500-k3f7x2m7") == datetime(1970, 1, 1, tzinfo=UTC)


def test_what_is_expected_of_a_hand_off_names_nobody() -> None:
    given = handoff(segment(1, 0, 2), segment(2, 3, 2))
    expected = of_handoff(given)
    assert expected == Expectation(
        pbx="town-hall",
        policy="town-hall",
        version="2026-01-01",
        started_at=START,
        segments=2,
        state=State.HANDED_OFF,
        ended_at=given.call.ended_at,
        keep=given.keep,
        audio=given.audio,
    )
    text = msgspec.json.encode(expected).decode()
    assert not any(word in text for word in ("7946", "Caller", "Ann", "500"))


def test_what_cannot_be_read_is_expected_all_the_same() -> None:
    for value in (b"", b"{}", b"\xff", b'{"pbx": 1}', b"[]"):
        assert _read(RECORDING_ID, value) == of_unreadable(RECORDING_ID)
    naive = msgspec.json.encode(of_handoff(handoff())).replace(b"Z", b"")
    assert _read(RECORDING_ID, naive) == of_unreadable(RECORDING_ID)
    good = of_handoff(handoff())
    assert _read(RECORDING_ID, msgspec.json.encode(good)) == good
