"""A FreeSWITCH's session played by the product: as the bridge would take it, whatever is in it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from ami_bridge.freeswitch import replay
from ami_bridge.freeswitch.esl import Frame
from ami_bridge.freeswitch.session import Reader, frames
from ami_bridge.freeswitch.trace import GREETING
from ami_bridge.session import Happened, Item, LinkDown, LinkUp, Living, TraceEnds
from hushtape.errors import ConfigError, Damaged
from hushtape.recordings.manifest import Segment
from tests import virtual_time
from tests.playback import POLICIES
from tests.playback_esl import OWN, PBX, SESSIONS, EslPlayer

NEAR_S = 0.1  # a played recorder is started and stopped after the same pause always
HERE, GONE = "6411af0a-0000-4000-8000-000000000001", "6411af0a-0000-4000-8000-000000000002"


def cut(data: bytes) -> list[Frame]:
    return list(frames(io.BytesIO(data), "a file"))


def edges(segments: tuple[Segment, ...]) -> Iterator[tuple[str, float, float]]:
    for each in segments:
        assert each.ended_at is not None
        if (each.ended_at - each.started_at).total_seconds() > NEAR_S:
            yield each.leg.value, each.started_at.timestamp(), each.ended_at.timestamp()


@pytest.mark.parametrize("name", OWN)
def test_it_comes_to_what_the_bridge_comes_to(name: str) -> None:
    """The bridge's loop, the recorders and all, in virtual time, is the measure."""
    bridged = virtual_time.run(EslPlayer().play(SESSIONS[name].read_bytes())).handoffs
    played = replay.play(SESSIONS[name], PBX, POLICIES)
    ours = {x.channel.uniqueid: x.handoff for x in played.calls if x.handoff is not None}
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


def event(name: str, at_s: float | None = None, body: str = "", **headers: str) -> bytes:
    """An event as the trace keeps it."""
    said = {"Event-Name": name, **{key.replace("_", "-"): x for key, x in headers.items()}}
    if at_s is not None:
        said["Event-Date-Timestamp"] = str(round(at_s * 1e6))
    if body:
        said["Content-Length"] = str(len(body))
    lines = "".join(f"{key}: {quote(value)}\n" for key, value in said.items()) + f"\n{body}"
    return f"Content-Length: {len(lines)}\nContent-Type: text/event-plain\n\n{lines}".encode()


def mark(at_s: float, link: str = "") -> bytes:
    more = {"Link": link} if link else {}
    return event("CUSTOM", Event_Subclass="hushtape::trace", Received=f"{at_s:.6f}", **more)


def job(command: str, arguments: str, said: object) -> bytes:
    text = said if isinstance(said, str) else json.dumps(said)
    names = {"Job_Command": command, "Job_Command_Arg": arguments}
    return event("BACKGROUND_JOB", 1000.0, text, Job_UUID="hushtape-1", **names)


def listed(*uuids: str) -> bytes:
    rows = [{"uuid": each, "state": "CS_EXECUTE"} for each in uuids]
    return job("show", "channels as json", {"row_count": len(rows), "rows": rows})


def whole(uuid: str) -> bytes:
    return job("uuid_dump", f"{uuid} json", {"Unique-ID": uuid, "Answer-State": "answered"})


def items(*parts: bytes) -> list[Item]:
    reader = Reader()
    taken = [reader.take(frame) for frame in cut(GREETING + b"".join(parts))]
    return [item for item in taken if item is not None]


def test_a_trace_s_marks_and_what_the_bridge_asked_for() -> None:
    found = items(
        mark(1000.0, "up"),
        job("uuid_record", "", "-USAGE: "),
        event("CHANNEL_CREATE", 1000.0, Unique_ID=HERE),  # before the answer: it is in it
        listed(HERE, GONE),
        whole(HERE),
        job("uuid_dump", f"{GONE} json", "-ERR No such channel!"),
        event("CHANNEL_HANGUP_COMPLETE", 1001.5, Unique_ID=HERE),
        mark(1002.0, "down"),
        mark(1003.0, "trace ends"),
    )
    assert [type(each) for each in found] == [LinkUp, Living, Happened, LinkDown, TraceEnds]
    living, hangup, down = found[1], found[2], found[3]
    assert isinstance(living, Living)
    assert [dict(each) for each in living.channels] == [
        {"Unique-ID": HERE, "Answer-State": "answered", "uuid": HERE}
    ]
    assert hangup.at == datetime.fromtimestamp(1001.5, UTC)
    assert down.at == hangup.at  # when the PBX was last heard


def test_a_list_of_nobody_is_an_answer() -> None:
    assert [type(each) for each in items(mark(1000.0, "up"), listed())] == [LinkUp, Living]


@pytest.mark.parametrize("uuid", ["<a b>", "all of'em", ""])
def test_of_what_the_bridge_could_not_ask_nothing_is_waited_for(uuid: str) -> None:
    (living,) = items(mark(1000.0, "up"), listed(HERE, uuid), whole(HERE))[1:]
    assert isinstance(living, Living)
    assert [each["uuid"] for each in living.channels] == [HERE]


def test_what_is_asked_later_is_no_return_of_the_link() -> None:
    found = items(mark(1000.0, "up"), listed(), listed(HERE), whole(HERE))
    assert [type(each) for each in found] == [LinkUp, Living]


def test_a_clock_that_can_t_be_right_is_not_believed() -> None:
    far = event("CHANNEL_CREATE", 9_000_000.0, Unique_ID=HERE)
    assert items(mark(1000.0, "up"), listed(), far)[-1].at == datetime.fromtimestamp(1000.0, UTC)


def test_a_mark_without_a_time_is_damage() -> None:
    with pytest.raises(Damaged, match="holds no time"):
        items(event("CUSTOM", Event_Subclass="hushtape::trace", Received="soon"))


def test_half_a_frame_at_the_end_is_none() -> None:
    data = SESSIONS[OWN[0]].read_bytes()
    assert len(cut(data + b"Content-Length: 9")) == len(cut(data))
    assert len(cut(data[:-5])) == len(cut(data)) - 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\x00" * 4096, "is no session of a FreeSWITCH: expected a file made by"),
        (b"Asterisk Call Manager/11.0.0\r\n", "is a session of an Asterisk: name that one"),
        (GREETING + b"x" * 400_000, "what answers there is no FreeSWITCH event socket"),
    ],
)
def test_what_is_no_session_is_one_line(data: bytes, words: str) -> None:
    with pytest.raises(Damaged, match="a file") as caught:
        cut(data)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_can_t_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        replay.play(tmp_path / "none", PBX, POLICIES)
