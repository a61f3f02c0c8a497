"""What must be recorded of each session of a real Asterisk, under each of the five policies.

Written by hand from the policies' words and from what docs/asterisk.md says of the sessions. A row
gives the moments (seconds after the session's first event) at which something may change, and for
each policy one letter for each stretch between two of them:

    r   recorded
    R   recorded by the recorder of before: a new one here would lose the first words
    N   recorded by a new recorder: one that ran on would be deaf (docs/asterisk.md)
    C   recorded, and beside it what the agent and a colleague say to each other
    P   a payment: silence
    -   not recorded
    ?   nothing is to be heard
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from hushtape.recordings.manifest import Handoff, Leg, Segment, SpanKind
from tests.sessions import Acted, act, began, called_by_nobody, council, told

COUNCILS = ("surrey", "uttlesford", "reigate-banstead", "south-hams", "hammersmith-fulham")
LATE_S = 0.15  # a recorder is renewed, or begins, so late at most
NOTICED_S = 0.45  # strangers are waited for before a call is judged to be with them
FORBIDDEN_S = 0.001  # nothing is kept after it was forbidden; the PBX's clock has microseconds
STOPPED_S = 0.3  # and nothing is taken in any more after so long
SILENT_S = 0.02


@dataclass(frozen=True)
class Row:
    session: str
    moments: tuple[float, ...]
    surrey: str
    uttlesford: str
    reigate: str
    south_hams: str
    hammersmith: str

    def of(self, name: str) -> str:
        letters = (
            self.surrey,
            self.uttlesford,
            self.reigate,
            self.south_hams,
            self.hammersmith,
        )
        return letters[COUNCILS.index(name)]


def row(session: str, moments: str, *letters: str) -> Row:
    """One word for all five; surrey's, and that of the others; with uttlesford's in between."""
    if len(letters) == 1:
        letters *= 5
    elif len(letters) == 2:
        letters = (letters[0], *letters[1:] * 4)
    elif len(letters) == 3:
        letters = (letters[0], letters[1], *letters[2:] * 3)
    elif len(letters) == 4:
        letters = (letters[0], letters[1], letters[2], letters[2], letters[3])
    parts = tuple(float(part) for part in moments.split())
    assert all(len(word) == len(parts) - 1 for word in letters), session
    return Row(session, parts, *letters)


ROWS = [
    # in and out of the queue
    row("queue-hangup-by-caller", "0.005 2.009", "r"),
    row("queue-hangup-by-agent", "0.005 2.009", "r"),
    row("queue-abandoned", "0.006 2.008", "r"),
    row("queue-abandoned-while-ringing", "0.006 0.608", "r"),
    row("queue-agent-declines", "0.006 1.312 2.054", "rR"),
    row("mute", "0.006 4.313", "r"),
    row("ring-all-both-answer-at-once", "0.007 0.412 1.415", "rR"),
    row("ring-all-one-answers", "0.006 0.610 1.612", "rR"),
    row("forwarded-queue-member", "0.005 0.040 1.211", "rR"),
    # a number, and nothing else, names the call: it is recorded in every queue
    row("queue-after-queue", "0.006 4.008 4.312 5.314", "r--", "r--", "r--", "rrR"),
    row("requeued-when-agent-hangs-up", "0.006 1.312 1.613 1.917 2.919", "r?rR"),
    # pickup: the colleague has it as the queue's adviser
    row("pickup-group-of-queue-call", "0.006 0.715 2.212", "rR"),
    row("pickup-by-channel-of-queue-call", "0.005 0.715 2.210", "rR"),
    row("pickup-group-of-ring-all-queue-call", "0.006 0.716 2.212", "rR"),
    row("pickup-of-queue-call-local-member", "0.006 0.717 2.213", "rR"),
    row("pickup-that-finds-nothing", "0.006 4.710", "r"),
    # an adviser behind a Local channel
    row("local-agent-n", "0.005 0.312 2.613", "rR"),
    row("local-agent-optimised", "0.006 0.310 2.612", "rR"),
    # hold
    row("hold-resume", "0.006 2.010 4.011 5.013", "rNR"),
    row("hold-resume-twice", "0.006 1.111 2.112 3.114 4.115 5.117", "rNRNR"),
    row("hold-agent-hangs-up", "0.006 1.111 2.113", "rr"),
    row("local-agent-n-hold", "0.006 1.614 2.615 3.618", "rNR"),
    # blind transfers
    row("blind-to-back-office", "0.005 2.009 4.012", "rN", "r-"),
    row("feature-blind-to-back-office", "0.005 2.508 4.909 7.014", "rrN", "rr-"),
    row("blind-to-other-queue", "0.005 2.009 4.011", "rN", "r-"),
    row("blind-to-outside", "0.006 2.009 4.011", "r-"),
    row("blind-to-payment", "0.005 2.009 4.011", "rP"),
    row("blind-to-nowhere", "0.005 2.028", "r"),
    row("feature-blind-to-nowhere", "0.005 2.511 9.012", "rr"),
    row("blind-to-rejecting-phone", "0.007 1.114 2.116", "rr", "r-"),
    row("blind-to-silent-hangs-up", "0.005 1.111 4.114", "rr", "r-"),
    row("local-agent-optimised-blind", "0.005 0.310 2.111 3.613", "rRN", "rR-"),
    # back in the policy's queue: a segment of its own; a number brings nothing back
    row(
        "blind-to-busy-back-to-queue",
        "0.005 1.111 2.112 2.615 4.115",
        *("rrrR", "r-NR", "r-NR", "r---"),
    ),
    row(
        "blind-to-silent-back-to-queue",
        "0.005 1.111 4.113 4.617 6.118",
        *("rrrR", "r-NR", "r-NR", "r---"),
    ),
    row(
        "blind-to-talk-then-back-to-queue",
        "0.005 1.111 3.112 3.635 5.135",
        *("rNrR", "r-NR", "r-NR", "r---"),
    ),
    row(
        "feature-blind-to-busy-back-to-queue",
        "0.007 1.552 3.293 3.980 4.484 5.984",
        *("rrrrR", "rr-NR", "rr-NR", "rr---"),
    ),
    # attended transfers by key
    row("attended-to-back-office", "0.005 2.511 4.911 7.012 9.030", "rrrN", "rrC-", "rrr-"),
    row("attended-to-other-queue", "0.006 2.510 4.912 7.015 9.031", "rrrN", "rrr-"),
    row("feature-attended-completed", "0.006 1.552 3.291 5.477 6.991", "rrrN", "rrC-", "rrr-"),
    row("feature-attended-complete-key", "0.006 1.549 3.291 5.412 7.275", "rrrN", "rrC-", "rrr-"),
    row("feature-attended-to-outside", "0.006 1.550 8.452 10.061 11.570", "rrr-"),
    row("feature-attended-to-payment", "0.006 1.529 3.291 4.979 6.491", "rrPP"),
    row(
        "feature-attended-to-queue-waiting",
        "0.007 1.530 3.272 4.475 5.494 6.995",
        *("rrrNR", "rrr--"),
    ),
    row(
        "feature-attended-while-ringing",
        "0.006 1.531 3.291 4.476 5.693 7.693",
        *("rrrNR", "rrC--", "rrr--"),
    ),
    row(
        "feature-attended-while-ringing-nobody-answers",
        "0.005 1.531 3.292 4.474 8.293 13.491",
        *("rrrr?", "rrC--", "rrr--"),
    ),
    row(
        "feature-attended-while-ringing-rejected",  # the adviser is called back
        "0.006 1.551 3.293 4.477 5.691 6.196 7.696",
        *("rrrrrr", "rrC--N", "rrr--N"),
    ),
    # … that came to nothing
    row("feature-attended-abort-key", "0.006 1.552 3.271 5.409 7.275", "rNrR", "rNCR", "rNrR"),
    row(
        "feature-attended-abort-key-while-ringing",
        "0.005 1.530 3.272 4.908 6.775",
        *("rNrR", "rNCR", "rNrR"),
    ),
    row("feature-attended-busy", "0.006 1.528 3.290 6.291 10.976", "rNrR", "rNCR", "rNrR"),
    row(
        "feature-attended-colleague-hangs-up",
        "0.006 1.531 3.290 4.976 7.493",
        *("rNrR", "rNCR", "rNrR"),
    ),
    row("feature-attended-no-answer", "0.006 1.552 3.289 8.289 11.974", "rNrR", "rNCR", "rNrR"),
    row("feature-attended-rejected", "0.006 1.551 3.293 4.475 7.476", "rNrR", "rNCR", "rNrR"),
    row("feature-attended-to-nowhere", "0.007 1.554 11.980", "rr"),
    row("feature-attended-caller-hangs-up", "0.006 1.529 3.293 4.974", "rrr", "rrC", "rrr"),
    row("caller-hangs-up-while-consulting", "0.006 2.510 4.909 7.013", "rrr", "rrC", "rrr"),
    row("consultation-given-up", "0.006 1.491 3.912 6.015 8.037", "rNrR", "rNCR", "rNrR"),
    row(
        "feature-attended-swap-key",
        "0.005 1.531 3.292 4.908 6.712 8.077 9.590",
        *("rrrrrN", "rrCrC-", "rrrrr-"),
    ),
    # attended transfers by phone
    row("refer-attended-completed", "0.005 1.112 1.616 3.118 4.619", "rrrN", "rrC-", "rrr-"),
    row("refer-attended-reversed", "0.005 1.111 1.615 2.618 4.119", "rrrN", "rrC-", "rrr-"),
    row(
        "refer-attended-both-held",
        "0.005 1.109 1.613 2.615 3.117 4.617",
        *("rrrrN", "rrCr-", "rrrr-"),
    ),
    row("refer-attended-to-outside", "0.006 1.111 1.614 2.617 4.118", "rrr-"),
    row("refer-attended-to-payment", "0.006 1.110 2.614 4.115", "rrP"),
    row("refer-attended-to-queue-answered", "0.006 1.110 1.619 4.114 5.115", "rrrN", "rrr-"),
    row("refer-attended-to-queue-waiting", "0.006 1.111 2.615 4.117 5.617", "rrNR", "rr--"),
    row("refer-attended-while-ringing", "0.006 1.112 2.617 4.118 5.619", "rrNR", "rr--"),
    row("refer-attended-abandoned", "0.006 1.111 1.615 3.117 5.210", "rNrR", "rNCR", "rNrR"),
    row("refer-attended-busy", "0.006 1.111 2.115 3.158", "rNR"),
    row("refer-attended-rejected", "0.006 1.110 3.114 4.115", "rNR"),
    row("refer-attended-caller-hangs-up", "0.006 1.111 1.615 2.617", "rNr", "rNC", "rNr"),
    row(
        "refer-attended-colleague-hangs-up", "0.006 1.112 1.617 3.118 5.181", "rNrR", "rNCR", "rNrR"
    ),
    row("refer-attended-target-gone", "0.006 1.111 1.616 2.618 3.142", "rrrr", "rrCr", "rrrr"),
    row(
        "refer-attended-toggled",
        "0.006 1.111 1.615 2.616 2.917 3.961 4.263 5.305 5.608 6.649",
        *("rNrrRNrrR", "rNCrRNCrR", "rNrrRNrrR"),
    ),
    row(
        "local-agent-optimised-refer-attended",
        "0.006 0.310 1.612 2.123 3.123 4.623",
        *("rRrrN", "rRrC-", "rRrr-"),
    ),
    row("local-agent-n-refer-attended", "0.006 1.612 2.117 3.119 4.620", "rrrN", "rrC-", "rrr-"),
    row("local-agent-n-feature-attended", "0.006 2.050 3.797 5.477 6.993", "rrrN", "rrC-", "rrr-"),
    row(
        "local-agent-n-feature-attended-no-target",
        *("0.006 1.511 3.912 5.517 7.020", "rrrN", "rrC-", "rrr-"),
    ),
    # several Local channels in a row, to the agent or to the queue
    row("local-agent-followed-blind", "0.006 1.514 3.018", "rN", "r-"),
    row("local-caller-blind", "0.001 1.506 3.007", "rN", "r-"),
    row(
        "local-agent-n-blind-back-to-queue",
        "0.006 1.015 2.516 3.726",
        *("rNN", "r-r", "r-r", "r--"),
    ),
    row(
        "local-agent-n-feature-attended-abort-key",
        "0.008 2.056 3.795 5.915 7.280",
        *("rNrR", "rNCR", "rNrR"),
    ),
    # three in a talk
    row("three-way-by-feature", "0.005 1.507 3.910 6.507 8.614 10.129", "rrrrN", "rrCr-", "rrrr-"),
    row(
        "three-way-by-feature-colleague-leaves",
        "0.006 1.512 3.911 6.511 8.616 10.135",
        *("rrrrN", "rrCrN", "rrrrN"),
    ),
    row(
        "three-way-by-feature-caller-leaves",
        "0.006 1.553 3.292 5.413 7.277",
        *("rrrr", "rrCr", "rrrr"),
    ),
    row("three-way-by-feature-payment-line", "0.005 1.509 3.911 6.509 10.128", "rrPP"),
    row("three-way-by-feature-payment-over-trunk", "0.005 1.514 3.912 6.013 8.123", "rrPP"),
    # conferences: as long as the adviser is in it
    row("conference-by-redirect", "0.006 1.010 4.014 5.529", "rrN", "rr-"),
    row("conference-with-payment-line", "0.005 1.010 2.011 4.511", "rrP"),
    row("keys-in-conference", "0.006 0.710 4.314", "rr"),
    # the adviser sent the caller there and came after: he had let it go
    row("conference-by-blind-transfer", "0.005 1.010 1.321 3.320 4.339", "rrrN", "r---"),
    row("bridge-action", "0.006 1.012 2.515", "rN", "r-"),
    # parking
    row("park-fetched-by-adviser", "0.006 1.831 4.995 6.497", "r-N"),
    row("park-by-refer-fetched-by-adviser", "0.006 1.010 1.835 3.336", "r-N"),
    row("park-local-member-fetched-by-adviser", "0.006 1.829 4.979 6.481", "r-N"),
    row("park-timed-out-back-to-parker", "0.006 1.812 6.815 8.815", "r-N"),
    row("park-transferred-to-dialplan-park-fetched", "0.006 1.012 1.523 3.032", "r-N"),
    row("park-fetched-by-colleague", "0.006 1.811 4.976 6.478", "r-N", "r--"),
    row("park-fetched-by-other-adviser", "0.006 1.810 4.976 6.477", "r-N", "r--"),
    row("park-abandoned", "0.007 1.811 2.416", "r-"),
    # opt-out by key
    row("keys-of-adviser", "0.005 1.508 11.320", "rr", "r-", "rr"),
    row("keys-by-queue-b", "0.006 1.510 11.323", "rr", "r-", "rr"),
    row("keys-by-queue-gosub", "0.006 1.510 3.715", "rr", "r-", "rr"),
    row("keys-inherited-from-caller", "0.006 1.510 11.321", "rr", "r-", "rr"),
    row("keys-of-adviser-local-member", "0.006 1.511 11.323", "rr", "r-", "rr"),
    row("keys-after-blind-transfer", "0.005 0.709 2.195 4.215", "rNr", "r--"),
    row("keys-while-consulting", "0.007 1.191 3.613 6.467 7.756 8.622", "rrrNr", "rrC--", "rrr--"),
    row("opt-out-by-caller-before-queue", "0.785 1.705", "r", "-", "r"),
    row("opt-out-by-read", "0.782 1.708", "r", "-", "r"),
    # outbound
    row("outbound-answered", "0.603 1.605", "r", "r", "-"),
    row("outbound-call", "0.003 2.006", "r", "r", "-"),
    row("outbound-announcement", "1.842 5.406", "r", "r", "-"),
    row("outbound-hangs-up-in-announcement", "1.204 1.205", "?", "?", "-"),
    row("outbound-permission-by-key", "0.304 8.208 9.066", "rr", "r-", "--"),
    row("keys-of-adviser-outbound", "0.002 3.707", "r", "r", "-"),
    row("outbound-click-to-call", "0.504 1.506", "r", "r", "-"),
    row("outbound-click-to-call-local", "0.507 2.008", "r", "r", "-"),
    row("outbound-click-to-call-local-n", "0.507 2.009", "r", "r", "-"),
    row("outbound-blind-transferred", "0.305 1.305 2.812", "rN", "r-", "--"),
    row("outbound-attended-transferred", "0.303 1.808 4.210 5.813 7.331", "rrrN", "rrC-", "----"),
    *(
        row(session, "0.000 5.000", "-")
        for session in (
            *("outbound-given-up", "outbound-busy", "outbound-not-answered"),
            # a dialler made these, and rang the adviser second: no extension of ours rang out
            *("outbound-outside-first", "outbound-trunk-originate"),
            *("internal-call", "user-event-invalid-utf8", "user-events-hostile"),
            *("direct-dial", "direct-dial-blind-transferred", "direct-dial-not-answered"),
            *("direct-dial-then-colleague", "direct-extension-call", "forwarded-direct-dial"),
            *("keys-of-adviser-direct-dial", "ring-group", "park-in-dialplan-fetched"),
            *("pickup-directed-of-direct-call", "pickup-group-of-direct-call"),
        )
    ),
    # nobody answers, then a queue: none of the four names it, but the number does
    row("direct-dial-no-answer-then-queue", "3.008 3.312 4.015", "--", "--", "--", "rR"),
]

# Two calls, one after the other, of another council's adviser.
IN_AND_OUT = [
    row("park-and-fetch", "0.006 1.789 4.436 5.433", "r-N", "r--"),
    row("park-and-fetch", "6.454 7.938 10.336 11.960", "rrN", "rr-", "---"),
]

# No permission was given, or somebody opted out: what there was is destroyed.
DISCARDED = {
    "surrey": {
        *("outbound-answered", "outbound-call", "outbound-announcement"),
        *("outbound-hangs-up-in-announcement", "outbound-click-to-call"),
        *("outbound-click-to-call-local", "outbound-click-to-call-local-n"),
        *("outbound-blind-transferred", "outbound-attended-transferred"),
    },
    "uttlesford": {
        *("keys-of-adviser", "keys-by-queue-b", "keys-by-queue-gosub"),
        *("keys-inherited-from-caller", "keys-of-adviser-local-member"),
        *("keys-after-blind-transfer", "keys-while-consulting", "outbound-permission-by-key"),
    },
}

ALL = [pytest.param(each, name, id=f"{each.session}-{name}") for each in ROWS for name in COUNCILS]


@dataclass
class Heard:
    """The segments of a recording, in seconds of the session."""

    acted: Acted
    handoff: Handoff

    def of(self, leg: Leg, *, cut: bool = False) -> list[tuple[float, float]]:
        """Return what is kept; with what is cut away, what was taken in."""
        return sorted(
            (self.at(each.started_at), self.at(self.end(each, cut)))
            for each in self.handoff.segments
            if each.leg is leg
        )

    def span(self, kind: SpanKind) -> list[tuple[float, float]]:
        return [
            (self.at(each.started_at), self.at(each.ended_at))
            for each in self.handoff.spans
            if each.kind is kind
        ]

    def at(self, moment: datetime) -> float:
        return self.acted.seconds(moment)

    @staticmethod
    def end(segment: Segment, cut: bool) -> datetime:
        assert segment.ended_at is not None
        return segment.ended_at + timedelta(seconds=segment.cut_s if cut else 0)


def inside(parts: list[tuple[float, float]], start: float, end: float) -> float:
    """Say how much of a stretch is in the parts."""
    return sum(max(0.0, min(end, b) - max(start, a)) for a, b in parts)


def check(row: Row, letters: str, heard: Heard) -> None:
    kept, taken = heard.of(Leg.OUTSIDE), heard.of(Leg.OUTSIDE, cut=True)
    beside, taken_beside = heard.of(Leg.CONSULTATION), heard.of(Leg.CONSULTATION, cut=True)
    assert all(b <= c for (_, b), (c, _) in pairwise(kept)), "one at a time"
    recorded_yet = False
    for letter, (start, end) in zip(letters, pairwise(row.moments), strict=True):
        where = f"{row.session}, {letter} from {start} to {end}: {kept} beside {beside}"
        begun = [a for a, _ in kept if start - 0.01 <= a < end - 0.01]
        length = end - start
        if letter in "rRNC":
            late = LATE_S if letter != "R" else 0.002
            assert inside(kept, start, end) >= length - late - 0.01, where
            recorded_yet = True
        if letter == "R":
            assert not begun, f"renewed, {where}"
        if letter == "N":
            assert begun, f"not renewed, {where}"
            assert begun[0] <= start + NOTICED_S, f"renewed too late, {where}"
        if letter in "-P":
            assert inside(kept, start + FORBIDDEN_S, end) == 0, f"kept, {where}"
            stopped_s = SILENT_S if letter == "P" else STOPPED_S
            assert inside(taken, start + stopped_s, end) == 0, f"taken in, {where}"
        if letter == "P":
            assert inside(heard.span(SpanKind.PAYMENT), start, end) >= length - 0.002, where
        if letter == "-" and recorded_yet:
            not_recorded = heard.span(SpanKind.NOT_RECORDED)
            assert inside(not_recorded, start, end) >= length - 0.002, f"no span, {where}"
        if letter == "C":
            assert inside(beside, start, end) >= length - LATE_S, f"no consultation, {where}"
            told_of = heard.span(SpanKind.CONSULTATION)
            assert inside(told_of, start, end) >= length - 0.02, f"no span, {where}"
        else:
            assert inside(beside, start + 0.01, end) == 0, f"a consultation, {where}"
            assert inside(taken_beside, start + SILENT_S, end) == 0, f"a consultation, {where}"
    first, last = row.moments[0], row.moments[-1]
    assert inside(taken, -100, first) == 0, "before the beginning"
    assert inside(taken, last + 0.02, 1000) == 0, "after the end"
    assert inside(taken_beside, last + 0.02, 1000) == 0, "after the end"


def check_row(row: Row, name: str, acted: Acted, nth: int = 0) -> None:
    letters = row.of(name)
    if not set(letters) - {"-", "?"}:
        assert all(not handoff.segments for handoff in acted.handoffs[nth:]) or "?" in letters
        return
    check(row, letters, Heard(acted, acted.handoffs[nth]))


@pytest.mark.parametrize(("row", "name"), ALL)
def test_what_is_recorded_of_a_session(row: Row, name: str) -> None:
    policy = called_by_nobody(name) if "outbound" in row.session else council(name)
    acted = act(told(row.session), [policy], began(row.session))
    assert len(acted.handoffs) <= 1
    check_row(row, name, acted)
    discarded = row.session in DISCARDED.get(name, ())
    assert [each.discard is not None for each in acted.handoffs] == [discarded] * len(
        acted.handoffs
    )
    assert all(call.done for call in acted.calls)


def test_a_call_to_a_partner_where_recording_stops_is_not_recorded() -> None:
    for session in ("outbound-answered", "outbound-click-to-call"):
        assert act(told(session), [council("surrey")], began(session)).handoffs == []


@pytest.mark.parametrize("name", COUNCILS)
def test_two_calls_of_one_adviser_are_two_recordings(name: str) -> None:
    acted = act(told("park-and-fetch"), [council(name)], began("park-and-fetch"))
    outbound = name in ("surrey", "uttlesford")
    assert len(acted.handoffs) == 1 + outbound
    for nth, each in enumerate(IN_AND_OUT[: 1 + outbound]):
        check_row(each, name, acted, nth)
