"""How exactly calls can be measured on each kind of PBX.

What its clock, its queues and its recorders take of a talk, without Hushtape losing anything.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """What one kind of PBX costs.

    Args:
        renewed_s: a fresh recorder costs so much of the recording, no more.
        exact_s: a recording's edge stands so near to its cause.
        gap_s: the outside party may be silent for so long while a recorder is renewed, and while
            he presses a key.
        edges_s: so much of a talk between two of the PBX's stamps may be unheard, by anybody.
        music_late_s: a queue's music begins so long after its entry.
        hold_music_late_s: that of a hold after its beginning.
        hold_music_short_s: and it may end so long before the hold does.
        late_s: so long after its cause a recorder begins.
        key_s: so much longer is a recorder's file for each key that the recorded phone presses.
        files: that a recorder writes.
        local_channels_stay: between two who talk; else they step out when both have answered.
        refuses_nowhere: a transfer to a number that isn't there; else the call ends by it.
    """

    renewed_s: float
    exact_s: float
    gap_s: float
    edges_s: float
    music_late_s: float
    hold_music_late_s: float
    hold_music_short_s: float
    late_s: float
    key_s: float
    files: int
    local_channels_stay: bool
    refuses_nowhere: bool


ASTERISK = Measure(
    renewed_s=0.14,
    exact_s=0.06,
    gap_s=0.3,
    edges_s=0.0,
    music_late_s=0.06,
    hold_music_late_s=0.0,
    hold_music_short_s=0.0,
    late_s=0.0,
    key_s=0.0,
    files=2,
    local_channels_stay=True,
    refuses_nowhere=True,
)
# Seen on 1.10.12, with the phones' own recordings beside it:
# - Its clock goes in steps of 20 ms: a stamp is up to so much too early. Two who are bridged hear
#   each other 40 to 60 ms after the stamp of that, and the last packet is lost.
# - It looks at its event socket every 20 ms, and to renew a recorder takes three answers one after
#   the other: stopped, nothing more to stop, started (11 ms of which it waits for a thread). On an
#   idle machine 60 to 180 ms.
# - mod_callcenter lets the music begin 0.24 s after the entry. That of a hold begins after 0.42 s
#   (0.25 s of it FreeSWITCH just waits), and it may stop before the telephone is heard again.
# - For each key (RFC 2833) that a phone presses its recorder writes two packets more. Where in the
#   file they are nobody knows, so after a payment that was muted Hushtape blanks as much.
FREESWITCH = Measure(
    renewed_s=0.3,
    exact_s=0.1,
    gap_s=0.45,
    edges_s=0.1,
    music_late_s=0.3,
    hold_music_late_s=0.5,
    hold_music_short_s=0.3,
    late_s=0.06,
    key_s=0.05,
    files=1,
    local_channels_stay=False,
    refuses_nowhere=False,
)


def of(kind: str) -> Measure:
    """The measure of a kind of PBX."""
    return {"asterisk": ASTERISK, "freeswitch": FREESWITCH}[kind]
