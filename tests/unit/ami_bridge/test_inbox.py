from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from ami_bridge.asterisk.protocol import Frame
from ami_bridge.inbox import Inbox

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def frame(number: int, size: int = 10) -> Frame:
    return Frame((("Event", str(number)),), NOW, size)


async def test_what_comes_before_it_is_opened_is_passed_over() -> None:
    inbox = Inbox(1, 10)
    assert all(inbox.put(frame(number)) for number in range(5))
    inbox.open()
    assert inbox.put(frame(7))
    taken = await inbox.take()
    assert taken is not None
    assert taken.event == "7"


async def test_it_is_full_by_number_and_by_size() -> None:
    for inbox in (Inbox(2, 1000), Inbox(1000, 20)):
        inbox.open()
        assert [inbox.put(frame(number)) for number in range(3)] == [True, True, False]
        await inbox.take()
        assert inbox.put(frame(3))
        assert [(await inbox.take()).event for _ in range(2)] == ["1", "3"]  # type: ignore[union-attr]
        assert len(inbox) == 0


async def test_at_the_end_everything_is_taken_first() -> None:
    inbox = Inbox(10, 1000)
    inbox.open()
    waiting = asyncio.create_task(inbox.take())
    await asyncio.sleep(0)
    inbox.put(frame(1))
    inbox.put(frame(2))
    inbox.end()
    taken = [await waiting, await inbox.take(), await inbox.take()]
    assert [each and each.event for each in taken] == ["1", "2", None]


async def test_what_is_discarded_makes_room() -> None:
    inbox = Inbox(2, 20)
    inbox.open()
    inbox.put(frame(1))
    inbox.put(frame(2))
    inbox.discard()
    assert inbox.put(frame(3))
    assert inbox.put(frame(4))
