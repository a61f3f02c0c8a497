"""Many softphones (phone.py), started, registered, warmed up and ended together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from lab import machine, town
from lab.holding import HoldingPhone
from lab.lifetime import Lifetime
from lab.pbxes import Pbx
from lab.phone import (
    ESTABLISHED,
    HANGUP_TIMEOUT_S,
    Phone,
    PhoneError,
    Settings,
    end_all,
)
from lab.waiting import pass_time, until
from lab.workplace import Workplace

__all__ = ["ESTABLISHED", "Phone", "PhoneError", "Phones", "Settings"]

WARM_UP_S = 1.0


def _names(people: Iterable[str | town.Person]) -> set[str]:
    return {p if isinstance(p, str) else p.name for p in people}


class Holds(Protocol):
    """A phone that can hold."""

    def hold(self) -> None:
        """Put the call on hold."""

    def resume(self) -> None:
        """Take it off hold."""


class Phones(Lifetime):
    """Many phones, by endpoint name: started, registered and warmed up together.

    `manual` phones ring until told to `answer`; `deaf` ones write no file of what they hear, and
    can therefore `hold` and `resume`.
    """

    def __init__(
        self,
        pbx: Pbx,
        people: Iterable[town.Person],
        settings: Settings | None = None,
        *,
        warm_up: bool = True,
        keep: bool = False,
        manual: Iterable[str | town.Person] = (),
        deaf: Iterable[str | town.Person] = (),
    ) -> None:
        home = machine.phone_home()
        if home is None:
            machine.ready()
            home = machine.phone_home()
        if home is None:
            raise PhoneError("No softphone that can write what it hears")
        self._pbx = pbx
        self._warm_up = warm_up
        self._keep = keep
        self._place = Workplace(home.root, f"{pbx.name}-phones")
        by_hand, without_ears = _names(manual), _names(deaf)
        self._phones = {
            p.name: Phone(
                p,
                pbx,
                self._place,
                home,
                settings,
                answers=False if p.name in by_hand else None,
                deaf=p.name in without_ears,
            )
            for p in people
        }

    def __getitem__(self, who: str | town.Person) -> Phone:
        return self._phones[who if isinstance(who, str) else who.name]

    def another(self, who: town.Person) -> AbstractContextManager[Holds]:
        """Another phone in somebody's place, which begins its RTP anew after a hold."""
        return HoldingPhone(self._pbx, who)

    def __iter__(self) -> Iterator[Phone]:
        return iter(self._phones.values())

    def __len__(self) -> int:
        return len(self._phones)

    def start(self) -> None:
        """Start all, register all, and let each make one call to a tone."""
        for phone in self:
            phone.start()
        for phone in self:
            phone.connect()
        for phone in self:
            phone.register()
        if self._warm_up:
            self.warm_up()

    def warm_up(self) -> None:
        """One short call each: a phone's very first call may be silent at its beginning."""
        marks = {phone.name: phone.mark() for phone in self}
        for phone in self:
            phone.dial(town.WARM_UP_NUMBER)
        for phone in self:
            phone.established(since=marks[phone.name])
        pass_time(WARM_UP_S)
        for phone in self:
            phone.hang_up()
        for phone in self:
            phone.closed(since=marks[phone.name])

    def hang_up_all(self) -> None:
        """End whatever calls are still up, between two scenes."""
        for phone in self:
            if phone.alive() and phone.busy:
                with contextlib.suppress(PhoneError):
                    phone.hang_up()
        until("all calls are over", lambda: not any(p.busy for p in self), HANGUP_TIMEOUT_S)

    def remove(self) -> None:
        """End all phones and delete their folders (unless `keep` was asked for)."""
        end_all(self)
        if self._keep:
            self._place.keep()
        else:
            self._place.remove()
