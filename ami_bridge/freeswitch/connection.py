"""One connection to a FreeSWITCH, in asyncio: a gevent hub in a thread of its own, and what goes
between the two.

gevent is never let loose on the rest of the process (no monkey-patching). A connection has its own
thread and hub, which end with it: one that stands still holds up nobody, and the next begins anew.
Each read is handed over whole, and the next one waits until it has been taken: a PBX that says more
than this process can take in is slowed down by TCP, as it would be without a thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import gevent
from gevent.event import AsyncResult, Event

from ami_bridge.freeswitch.esl import BODY, JOB, JOB_ID, Frame, Message, parse
from ami_bridge.freeswitch.limits import Limits
from ami_bridge.freeswitch.safe_esl import EVERY_READ, SafeEsl
from ami_bridge.freeswitch.trace import Trace
from ami_bridge.inbox import Inbox
from ami_bridge.link import Connection
from hushtape.errors import HushtapeError, LinkLost, described

ALWAYS_READ = frozenset(
    ("Event-Name", "Event-Subclass", "Event-Date-Timestamp", "Content-Type", JOB_ID, BODY)
)

Answer = asyncio.Future[Frame]
Told = list[tuple[Frame, Message]]


class EslConnection(Connection[Message]):
    """One connection, for its whole life. It begins to connect at once; see ``login``.

    Args:
        address: of IPv4.
        headers: the headers to keep of an event; ``None``: all.
        clock: aware, UTC: stamps each read.
        trace: keeps what the PBX says.
    """

    def __init__(
        self,
        name: str,
        address: str,
        port: int,
        password: str,
        limits: Limits,
        *,
        headers: Collection[str] | None,
        clock: Callable[[], datetime],
        trace: Trace | None,
    ) -> None:
        super().__init__(Inbox(limits.waiting_frames, limits.waiting_bytes), limits)
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[HushtapeError] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self.login: asyncio.Future[None] = self._loop.create_future()
        self.jobs: dict[str, asyncio.Future[str]] = {}  # those that somebody waits for
        self.late = 0  # results that nobody waited for any more
        self._answers: set[Answer] = set()
        self._wanted = None if headers is None else frozenset(headers) | ALWAYS_READ
        self._keeps_bodies = headers is None or BODY in headers
        self._clock = clock
        self._trace = trace
        self._traced = False  # that it began
        self._calls = _Calls()
        self._esl = SafeEsl(
            address,
            port,
            password,
            connect_timeout_s=limits.connect_timeout_s,
            frame_limit=limits.frame_bytes,
            unsent_limit=limits.unsent_bytes,
            on_end=lambda reason: self._tell(self.end, reason),
        )
        self._thread = threading.Thread(target=self._live, name=f"esl {name}", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> asyncio.Future[HushtapeError]:
        """Gets the reason when it is over."""
        return self._lost

    @property
    def gone(self) -> asyncio.Future[None]:
        """Is done when thread, hub and socket are no more."""
        return self._gone

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self._lost.done()

    def end(self, reason: HushtapeError) -> None:
        """End it, once: everybody who waits gets ``LinkLost``, nothing is sent again."""
        if self.closed:
            return
        if self._trace is not None and self._traced:
            self._trace.ended(self._clock())
        self._lost.set_result(reason)
        for answer in self._answers:
            _fail(answer, LinkLost(str(reason)))
        for job in self.jobs.values():
            _fail(job, LinkLost(str(reason)))
        self._calls.add(lambda: self._esl.end(reason))

    def close(self) -> None:
        """End it from our side."""
        self.end(LinkLost("this side closed the link"))

    async def send(self, command: str, headers: Mapping[str, str] | None = None) -> Frame:
        """Send a command once, and return its immediate answer.

        Raises:
            LinkLost: the connection is over.
        """
        answer: Answer = self._loop.create_future()
        self._answers.add(answer)
        self._calls.add(lambda: self._post(command, headers or {}, answer))
        try:
            if self.closed:
                raise LinkLost(str(self._lost.result()))
            return await answer
        finally:
            self._answers.discard(answer)

    # In asyncio's thread, called from the hub's

    def _logged_in(self, error: HushtapeError | None) -> None:
        if error is not None:
            _fail(self.login, error)
        elif not self.closed:
            if self._trace is not None:
                self._trace.began(self._clock())
                self._traced = True
            self.login.set_result(None)

    def _answered(self, answer: Answer, frame: Frame | None, error: HushtapeError | None) -> None:
        if frame is None:
            _fail(answer, error or LinkLost("there is no answer"))
        elif not answer.done():
            answer.set_result(frame)

    def _take(self, told: Told, taken: Event) -> None:
        try:
            for frame, message in told:
                if self.closed:
                    break
                self._take_one(frame, message)
        finally:
            self._calls.add(taken.set)

    def _take_one(self, frame: Frame, message: Message) -> None:
        if message.event != JOB:
            if self._trace is not None:
                self._trace.event(frame, message.received)
            self.put(message)
            return
        job = self.jobs.get(message.get(JOB_ID, ""))
        if job is None or job.done():
            self.late += 1  # or another program's
            return
        if self._trace is not None:
            self._trace.job(frame, message.received)
        job.set_result(message.get(BODY, ""))

    # In the hub's thread

    def _live(self) -> None:
        try:
            self._calls.begin()
            self._esl.register_handle(EVERY_READ, self._hand_over)
            error: HushtapeError | None = None
            try:
                self._esl.log_in()
            except HushtapeError as refused:
                error = refused
            except Exception as bug:
                error = LinkLost(f"a bug in the link: {described(bug)}")
            self._tell(self._logged_in, error)
            if error is not None:
                self._esl.end(error)
            self._esl.over.wait()
        finally:
            self._esl.stop()
            self._calls.end()
            gevent.get_hub().destroy(destroy_loop=True)
            self._tell(self._is_gone)

    def _is_gone(self) -> None:
        self.end(LinkLost("its thread has ended"))
        self._logged_in(self._lost.result())
        if not self._gone.done():
            self._gone.set_result(None)

    def _post(self, command: str, headers: Mapping[str, str], answer: Answer) -> None:
        def answered(result: AsyncResult[Frame]) -> None:
            self._tell(self._answered, answer, result.value, result.exception)

        try:
            self._esl.post(command, headers).rawlink(answered)
        except HushtapeError as error:
            self._tell(self._answered, answer, None, error)

    def _hand_over(self, frames: list[Frame]) -> None:
        received = self._clock()
        told: Told = []
        for frame in frames:
            message = parse(frame, received, self._wanted)
            if message is None:
                continue
            if message.event != JOB and BODY in message and not self._keeps_bodies:
                message = _without_body(message)
            told.append((frame, message))
        if told:
            taken = Event()
            self._tell(self._take, told, taken)
            while not (taken.is_set() or self._esl.over.is_set()):
                gevent.wait((taken, self._esl.over), count=1)

    def _tell(self, call: Callable[..., None], *args: Any) -> None:
        with suppress(RuntimeError):  # the event loop is no more
            self._loop.call_soon_threadsafe(call, *args)


class _Calls:
    """What is to be called in the hub's thread, from any other."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._wake: Any = None  # gevent's, while the hub lives

    def add(self, call: Callable[[], None]) -> None:
        """Have it called soon, in order; never, once the hub is no more."""
        with self._lock:
            self._waiting.append(call)
            if self._wake is not None:
                self._wake.send()

    def begin(self) -> None:
        """Called in the hub's thread."""
        wake = gevent.get_hub().loop.async_()
        wake.start(self._run)
        with self._lock:
            self._wake = wake
            wake.send()

    def end(self) -> None:
        """Called in the hub's thread: it is the last thing."""
        with self._lock:
            wake, self._wake = self._wake, None
        if wake is not None:
            wake.stop()
            wake.close()

    def _run(self) -> None:
        while self._waiting:
            self._waiting.popleft()()


def _fail(future: asyncio.Future[Any], error: HushtapeError) -> None:
    if not future.done():
        future.set_exception(error)
        # Seen, even if nobody waits any more.
        future.exception()


def _without_body(message: Message) -> Message:
    headers = {name: value for name, value in message.headers.items() if name != BODY}
    return Message(headers, message.received, message.size)
