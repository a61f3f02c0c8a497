"""A recorded session played by the product: as the real bridge would take it, whatever is in it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ami_bridge.asterisk import replay, session
from ami_bridge.asterisk.protocol import Frame
from ami_bridge.asterisk.replay import Replayed
from ami_bridge.asterisk.session import Reader, frames
from ami_bridge.rehearsal.session_report import documents, lines
from ami_bridge.session import Happened, Item, LinkDown, LinkUp, Living, TraceEnds
from ami_bridge.session_file import SESSION_LIMIT_BYTES
from hushtape.errors import ConfigError, Damaged, TooBig
from hushtape.recordings.manifest import Segment
from tests import virtual_time
from tests.playback import PBX, POLICIES, SESSIONS, Player

NEAR_S = 0.05
GREETING = b"Asterisk Call Manager/11.0.0\r\n"


def mark(at_s: float, link: str = "") -> bytes:
    end = f"Link: {link}\r\n" if link else ""
    return f"Event: HushtapeTrace\r\nReceived: {at_s:.6f}\r\n{end}\r\n".encode()


def cut(data: bytes) -> list[Frame]:
    return list(frames(io.BytesIO(data), "a file"))


def edges(segments: tuple[Segment, ...]) -> Iterator[tuple[str, float, float]]:
    for each in segments:
        assert each.ended_at is not None
        if (each.ended_at - each.started_at).total_seconds() > NEAR_S:
            yield each.leg.value, each.started_at.timestamp(), each.ended_at.timestamp()


@pytest.mark.parametrize("name", SESSIONS)
def test_it_comes_to_what_the_bridge_comes_to(name: str) -> None:
    """The bridge's loop, protocol and all, in virtual time, is the measure."""
    bridged = virtual_time.run(play_bridge(SESSIONS[name].read_bytes()))
    played = replay.play(SESSIONS[name], PBX, POLICIES)
    ours = {
        done.channel.uniqueid: done.handoff for done in played.calls if done.handoff is not None
    }
    theirs = {each.call.pbx_call: each for each in bridged}
    assert set(ours) == set(theirs)
    for uniqueid, handoff in theirs.items():
        mine = ours[uniqueid]
        assert (mine.discard is None) == (handoff.discard is None)
        assert mine.keep.until == handoff.keep.until
        found, wanted = list(edges(mine.segments)), list(edges(handoff.segments))
        assert [each[0] for each in found] == [each[0] for each in wanted]
        for one, other in zip(found, wanted, strict=True):
            assert one[1:] == pytest.approx(other[1:], abs=NEAR_S)


async def play_bridge(data: bytes) -> list:  # type: ignore[type-arg]
    return (await asyncio.ensure_future(Player().play(data))).handoffs


def test_blocks_of_any_size_are_cut_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    data = SESSIONS["user-events-hostile"].read_bytes()
    whole = [frame.pairs for frame in cut(data)]
    assert len(whole) > 10
    for size in (1000, 4097):
        monkeypatch.setattr(session, "BLOCK_BYTES", size)
        assert [frame.pairs for frame in cut(data)] == whole


def channel(number: bytes) -> bytes:
    """An event as Asterisk writes it; a caller's number stands in it as it is."""
    lines = (
        *(b"Channel: PJSIP/a-1", b"ChannelState: 6", b"ChannelStateDesc: Up"),
        *(b"CallerIDNum: " + number, b"CallerIDName: x"),
        *(b"ConnectedLineNum: 1", b"ConnectedLineName: y", b"Language: en", b"AccountCode: "),
        *(b"Context: in", b"Exten: 500", b"Priority: 2", b"Uniqueid: 1.1", b"Linkedid: 1.1"),
    )
    return b"Event: Newchannel\r\nPrivilege: call,all\r\n" + b"\r\n".join(lines) + b"\r\n\r\n"


