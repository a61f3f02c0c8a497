"""Everything that Hushtape raises on purpose.

HushtapeError                 a person can act on it; the command line prints no traceback
    ConfigError               a configuration or policy file is wrong
        PolicyError
    Unreachable               a PBX, Redis or a disk doesn't answer; trying again later may help
        LinkLost              the link to a PBX went away while an answer was due
        AnswerTimeout         the PBX didn't answer an action in time
        LeaseLost             another bridge serves the PBX, or may do so
    ActionRefused             the PBX answered an action with an error
    LoginRefused              the PBX knows us not: retrying the same password won't help
    UnsafeValue               a value with a line break or NUL was about to be sent to a PBX
    RecordingError            a recording's files are not what they should be
        NotSettled            not complete yet: later it may be
        Damaged               will never be complete
    TooBig                    something that was read is over its limit
"""

from __future__ import annotations

import traceback


class HushtapeError(Exception):
    """Something went wrong that a person can act on."""

    exit_code = 1


class ConfigError(HushtapeError):
    """A file that a person wrote says something that can't be carried out.

    Args:
        where: the file, and where known the key in it, such as ``hushtape.toml: redis.url``.
        what: one sentence: what is wrong, and what was expected.
    """

    exit_code = 2

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


class PolicyError(ConfigError):
    """A policy file can't be carried out."""


class Unreachable(HushtapeError):
    """Something on the other end of a wire or on a disk doesn't answer."""

    exit_code = 3


class Untrusted(Unreachable):
    """The other end's certificate isn't trusted: somebody must act."""


class LinkLost(Unreachable):
    """The link to the PBX was lost before the answer came: the action may or may not have run."""


class AnswerTimeout(Unreachable):
    """The PBX didn't answer an action in time: the action may or may not have run."""


class LeaseLost(Unreachable):
    """Another bridge serves the PBX, or may do so: nothing is sent to it from here."""


class ActionRefused(HushtapeError):
    """The PBX answered with an error: the action did not run.

    Args:
        what: a sentence for people.
        answer: the PBX's own words.
    """

    def __init__(self, what: str, answer: str = "") -> None:
        super().__init__(what)
        self.answer = answer


class ChannelGone(HushtapeError):
    """The channel was hung up: nothing can be asked of it any more."""


class LoginRefused(HushtapeError):
    """The PBX refused the account's name or password."""

    exit_code = 4


class UnsafeValue(HushtapeError):
    """A value holds a character that would end a line or a string on the wire."""


class RecordingError(HushtapeError):
    """A recording's files are not what they should be."""


class NotSettled(RecordingError):
    """The PBX has not finished writing this file yet."""


class Damaged(RecordingError):
    """The file can't be read as a recording and waiting won't mend it."""


class TooBig(HushtapeError):
    """Something that was read is over the limit set for it."""


def described(error: BaseException) -> str:
    """Say what an exception was and where, without its text, which may quote a caller."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"
