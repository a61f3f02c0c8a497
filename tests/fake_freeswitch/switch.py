"""The fake FreeSWITCH itself: its loop in a thread of its own, its channels, its event socket."""

from __future__ import annotations

import asyncio
import importlib
import logging
import threading
import traceback
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from tests.fake_freeswitch import bridging, events, holding, recorders, session, transferring
from tests.fake_freeswitch import originate as dialling
from tests.fake_freeswitch.channel import Channel, Line, Profile, State
from tests.fake_freeswitch.document import Document
from tests.fake_freeswitch.server import EslServer
from tests.fake_freeswitch.sound import Studio
from tests.fake_freeswitch.stamps import Stamps

P = ParamSpec("P")
T = TypeVar("T")

STOPS_WITHIN_S = 10.0
CALL_TIMEOUT_S = 30.0
APPLICATIONS = (
    "applications commands channel_commands recording callcenter fifo pickup valet conference"
    " attended"
)

log = logging.getLogger(__name__)


class FakeFreeSwitch:
    """A FreeSWITCH in this process.

    Args:
        conf: its freeswitch.xml, or the folder where that lies. Port and password of the event
            socket stand in it.
        spool: what ``recordings_dir`` says.
        port: of the event socket; left out: what the configuration says, 0: any.
    """

    def __init__(self, conf: Path, spool: Path, name: str = "", *, port: int | None = None) -> None:
        self.document = Document(conf)
        self.name = name or self.document.setting("switch.conf", "switchname") or "fake"
        self.spool = spool
        said = self.document.setting("event_socket.conf", "listen-port")
        self.esl_port = int(said or "0") if port is None else port
        self.password = self.document.setting("event_socket.conf", "password") or "ClueCon"
        self.core_uuid = str(uuid.uuid4())
        self.globals = {"recordings_dir": str(spool), "hostname": "fake", **self.document.globals}
        self.globals["switchname"] = self.name
        self.channels: dict[str, Channel] = {}
        self.phones: dict[str, Line] = {}
        self.failures: list[str] = []  # bugs of the fake: a test should find none
        self.asking: Channel | None = None  # whose dialplan asks for an api command
        self.sessions = 0
        self.studio: Studio  # from its start on
        self.sip_port = int(self.document.profile_setting("sip-port") or "5060")
        self.hold_music = self.document.profile_setting("hold-music")
        self._stamps = Stamps()
        self._sequence = 500
        self._tasks: set[asyncio.Task[Any]] = set()
        self.server = EslServer(self, self.password)
        self.loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread | None = None

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Listen, in a thread of its own."""
        for each in APPLICATIONS.split():
            try:
                importlib.import_module(f"tests.fake_freeswitch.{each}")
            except ModuleNotFoundError as error:
                if error.name != f"tests.fake_freeswitch.{each}":
                    raise
        ready = threading.Event()
        self.loop = asyncio.new_event_loop()

        async def begin() -> None:
            self.studio = Studio(self)
            self.esl_port = await self.server.start("127.0.0.1", self.esl_port)
            ready.set()

        def live() -> None:
            asyncio.set_event_loop(self.loop)
            self.loop.create_task(begin())
            self.loop.run_forever()

        self._thread = threading.Thread(target=live, name=f"fake {self.name}", daemon=True)
        self._thread.start()
        if not ready.wait(STOPS_WITHIN_S):
            raise RuntimeError("the fake FreeSWITCH doesn't start")

    def stop(self, *, politely: bool = True) -> None:
        """Hang everybody up and end; impolitely: as a power cut would, files stay as they are."""
        if self._thread is None:
            return

        async def end() -> None:
            if politely:
                for channel in list(self.channels.values()):
                    channel.hangup("SYSTEM_SHUTDOWN")
                lives = [each.task for each in self.channels.values() if each.task]
                if lives:
                    await asyncio.wait(lives, timeout=2.0)
            self.server.stop()
            self.studio.close()
            others = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
            for each in others:
                each.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(STOPS_WITHIN_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(STOPS_WITHIN_S)
        self.loop.close()
        self._thread = None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._thread is not None

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run something on its loop, from another thread, and return what that returns."""

        async def run() -> T:
            return function(*args, **kwargs)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(CALL_TIMEOUT_S)

    def cut(self) -> None:
        """Cut every connection to the event socket (from any thread)."""
        self.loop.call_soon_threadsafe(self.server.kill)

    def beside(self, work: Any, what: str = "") -> asyncio.Task[Any]:
        """Do something beside everything else; a bug in it is kept."""
        task = self.loop.create_task(work)
        self._tasks.add(task)

        def done(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self.failed(what or "a task", error)

        task.add_done_callback(done)
        return task

    def set_global(self, name: str, value: str) -> None:
        """Set a variable of the whole switch; an empty value takes it away."""
        self.globals.pop(name, None)
        if value:
            self.globals[name] = value

    def failed(self, what: str, error: BaseException) -> None:
        """Keep a bug."""
        text = "".join(traceback.format_exception(error))
        log.error("the fake FreeSWITCH, %s: %s", what, text)
        self.failures.append(f"{what}: {text}")

    # ------------------------------------------------------------------ telling

    def now_us(self) -> int:
        """The time, as events are stamped."""
        return self._stamps.now_us()

    def advance(self) -> None:
        """Write all sound up to now, before somebody's talk changes."""
        self.studio.advance()

    def fire(
        self,
        name: str,
        channel: Channel | None = None,
        headers: Mapping[str, str] | None = None,
        body: str = "",
        *,
        first: bool = False,
    ) -> None:
        """Tell an event; `first`: what is said of it stands before what is said of the channel."""
        self._sequence += 1
        head = events.stamp_headers(self.name, self.core_uuid, self.now_us(), self._sequence)
        said: events.Headers = {"Event-Name": name, **head}
        if first and headers:
            said |= headers
        if channel is not None:
            variables = name in events.WITH_VARIABLES
            for key, value in events.channel_headers(channel, variables=variables).items():
                said.setdefault(key, value)
        if headers and not first:
            said |= headers
        self.server.tell(said, body)

    def custom(self, subclass: str, channel: Channel | None, headers: Mapping[str, str]) -> None:
        """Tell an event of a module."""
        self.fire("CUSTOM", channel, {"Event-Subclass": subclass, **headers})

    # ------------------------------------------------------------------ channels

    def new_channel(
        self,
        name: str,
        direction: str,
        profile: Profile,
        line: Line | None = None,
        variables: Mapping[str, str] | None = None,
        channel_uuid: str = "",
    ) -> Channel:
        """Make a leg; it lives from `live` on."""
        channel = Channel(self, channel_uuid or str(uuid.uuid4()), name, direction, profile, line)
        now = self.now_us()
        profile.profile_created_us = profile.created_us = now
        profile.orig_caller_id_name = profile.orig_caller_id_name or profile.caller_id_name
        profile.orig_caller_id_number = profile.orig_caller_id_number or profile.caller_id_number
        profile.ani = profile.ani or profile.caller_id_number
        channel.initial = profile.copy()
        self.sessions += 1
        channel.variables["direction"] = direction
        if direction == "outbound":
            channel.variables["is_outbound"] = "true"
        channel.variables |= {"uuid": channel.uuid, "session_id": str(self.sessions)}
        channel.variables["channel_name"] = name
        for key, value in (variables or {}).items():
            channel.set(key, value)
        self.channels[channel.uuid] = channel
        return channel

    def live(self, channel: Channel) -> None:
        """Let a leg begin."""
        channel.task = self.beside(session.live(self, channel), f"{channel}")

    def find(self, channel_uuid: str) -> Channel | None:
        """A channel that hasn't hung up."""
        channel = self.channels.get(channel_uuid)
        return channel if channel is not None and channel.state < State.HANGUP else None

    def broadcast(self, channel: Channel, name: str, argument: str) -> None:
        """Have a channel execute an application beside what it does."""
        channel.private.append((name, argument))
        channel.stir()

    # What is done elsewhere, under names that modules use.

    progress = staticmethod(session.progress)
    early = staticmethod(session.pre_answer)
    answer = staticmethod(session.answer)
    hangup = staticmethod(Channel.hangup)
    inbound = dialling.inbound
    originate = dialling.originate
    hand_over = dialling.hand_over
    is_ringing_for = staticmethod(dialling.is_ringing_for)
    recorders = recorders
    transfer = staticmethod(transferring.transfer_text)
    session_transfer = staticmethod(transferring.session_transfer)
    bridge = staticmethod(bridging.uuid_bridge)
    talk = bridging.talk
    hold = staticmethod(holding.hold)
    unhold = staticmethod(holding.unhold)

    def dtmf(self, channel: Channel, digit: str) -> None:
        """A telephone sends a key."""
        from tests.fake_freeswitch import digits

        digits.received(channel, digit, from_phone=True)
