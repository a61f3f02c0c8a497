"""The lab's payments: an Asterisk, a Hushtape and policies of their own, and what is left of cards.

The phones of four councils play policies that the lab has made up.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from hushtape import config as configuration
from hushtape import redis_link
from lab import (
    card,
    personal,
    scenes_foreign,
    scenes_payment,
    scenes_payment_followed,
    scenes_payment_midway,
)
from lab.afterwards import percentile
from lab.ear import EarError
from lab.scene import Scenario, Stage, Take, listen
from lab.town import COUNCILS, Council

PBX = "pbx8"
TIME_ZONE = "America/New_York"  # of that PBX: the others are where the machine is
# Neither dtmf nor verbose: Read would write what was keyed into the log (docs/asterisk.md).
LOGGER = """[general]
dateformat = %F %T.%3q
queue_log = yes
[logfiles]
full => notice,warning,error
"""
SILENCE = "silence"  # the name of a look, as below
POLICIES = "payments"  # what stands in the report for all of them
AUDIO = (".wav", ".opus", ".ogg", ".mp3", ".flac")
FORBIDDEN = ("payment", "card")
SILENCE_BOUND_MS = 1000.0  # however busy the machine is
SILENCE_AIM_MS = 50.0
# What an Asterisk's log says of every key, if its logger.conf names dtmf.
LOGGED_KEY = re.compile(rb"DTMF (?:begin|end)[^\n]{0,40}'[0-9A-D*#]'")
DTMF_EVENT, DTMF_HEADER = b"Event: DTMF", b"\nDigit: "

COUNCILS_HERE: tuple[Council, ...] = tuple(
    replace(council, policy=policy)
    for council, policy in zip(COUNCILS, ("stopped", "muted", "brief", "strict"), strict=False)
)
PAYMENTS: tuple[Scenario, ...] = (
    *scenes_payment.MADE_UP,
    *scenes_payment_midway.MADE_UP,
    *scenes_foreign.MADE_UP,
    *scenes_payment_followed.MADE_UP,
)


def no_card(stage: Stage) -> Take:
    """Afterwards: neither a card nor a payment line is heard or read in anything that is stored."""
    take = Take("no card", "what is left of the cards", POLICIES)
    product = stage.product
    sounds = [
        path
        for folder in (product.folder, *(pbx.spool_here for pbx in product.pbxes))
        for path in personal.below(folder)
        if path.suffix in AUDIO and path.is_file()
    ]
    frames = dict.fromkeys(FORBIDDEN, 0)
    digits, heard_of = 0, 0
    for path in sounds:
        with suppress(EarError):  # it went meanwhile, or holds no sound
            heard = listen(path)
            heard_of += 1
            digits += sum(map(len, card.keyed_in(path)))
            for name in FORBIDDEN:
                frames[name] += heard.frames("any", name)
    words = ", ".join(f"{count} frames of the {name}" for name, count in frames.items())
    take.check(
        heard_of > 0 and not any(frames.values()) and not digits,
        f"{heard_of} files of sound: {words}, {digits} digits",
    )
    client = redis_link.connect(configuration.load(product.config))
    entries = list(personal.in_redis(client))
    client.close()
    found = sorted(key for key, held in entries if card.stands_in(held))
    take.check(bool(entries) and not found, f"{len(entries)} keys in Redis{_listed(found)}")
    logged = product.log.read_bytes()
    take.check(
        bool(logged) and not card.stands_in(logged),
        f"{len(product.log_lines())} lines of log, no number of a card",
    )
    written = [each for each in personal.below(product.folder) if each.is_file()]
    found = [
        str(each.relative_to(product.folder))
        for each in written
        if card.stands_in(personal.unpacked(personal.content(each)))
    ]
    take.check(bool(written) and not found, f"{len(written)} files{_listed(found)}")
    for pbx in product.pbxes:
        found, keys = left_of_card(pbx.tree_here)
        logged_bytes = len(personal.content(pbx.log_here))
        take.check(
            logged_bytes > 0 and not found and not keys,
            f"{pbx.name}'s own tree, {logged_bytes} bytes of log and the rest: {keys} keys"
            f"{_listed(found)}",
        )
    traces = _traces(stage)
    keyed = sum(each.count(DTMF_EVENT) + each.count(DTMF_HEADER) for each in traces)
    take.check(
        any(traces) and not keyed,
        f"{sum(map(len, traces))} bytes that the PBX said to the bridge, {keyed} events of keys",
    )
    return take


def left_of_card(tree: Path) -> tuple[list[str], int]:
    """What a PBX has written itself: files with a card's number, and lines that tell of a key."""
    found, keys = [], 0
    for path in personal.below(tree):
        held = personal.content(path)
        keys += len(LOGGED_KEY.findall(held))
        if card.stands_in(personal.unpacked(held)):
            found.append(str(path.relative_to(tree)))
    return found, keys


def _traces(stage: Stage) -> list[bytes]:
    trace = stage.product.trace
    if trace is None:
        return []
    return [personal.content(each) for each in sorted(trace.parent.glob(f"{trace.name}*"))]


def calm(stage: Stage) -> Take:
    """Afterwards: where the dialplan had stopped a recorder first, the bridge makes no fuss."""
    take = Take("calm", "stops that the bridge took for unconfirmed", POLICIES)
    lines = stage.product.log_lines()
    began = [str(each.get("way")) for each in lines if each.get("event") == "a payment begins"]
    told = [str(each.get("why")) for each in lines if each.get("event") == "stop unconfirmed"]
    fuss = [why for why in told if "No such channel" not in why]  # it hung up in that moment
    take.check(
        bool(began) and not fuss,
        f"{len(began)} payments, {began.count('key')} of them by key: {len(fuss)} stops are"
        f" said to be unconfirmed{': ' if fuss else ''}{'; '.join(fuss[:5])}",
    )
    return take


def silence(takes: Iterable[Take]) -> Take:
    """From a payment's cause until the recorder was gone, in all scenes."""
    take = Take(SILENCE, "from a payment's cause to its silence", POLICIES)
    times = sorted(1000 * each for one in takes for each in one.silences_s)
    if not times:
        take.check(ok=False, what="nothing was measured")
        return take
    words = (
        f"{len(times)} payments: p50 {statistics.median(times):.1f} ms,"
        f" p99 {percentile(times, 99):.1f} ms"
    )
    take.check(percentile(times, 99) < SILENCE_BOUND_MS, words)
    take.aim(percentile(times, 99) < SILENCE_AIM_MS, f"{words} (aim: p99 under 50 ms)")
    return take


def _listed(found: Sequence[str], most: int = 5) -> str:
    return f": {'; '.join(found[:most])}" if found else ", no number of a card"
