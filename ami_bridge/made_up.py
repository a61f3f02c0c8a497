"""Numbers and names made up in place of real ones, so that a trace can be shown to somebody.

One stands for the same each time, for as long as the bridge runs; nothing that would undo this is
kept. A made-up number leads where the real one led: the patterns of the configuration and of the
policies match both or neither. What those name is the service's own, and stays.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence

from hushtape.config import Pbx
from hushtape.policy import numbers
from hushtape.policy.schema import Policy

LONG_DIGITS = 5  # a number of fewer digits is an extension or a short code, and nobody's
TRIES = 50  # made-up numbers that lead somewhere else, before one more real digit is kept
OWN = "HUSHTAPE_"  # what the variables begin with that Hushtape sets

NOBODY = frozenset(
    {"", "<unknown>", "unknown", "anonymous", "unavailable", "restricted", "private", "asterisk"}
)

_DIGITS = re.compile(rf"\d{{{LONG_DIGITS},}}", re.ASCII)
_WORD = re.compile(r"(?:[^\W_]|[^\x00-\x7f])+")  # not punctuation, where that is ASCII

# One character for another of as many bytes.
_LOWER, _UPPER, _FIGURES = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
_OF_BYTES = {2: "àâäåæçèéêëìíîïñòóôöøùúûüščžěřůłńśźżőű", 3: "山川田木林森石水火土", 4: "📞📱📣🔔"}
_HALF = "\udcff"  # stands for a byte that is no UTF-8, and is one


class MadeUp:
    """Makes up what stands for the people of one PBX.

    Args:
        pbx: says which numbers are inside.
        policies: name the service's own numbers, and outside ones that mean something.
        chance: makes numbers and names up.
    """

    def __init__(
        self, pbx: Pbx, policies: Iterable[Policy], chance: random.Random | None = None
    ) -> None:
        self._chance = chance or random.SystemRandom()
        self._prefix = pbx.outside_prefix
        self._ours = _OurNumbers(pbx, tuple(policies))
        self._made_up: dict[str, str] = {}  # number or word -> what stands for it
        self._taken: set[str] = set()

    def learn(self, number: str) -> None:
        """Take a number for the service's own."""
        self._ours.learn(number)

    def is_ours(self, number: str) -> bool:
        """Tell whether a number is inside, the service's own, or named by a policy."""
        return self._ours.has(number)

    def place(self, value: str) -> str:
        """Mask the long numbers in what says where a call is or goes."""
        return _DIGITS.sub(lambda digits: self.number(digits[0]), value)

    def caller(self, value: str) -> str:
        """Mask what stands as a number: digits with any spacing, or somebody's name at a PBX."""
        digits = re.sub(r"\D", "", value, flags=re.ASCII)
        if re.search(r"[^\W\d_]", value) or not digits:
            return self.text(value)
        masked = iter(self.number(digits))
        return re.sub(r"\d", lambda _: next(masked), value, flags=re.ASCII)

    def number(self, number: str) -> str:
        """Mask a number, given as digits."""
        if len(number) < LONG_DIGITS or self._ours.has(number):
            return number
        prefix = self._prefix
        if prefix and number.startswith(prefix) and self._ours.dials_out(number):
            return prefix + self.number(number[len(prefix) :])
        return self._replaced(number, self._made_up_number)

    def text(self, value: str) -> str:
        """Mask a text word by word, so that the same name is known again in another text."""
        return _WORD.sub(lambda word: self._word(word[0]), value)

    def whole(self, value: str) -> str:
        """Mask a text by another of its shape, which stands for all of it."""
        return self._replaced(value, self._made_up_text)

    def _made_up_number(self, number: str) -> str:
        for kept in range(len(number)):
            for _ in range(TRIES):
                end = "".join(self._chance.choice(_FIGURES) for _ in number[kept:])
                made_up = number[:kept] + end
                if self._may_stand_for(number, made_up):
                    return made_up
        return number  # the configuration names it, digit by digit: it is the service's

    def _word(self, word: str) -> str:
        if word.isascii() and word.isdigit() and len(word) >= LONG_DIGITS:
            return self.number(word)
        if len(word) == 1:  # another one each time: a row of single keys must not be a cipher
            return self._character(word)
        return self.whole(word)

    def _made_up_text(self, value: str) -> str:
        made_up = value
        for _ in range(TRIES):
            made_up = _WORD.sub(lambda word: "".join(map(self._character, word[0])), value)
            if self._may_stand_for(value, made_up):
                break
        return made_up

    def _may_stand_for(self, real: str, made_up: str) -> bool:
        if made_up == real or made_up in self._taken or self._ours.has(made_up):
            return False
        return self._ours.sense(made_up) == self._ours.sense(real)

    def _character(self, character: str) -> str:
        if character in _FIGURES:
            return self._chance.choice(_FIGURES)
        if character.isascii():
            return self._chance.choice(_UPPER if character.isupper() else _LOWER)
        if "\ud800" <= character <= "\udfff":
            return _HALF
        choice = self._chance.choice(_OF_BYTES[len(character.encode())])
        return choice.upper() if character.isupper() else choice

    def _replaced(self, real: str, make_up: Callable[[str], str]) -> str:
        made_up = self._made_up.get(real)
        if made_up is None:
            made_up = self._made_up[real] = make_up(real)
            self._taken.add(made_up)
        return made_up


class _OurNumbers:
    """What the configuration and the policies know of numbers."""

    def __init__(self, pbx: Pbx, policies: Sequence[Policy]) -> None:
        self._pbx = pbx
        self._learnt: set[str] = set()
        # A pattern with an open end takes in everybody's number, so long ones aren't ours by it.
        self._closed = [each for each in pbx.extensions if not each.endswith((".", "!"))]
        places = [place for policy in policies for place in policy.destination]
        extensions = [pattern for place in places for pattern in place.extensions]
        self._patterns = (*pbx.extensions, *pbx.outside, *extensions)
        self._listed = [
            (spelling, {numbers.normal(each, *spelling) for each in named})
            for spelling, named in (
                (
                    (policy.policy.country_code, policy.policy.trunk_prefix),
                    [*policy.calls.numbers, *(n for d in policy.destination for n in d.numbers)],
                )
                for policy in policies
            )
        ]

    def learn(self, number: str) -> None:
        """Take a number for the service's own."""
        self._learnt.add(number)

    def has(self, number: str) -> bool:
        """Tell whether a number is inside, the service's own, or named by a policy."""
        if number in self._learnt or number in self._pbx.queues:
            return True
        short = len(number) <= numbers.SHORT_DIGITS
        patterns = self._pbx.extensions if short else self._closed
        if any(numbers.matches(pattern, number) for pattern in patterns):
            return True
        return any(numbers.normal(number, *spelling) in named for spelling, named in self._listed)

    def dials_out(self, number: str) -> bool:
        """Tell whether staff reach somebody outside by dialling this."""
        return any(numbers.matches(pattern, number) for pattern in self._pbx.outside)

    def sense(self, number: str) -> tuple[bool, ...]:
        """Say where a number leads: which patterns match it, alone and as staff dial it."""
        spelled = (number, self._pbx.outside_prefix + number)
        return tuple(numbers.matches(each, one) for each in self._patterns for one in spelled)
