"""Plays what a FreeSWITCH said (tests/data/esl) as tests/playback.py does an Asterisk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from structlog.testing import capture_logs

from ami_bridge.freeswitch.esl import Cutter, Message, parse
from ami_bridge.freeswitch.said import HEADERS
from ami_bridge.freeswitch.translate import Translator
from hushtape.config import Pbx
from hushtape.policy.schema import Policy
from tests import sessions
from tests.esl_switch import EslSwitch
from tests.playback import POLICIES, Outcome, Player
from tests.switch import EPOCH

FOLDER = Path(__file__).parent / "data" / "esl"
SESSIONS = {path.stem: path for path in sorted(FOLDER.glob("*.esl"))}
# Of another FreeSWITCH, 1.11, whole: every event, every header, in either format.
FOREIGN = tuple(name for name in SESSIONS if name.startswith("freeswitch-"))
OWN = tuple(name for name in SESSIONS if name not in FOREIGN)

# The FreeSWITCH on which they were recorded, with the numbers of the Asterisk sessions.
PBX = msgspec.structs.replace(sessions.PBX, kind="freeswitch")
LAB = Pbx(
    kind="freeswitch",
    host="127.0.0.1",
    spool="/spool",
    outside_contexts=("lab",),
    queues={"100": "helpline"},
    extensions=("agent1", "backoffice", "300", "400"),
)


def pbx_of(name: str) -> Pbx:
    """Return the map of the PBX on which a session was recorded."""
    return LAB if name in FOREIGN else PBX


def frames(data: bytes) -> list[bytes]:
    """Split what was said at every frame's edge; nothing is left out."""
    cutter, parts, start = Cutter(), [], 0
    for frame in cutter.feed(data):
        end = start + frame.size
        while data[end - frame.size : end].startswith(b"\n"):
            end += 1
        parts.append(data[start:end])
        start = end
    return parts + ([data[start:]] if data[start:] else [])


class EslPlayer(Player):
    """Plays one file."""

    def __init__(self, pbx: Pbx = PBX, policies: Sequence[Policy] = POLICIES) -> None:
        super().__init__(pbx, policies)
        self._translator = Translator(pbx)  # type: ignore[assignment]
        self.switch = EslSwitch()  # type: ignore[assignment]
        self._cutter = Cutter()
        self._last = EPOCH

    async def play(self, data: bytes, size: int | None = None) -> Outcome:
        """Play a whole file, in pieces of so many bytes, to its end."""
        with capture_logs() as logs:
            self.connect()
            await self.hear(data, size)
            self.lose()
            return await self.end(logs)

    def connect(self) -> None:
        """A link, for the first time or again."""
        self._cutter = Cutter()
        self.linked = True

    def lose(self) -> None:
        """The link is lost."""
        self.linked = False

    async def come_back(self, since: datetime) -> None:
        """The link is there again: the bridge is told what lives, as after each login."""
        self.connect()
        for told in self._translator.resync(self.switch.living(), self.now(), since):  # type: ignore[attr-defined]
            await self._tell(told.channel, told.fact)
        self._bridge.link_up(self._station, self.now())

    async def hear(self, data: bytes, size: int | None = None) -> None:
        """The PBX says something, in pieces of so many bytes, and the link is there."""
        for event in self._events(data, size):
            self.switch.take(event)
            await self._pass_time(self._time_of(event))
            for told in self._translator.translate(event, self._time_of(event)):  # type: ignore[attr-defined]
                await self._tell(told.channel, told.fact)

    async def miss(self, data: bytes) -> None:
        """The PBX says something, and nobody listens."""
        cutter = Cutter()
        for frame in cutter.feed(data):
            event = parse(frame, EPOCH, HEADERS)
            if event is not None:
                await self._pass_time(self._time_of(event))
                self.switch.take(event)

    def _events(self, data: bytes, size: int | None) -> Iterator[Message]:
        size = size or max(1, len(data))
        for start in range(0, len(data), size):
            for frame in self._cutter.feed(data[start : start + size]):
                event = parse(frame, EPOCH, HEADERS)
                if event is not None:
                    yield event

    def _time_of(self, event: Message) -> datetime:
        self._last = event.sent or self._last
        return self._last


async def cut(
    data: bytes, edges: Sequence[int], missed: int = 0, player: EslPlayer | None = None
) -> Outcome:
    """Play a file with the link lost at some of its frames' edges.

    Args:
        edges: after so many frames, 1 and more.
        missed: for how many frames it stays away each time.
    """
    player = player or EslPlayer()
    parts = frames(data)
    with capture_logs() as logs:
        player.connect()
        position = 0
        for edge in sorted(set(edges)):
            if not position < edge < len(parts):
                continue  # the link was away
            await player.hear(b"".join(parts[position:edge]))
            lost_at = player.now()
            player.lose()
            position = min(edge + missed, len(parts))
            await player.miss(b"".join(parts[edge:position]))
            await player.come_back(lost_at)
        await player.hear(b"".join(parts[position:]))
        player.lose()
        return await player.end(logs)


def edges_that_matter(data: bytes, pbx: Pbx) -> Iterator[int]:
    """Name the edges after frames of which something follows: between them all cuts are alike."""
    translator, switch = Translator(pbx), EslSwitch()
    for number, part in enumerate(frames(data), start=1):
        before = switch.living()
        told = False
        for frame in Cutter().feed(part):
            event: Mapping[str, str] | None = parse(frame, EPOCH, HEADERS)
            if event is not None:
                switch.take(event)
                told = bool(translator.translate(event, EPOCH))
        if told or switch.living() != before:
            yield number
