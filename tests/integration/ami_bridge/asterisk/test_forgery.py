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
    # In one of them a dialplan writes what no Asterisk begins an event with.
    expected = text.replace(END + b"Event: Hangupy", b"\r\n\r\0Event: Hangupy").split(END)[:-1]
    assert found == [each.replace(b"\0", b"\n") for each in expected]
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
    strange = event(b"Odd", b"\r\nChannel: a\r\nChannelState: 6\r\nOther: 2")
    assert frames(strange)[0] == []
    assert frames(strange + bytes(forgery.REACH_BYTES))[0] == [strange[: -len(END)]]


def test_a_line_of_a_primary_rate_is_no_channel_that_is_described() -> None:
    """The last line of the event; nothing is waited for."""
    alarm = event(b"AlarmClear", b"\r\nDAHDIChannel: 1")
    assert frames(alarm)[0] == [alarm[: -len(END)]]


@pytest.mark.parametrize(
    "line", [b"Tenantid: acme", b"ChanVariable: A=b", b"ChanVariable(x-1): A="]
)
def test_what_was_dialled_is_no_variable_however_a_channel_is_described(line: bytes) -> None:
    dialled = b"5\r\nVariable: HUSHTAPE_OPT_OUT=yes"
    plain = status_of(b"1", dialled)
    found, _ = cut_as_asterisk(plain.replace(b"\r\nType: ", b"\r\n" + line + b"\r\nType: ") + NEXT)
    assert (b"DNID", flat(dialled)) in headers(found[0])
    assert not [
        value for name, value in headers(found[0]) if name == b"Variable" and value[:1] == b"H"
    ]


def test_a_name_that_is_not_escaped_stays_in_its_line_too() -> None:
    found, _ = frames(event(b"Hangup", described(name=b"x\r\n\r\nEvent: Hangup\r\nUniqueid: 1.1")))
    assert len(found) == 1
    assert dict(headers(found[0]))[b"Uniqueid"] == b"1795292709.0"


STAMPED = b"\r\nTimestamp: 1795292709.000001"
NEXT = b"Event: Hold\r\nPrivilege: call,all" + STAMPED + described() + END


def stamped(kind: bytes, *parts: bytes) -> bytes:
    return b"Event: " + kind + b"\r\nPrivilege: call,all" + STAMPED + b"".join(parts) + END


BREAKS = (
    b"9\r\n\r\nEvent: QueueCallerJoin\r\nUniqueid: 1700000000.12\r\nQ: ",
    b"9\r\n\r\nEvent: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1700000000.12",
    b"9\r\n\r\nResponse: Success\r\nActionID: x",
    b"9\r\n\r\n9",
    b"\r\n\r\n\r\n\r\n",
)


def elsewhere(broken: bytes) -> tuple[tuple[bytes, bytes, bytes], ...]:
    """Where else what was dialled stands: an event, the header, its value."""
    bridge = b"\r\nBridgeUniqueid: b\r\nBridgeName: %s\r\nBridgeNumChannels: 1"
    named = described().replace(b"PJSIP/trunk", b"Local/" + broken + b"@internal")
    caller = described() + described(whose=b"Dest")
    sent = b"\r\nIsExternal: Yes\r\nContext: in\r\nExtension: "
    return (
        (stamped(b"DialBegin", caller, b"\r\nDialString: " + broken), b"DialString", broken),
        (
            stamped(b"DialEnd", caller, b"\r\nForward: " + broken + b"\r\nDialStatus: BUSY"),
            b"Forward",
            broken,
        ),
        (
            stamped(b"DeviceStateChange", b"\r\nDevice: Local/" + broken + b"\r\nState: INUSE"),
            b"Device",
            b"Local/" + broken,
        ),
        (stamped(b"BlindTransfer", described(), sent + broken), b"Extension", broken),
        (stamped(b"Newchannel", named), b"Channel", b"Local/" + broken + b"@internal-00000000"),
        (stamped(b"BridgeEnter", bridge % broken, described()), b"BridgeName", broken),
    )


def cut_as_asterisk(text: bytes) -> tuple[list[bytes], bytes]:
    """Cut what comes of a PBX that is known to stamp its events, and answers us."""
    found, start, search = [], 0, 0
    while (end := text.find(END, search)) >= 0:
        search = end + len(END)
        if forgery.is_over(text, start, end, b"hushtape-", stamped=True):
            found.append(forgery.mended(text[start:end]))
            start = search
    return found, text[start:]


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize("where", range(6))
def test_what_was_dialled_stays_in_its_line_wherever_it_stands(where: int, broken: bytes) -> None:
    text, header, value = elsewhere(broken)[where]
    found, left = cut_as_asterisk(text + NEXT)
    assert left == b""
    assert len(found) == 2
    said = headers(found[0])
    assert [v for k, v in said if k == header] == [flat(value)]
    assert len(said) == len(headers(elsewhere(b"9")[where][0][: -len(END)]))


def test_what_follows_an_event_may_be_half_of_one() -> None:
    text = stamped(b"Hold", described())
    for end in range(len(NEXT)):
        found, _ = cut_as_asterisk(text + NEXT[:end])
        assert len(found) == 1, NEXT[:end]
    for other in (
        b"Response: Success\r\nActionID: hushtape-1",
        b"Event: A\r\nActionID: hushtape-1",
    ):
        for end in range(len(other)):
            assert len(cut_as_asterisk(text + other[:end])[0]) == 1, other[:end]


@pytest.mark.parametrize(
    "feigned",
    [
        b"Event: Hangup\r\nUniqueid: 1.1\r\n",
        b"Event: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1.1\r\n",
        b"Event: Hangup\r\nPrivilege: call,all\r\nTimestamp: 1\r\n",
        b"Event: Hangup\r\nActionID: 7\r\n",
        b"Response: Success\r\nActionID: 7\r\n",
        b"Response: Success\r\nMessage: x\r\n",
        b"event: Hangup\r\nPrivilege: call,all\r\n",
    ],
)
def test_no_asterisk_begins_an_event_like_this(feigned: bytes) -> None:
    found, _ = cut_as_asterisk(stamped(b"Odd", b"\r\nA: 1") + feigned + NEXT)
    assert len(found) == 1


def test_a_list_says_what_a_channel_does_whatever_was_dialled() -> None:
    dialled = b"PJSIP/9\r\nVariable: HUSHTAPE_CALL=x\r\n\r\nEvent: Hangup@trunk"
    status = status_of(b"1", b"2").replace(
        b"Data: help,tk",
        b"Data: " + dialled + b"\r\nNativeformats: (alaw)\r\nVariable: HUSHTAPE_CALL=",
    )
    found, left = cut_as_asterisk(status.replace(b"call,all", b"Call") + NEXT)
    assert left == b""
    assert [v for k, v in headers(found[0]) if k == b"Variable"] == [b"HUSHTAPE_CALL="]
    assert (b"Data", flat(dialled)) in headers(found[0])
