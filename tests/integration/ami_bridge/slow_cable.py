"""A line between a link and a fake PBX: every byte takes its time, and the line can be cut."""

from __future__ import annotations

import asyncio


class SlowCable:
    """Passes bytes on, later, in order.

    Args:
        target_port: where the PBX listens, on 127.0.0.1.
        way_s: how long each byte takes, each way.
    """

    def __init__(self, target_port: int, way_s: float) -> None:
        self.way_s = way_s
        self.port = 0
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> SlowCable:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        while self._tasks:
            await asyncio.wait(self._tasks, timeout=10)

    def cut(self) -> None:
        """End every connection at once; what is on its way is lost."""
        for task in self._tasks:
            task.cancel()
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        self._ends.add(far_writer)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await source.read(65_536):
                loop.call_later(self.way_s, _write, sink, data)
            await asyncio.sleep(self.way_s)
        except ConnectionError:
            pass
        finally:
            sink.transport.abort()


def _write(sink: asyncio.StreamWriter, data: bytes) -> None:
    if not sink.transport.is_closing():
        sink.write(data)
