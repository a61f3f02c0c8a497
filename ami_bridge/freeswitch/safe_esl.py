"""greenswitch's ``InboundESL`` without its hazards; it lives in a gevent hub of its own.

Kept of greenswitch: how to connect and log in, and its registry of handlers. What it reads, what it
sends and how it ends is overridden, by its public methods alone; docs/dependencies.md says why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

import gevent
from gevent.event import AsyncResult, Event
from greenswitch.esl import InboundESL, NotConnectedError

from ami_bridge.freeswitch.esl import Cutter, Frame
from hushtape.errors import (
    HushtapeError,
    LinkLost,
    LoginRefused,
    Unreachable,
    UnsafeValue,
    described,
)

READ_BYTES = 256 * 1024
EVERY_READ = "*"
"""The handlers registered for it get the frames of each read that are neither answers nor about the
connection itself, as a list; the next read waits until all of them have returned."""

_UNSAFE = "\r\n\0"


class SafeEsl(InboundESL):
    """One connection, for its whole life.

    Everything here is called in the hub's thread. A handler may wait: then nothing more is read.

    Args:
        address: of IPv4; greenswitch knows no other.
        password: sent to what asks for it only.
        connect_timeout_s: for TCP.
        frame_limit: bytes.
        unsent_limit: bytes.
        on_end: gets the reason, once, when it is over.
    """

    # greenswitch's, without types
    connected: bool
    event_handlers: dict[str, list[Callable[[list[Frame]], None]]]

    def __init__(
        self,
        address: str,
        port: int,
        password: str,
        *,
        connect_timeout_s: float,
        frame_limit: int,
        unsent_limit: int,
        on_end: Callable[[HushtapeError], None],
    ) -> None:
        super().__init__(address, port, password, timeout=connect_timeout_s)
        self._cutter = Cutter(frame_limit)
        self._unsent_limit = unsent_limit
        self._on_end = on_end
        self._pending: deque[AsyncResult[Frame]] = deque()  # answers come in the order of questions
        self._unsent = bytearray()
        self._to_send = Event()
        self._greenlets: list[gevent.Greenlet] = []
        self.over = Event()
        self.reason: HushtapeError | None = None  # why it is over

    def log_in(self) -> None:
        """Connect and log in. It lasts until somebody ends the connection, if need be.

        Raises:
            LoginRefused: the password is wrong, or this machine isn't let in.
            Unreachable: nobody accepts, or what is there doesn't behave like an event socket.
        """
        # In a greenlet of its own: greenswitch would wait for the PBX's question for ever.
        connecting = gevent.spawn(self._connect)
        gevent.wait((connecting, self.over), count=1)
        connecting.kill()
        if isinstance(connecting.value, LoginRefused):
            raise connecting.value  # though the PBX said goodbye after it
        if self.reason is not None:
            raise self.reason
        if connecting.value is not None:
            raise connecting.value

    def _connect(self) -> HushtapeError | None:
        try:
            self.connect()
        except ValueError:  # greenswitch's word for it
            return LoginRefused("refused the password")
        except NotConnectedError:
            return Unreachable(f"did not accept a connection within {self.timeout:g} s")
        except OSError as error:
            return Unreachable(error.strerror or str(error))
        return None

    def start_event_handlers(self) -> None:
        """Begin to read and to write. Nothing is queued between reading and the handlers."""
        self._greenlets = [gevent.spawn(self._guarded, self.receive_events)]
        self._greenlets.append(gevent.spawn(self._guarded, self._write))

    def receive_events(self) -> None:
        """Read until the connection is over."""
        while not self.over.is_set():
            try:
                data = self.sock.recv(READ_BYTES)
            except OSError as error:
                self.end(LinkLost(f"the PBX closed the connection: {error.strerror or error}"))
                return
            if not data:
                where = ", in the middle of a frame" if self._cutter.waiting else ""
                self.end(LinkLost(f"the PBX closed the connection{where}"))
                return
            self._handle(data)

    def handle_event(self, event: Frame) -> bool:
        """Give an answer to who waits for it; ``False``: it is none, but for the handlers."""
        match event.kind:
            case "auth/request":
                super().handle_event(event)
            case "command/reply" | "api/response":
                self._pending.popleft().set(event)
            case _:
                return False
        return True

    def send(self, data: str) -> Frame:
        """Send a command and wait for its answer. greenswitch logs in with it.

        Raises:
            NotConnectedError: the connection is over.
            UnsafeValue: it has a line break or NUL in it.
        """
        try:
            return self.post(data).get()
        except LinkLost as error:
            raise NotConnectedError(str(error)) from None

    def post(self, command: str, headers: Mapping[str, str] | None = None) -> AsyncResult[Frame]:
        """Send a command, once or never, and return where its answer will be.

        Raises:
            LinkLost: the connection is over; nothing was sent.
            UnsafeValue: it has a line break or NUL in it; nothing was sent.
        """
        data = checked(command, headers or {})
        if self.over.is_set() or not self.connected:
            raise LinkLost(str(self.reason or "there is no connection"))
        if len(self._unsent) > self._unsent_limit:
            lost = LinkLost(f"the PBX reads nothing: {len(self._unsent)} bytes wait to be sent")
            self.end(lost)
            raise lost
        answer: AsyncResult[Frame] = AsyncResult()
        self._pending.append(answer)
        self._unsent += data
        self._to_send.set()
        return answer

    def end(self, reason: HushtapeError) -> None:
        """End it, once: everybody who waits gets ``LinkLost``, nothing more is sent."""
        if self.over.is_set():
            return
        self.reason = reason
        self.connected = False
        self.over.set()
        self._to_send.set()
        pending, self._pending = self._pending, deque()
        for answer in pending:
            answer.set_exception(LinkLost(str(reason)))
        self._on_end(reason)

    def stop(self) -> None:
        """Give back what it holds. Without a last word to the PBX, which might not read it."""
        self.end(LinkLost("this side closed the link"))
        gevent.killall(self._greenlets)
        for each in ("sock_file", "sock"):
            if hasattr(self, each):
                getattr(self, each).close()

    def _handle(self, data: bytes) -> None:
        told: list[Frame] = []
        ending: HushtapeError | None = None
        try:
            for frame in self._cutter.feed(data):
                ending = self._ending(frame)
                if ending is not None:
                    break
                if not self.handle_event(frame):
                    told.append(frame)
        except HushtapeError as error:
            ending = error
        if told:  # what came before the end counts
            for handler in self.event_handlers.get(EVERY_READ, ()):
                handler(told)
        if ending is not None:
            self.end(ending)

    def _ending(self, frame: Frame) -> HushtapeError | None:
        """Tell whether the connection ends with a frame, and why."""
        match frame.kind:
            case "command/reply" | "api/response" if not self._pending:
                return LinkLost("the PBX answered what nobody had asked")
            case "text/rude-rejection":
                return LoginRefused("doesn't let this machine's address in (its ACL)")
            case "text/disconnect-notice":
                return LinkLost("the PBX said that it ends the connection")
        return None

    def _write(self) -> None:
        while not self.over.is_set():
            self._to_send.wait()
            self._to_send.clear()
            while self._unsent and not self.over.is_set():
                try:
                    sent = self.sock.send(self._unsent[:READ_BYTES])
                except OSError as error:
                    self.end(LinkLost(f"the PBX closed the connection: {error.strerror or error}"))
                    return
                del self._unsent[:sent]

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # a bug here must not pass for a lost connection
            self.end(LinkLost(f"a frame could not be handled: {described(error)}"))


def checked(command: str, headers: Mapping[str, str]) -> bytes:
    """Turn a command into bytes.

    Raises:
        UnsafeValue: a line break would begin another command, and NUL cuts this one short.
    """
    lines = [command, *(f"{name}: {value}" for name, value in headers.items())]
    if any(char in line for line in lines for char in _UNSAFE):
        raise UnsafeValue("a command to the PBX has a line break or NUL in it")
    try:
        return ("\n".join(lines) + "\n\n").encode()
    except UnicodeEncodeError:
        raise UnsafeValue("a command to the PBX has half a character in it") from None
