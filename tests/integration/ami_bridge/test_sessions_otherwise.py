"""Sessions of a real Asterisk with somebody else in a place, under other policies, or half unheard.

Written by hand, as the rows of test_sessions.py are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest

from hushtape.policy.schema import Calls, OnTransfer, Policy, Transfer
from hushtape.recordings.manifest import Direction, Handoff, Leg
from tests import playback, virtual_time
from tests.integration.ami_bridge.test_sessions import (
    COUNCILS,
    ROWS,
    Heard,
    Row,
    check_row,
    inside,
    row,
)
from tests.sessions import PBX, Acted, act, began, council, said, told, translated

# What was not played to the PBX, but might be said: other people in the same places.

VARIANTS = [
    # parked behind a Local channel, and fetched by a colleague; no event says "transfer"
    (
        row("park-local-member-fetched-by-adviser", "0.006 1.829 4.979 6.481", "r-N", "r--"),
        (b"PJSIP/211-00000011", b"PJSIP/212-00000011"),
    ),
    # the time in the parking lot is out, and it is somebody else's phone that rings
    (
        row("park-timed-out-back-to-parker", "0.006 1.812 6.815 8.815", "r-N", "r--"),
        (b"PJSIP/211-00000007", b"PJSIP/212-00000007"),
    ),
    # the transfer is refused, and it is not the adviser who is called back
    (
        row(
            "feature-attended-while-ringing-rejected",
            "0.006 1.551 3.293 4.477 5.691 6.196 7.696",
            *("rrrrrr", "rrC---", "rrr---"),
        ),
        (b"PJSIP/211-00000012", b"PJSIP/213-00000012"),
    ),
    # nothing is said of the transfer: who is there is a stranger all the same
    (
        row(
            "local-agent-n-refer-attended", "0.006 1.612 2.117 3.119 4.620", "rrrN", "rrC-", "rrr-"
        ),
        (b"Event: AttendedTransfer", b"Event: Nothing"),
    ),
    (
        row("refer-attended-completed", "0.005 1.112 1.616 3.118 4.619", "rrrN", "rrC-", "rrr-"),
        (b"Event: AttendedTransfer", b"Event: Nothing"),
    ),
    (
        row("attended-to-back-office", "0.005 2.511 4.911 7.012 9.030", "rrrN", "rrC-", "rrr-"),
        (b"Event: AttendedTransfer", b"Event: Nothing"),
    ),
    (
        row("feature-attended-to-payment", "0.006 1.529 3.291 4.979 6.491", "rrPP"),
        (b"Event: AttendedTransfer", b"Event: Nothing"),
    ),
]


@pytest.mark.parametrize("name", COUNCILS)
@pytest.mark.parametrize(
    ("row", "change"), VARIANTS, ids=lambda value: getattr(value, "session", "")
)
def test_whoever_is_there_is_judged_by_who_it_is(
    row: Row, change: tuple[bytes, bytes], name: str
) -> None:
    data = said(row.session)
    assert change[0] in data
    acted = act(translated(data.replace(*change)), [council(name)], began(row.session))
    check_row(row, name, acted)


# Other policies than the five.

NARROW = council("reigate-banstead")


def with_calls(policy: Policy, **calls: object) -> Policy:
    return msgspec.structs.replace(policy, calls=msgspec.structs.replace(policy.calls, **calls))


DIRECT = msgspec.structs.replace(NARROW, calls=Calls(direct_dial=True))
INTERNAL = msgspec.structs.replace(
    NARROW, calls=Calls(direct_dial=True, directions=(Direction.INTERNAL,))
)
# The service's numbers ring people's telephones, and no queue.
NUMBERS = with_calls(
    council("hammersmith-fulham"),
    numbers=tuple(f"01632 960{line}" for line in (118, 126, 127, 140)),
)
EVERYWHERE = msgspec.structs.replace(
    NARROW,
    destination=NARROW.destination[:1],
    transfer=Transfer(otherwise=OnTransfer.CONTINUE),
)
OF_OTHERS = [
    ("direct-dial", DIRECT, "0.509 1.510", "r"),
    ("direct-extension-call", DIRECT, "0.007 2.002", "r"),
    ("direct-dial-blind-transferred", DIRECT, "0.510 1.512 3.012", "r-"),
    ("direct-dial-then-colleague", DIRECT, "0.309 1.313 2.831", "rN"),
    ("direct-dial-no-answer-then-queue", DIRECT, "3.008 4.015", "-"),
    ("direct-dial-not-answered", DIRECT, "0.000 1.000", "-"),
    ("keys-of-adviser-direct-dial", DIRECT, "0.007 3.412", "r"),
    ("forwarded-direct-dial", DIRECT, "0.012 0.042 1.201", "rR"),
    ("pickup-group-of-direct-call", DIRECT, "0.714 2.211", "r"),
    ("queue-hangup-by-caller", DIRECT, "0.005 2.009", "-"),
    ("internal-call", DIRECT, "0.304 1.306", "-"),
    ("internal-call", INTERNAL, "0.304 1.306", "r"),
    ("direct-dial", INTERNAL, "0.509 1.510", "-"),
    ("outbound-answered", INTERNAL, "0.603 1.605", "-"),
    ("ring-group", NUMBERS, "0.310 1.310", "r"),
    ("pickup-directed-of-direct-call", NUMBERS, "0.709 2.206", "r"),
    ("direct-dial-then-colleague", NUMBERS, "0.309 1.313 2.831", "rN"),
    ("forwarded-direct-dial", NUMBERS, "0.012 0.042 1.201", "rR"),
    ("direct-dial", NUMBERS, "0.509 1.510", "-"),
    ("blind-to-back-office", EVERYWHERE, "0.005 2.009 4.012", "rN"),
    ("blind-to-outside", EVERYWHERE, "0.006 2.009 4.011", "rN"),
    ("blind-to-payment", EVERYWHERE, "0.005 2.009 4.011", "rP"),
    ("conference-with-payment-line", EVERYWHERE, "0.005 1.010 2.011 4.511", "rrP"),
    ("three-way-by-feature-payment-line", EVERYWHERE, "0.005 1.509 3.911 6.509 10.128", "rrPP"),
    ("refer-attended-to-payment", EVERYWHERE, "0.006 1.110 2.614 4.115", "rrP"),
    ("park-by-refer-fetched-by-adviser", EVERYWHERE, "0.006 1.010 1.835 3.336", "r-N"),
    ("park-fetched-by-colleague", EVERYWHERE, "0.006 1.811 4.976 6.478", "r-N"),
]


@pytest.mark.parametrize(("session", "policy", "moments", "letters"), OF_OTHERS)
def test_what_other_policies_say(session: str, policy: Policy, moments: str, letters: str) -> None:
    acted = act(told(session), [policy], began(session))
    assert len(acted.handoffs) <= 1
    check_row(row(session, moments, letters), COUNCILS[0], acted)


# The link is lost on the way, and what happened meanwhile is not said again.

EDGES = 4
MISSED = (0, 3, 12)
# A player's Status can't tell these, and a real one may: that a caller is parked (nobody is heard
# while it is), where the dialplan is of a caller that took another channel's place, and a variable.
UNTOLD = ("park", "keys", "opt-out", "refer-attended-to-payment", "refer-attended-to-queue-waiting")
LOST_S = 0.01  # what is lost with the link is cut from its last sign on, which is no event


@pytest.mark.parametrize(
    "row",
    [each for each in ROWS if not each.session.startswith(UNTOLD)],
    ids=lambda row: row.session,
)
def test_nothing_forbidden_is_kept_whenever_the_link_was_lost(row: Row) -> None:
    data, policy = said(row.session), council("uttlesford")
    edges = list(playback.edges_that_matter(data))
    for nth in range(EDGES):
        edge = edges[(2 * nth + 1) * len(edges) // (2 * EDGES)]
        for missed in MISSED:
            player = playback.Player(PBX, [policy])
            outcome = virtual_time.run(playback.cut(data, [edge], missed, player))
            assert_nothing_forbidden(row, "uttlesford", outcome.handoffs)


def assert_nothing_forbidden(row: Row, name: str, handoffs: Sequence[Handoff]) -> None:
    heard = [Heard(Acted(began(row.session)), each) for each in handoffs if not each.discard]
    kept = [part for each in heard for part in each.of(Leg.OUTSIDE)]
    beside = [part for each in heard for part in each.of(Leg.CONSULTATION)]
    recorded_yet = False
    for letter, (start, end) in zip(row.of(name), pairwise(row.moments), strict=True):
        alone = row.session.startswith("feature-attended-while-ringing")  # nobody is heard
        if letter in "-P" and not alone:
            assert inside(kept, start + LOST_S, end) == 0, f"{row.session}: {kept}"
        if letter in "-P" and recorded_yet:
            assert inside(beside, start + LOST_S, end) == 0, f"{row.session}: {beside}"
        recorded_yet = recorded_yet or letter not in "-P?"
