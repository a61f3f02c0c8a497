"""Whether a payment was silent: what was found in the samples, as the manifest keeps it.

Two ways of silence can be shown: there are no samples of that time at all (the recorders were
stopped), or they are zeros (the recorders were muted). Pure.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

FULL_SCALE = 32_768  # the largest sample there can be
FREED = "the worker may not write to the PBX's files: their old blocks are free, not overwritten"


class Result(StrEnum):
    """What the samples say."""

    PROVED = "proved"
    UNPROVED = "unproved"  # nothing of it is kept, but that there was silence can't be shown
    FAILED = "failed"  # a recorder took in sound: it was destroyed


GRAVITY = (Result.PROVED, Result.UNPROVED, Result.FAILED)


class Method(StrEnum):
    """How the silence is shown."""

    NO_SAMPLES = "no samples"
    ZEROS = "zeros"


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was found in the samples of one payment. It holds nothing of the sound itself."""

    result: Result
    method: Method
    margin_s: float  # so much at its edges was cut to the exact moment, and is no failure
    samples: int = 0  # where it failed: how many there were, both directions of every recorder
    largest_sample: int = 0  # of these, without its sign; FULL_SCALE at most
    destroyed_s: float = 0.0  # what was overwritten in the spool, the longest of all files
    words: str = ""  # why it isn't proved
    replaced: bool = False  # not overwritten where it lay: a file without it took the place


def sentence(proof: Proof) -> str:
    """The proof in plain words, for a person: ``proved: no samples``."""
    if proof.result is Result.PROVED:
        text = f"{proof.result}: {proof.method}"
    else:
        text = f"{proof.result} ({proof.method}): {proof.words}"
    if proof.result is Result.FAILED:
        text += (
            f"; {proof.samples} samples, the largest {proof.largest_sample} of {FULL_SCALE},"
            " are destroyed"
        )
    return text + (f"; {FREED}" if proof.replaced else "")
