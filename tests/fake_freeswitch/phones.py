"""Telephones of the fake FreeSWITCH: what a scene sees of them is what it sees of a softphone."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import town
from lab.phone import (
    ANSWERED,
    CLOSED,
    ENDS,
    ESTABLISHED,
    TRANSFER_FAILED,
    Phone,
    PhoneError,
    PhoneEvent,
)
from lab.phones import Phones
from lab.workplace import Workplace
from tests.fake_freeswitch import refer
from tests.fake_freeswitch.sound import Tape, tone

if TYPE_CHECKING:
    from tests.fake_freeswitch.channel import Channel
    from tests.fake_freeswitch.stage import FakePbx
    from tests.fake_freeswitch.switch import FakeFreeSwitch

INCOMING = "CALL_INCOMING"
OUTGOING = "CALL_OUTGOING"
BYE_AFTER_S = 0.1  # of a transfer
ANSWERS_AFTER_S = 0.02  # by itself
SINGS_AFTER_S = 0.08  # of its answer
JITTER_FRAMES = 4  # so much later it plays what comes
KEY_S = 0.16  # meanwhile a telephone sends no voice

_NUMBER = re.compile(r"^<?sip:([^@?>]*)@")
_REPLACES = re.compile(r"\?Replaces=([^%]+)%3B")


@dataclass
class Call:
    """One of a telephone's calls."""

    channel: Channel
    rings: bool  # it is called, and hasn't answered
    up: bool = False
    held: bool = False
    tape: Tape | None = None

    @property
    def id(self) -> str:
        """The SIP call's id."""
        return self.channel.get("sip_call_id")