def test_an_event_is_over_where_asterisk_ended_it_wherever_a_block_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A number with line breaks in it must not hang another call up."""
    forged = channel(b"7\r\n\r\nEvent: Hangup\r\nUniqueid: 1.2\r\n")
    data = GREETING + b"Response: Success\r\nActionID: 1\r\n\r\n" + 3 * forged
    for size in (len(data), 40, 7):
        monkeypatch.setattr(session, "BLOCK_BYTES", size)
        assert [frame.event for frame in cut(data)] == ["", *["Newchannel"] * 3]


def test_a_call_that_lives_through_a_lost_link_is_told_of_its_return() -> None:
    data = SESSIONS["hold-resume"].read_bytes()
    parts = data.split(b"\r\n\r\n")
    whole = cut(data)
    joined = next(i for i, frame in enumerate(whole) if frame.event == "AgentConnect")
    last = max(frame.sent for frame in whole[: joined + 1] if frame.sent is not None)
    uniqueid = whole[joined]["Uniqueid"]
    status = event(
        "Status",
        None,
        *(
            "ActionID: hushtape-12ab-list-3",
            f"Uniqueid: {uniqueid}",
            f"Channel: {whole[joined]['Channel']}",
            f"Exten: {whole[joined]['Exten']}",
        ),
    )
    lost, back = last.timestamp() + 1, last.timestamp() + 3
    out = b"\r\n\r\n".join(parts[: joined + 1]) + b"\r\n\r\n" + mark(lost, "down")
    out += GREETING + mark(back, "up") + status + COMPLETE
    gone = f"Uniqueid: {uniqueid}"
    out += mark(back + 5) + event("Hangup", back + 5, gone)
    played = replay.play_frames(cut(out), PBX, POLICIES)
    [done] = [each for each in played.calls if each.handoff is not None]
    assert done.handoff is not None
    told = [each.what for each in done.handoff.story]
    assert "the link to the PBX was lost and is back" in told
    assert done.ended_at == datetime.fromtimestamp(back + 5, UTC)


def test_half_a_frame_at_the_end_is_none() -> None:
    data = SESSIONS["blind-to-payment"].read_bytes()
    whole = cut(data)
    assert cut(data + b"Event: Hang")[-1].pairs == whole[-1].pairs
    assert len(cut(data[:-40])) == len(whole) - 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\x00" * 4096, "is no session of an Asterisk: expected a file made by"),
        (b"hello\r\n\r\n", "is no session of an Asterisk"),
        (b"Content-Type: auth/request\n\n", "a session of a FreeSWITCH"),
        (GREETING + b"x" * 400_000, "a frame of more than 65536 bytes"),
    ],
)
def test_what_is_no_session_is_one_line(data: bytes, words: str) -> None:
    with pytest.raises(Damaged, match="a file") as caught:
        cut(data)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def items(*parts: bytes) -> list[Item]:
    reader = Reader()
    taken = [reader.take(frame) for frame in cut(GREETING + b"".join(parts))]
    return [item for item in taken if item is not None]


def event(name: str, at_s: float | None, *headers: str) -> bytes:
    stamp = f"Timestamp: {at_s:.6f}\r\n" if at_s is not None else ""
    more = "".join(f"{each}\r\n" for each in headers)
    return f"Event: {name}\r\nPrivilege: call,all\r\n{stamp}{more}\r\n".encode()


STATUS = event("Status", None, "ActionID: hushtape-12ab-list-3", "Uniqueid: 1.1")
COMPLETE = event("StatusComplete", None, "ActionID: hushtape-12ab-list-3")


def test_a_trace_s_marks_and_the_list_that_the_bridge_asked_for() -> None:
    found = items(
        mark(1000.0, "up"),
        event("Newchannel", 1000.0),  # before the answer: what lives is told by it
        STATUS,
        COMPLETE,
        event("Hangup", 1001.5),
        mark(1002.0, "down"),
        mark(1003.0, "trace ends"),
    )
    assert [type(each) for each in found] == [LinkUp, Living, Happened, LinkDown, TraceEnds]
    living, hangup, down = found[1], found[2], found[3]
    assert isinstance(living, Living)
    assert [frame["Uniqueid"] for frame in living.channels] == ["1.1"]
    assert hangup.at == datetime.fromtimestamp(1001.5, UTC)
    assert down.at == hangup.at  # when the PBX was last heard


def test_a_forged_list_is_an_event_like_others() -> None:
    found = items(event("Status", 1000.0, "ActionID: hushtape-12ab-list-3"))
    assert [type(each) for each in found] == [Happened]


def test_a_clock_that_can_t_be_right_is_not_believed() -> None:
    [_, _, found] = items(mark(1000.0, "up"), COMPLETE, event("Hangup", 9_000_000.0))
    assert found.at == datetime.fromtimestamp(1000.0, UTC)


def test_a_mark_without_a_time_is_damage() -> None:
    with pytest.raises(Damaged, match="holds no time"):
        items(b"Event: HushtapeTrace\r\nReceived: soon\r\n\r\n")
    with pytest.raises(Damaged, match="holds no time"):
        items(b"Event: HushtapeTrace\r\nReceived: 1e300\r\n\r\n")


def shifted(name: str, marks: list[tuple[int, bytes]]) -> Replayed:
    """A session with marks before some of its frames."""
    data = SESSIONS[name].read_bytes()
    parts = data.split(b"\r\n\r\n")
    out = b""
    for index, part in enumerate(parts):
        out += b"".join(text for at, text in marks if at == index)
        out += part + (b"\r\n\r\n" if index < len(parts) - 1 else b"")
    return replay.play_frames(cut(out), PBX, POLICIES)


def test_a_full_trace_is_said_so() -> None:
    played = shifted("hold-resume", [(5, mark(1795282345.0, "trace ends"))])
    assert played.notes == ("the trace was full: what came later isn't in it",)


def test_what_happened_while_the_link_was_lost_is_seen_at_its_return() -> None:
    """The caller hangs up meanwhile: handed off as of the last sign of the PBX."""
    data = SESSIONS["hold-resume"].read_bytes()
    frames_ = cut(data)
    half = len(frames_) // 2
    last = max(frame.sent for frame in frames_[:half] if frame.sent is not None)
    back = last.timestamp() + 30
    parts = data.split(b"\r\n\r\n")
    out = b"\r\n\r\n".join(parts[:half]) + b"\r\n\r\n" + mark(back - 20, "down")
    out += GREETING + mark(back, "up") + COMPLETE
    played = replay.play_frames(cut(out), PBX, POLICIES)
    [done] = [each for each in played.calls if each.handoff is not None]
    assert done.handoff is not None
    assert done.ended_at == last
    assert done.handoff.segments[-1].ended_at == last


def test_a_file_that_can_t_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        replay.play(tmp_path / "none", PBX, POLICIES)
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(SESSION_LIMIT_BYTES + 1)
    with pytest.raises(TooBig, match="is larger than"):
        replay.play(huge, PBX, POLICIES)


def test_numbers_are_shown_only_where_they_are_asked_for() -> None:
    played = replay.play(SESSIONS["blind-to-payment"], PBX, POLICIES)
    zone = POLICIES[0].zone
    hidden = "\n".join(
        [*lines(played, zone, numbers=False), *map(str, documents(played, numbers=False))]
    )
    assert "07900123001" not in hidden
    assert "03456009009" not in hidden
    shown = "\n".join(lines(played, zone, numbers=True))
    assert "from 07900123001 to 03456009009" in shown
    [document] = documents(played, numbers=True)
    assert document["number"] == "07900123001"
    assert "transfer to the payment line" in hidden


def test_a_session_in_which_nothing_happens_says_so() -> None:
    played = replay.play_frames(cut(GREETING + b"Response: Success\r\n\r\n"), PBX, POLICIES)
    assert list(lines(played, POLICIES[0].zone, numbers=False)) == [
        "nothing happened in it",
        "0 calls, 0 under a policy",
    ]
