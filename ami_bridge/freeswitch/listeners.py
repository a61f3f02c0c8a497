"""Who listens in, or records, beside our recorders, as far as a FreeSWITCH tells of it. Pure.

Run on 1.10.12: what hears a channel, or changes what it says, is attached to it as a "media bug",
and MEDIA_BUG_START names what kind. Recorders aren't counted here: they are stopped. None of the
others is ours to stop, so while one is there nobody can say that nothing records. Of what a channel
records itself (the application ``record``) nothing tells when it ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from ami_bridge.facts import Channel
from ami_bridge.freeswitch.commands import RECORDER

EAVESDROP = "eavesdrop"  # the application, and its media bug; ``three_way`` has the same
_HARMLESS = frozenset(  # they change the sound, or look for tones in it
    (
        *("audio", "avmd", "chromakey_child", "displace", "fax_tone_detect", "fsk_detect"),
        *("inband_dtmf", "inband_dtmf_generate", "ladspa", "preprocess", "soundtouch"),
        *("spandsp_dtmf_detect", "spandsp_tdd_decode", "spandsp_tdd_encode"),
        *("spandsp_tone_detect", "tone_detect", "video_write_overlay", "vmd", RECORDER),
    )
)


class Listeners:
    """Those of one PBX, by uniqueids and names of bridges."""

    def __init__(self) -> None:
        self._on: dict[str, Counter[str]] = {}  # uniqueid -> how many of each kind
        self._recorded: set[str] = set()  # bridges of conferences
        self._hears: dict[str, str] = {}  # who eavesdrops -> on whom

    def attached(self, event: Mapping[str, str], uniqueid: str) -> bool:
        """Take in a ``MEDIA_BUG_START`` or ``MEDIA_BUG_STOP`` on a channel that lives.

        Returns:
            Whether one began that counts.
        """
        kind = event.get("Media-Bug-Function", "")
        if kind in _HARMLESS:
            return False
        begins = event.get("Event-Name") == "MEDIA_BUG_START"
        count = self._on.setdefault(uniqueid, Counter())
        count[kind] += 1 if begins else -1
        self._on[uniqueid] = +count  # without those that are gone
        if not self._on[uniqueid]:
            del self._on[uniqueid]
        return begins

    def conference(self, action: str, bridge: str) -> None:
        """Take in what happens to a conference."""
        if action == "start-recording":
            self._recorded.add(bridge)
        elif action in ("stop-recording", "conference-destroy"):
            self._recorded.discard(bridge)

    def does(self, uniqueid: str, application: str, target: str) -> None:
        """Take in what a channel does, and to which other one."""
        self._hears.pop(uniqueid, None)
        if application == EAVESDROP and target:
            self._hears[uniqueid] = target

    def heard_by(self, uniqueid: str) -> str:
        """Name the channel on which another one eavesdrops, else ""."""
        return self._hears.get(uniqueid, "")

    def hearing(self, uniqueids: Collection[str]) -> list[str]:
        """Name those who eavesdrop on one of some channels."""
        return [each for each, target in self._hears.items() if target in uniqueids]

    def found(self, attached: Mapping[str, Sequence[str]], bridges: Collection[str]) -> None:
        """Take in what there is, after nobody has listened.

        Args:
            attached: to every channel that lives, what kinds.
            bridges: with somebody in them. Another conference may have an old one's name.
        """
        self._recorded &= set(bridges)
        self._on = {
            uniqueid: Counter(heard)
            for uniqueid, kinds in attached.items()
            if (heard := [each for each in kinds if each not in _HARMLESS])
        }

    def forget(self, uniqueid: str) -> None:
        """Forget a channel that is gone."""
        self._on.pop(uniqueid, None)
        for each in [uniqueid, *self.hearing([uniqueid])]:
            self._hears.pop(each, None)

    def on(
        self, channels: Collection[Channel], bridges: Iterable[str], thirds: Collection[str]
    ) -> bool:
        """Tell whether one of them hears somebody of these channels, who are in these bridges.

        Args:
            thirds: on whose channels somebody speaks as a third, who is known: once for each.
        """
        if self._recorded & set(bridges):
            return True
        speaks = Counter(thirds)
        for each in channels:
            count = self._on.get(each.uniqueid, Counter())
            if count.total() > min(count[EAVESDROP], speaks[each.uniqueid]):
                return True
        return False