class FakePhone(Phone):
    """One telephone. It takes a softphone's commands, and tells of its events.

    All that it does to the switch it does on the switch's own thread.
    """

    def __init__(
        self,
        person: town.Person,
        pbx: FakePbx,
        place: Workplace,
        *,
        answers: bool | None = None,
        deaf: bool = False,
    ) -> None:
        self.person = person
        self.deaf = deaf
        self.name = person.name
        self.tone_hz = person.tone_hz
        self.answers = person.answers if answers is None else answers
        self.folder = place.here / self.name
        self._inside = f"{place.inside}/{self.name}"
        self._pbx = pbx
        self._news = threading.Condition()
        self._events: list[PhoneEvent] = []
        self._gone = False
        self._calls_kept = 0
        self._lines: list[Call] = []
        self._chosen: Call | None = None
        self._voice = tone(self.tone_hz)
        self._alive = False
        self.process = None
        self.sip_port = pbx.next_phone_port()
        self._commands = {
            "dial": self._dial,
            "accept": self._accept,
            "hangup": self._hang_up,
            "hangupall": self._hang_up_all,
            "answermode": self._answer_mode,
            "transfer": self._transfer,
            "hold": self._hold,
            "resume": self._resume,
            "callfind": self._find,
            "sndcode": self._press,
            "ausrc": self._sing_something_else,
            "uadelall": self._leave,
            "uanew": self._come,
        }

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Be there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._alive = True

    def connect(self) -> None:
        """Nothing is to be waited for."""

    def register(self) -> None:
        """Tell the switch where the telephone is."""
        self._switch.call(self._come, "")

    def register_anew(self) -> None:
        """Do it once more, after another one had its place."""
        self.register()

    def forget(self) -> None:
        """Be gone, and its calls with it."""
        if self._alive:
            self._alive = False
            self._switch.call(self._leave, "")

    def stop(self) -> None:
        """Be gone."""
        self.forget()

    def alive(self) -> bool:
        """Whether it is there."""
        return self._alive

    def cpu_seconds(self) -> float:
        """It takes none that could be told from the switch's."""
        return 0.0

    def log_tail(self, lines: int = 20) -> str:
        """It writes nothing."""
        return ""

    def command(self, command: str, params: str = "") -> str:
        """Do what a softphone does by a command of this name."""
        if not self._alive:
            raise PhoneError(f"{self.name} is not connected")
        self._switch.call(self._commands[command], params)
        return ""

    def _uri(self, number: str) -> str:
        return f"sip:{number}@127.0.0.1"

    # ------------------------------------------------------------------ what the switch tells it

    @property
    def _switch(self) -> FakeFreeSwitch:
        return self._pbx.switch

    def ring(self, channel: Channel) -> None:
        """Somebody calls."""
        call = Call(channel, rings=True)
        self._lines.append(call)
        self._tell(INCOMING, call)
        self._switch.progress(channel)
        if self.answers:
            self._switch.loop.call_later(ANSWERS_AFTER_S, self._pick_up, call)

    def answered(self, channel: Channel) -> None:
        """A call is up, on both sides."""
        call = self._call_on(channel)
        if call is None or call.up:
            return
        call.rings, call.up = False, True
        self._chosen = call
        if not self.deaf:
            self._keep_heard()
            path = self.folder / "heard.wav"
            call.tape = self._switch.studio.tape(path, channel, "heard", late=JITTER_FRAMES)
        self._switch.loop.call_later(SINGS_AFTER_S, self._sing, call)
        self._tell(ESTABLISHED, call)

    def over(self, channel: Channel, cause: str) -> None:
        """A call has ended."""
        call = self._call_on(channel)
        if call is None:
            return
        self._lines.remove(call)
        if self._chosen is call:
            self._chosen = None
        if call.tape is not None:
            self._switch.studio.end(call.tape)
            call.tape = None
        channel.voice = None
        self._tell(CLOSED, call, cause)

    def _call_on(self, channel: Channel) -> Call | None:
        return next((each for each in self._lines if each.channel is channel), None)

    def _tell(self, kind: str, call: Call, why: str = "") -> None:
        with self._news:
            if kind in ENDS:
                self._keep_heard()
            about = {"id": call.id, "param": why}
            self._events.append(PhoneEvent(kind, about, time.time()))
            self._news.notify_all()

    # ------------------------------------------------------------------ what a scene tells it

    def _dial(self, uri: str) -> None:
        channel = self._switch.inbound(self, _number(uri))
        call = Call(channel, rings=False)
        self._lines.append(call)
        self._chosen = call
        self._tell(OUTGOING, call)
        if channel.answered:
            self.answered(channel)

    def _accept(self, _: str) -> None:
        ringing = [each for each in self._lines if each.rings]
        if ringing:
            self._pick_up(ringing[-1])

    def _pick_up(self, call: Call) -> None:
        self._chosen = call
        self._switch.answer(call.channel)

    def _hang_up(self, _: str) -> None:
        call = self._current()
        if call is not None:
            self._end(call)

    def _hang_up_all(self, _: str) -> None:
        for call in list(self._lines):
            self._end(call)

    def _end(self, call: Call) -> None:
        self._switch.hangup(call.channel, "USER_BUSY" if call.rings else "NORMAL_CLEARING")

    def _current(self) -> Call | None:
        if self._chosen is not None:
            return self._chosen
        return self._lines[-1] if self._lines else None

    def _up(self) -> Call:
        call = self._current()
        if call is None or not call.up:
            raise PhoneError(f"{self.name}: no active call")
        return call

    def _answer_mode(self, mode: str) -> None:
        self.answers = mode == "auto"

    def _find(self, call_id: str) -> None:
        self._chosen = self._call_by(call_id)

    def _call_by(self, call_id: str) -> Call:
        for call in self._lines:
            if call.id == call_id:
                return call
        raise PhoneError(f"{self.name}: no call {call_id}")

    def _transfer(self, uri: str) -> None:
        """Ask the switch by REFER; whatever it says, hang up."""
        call = self._up()
        replaces = _REPLACES.search(uri)
        if replaces:
            second = self._call_by(replaces[1])
            done = refer.attended(self._switch, call.channel, second.channel)
        else:
            done = refer.blind(self._switch, call.channel, _number(uri))
        if not done:
            self._tell(TRANSFER_FAILED, call, "403 Forbidden")
        # As a rule the switch has ended the call before.
        self._switch.loop.call_later(BYE_AFTER_S if done else 0.0, self._end, call)

    def _hold(self, _: str) -> None:
        call = self._up()
        call.held = True
        self._switch.hold(call.channel)
        self._sing(call)

    def _resume(self, _: str) -> None:
        call = self._up()
        call.held = False
        self._switch.unhold(call.channel)
        self._sing(call)
        self._tell(ANSWERED, call)

    def _press(self, key: str) -> None:
        """Send a key: meanwhile there is no voice."""
        call = self._up()
        self._switch.studio.advance()
        call.channel.voice = None
        self._switch.loop.call_later(KEY_S, self._sing, call)
        self._switch.dtmf(call.channel, key)

    def _sing(self, call: Call) -> None:
        self._switch.studio.advance()
        call.channel.voice = self._voice if call.up and not call.held else None

    def _sing_something_else(self, source: str) -> None:
        kind, _, what = source.partition(",")
        if kind == "ausine":
            self._voice = tone(int(what))
        else:
            self._voice = self._switch.studio.source(what)[0]
        for call in self._lines:
            self._sing(call)

    def _come(self, _: str) -> None:
        self._switch.phones[self.name] = self

    def _leave(self, _: str) -> None:
        if self._switch.phones.get(self.name) is self:
            del self._switch.phones[self.name]
        self._hang_up_all("")


def _number(uri: str) -> str:
    match = _NUMBER.match(uri)
    if match is None:
        raise PhoneError(f"no number in {uri}")
    return match[1]


def _names(people: Iterable[str | town.Person]) -> set[str]:
    return {each if isinstance(each, str) else each.name for each in people}


class FakePhones(Phones):
    """Many telephones; see lab.phones.Phones."""

    def __init__(
        self,
        pbx: FakePbx,
        people: Iterable[town.Person],
        *,
        manual: Iterable[str | town.Person] = (),
        deaf: Iterable[str | town.Person] = (),
    ) -> None:
        self._pbx: FakePbx = pbx
        self._warm_up = False  # none of them is silent at first
        self._keep = False
        self._place = Workplace(None, f"{pbx.name}-phones")
        by_hand, without_ears = _names(manual), _names(deaf)
        self._phones = {
            each.name: FakePhone(
                each,
                pbx,
                self._place,
                answers=False if each.name in by_hand else None,
                deaf=each.name in without_ears,
            )
            for each in people
        }

    @contextmanager
    def another(self, who: town.Person) -> Iterator[FakePhone]:
        """For a while, somebody has another telephone, which answers by itself and can hold."""
        phone = FakePhone(who, self._pbx, self._place, answers=True, deaf=True)
        phone.start()
        phone.register()
        try:
            yield phone
        finally:
            phone.stop()

    def remove(self) -> None:
        """End all of them, and delete their folders."""
        for phone in self:
            phone.stop()
        self._place.remove()
