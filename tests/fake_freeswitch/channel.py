"""One leg of a call on the fake FreeSWITCH: what is known of it, and what happens to it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tests.fake_freeswitch.digits import DigitMachine
    from tests.fake_freeswitch.originate import Attempt
    from tests.fake_freeswitch.recorders import Recorder
    from tests.fake_freeswitch.switch import FakeFreeSwitch


class State(IntEnum):
    """What a channel does, in FreeSWITCH's numbers."""

    NONE = -1
    NEW = 0
    INIT = 1
    ROUTING = 2
    SOFT_EXECUTE = 3
    EXECUTE = 4
    EXCHANGE_MEDIA = 5
    PARK = 6
    CONSUME_MEDIA = 7
    HIBERNATE = 8
    RESET = 9
    HANGUP = 10
    REPORTING = 11
    DESTROY = 12


_NOT_READY = (State.RESET, State.NEW, State.INIT, State.ROUTING, State.NONE)
Q850 = {
    "UNALLOCATED_NUMBER": 1,
    "NO_ROUTE_DESTINATION": 3,
    "NORMAL_CLEARING": 16,
    "USER_BUSY": 17,
    "NO_USER_RESPONSE": 18,
    "NO_ANSWER": 19,
    "SUBSCRIBER_ABSENT": 20,
    "CALL_REJECTED": 21,
    "DESTINATION_OUT_OF_ORDER": 27,
    "NORMAL_TEMPORARY_FAILURE": 41,
    "RECOVERY_ON_TIMER_EXPIRE": 102,
}


class Line(Protocol):
    """The telephone at the other end of a leg; everything is called on the switch's loop."""

    def ring(self, channel: Channel) -> None:
        """It is called."""

    def answered(self, channel: Channel) -> None:
        """The call of this telephone was answered."""

    def over(self, channel: Channel, cause: str) -> None:
        """The leg is over."""


@dataclass
class Profile:
    """Who calls whom: what FreeSWITCH calls a caller profile."""

    uuid: str = ""
    channel_name: str = ""
    direction: str = "inbound"
    logical_direction: str = "inbound"
    username: str = ""
    dialplan: str = ""
    caller_id_name: str = ""
    caller_id_number: str = ""
    orig_caller_id_name: str = ""
    orig_caller_id_number: str = ""
    network_addr: str = ""
    ani: str = ""
    callee_id_name: str = ""
    callee_id_number: str = ""
    rdnis: str = ""
    destination_number: str = ""
    source: str = "mod_sofia"
    context: str = "default"
    transfer_source: str = ""
    index: int = 1
    profile_created_us: int = 0
    created_us: int = 0
    answered_us: int = 0
    progress_us: int = 0
    progress_media_us: int = 0
    hangup_us: int = 0
    transfer_us: int = 0
    bridged_us: int = 0
    last_hold_us: int = 0
    originator: Profile | None = None
    originatee: Profile | None = None

    def field(self, name: str) -> str:
        """A field as a dialplan names it; "" if there is none of this name."""
        known = {"chan_name": self.channel_name, "profile_index": str(self.index)}
        for each in ("profile_created", "created", "answered", "progress", "progress_media"):
            known[f"{each}_time"] = str(getattr(self, f"{each}_us"))
        known["hungup_time"] = str(self.hangup_us)
        if name in known:
            return known[name]
        found = getattr(self, name, "") if name in _FIELDS else ""
        return str(found)

    def copy(self) -> Profile:
        """The same, without whom it has met."""
        return replace(self, originator=None, originatee=None)


_FIELDS = frozenset(
    [
        "dialplan",
        "username",
        "caller_id_name",
        "caller_id_number",
        "orig_caller_id_name",
        "orig_caller_id_number",
        "callee_id_name",
        "callee_id_number",
        "ani",
        "network_addr",
        "rdnis",
        "destination_number",
        "uuid",
        "source",
        "transfer_source",
        "context",
    ]
)


