"""Each line of the five published policies, as the examples say it.

The names are those of the councils' own statements. What people do, and no software, is said in
docs/policies.md: Reigate's notices on the website and the intranet.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from hushtape.policy import decide
from hushtape.policy.decide import Arrival, Place
from hushtape.policy.duties import Colleagues, Right, Told, TrainingUse
from hushtape.policy.schema import (
    AfterPayment,
    Asker,
    DestinationKind,
    OnTransfer,
    PaymentWay,
    Permission,
    Policy,
    SoFar,
)
from hushtape.recordings.manifest import Direction
from tests.councils import NOW, POLICIES, arrival, made_by

STOP, CONTINUE, SILENT = OnTransfer.STOP, OnTransfer.CONTINUE, OnTransfer.SILENT
SURREY = POLICIES["surrey"]
UTTLESFORD = POLICIES["uttlesford"]
REIGATE = POLICIES["reigate-banstead"]
SOUTH_HAMS = POLICIES["south-hams"]
HAMMERSMITH = POLICIES["hammersmith-fulham"]
EVERY_WAY = ("blind", "attended", "redirected", "unseen")
OUTSIDE = Place(DestinationKind.OUTSIDE, "902079460990", number="02079460990")
MAIN_LINE = "01799 510510"


def belongs(policy: Policy, call: Arrival) -> bool:
    """Whether a call is recorded under this policy, with all five in force."""
    chosen = decide.choose(POLICIES.values(), call).policy
    return chosen is not None and chosen.name == policy.name


def extension(number: str) -> Place:
    return Place(DestinationKind.EXTENSION, number)


def queue(name: str) -> Place:
    return Place(DestinationKind.QUEUE, "", queue=name)


def becomes(policy: Policy, place: Place) -> set[OnTransfer]:
    """What transfers of every way to a place do."""
    return {decide.on_transfer(policy, place, how).outcome for how in EVERY_WAY}


def kept_until(policy: Policy, started: str) -> datetime:
    return decide.keep(policy, datetime.fromisoformat(started)).until


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def may(policy: Policy, act: str) -> tuple[str, ...]:
    roles: tuple[str, ...] = getattr(policy.access, act).roles
    return roles


# surrey


def test_surrey_which_calls() -> None:
    assert belongs(SURREY, arrival("surrey-contact-centre", "03456009009"))
    assert belongs(SURREY, made_by("211"))
    assert not belongs(SURREY, arrival("surrey-adult-care", "03456009009")), "another's queue"
    assert not belongs(SURREY, made_by("212")), "of somebody else"


def test_surrey_stops() -> None:
    partner = Place(DestinationKind.OUTSIDE, "902079460010", number="02079460010")
    assert becomes(SURREY, partner) == {STOP}, "where a payment may be taken"
    assert becomes(SURREY, extension("710")) == {SILENT}
    for place in (extension("212"), queue("surrey-adult-care"), OUTSIDE):
        assert becomes(SURREY, place) == {CONTINUE}, "other transfers are not named"
    assert not belongs(SURREY, made_by("211", dialled="02079460010")), "nor is such a call out"


def test_surrey_kept() -> None:
    assert kept_until(SURREY, "2026-11-21T13:05Z") == moment("2027-01-22T13:05Z")
    assert decide.keep(SURREY, NOW).period == "62 days"


def test_surrey_told() -> None:
    assert SURREY.announcement.played is not Told.NOT_PLAYED
    assert "privacy" in SURREY.announcement.says
    assert SURREY.announcement.outbound, "staff say it when they call out"
    terms = decide.permission_terms(SURREY, Direction.OUTBOUND)
    assert terms is not None
    assert terms.permission is Permission.KEY
    assert "recording ends, and what there was is discarded" in terms.reason.words
    assert decide.permission_terms(SURREY, Direction.INBOUND) is None


def test_surrey_used_for() -> None:
    assert SURREY.use.purposes == (
        *("quality monitoring", "training", "understanding customers"),
        *("complaints and disputes", "staff safety"),
    )


def test_surrey_rights() -> None:
    assert SURREY.rights.may_ask_for == (Right.COPY,)


# uttlesford


def test_uttlesford_which_calls() -> None:
    assert belongs(UTTLESFORD, arrival("customer-service", MAIN_LINE))
    assert belongs(UTTLESFORD, arrival("customer-service", "+44 (0)1799 510510"))
    assert belongs(UTTLESFORD, made_by("221")), "wherever the advisor's telephone stands"
    assert not belongs(UTTLESFORD, arrival("customer-service", "01799 510511"))


def test_uttlesford_not_recorded() -> None:
    for dialled in ("01799 510221", "221"):
        reason = decide.choose([UTTLESFORD], arrival("", dialled)).reason
        assert "calls.direct_dial" in reason.words
        assert "direct_dial = false" in reason.words


def test_uttlesford_consultation() -> None:
    assert decide.on_consultation(UTTLESFORD, extension("222")).allowed
    assert becomes(UTTLESFORD, extension("222")) == {STOP}
    for place in (extension("720"), OUTSIDE, queue("housing")):
        assert not decide.on_consultation(UTTLESFORD, place).allowed


def test_uttlesford_stops() -> None:
    assert becomes(UTTLESFORD, extension("222")) == {STOP}
    assert becomes(UTTLESFORD, OUTSIDE) == {STOP}
    assert becomes(UTTLESFORD, extension("720")) == {SILENT}
    assert becomes(UTTLESFORD, queue("housing")) == {STOP}, "once the caller is transferred"


def test_uttlesford_payment() -> None:
    assert UTTLESFORD.payment.lines == ("the automatic payment line",)
    for call in (arrival("", "720"), arrival("", "720", Direction.INTERNAL)):
        choice = decide.choose([UTTLESFORD], call)
        assert choice.reason.rule == "destination: the automatic payment line"
    assert decide.on_payment(UTTLESFORD, PaymentWay.TRANSFER).allowed


def test_uttlesford_access() -> None:
    for act in ("find", "listen", "export", "hold", "release"):
        assert may(UTTLESFORD, act) == ("team leader", "supervisor"), act
        assert not getattr(UTTLESFORD.access, act).others_with_permission_of


def test_uttlesford_kept() -> None:
    assert kept_until(UTTLESFORD, "2026-11-21T13:05Z") == moment("2027-02-19T13:05Z")
    assert decide.keep(UTTLESFORD, NOW).period == "90 days"
    assert UTTLESFORD.holds.reasons == ("criminal proceedings", "a long investigation")


def test_uttlesford_told() -> None:
    assert UTTLESFORD.announcement.played is Told.WELCOME_MESSAGE
    for asker in (Asker.CALLER, Asker.AGENT):
        verdict = decide.on_opt_out(UTTLESFORD, asker)
        assert verdict.allowed
        assert "what there was is discarded" in verdict.reason.words
    assert UTTLESFORD.opt_out.recorded_so_far is SoFar.DISCARD
    assert "another channel" in UTTLESFORD.opt_out.pointed_to


def test_uttlesford_rights() -> None:
    assert UTTLESFORD.rights.may_ask_for == (Right.COPY, Right.DELETION)
    assert may(UTTLESFORD, "delete"), "somebody must be able to do it"


# reigate-banstead


def test_reigate_which_calls() -> None:
    assert belongs(REIGATE, arrival("help-line", "01737276000"))
    assert not belongs(REIGATE, arrival("revenues", "01737276000"))
    assert not belongs(REIGATE, arrival("", "01737276000"))
    assert not belongs(REIGATE, made_by("231"))
    assert decide.on_return(REIGATE, "help-line").outcome is CONTINUE
    assert decide.on_move(REIGATE, "revenues").outcome is STOP, "while they are in the queue"


def test_reigate_stops() -> None:
    assert becomes(REIGATE, queue("revenues")) == {STOP}
    assert becomes(REIGATE, extension("232")) == {STOP}
    assert becomes(REIGATE, extension("730")) == {SILENT}
    assert becomes(REIGATE, OUTSIDE) == {STOP}
    for way in PaymentWay:
        assert decide.on_payment(REIGATE, way).allowed, "when payment details begin"


def test_reigate_kept() -> None:
    assert kept_until(REIGATE, "2026-11-21T13:05Z") == moment("2026-12-05T13:05Z")
    assert decide.keep(REIGATE, NOW).period == "14 days"
    assert REIGATE.holds.reasons == ("a justified need",)
    assert REIGATE.holds.reviewed_by == ("named manager",)
    assert REIGATE.holds.reviewed_every, "no longer than necessary"


def test_reigate_copies() -> None:
    assert REIGATE.exports.tracked_until_deleted
    assert REIGATE.exports.responsible == "whoever saved it"


def test_reigate_told() -> None:
    assert REIGATE.announcement.played is Told.BEFORE_ADVISER
    assert REIGATE.announcement.notices == ("the website", "the intranet")


def test_reigate_access() -> None:
    for act in ("find", "listen", "export"):
        assert may(REIGATE, act) == ("manager", "senior adviser"), act
        assert getattr(REIGATE.access, act).others_with_permission_of == "contact manager"


def test_reigate_monitoring() -> None:
    assert 0 < REIGATE.monitoring.calls_a_week <= 10, "a small number"
    assert REIGATE.monitoring.scored_on == "quality record"
    assert REIGATE.monitoring.played_to_colleagues is Colleagues.WITH_PERMISSION


def test_reigate_rights() -> None:
    assert REIGATE.rights.may_ask_for == (Right.COPY,)
    assert REIGATE.rights.in_writing


# south-hams


def test_south_hams_which_calls() -> None:
    assert belongs(SOUTH_HAMS, arrival("south-hams-contact", "01803861234"))
    assert not belongs(SOUTH_HAMS, arrival("south-hams-contact", "", Direction.INTERNAL))
    assert not belongs(SOUTH_HAMS, made_by("241")), "not stated; the example's choice"
    for place in (extension("242"), queue("south-hams-planning"), OUTSIDE):
        assert becomes(SOUTH_HAMS, place) == {STOP}, "only the contact-centre part"
        assert not decide.on_consultation(SOUTH_HAMS, place).allowed


def test_south_hams_payment() -> None:
    assert becomes(SOUTH_HAMS, extension("740")) == {SILENT}
    for way in PaymentWay:
        assert decide.on_payment(SOUTH_HAMS, way).allowed
    assert decide.payment_terms(SOUTH_HAMS).when_too_long is AfterPayment.STAY_SILENT


@pytest.mark.parametrize(
    ("started", "until"),
    [
        ("2026-11-30T13:05Z", "2027-02-28T13:05Z"),
        ("2020-07-14T22:59Z", "2020-08-14T22:59Z"),  # the last minute of 14 July in England
        ("2020-07-14T23:00Z", "2020-10-14T23:00Z"),
        ("2020-01-31T09:00Z", "2020-02-29T09:00Z"),
    ],
)
def test_south_hams_kept(started: str, until: str) -> None:
    assert kept_until(SOUTH_HAMS, started) == moment(until)


def test_south_hams_where() -> None:
    assert set(SOUTH_HAMS.storage.regions) == {"UK", "EEA"}
    assert SOUTH_HAMS.storage.processed_by == ("South Hams District Council",)


def test_south_hams_used_for() -> None:
    assert SOUTH_HAMS.use.purposes == (
        *("quality and training", "complaints and disputes", "legal claims", "staff safety"),
    )
    assert SOUTH_HAMS.use.statistics == "anonymised"


def test_south_hams_rights() -> None:
    assert SOUTH_HAMS.rights.requests_to == "data protection officer"


# hammersmith-fulham

PUBLISHED = (
    *("020 8748 8588", "020 8748 3020", "020 8753 1100", "020 8753 4466", "020 8753 1081"),
    *("020 8753 2140", "020 8753 2450", "020 8753 6681", "020 8753 4500", "020 7371 5678"),
    *("020 8753 6032", "020 8753 2456", "0800 145 6095", "020 8753 4321", "020 8741 2403"),
    *("020 8741 4008", "020 8753 6164", "020 8753 6613", "0800 023 4499"),
)


@pytest.mark.parametrize("number", PUBLISHED)
def test_hammersmith_which_calls(number: str) -> None:
    abroad = "+44" + number.replace(" ", "")[1:]
    for hour in (3, 12, 22):  # day time and out of hours
        for day in (21, 23):
            at = datetime(2026, 11, day, hour, tzinfo=UTC)
            for where in ("hf-parking", ""):
                assert belongs(HAMMERSMITH, arrival(where, abroad, at=at))
    assert set(HAMMERSMITH.calls.numbers) == set(PUBLISHED)


def test_hammersmith_not_recorded() -> None:
    choice = decide.choose([HAMMERSMITH], arrival("", "020 8753 9999"))
    assert choice.policy is None
    assert "direct_dial = false" in choice.reason.words


def test_hammersmith_transfers_and_payments_not_stated() -> None:
    for place in (extension("252"), queue("hf-parking"), OUTSIDE):
        assert becomes(HAMMERSMITH, place) == {STOP}, "on leaving the listed numbers"
    assert becomes(HAMMERSMITH, extension("750")) == {SILENT}


def test_hammersmith_access() -> None:
    for act in ("find", "listen", "export"):
        assert may(HAMMERSMITH, act) == ("authorised manager",)


def test_hammersmith_retrieval() -> None:
    assert HAMMERSMITH.access.reasons == (
        *("a complaint", "a threat to health and safety"),
        "the prevention or detection of crime",
    )
    assert HAMMERSMITH.monitoring.calls_a_week == 0


def test_hammersmith_training() -> None:
    assert HAMMERSMITH.training.use is TrainingUse.ANONYMOUS
    assert HAMMERSMITH.training.agents_consent


def test_hammersmith_kept() -> None:
    """A policy without a period is refused: that is tested with ``parse``."""
    assert decide.keep(HAMMERSMITH, NOW).period == "6 months"
    assert kept_until(HAMMERSMITH, "2026-08-31T12:00Z") == moment("2027-02-28T13:00Z")


def test_hammersmith_in_effect() -> None:
    assert HAMMERSMITH.policy.in_force_from == date(2013, 7, 1)
    before, since = datetime(2013, 6, 30, 22, 59, tzinfo=UTC), datetime(2013, 6, 30, 23, tzinfo=UTC)
    number = PUBLISHED[0]
    early = decide.choose([HAMMERSMITH], arrival("hf-parking", number, at=before))
    assert early.policy is None
    assert early.reason.rule == "policy.in_force_from"
    assert belongs(HAMMERSMITH, arrival("hf-parking", number, at=since))
