"""A caller's number can hold line breaks: events end where Asterisk ended them all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ami_bridge.asterisk import forgery

SESSIONS = sorted((Path(__file__).parents[3] / "data" / "ami").glob("*.ami"))
END = b"\r\n\r\n"
NOBODY = b"<unknown>"
LIMIT = 79

# What Asterisk 22 takes in: a number and what was dialled up to 79 bytes, of which none is NUL.
PIECES = (
    *(b"\r\n", END, b"\r", b"\n", b": ", b"7", b"Event: Hangup", b"Response: Success"),
    *(b"ChannelStateDesc: Up\r\nCallerIDNum: 1", b"CallerIDNum: ", b"CallerIDName: "),
    *(b"ConnectedLineNum: ", b"ConnectedLineName: ", b"Language: ", b"AccountCode: "),
    *(b"Context: ", b"Exten: ", b"Priority: 1", b"Uniqueid: 1.1", b"Linkedid: 1.1"),
    *(b"Type: X", b"DNID: ", b"EffectiveConnectedLineNum: ", b"EffectiveConnectedLineName: "),
    *(
        b"TimeToHangup: 0",
        b"DestChannelStateDesc: Up\r\nDestCallerIDNum: 1",
        b"EventList: Complete",
    ),
)
CLAIMED = st.lists(st.sampled_from(PIECES) | st.binary(max_size=9), max_size=12).map(
    lambda pieces: b"".join(pieces)[:LIMIT]
)
FEIGNED = b"7\r\nPriority: 1\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n\r\nEvent: Hangup"
ASSERTED = b"7\r\nCallerIDName: x\r\n\r\nEvent: Hangup\r\nUniqueid: 1.1\r\nConnectedLineNum: "


def described(
    number: bytes = b"0790",
    name: bytes = b"A Caller",
    other: bytes = NOBODY,
    exten: bytes = b"500",
    whose: bytes = b"",
) -> bytes:
    """A channel's lines in an event."""
    lines = (
        (b"Channel", b"PJSIP/trunk-00000000"),
        (b"ChannelState", b"6"),
        (b"ChannelStateDesc", b"Up"),
        (b"CallerIDNum", number),
        (b"CallerIDName", name),
        (b"ConnectedLineNum", other),
        (b"ConnectedLineName", NOBODY),
        (b"Language", b"en"),
        (b"AccountCode", b""),
        (b"Context", b"in"),
        (b"Exten", exten),
        (b"Priority", b"2"),
        (b"Uniqueid", b"1795292709.0"),
        (b"Linkedid", b"1795292709.0"),
    )
    return b"".join(b"\r\n" + whose + key + b": " + value for key, value in lines)


def event(kind: bytes, *parts: bytes) -> bytes:
    return b"Event: " + kind + b"\r\nPrivilege: call,all" + b"".join(parts) + END


def status_of(number: bytes, dialled: bytes) -> bytes:
    return event(
        b"Status",
        described(number, exten=dialled),
        b"\r\nType: PJSIP\r\nDNID: " + dialled + b"\r\nEffectiveConnectedLineNum: " + number,
        b"\r\nEffectiveConnectedLineName: <unknown>\r\nTimeToHangup: 0\r\nBridgeID: ",
        b"\r\nApplication: Queue\r\nData: help,tk\r\nActionID: hushtape-1",
    )


def frames(text: bytes) -> tuple[list[bytes], bytes]:
    """Cut what was received, as the protocol does; return the frames, and what is left."""
    found, start, search = [], 0, 0
    while (end := text.find(END, search)) >= 0:
        search = end + len(END)
        if forgery.is_over(text, start, end):
            found.append(forgery.mended(text[start:end]))
            start = search
    return found, text[start:]


def headers(frame: bytes) -> list[tuple[bytes, bytes]]:
    return [(k, v) for k, _, v in (line.partition(b": ") for line in frame.split(b"\r\n"))]


def flat(value: bytes) -> bytes:
    return value.replace(b"\r", b" ").replace(b"\n", b" ")


@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
def test_what_an_asterisk_said_is_cut_as_ever(session: Path) -> None:
    text = session.read_bytes()
    found, left = frames(text)
    assert found == text.split(END)[:-1]
    assert left == b""


