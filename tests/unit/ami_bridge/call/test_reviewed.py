"""What a review found by playing calls: each was recorded, or lost, where it should not be."""

from __future__ import annotations

from ami_bridge.call.recorder import Recorder
from ami_bridge.facts import ConsultationBegan, TalkChanged, Talker
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind
from hushtape.policy.stages import Stage
from tests.unit.ami_bridge.call.test_consultation import began as consultation_began
from tests.unit.ami_bridge.call.test_machine import at, entered, play, started, transfer

COLLEAGUE = Place(DestinationKind.EXTENSION, "222")
PAYMENT = Place(DestinationKind.EXTENSION, "720")
OUTSIDE = Place(DestinationKind.OUTSIDE, "", number="02079460010")


def joined(seconds: float, *talkers: Talker) -> TalkChanged:
    return TalkChanged(at=at(seconds), talkers=talkers)


AGENT = Talker("2.1", Place(DestinationKind.EXTENSION, "231"), telephone="PJSIP/231")


def consulting(seconds: float, place: Place, *there: Place) -> ConsultationBegan:
    began = consultation_began(seconds)
    talkers = tuple(Talker(f"9.{n}", each) for n, each in enumerate(there))
    return ConsultationBegan(
        at=at(seconds), leg=began.leg, place=place, telephone=began.telephone, talkers=talkers
    )


def test_a_payment_line_that_comes_into_a_consultation_ends_its_recording() -> None:
    call, _ = play(
        entered(0, "customer-service"),
        started(0.01),
        joined(1, AGENT),
        consulting(5, COLLEAGUE),
        started(5.01, 2),
        consulting(7, COLLEAGUE, COLLEAGUE),
        council="uttlesford",
    )
    (leg,) = call.consultations
    assert leg.recorder is Recorder.RUNNING
    call.apply(consulting(10, COLLEAGUE, PAYMENT))
    assert leg.recorder is Recorder.STOPPING


def test_a_call_that_goes_on_elsewhere_takes_no_consultation_along() -> None:
    call, _ = play(
        entered(0, "customer-service"),
        started(0.01),
        joined(1, AGENT),
        consulting(5, COLLEAGUE),
        started(5.01, 2),
        entered(10, "customer-service"),
        council="uttlesford",
    )
    (leg,) = call.consultations
    assert not leg.wanted


def test_whoever_answers_a_transfer_is_judged_too() -> None:
    call, _ = play(
        entered(0, "surrey-contact-centre"),
        started(0.01),
        joined(1, AGENT),
        transfer(5, Place(DestinationKind.EXTENSION, "212")),
        joined(5.01),
        joined(9, Talker("3.1", OUTSIDE)),
        council="surrey",
    )
    assert not call.company.knows(Talker("3.1", OUTSIDE)), "it was forwarded to where it stops"
    assert call.stage is Stage.RECORDED, "for as long as something may explain it"
