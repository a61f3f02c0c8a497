from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ami_bridge.freeswitch.esl import Cutter, Frame, Message, json_headers, messages, parse
from hushtape.errors import HushtapeError, LinkLost, TooBig

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AUTH = b"Content-Type: auth/request\n\n"
REPLY = b"Content-Type: command/reply\nReply-Text: +OK Job-UUID: 7\nJob-UUID: 7\n\n"


def told(lines: str, kind: str = "plain") -> bytes:
    body = lines.encode()
    return b"Content-Length: %d\nContent-Type: text/event-%s\n\n%s" % (
        len(body),
        kind.encode(),
        body,
    )


def one(data: bytes) -> Frame:
    (frame,) = Cutter().feed(data)
    return frame


def read(lines: str, wanted: set[str] | None = None, kind: str = "plain") -> Message:
    message = parse(one(told(lines, kind)), NOON, wanted)
    assert message is not None
    return message


SESSION = AUTH + REPLY + told("Event-Name: A\nX: Zo%C3%AB\n\n") + told('{"Event-Name":"B"}', "json")


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 64, 10_000])
def test_however_it_is_split_it_says_the_same(piece: int) -> None:
    cutter = Cutter()
    frames = [
        frame
        for at in range(0, len(SESSION), piece)
        for frame in cutter.feed(SESSION[at : at + piece])
    ]
    assert [frame.kind for frame in frames] == [
        "auth/request",
        "command/reply",
        "text/event-plain",
        "text/event-json",
    ]
    assert frames[1].headers["Reply-Text"] == "+OK Job-UUID: 7"
    assert sum(frame.size for frame in frames) == len(SESSION)
    assert cutter.waiting == 0
    assert [each.event for each in messages(SESSION, NOON)] == ["A", "B"]


def test_half_a_frame_waits() -> None:
    cutter = Cutter()
    assert list(cutter.feed(told("Event-Name: A\n\n")[:-1])) == []
    assert cutter.waiting > 0
    assert len(list(cutter.feed(b"\n"))) == 1


def test_empty_lines_between_frames_are_passed_over() -> None:
    assert len(list(Cutter().feed(b"\n\n" + AUTH + b"\n\n\n" + AUTH))) == 2


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"Asterisk Call Manager/11.0.0\n\n", LinkLost),
        (b"x" * 70_000, LinkLost),
        (b"Content-Type: " + b"x" * 70_000 + b"\n\n", LinkLost),
        (b"Content-Type: a\nContent-Length: -1\n\n", LinkLost),
        (b"Content-Type: a\nContent-Length: 0x10\n\n", LinkLost),
        ("Content-Type: a\nContent-Length: ٣\n\n".encode(), LinkLost),
        (b"Content-Type: a\nContent-Length: 101\n\n", TooBig),
        (b"Content-Type: a\nContent-Length: " + b"9" * 5000 + b"\n\n", LinkLost),
    ],
)
def test_what_is_no_event_socket_ends_with_a_reason(
    data: bytes, error: type[HushtapeError]
) -> None:
    with pytest.raises(error):
        list(Cutter(limit_bytes=100).feed(data))


def test_what_came_before_garbage_was_told() -> None:
    frames = Cutter().feed(AUTH + b"garbage\n\n")
    assert next(frames).kind == "auth/request"
    with pytest.raises(LinkLost):
        next(frames)


def test_values_are_decoded_after_the_lines_are_split() -> None:
    message = read("Event-Name: A\nName: x%0AUnique-ID%3A%20spoofed\nUnique-ID: 1\n\n")
    assert message["Unique-ID"] == "1"
    assert message["Name"] == "x\nUnique-ID: spoofed"


def test_the_first_of_a_name_counts() -> None:
    assert read("Event-Name: A\nX: 1\nX: 2\n\n")["X"] == "1"
    assert read('{"Event-Name":"A","X":"1","X":"2"}', kind="json")["X"] == "1"


def test_a_body_is_kept_apart() -> None:
    message = read("Event-Name: A\nContent-Length: 9\n\nX: 1\n\n%41")
    assert message["_body"] == "X: 1\n\n%41"
    assert "X" not in message


def test_nobody_says_a_body_in_a_header() -> None:
    assert "_body" not in read("Event-Name: A\n_body: x\n\n")
    assert read("Event-Name: A\n_body: x\nContent-Length: 1\n\ny")["_body"] == "y"


def test_an_empty_value_is_one_in_both_formats() -> None:
    assert read("Event-Name: A\nX: _undef_\n\n")["X"] == ""
    assert read('{"Event-Name":"A","X":""}', kind="json")["X"] == ""


def test_only_what_is_wanted_is_kept() -> None:
    assert dict(read("Event-Name: A\nX: 1\nY: 2\nContent-Length: 1\n\nz", {"X"})) == {"X": "1"}
    assert dict(read('{"Event-Name":"A","X":"1","_body":"z"}', {"X"}, "json")) == {"X": "1"}


def test_a_plus_is_a_plus() -> None:
    assert read("Event-Name: A\nX: +44 20%2B\n\n")["X"] == "+44 20+"


@pytest.mark.parametrize("value", ["%", "%4", "%zz", "%FF%FE", "\ufeff"])
def test_odd_values_raise_nothing(value: str) -> None:
    assert "X" in read(f"Event-Name: A\nX: {value}\n\n")


def test_in_json_a_list_counts_as_its_first_text() -> None:
    message = read('{"Event-Name":"A","X":["1","2"],"Y":[7],"Z":7,"N":null,"D":{}}', kind="json")
    assert dict(message) == {"Event-Name": "A", "X": "1"}
    assert json_headers('{"X":["1","2"]}') == {"X": "1"}


@pytest.mark.parametrize("text", ["", "[1]", "7", "{", '"x"', "[" * 100_000, '{"X":"\\ud800"}'])
def test_what_is_no_object_is_none(text: str) -> None:
    assert json_headers(text) in (None, {"X": "\ud800"})
    parse(one(told(text or " ", "json")), NOON)


def test_what_is_no_event_is_none() -> None:
    assert parse(one(REPLY), NOON) is None


@pytest.mark.parametrize(
    ("headers", "event"),
    [
        ("Event-Name: CHANNEL_CREATE\nEvent-Subclass: x\n", "CHANNEL_CREATE"),
        ("Event-Name: CUSTOM\nEvent-Subclass: callcenter%3A%3Ainfo\n", "callcenter::info"),
        ("Event-Name: CUSTOM\n", ""),
        ("X: 1\n", ""),
    ],
)
def test_what_an_event_is_called(headers: str, event: str) -> None:
    assert read(headers + "\n").event == event


def test_when_it_was_sent() -> None:
    message = read("Event-Name: A\nEvent-Date-Timestamp: 1795279250684738\n\n")
    assert message.sent == datetime(2026, 11, 21, 16, 40, 50, 684738, tzinfo=UTC)
    assert message.received == NOON


@pytest.mark.parametrize("text", ["", "x", "-1", "1e9", "9" * 30, "9" * 5000, "٣"])
def test_when_that_is_not_said(text: str) -> None:
    assert Message({"Event-Date-Timestamp": text}, NOON).sent is None


def test_it_is_a_mapping() -> None:
    message = read("Event-Name: A\nX: 1\n\n")
    assert (len(message), list(message), message.get("Y")) == (2, ["Event-Name", "X"], None)
    with pytest.raises(KeyError):
        message["y"]
