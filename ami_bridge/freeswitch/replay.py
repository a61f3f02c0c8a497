"""A recorded session of a FreeSWITCH, played under policies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ami_bridge.freeswitch.esl import Frame
from ami_bridge.freeswitch.session import Reader, frames
from ami_bridge.freeswitch.translate import Translator
from ami_bridge.played import Replayed, play_items
from ami_bridge.session_file import opened
from hushtape.config import Pbx
from hushtape.policy.schema import Policy

# As quick as a FreeSWITCH beside it, which looks at its event socket every 20 ms.
START_TAKES_S = 0.050
STOP_TAKES_S = 0.040


def play(path: Path, pbx: Pbx, policies: Sequence[Policy]) -> Replayed:
    """Play a file.

    Args:
        pbx: the one that said it, as the configuration has it.

    Raises:
        ConfigError: it can't be read.
        TooBig: it is over the limit.
        Damaged: it is no session of a FreeSWITCH.
    """
    with opened(path) as stream:
        return play_frames(frames(stream, str(path)), pbx, policies)


def play_frames(session: Iterable[Frame], pbx: Pbx, policies: Sequence[Policy]) -> Replayed:
    """Play what a PBX said."""
    reader = Reader()
    items = (item for frame in session if (item := reader.take(frame)) is not None)
    return play_items(items, Translator(pbx), policies, START_TAKES_S, STOP_TAKES_S)
