"""The lab's card: its digits are heard under whatever else sounds, and nothing else is one."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from lab import card
from lab.ear import RATE_HZ, Floats
from lab.town import TONES

LEVEL = 0.3
PAIRS = list(combinations(TONES, 2))
SOME = card.NUMBER[:4]
DIGITS = card.digits_tones(SOME)


def tone(hz: int, count: int, first: int = 0) -> Floats:
    """A tone of so many samples, silent before the first."""
    samples = LEVEL * np.sin(2 * np.pi * hz * np.arange(count) / RATE_HZ)
    samples[:first] = 0.0
    return np.asarray(samples)


def test_every_key_is_heard() -> None:
    keys = "".join(card.KEYS)
    assert card.keyed(card.digits_tones(keys)) == keys


@pytest.mark.parametrize("name", TONES)
def test_digits_are_heard_beside_whoever_sings(name: str) -> None:
    assert card.keyed(DIGITS + tone(TONES[name], len(DIGITS))) == SOME


def test_a_faint_digit_is_heard_and_one_below_all_voices_is_not() -> None:
    assert card.keyed(0.1 * DIGITS) == SOME
    assert card.keyed(0.001 * DIGITS) == ""


def test_who_sings_keys_nothing() -> None:
    count = RATE_HZ // 8
    for one, other in PAIRS:
        both = tone(TONES[one], count) + tone(TONES[other], count, first=count // 3)
        assert card.keyed(both) == "", (one, other)


def test_noise_and_silence_key_nothing() -> None:
    noise = np.random.default_rng(1).normal(0.0, LEVEL, RATE_HZ // 2)
    assert card.keyed(noise) == card.keyed(np.zeros(RATE_HZ)) == card.keyed(noise[:10]) == ""


def test_one_tone_of_a_pair_is_no_digit() -> None:
    assert card.keyed(tone(card.LOW_HZ[0], RATE_HZ // 4)) == ""


@pytest.mark.parametrize("text", [card.NUMBER, "x" + card.NUMBER[4:12] + "9", card.NUMBER * 2])
def test_a_good_part_of_the_number_is_found(text: str) -> None:
    assert card.stands_in(text.encode())


@pytest.mark.parametrize("text", ["", card.NUMBER[:7], card.NUMBER[::-1], " ".join(card.NUMBER)])
def test_chance_digits_are_not_it(text: str) -> None:
    assert not card.stands_in(text.encode())