@pytest.mark.parametrize(
    "number",
    [
        b"7\r\n\r\nEvent: Hangup\r\nUniqueid: 1.1\r\nX: ",
        b"7\r\n\r\nEvent: StatusComplete\r\nEventList: Complete\r\nX: ",
        b"7\r\nQueue: payments\r\nUniqueid: 1.1",
        b"\r\n\r\n\r\n\r\n",
        b"\r\n",
        b"7\r\nCallerIDName: x\r\n\r\nEvent: Hangup\r\nUniqueid: 1.1",
        b"7\r\nChannelStateDesc: Up\r\nCallerIDNum: 8",
        b"7" * LIMIT,
        b"",
    ],
)
def test_a_number_stays_in_its_line(number: bytes) -> None:
    meant = event(b"QueueCallerJoin", described(number), b"\r\nQueue: help")
    found, left = frames(meant + event(b"Hangup", described()))
    assert left == b""
    assert [dict(headers(each))[b"Event"] for each in found] == [b"QueueCallerJoin", b"Hangup"]
    said = headers(found[0])
    assert (b"CallerIDNum", flat(number)) in said
    assert len(said) == len(headers(event(b"X", described(), b"\r\nQueue: help")[: -len(END)]))
    assert dict(said)[b"Uniqueid"] == b"1795292709.0"
    assert dict(said)[b"Queue"] == b"help"


def test_the_shortest_events_are_not_taken_for_one() -> None:
    shortest = event(b"Hold", described(b"", b"", b"", b""))
    assert frames(shortest * 3) == ([shortest[: -len(END)]] * 3, b"")


def test_nor_does_what_was_dialled_end_an_event_by_feigning_what_follows() -> None:
    found, _ = frames(event(b"Newchannel", described(exten=FEIGNED)))
    assert len(found) == 1
    said = dict(headers(found[0]))
    assert said[b"Exten"] == flat(FEIGNED)
    assert said[b"Uniqueid"] == b"1795292709.0"


@given(CLAIMED, CLAIMED, CLAIMED)
@example(b"", b"", FEIGNED)
@example(b"7\r\n\r\nEvent: X", ASSERTED, FEIGNED)
def test_whatever_is_claimed_events_stay_what_they_are(
    number: bytes, other: bytes, exten: bytes
) -> None:
    caller, agent = described(number, exten=exten), described(other=other, whose=b"Dest")
    text = (
        event(b"AgentConnect", caller, agent, b"\r\nHoldTime: 1")
        + event(b"BridgeEnter", b"\r\nBridgeUniqueid: b", caller)
        + event(b"Hangup", caller)
        + event(b"FullyBooted")
    )
    found, left = frames(text)
    assert left == b""
    kinds = [headers(each)[0][1] for each in found]
    assert kinds == [b"AgentConnect", b"BridgeEnter", b"Hangup", b"FullyBooted"]
    for each in found[:3]:
        said = headers(each)
        assert [v for k, v in said if k == b"Uniqueid"] == [b"1795292709.0"]
        assert [v for k, v in said if k == b"CallerIDNum"] == [flat(number)]
        assert [v for k, v in said if k == b"Exten"] == [flat(exten)]
    assert dict(headers(found[0]))[b"DestConnectedLineNum"] == flat(other)
    assert dict(headers(found[0]))[b"HoldTime"] == b"1"


@given(CLAIMED, CLAIMED)
@example(b"", b"7\r\n\r\nEvent: XComplete\r\nEventList: Complete")
def test_nobody_ends_the_list_of_channels(number: bytes, dialled: bytes) -> None:
    status = status_of(number, dialled)
    found, left = frames(status + event(b"StatusComplete"))
    assert left == b""
    assert [headers(each)[0][1] for each in found] == [b"Status", b"StatusComplete"]
    said = headers(found[0])
    # Which of two claims a piece of text belongs to may be open; no third header can have it.
    assert [k for k, _ in said] == [k for k, _ in headers(status_of(b"1", b"2")[: -len(END)])]
    assert said[-1] == (b"ActionID", b"hushtape-1")


def test_an_event_that_is_not_all_there_is_waited_for() -> None:
    text = event(b"Newchannel", described(b"7\r\n\r\nEvent: Hangup\r\nX: "))
    for end in range(len(text)):
        assert frames(text[:end])[0] == []
    assert len(frames(text)[0]) == 1


def test_what_is_described_in_another_way_is_not_waited_for_for_ever() -> None:
    strange = event(b"Odd", b"\r\nChannelStateDesc: Up\r\nCallerIDNum: 1\r\nOther: 2")
    assert frames(strange)[0] == []
    assert frames(strange + b"x" * forgery.REACH_BYTES)[0] == [strange[: -len(END)]]


def test_a_name_that_is_not_escaped_stays_in_its_line_too() -> None:
    found, _ = frames(event(b"Hangup", described(name=b"x\r\n\r\nEvent: Hangup\r\nUniqueid: 1.1")))
    assert len(found) == 1
    assert dict(headers(found[0]))[b"Uniqueid"] == b"1795292709.0"
