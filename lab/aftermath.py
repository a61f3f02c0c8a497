"""What comes of a call, looked at in the same way by several families of scenes."""

from __future__ import annotations

from lab.ear import Heard
from lab.product import Recording
from lab.scene import QueueCall, Stage, Take, check_both, told
from lab.town import Council

PACKET_S = 0.02  # a talk's first and last packet are cut by its edges
MUSIC_SHARE = 0.9  # of a wait's frames: its edges are somebody's last words and first ones


def archived(
    stage: Stage, council: Council, take: Take, call: QueueCall
) -> tuple[Recording, Heard]:
    """Wait until a call's recording is in the archive; return it, and what is heard in it."""
    take.calls.append(call.uniqueid)
    recording = stage.product.recording(call.uniqueid)
    return recording, told(take, stage.product, recording, call.entered_s, council.caller)


def check_talk(
    take: Take, heard: Heard, began_s: float, start_s: float, end_s: float, other: str = "agent"
) -> None:
    """The talk between two moments (epoch, s), but for the packets at its edges, is recorded."""
    check_both(take, heard, began_s, start_s + PACKET_S, end_s - PACKET_S, other)


def check_waiting(take: Take, heard: Heard, began_s: float, start_s: float, end_s: float) -> None:
    """Between two moments (epoch, s) the caller is recorded, and the music that he hears."""
    window = start_s - began_s, end_s - began_s
    left, right = heard.share("caller", "left", *window), heard.share("music", "right", *window)
    take.check(
        min(left, right) >= MUSIC_SHARE,
        f"the caller waits, {end_s - start_s:.2f} s: he is in {left:.1%} of the frames on the"
        f" left, the music in {right:.1%} on the right",
    )