@dataclass
class Steps:
    """What a dialplan has found: applications, and how far they are done."""

    name: str
    number: str
    todo: deque[tuple[str, str]] = field(default_factory=deque)


class Channel:
    """A leg. Everything here runs on the switch's loop."""

    def __init__(
        self,
        switch: FakeFreeSwitch,
        uuid: str,
        name: str,
        direction: str,
        profile: Profile,
        line: Line | None = None,
    ) -> None:
        self.switch = switch
        self.uuid = uuid
        self.name = name
        self.direction = direction
        self.profile = profile
        self.line = line
        profile.uuid, profile.channel_name = uuid, name
        profile.direction = profile.logical_direction = direction
        self.variables: dict[str, str | list[str]] = {}
        self.state = State.NEW if direction == "inbound" else State.NONE
        self.running = State.NONE
        self.callstate = "DOWN"
        self.answered = self.early = self.ring_ready = False
        self.cause = ""
        self.hits_dialplan = direction == "inbound"
        self.other_type = ""  # which of the profile's two others was met last
        self.steps: Steps | None = None
        self.hunt: list[Profile] = []  # of the subroutines that run
        self.is_called = False  # it called, but is the second one of a talk now
        self.moving = False  # a transfer is under way
        self.redirected = False
        self.inner_bridge = False  # a talk within another one: who is left stays for the moment
        self.bridge_originator = False
        self.uuid_bridge_originator = False
        self.bridged = False
        self.originating = direction == "outbound"
        self.holding = False  # its telephone has put the other on hold
        # What is heard: see the studio.
        self.voice: Any = None
        self.playing: Any = None
        self.peer: Channel | None = None
        self.deaf = False  # nothing of the peer has come yet
        self.other_half: Channel | None = None
        self.room: Any = None
        self.joined: list[Channel] = []  # whom it hears besides
        self.hold_sound: Any = None  # the music that it hears on hold
        self.recorders: list[Recorder] = []
        self.digits: DigitMachine | None = None
        self.pressed: deque[str] = deque()  # keys that nobody has taken yet
        self.reading = False  # an application waits for keys
        self.attempt: Attempt | None = None  # whom it rings
        self.directory: dict[str, str] = {}  # what its user gets when he has answered
        self.on_key: Callable[[str], bool] | None = None  # hears keys of a talk first
        self.hooks: list[Callable[[Channel], None]] = []  # told of a hang-up, or a transfer
        self.locks = 0  # modules that aren't done with it: it is not destroyed meanwhile
        self.private: deque[tuple[str, str]] = deque()  # applications asked for from outside
        self.break_sound = False
        self.initial: Profile = profile.copy()
        self.link: Any = None  # the bridge that it is asked into
        self.work: asyncio.Task[None] | None = None
        self.again = False  # the same state is to run once more
        self.task: asyncio.Task[None] | None = None
        self._waiters: set[asyncio.Future[None]] = set()

    # ------------------------------------------------------------------ variables

    def get(self, name: str) -> str:
        """A variable as the dialplan sees it: the channel's, the profile's, or a global one."""
        if name in self.variables:
            value = self.variables[name]
            return value if isinstance(value, str) else array_text(value)
        profile: Profile | None = self.hunt[-1] if self.hunt else self.profile
        if name.startswith("aleg_"):
            profile, name = self.profile.originator, name[5:]
        elif name.startswith("bleg_"):
            profile, name = self.profile.originatee, name[5:]
        if profile is not None and (found := profile.field(name)):
            return found
        return self.switch.globals.get(name, "")

    def set(self, name: str, value: str = "") -> None:
        """Set a variable; an empty value takes it away. A new one stands last."""
        self.variables.pop(name, None)
        if value:
            self.variables[name] = value

    def push(self, name: str, value: str) -> None:
        """Add to a variable that holds a list."""
        now = self.variables.get(name)
        if now is None:
            self.variables[name] = value
        else:
            self.variables[name] = [*([now] if isinstance(now, str) else now), value]

    def true(self, name: str) -> bool:
        """Whether a variable says yes."""
        return is_true(self.get(name))

    # ------------------------------------------------------------------ states

    @property
    def is_inner_half(self) -> bool:
        """Whether it is the end of a loopback channel that goes through the dialplan."""
        return self.variables.get("loopback_leg") == "B"

    @property
    def up(self) -> bool:
        """Whether it hasn't hung up."""
        return not self.cause and self.state < State.HANGUP

    @property
    def ready(self) -> bool:
        """Whether the application that it runs may go on."""
        return (
            self.up
            and self.state is self.running
            and self.state not in _NOT_READY
            and not self.moving
        )

    @property
    def answer_state(self) -> str:
        """As events say it."""
        if not self.up:
            return "hangup"
        if self.answered:
            return "answered"
        return "early" if self.early else "ringing"

    def set_state(self, state: State) -> None:
        """Go over to another state: whatever it does ends."""
        if self.state >= State.HANGUP and state < State.HANGUP:
            return
        if self.state is state:
            return
        self.state = state
        self.interrupt()

    def interrupt(self) -> None:
        """End what it does now."""
        if self.work is not None and not self.work.done():
            self.work.cancel()
        self.stir()

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        """Hang up."""
        if not self.up:
            return
        self.cause = cause
        self.switch.advance()
        self.state = State.HANGUP
        self.profile.hangup_us = self.switch.now_us()
        self.switch.fire("CHANNEL_HANGUP", self)
        self.run_hooks()
        self.interrupt()
        if self.line is not None:
            self.line.over(self, cause)

    def run_hooks(self) -> None:
        """Tell whoever wants to know, once."""
        hooks, self.hooks = self.hooks, []
        for hook in hooks:
            hook(self)

    def set_callstate(self, callstate: str) -> None:
        """Say how far the call is, if that is new."""
        if self.callstate != callstate:
            before, self.callstate = self.callstate, callstate
            self.switch.fire(
                "CHANNEL_CALLSTATE",
                self,
                {
                    "Original-Channel-Call-State": before,
                    "Channel-Call-State-Number": str(CALLSTATES.index(callstate)),
                },
                first=True,
            )

    # ------------------------------------------------------------------ waiting

    def stir(self) -> None:
        """Wake up everybody who waits for something about this channel."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def until(
        self,
        true: Callable[[], bool],
        timeout_s: float | None = None,
        others: Iterable[Channel] = (),
    ) -> bool:
        """Wait until something is so about this channel, or others; false: not in time."""
        ends = None if timeout_s is None else self.switch.loop.time() + timeout_s
        while not true():
            waiter: asyncio.Future[None] = self.switch.loop.create_future()
            watched = (self, *others)
            for each in watched:
                each._waiters.add(waiter)
            left = None if ends is None else max(0.0, ends - self.switch.loop.time())
            try:
                await asyncio.wait({waiter}, timeout=left)
            finally:
                for each in watched:
                    each._waiters.discard(waiter)
            if not waiter.done():
                return true()
        return True

    def __repr__(self) -> str:
        return f"<{self.name} {self.uuid[:8]} {self.state.name}>"


CALLSTATES = [
    "DOWN",
    "DIALING",
    "RINGING",
    "EARLY",
    "ACTIVE",
    "HELD",
    "RING_WAIT",
    "HANGUP",
    "UNHELD",
]


def is_true(text: str) -> bool:
    """What FreeSWITCH takes for a yes."""
    text = text.lower()
    if text.lstrip("-").isdecimal():
        return int(text) != 0
    return text in ("yes", "on", "true", "t", "enabled", "active", "allow")


def array_text(values: list[str]) -> str:
    """A list, as a text."""
    return "ARRAY::" + "|:".join(values)
