"""What the bridge does for a payment beside the call machine: it waits, measures, looks further."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from ami_bridge import silence as silences
from ami_bridge.call import recorder
from ami_bridge.call.recorder import Recorder
from ami_bridge.facts import (
    Adopted,
    Channel,
    Command,
    Fact,
    ForeignRecorder,
    Held,
    HungUp,
    LinkReturned,
    NotePayment,
    Overheard,
    PaymentBegan,
    PaymentEnded,
    StartRecorder,
    StopEveryRecorder,
    StopRecorder,
    TalkChanged,
    Talker,
    UnmuteRecorder,
)
from hushtape import metrics
from hushtape.policy.decide import Place
from hushtape.policy.schema import DestinationKind, Pause, PaymentWay
from hushtape.policy.stages import Stage
from hushtape.recordings.manifest import SpanKind, StopSeen
from tests.unit.ami_bridge.paying import (
    ADVISER,
    AGENT,
    CALLER,
    SECOND,
    Desk,
    FakePbx,
    answered,
    handed_off,
    policies,
    settled,
)
from tests.unit.ami_bridge.test_bridge import START, entered, until

Lines = list[dict[str, object]]


def alarms(logs: Lines, kind: str) -> list[str]:
    return [str(e["what"]) for e in logs if e["event"] == "alarm" and e.get("kind") == kind]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> metrics.Told:
    told = metrics.Told(metrics.BRIDGE)
    monkeypatch.setattr(metrics, "_told", told)
    return told


def value(told: metrics.Told, name: str, **labels: str) -> float:
    return told.registry.get_sample_value(name, labels) or 0.0


async def test_a_payment_is_measured_from_its_cause_to_its_silence(told: metrics.Told) -> None:
    desk = await answered()
    desk.pays()
    await until(lambda: desk.live.silent)
    await settled(desk.bridge)
    assert value(told, "hushtape_payments_begun_total", way="event") == 1
    assert value(told, "hushtape_silence_seconds_count", way="event") == 1
    assert value(told, "hushtape_silence_seconds_sum", way="event") == pytest.approx(
        0.004, abs=1e-3
    )
    desk.tell(PaymentEnded(at=desk.pbx.now, way=PaymentWay.EVENT))
    assert value(told, "hushtape_payments_ended_total", by="event") == 1
    assert desk.call.stage is Stage.RECORDED


async def test_who_listens_in_is_told_and_nothing_is_called_silent(told: metrics.Told) -> None:
    desk = await answered()
    desk.pbx.listened = True
    with capture_logs() as logs:
        desk.pays()
        await until(lambda: desk.live.silent)
        await settled(desk.bridge)
        assert alarms(logs, "silence") == [silences.OVERHEARD]
        assert value(told, "hushtape_silence_seconds_count", way="event") == 0
        assert value(told, "hushtape_silence_unconfirmed_total", way="event") == 1
        desk.tell(Overheard(at=desk.pbx.now))
        assert alarms(logs, "silence") == [silences.OVERHEARD] * 2
        desk.tell(PaymentEnded(at=desk.pbx.now, way=PaymentWay.EVENT))
        desk.tell(Overheard(at=desk.pbx.now))
        assert len(alarms(logs, "silence")) == 2, "outside of a payment anybody may"
    await settled(desk.bridge)


async def test_what_is_not_confirmed_in_time_is_told_while_it_is_tried_further(
    told: metrics.Told,
) -> None:
    desk = await answered()
    desk.pbx.sticks.add(CALLER.uniqueid)
    with capture_logs() as logs:
        desk.pays()
        await until(lambda: any("isn't sure" in each for each in alarms(logs, "silence")))
    assert desk.call.recorder is Recorder.STUCK
    assert value(told, "hushtape_silence_unconfirmed_total", way="event") == 1
    assert desk.pbx.commands(StopRecorder), "first by its id"
    assert desk.pbx.commands(StopEveryRecorder), "then everything"


async def test_a_payment_that_is_late_and_overheard_is_counted_once(
    told: metrics.Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "STUCK_REST_S", 0.001)
    monkeypatch.setattr(silences, "STUCK_REST_S", 0.001)
    desk = await answered()
    desk.pbx.sticks.add(CALLER.uniqueid)
    desk.pbx.listened = True
    with capture_logs() as logs:
        desk.pays()
        await until(lambda: any("isn't sure" in each for each in alarms(logs, "silence")))
        desk.pbx.sticks.clear()
        await until(lambda: silences.OVERHEARD in alarms(logs, "silence"))
    assert value(told, "hushtape_silence_unconfirmed_total", way="event") == 1


async def test_the_note_is_taken_off_unless_the_dialplan_has() -> None:
    for way, noted, expected in (
        (PaymentWay.EVENT, False, 1),
        (PaymentWay.KEY, True, 0),
    ):
        desk = await answered()
        desk.pays(way)
        await until(lambda d=desk: d.live.silent)
        desk.tell(PaymentEnded(at=desk.pbx.now, way=way, noted=noted))
        await settled(desk.bridge)
        assert len(desk.pbx.commands(NotePayment)) == expected, way


@pytest.mark.parametrize(
    ("way", "stage", "taken_off"),
    [
        (PaymentWay.TRANSFER, Stage.RECORDED, [NotePayment(None)]),
        (PaymentWay.KEY, Stage.SILENT, []),
    ],
)
async def test_a_queue_that_is_entered_anew_ends_a_lines_payment_only(
    way: PaymentWay, stage: Stage, taken_off: list[NotePayment]
) -> None:
    desk = await answered()
    desk.pays(way)
    await until(lambda: desk.live.silent)
    before = len(desk.pbx.commands(NotePayment))
    desk.tell(entered())
    await settled(desk.bridge)
    assert desk.call.stage is stage
    assert desk.pbx.commands(NotePayment)[before:] == taken_off


async def test_after_a_hang_up_nothing_is_asked_of_the_channel() -> None:
    desk = await answered()
    desk.pays(PaymentWay.KEY)
    await until(lambda: desk.live.silent)
    desk.tell(HungUp(at=desk.pbx.now))
    await settled(desk.bridge)
    assert desk.pbx.commands(NotePayment) == []


async def test_a_call_that_begins_in_a_payment_is_recorded_when_that_is_over() -> None:
    desk = await answered()
    other = Channel("1.9", "PJSIP/trunk-9", "from-outside", "01737276000")
    other.paying = PaymentBegan(at=START, way=PaymentWay.KEY, stops=True)
    desk.tell(entered(), other)
    live = desk.bridge._live[desk.pbx.name, "1.9"]
    assert live.call.stage is Stage.SILENT
    await settled(desk.bridge)
    assert desk.pbx.commands(StartRecorder, "1.9") == [], "not for a moment"
    desk.tell(PaymentEnded(at=desk.pbx.now, way=PaymentWay.KEY), other)
    assert live.call.stage is Stage.PARKED, "nobody is there yet"


async def test_another_call_in_the_same_talk_is_silent_too() -> None:
    desk = await answered()
    other = Channel("1.9", "PJSIP/trunk-9", "from-outside", "01737276000")
    desk.tell(entered(), other)
    second = desk.bridge._live[desk.pbx.name, "1.9"]
    await until(lambda: second.call.recorder is Recorder.RUNNING)
    desk.pbx.near = {"1.1": (CALLER, AGENT, other), "1.9": (other, AGENT, CALLER)}
    desk.pays(PaymentWay.EVENT)
    await until(lambda: second.silent)
    await settled(desk.bridge)
    desk.tell(PaymentEnded(at=desk.pbx.now, way=PaymentWay.EVENT))
    assert second.call.stage is not Stage.SILENT


# a key that was pressed while no bridge was there


async def test_what_the_dialplan_has_stopped_meanwhile_is_cut_to_the_moment_and_no_alarm() -> None:
    dead = await answered()
    pbx = dead.pbx
    pbx.recorders[CALLER.uniqueid].clear()  # the dialplan's doing
    pressed, pbx.now = pbx.now + timedelta(seconds=9), pbx.now + timedelta(seconds=30)
    alive = await answered(pbx=FakePbx())
    alive.bridge._live.clear()
    alive.bridge._kept = dead.kept
    alive.bridge.adopt([pbx])
    alive.pbx = pbx
    with capture_logs() as logs:
        alive.tell(PaymentBegan(at=pressed, way=PaymentWay.KEY, stops=True))
        alive.bridge.link_up(pbx, pbx.now)
        await until(lambda: alive.live.silent)
        await settled(alive.bridge)
    assert [each for each in logs if each["event"] == "alarm"] == []
    assert len(pbx.commands(StartRecorder)) == 1, "the first one"
    (segment,) = alive.call.papers.segments
    assert (segment.ended_at, segment.cut_s, segment.stop) == (pressed, 0, StopSeen.UNSEEN)


async def test_a_payment_that_came_and_went_while_the_link_was_lost() -> None:
    """The dialplan has stopped the recorder; without this nothing would be recorded any more."""
    desk = await answered()
    desk.pbx.recorders[CALLER.uniqueid].clear()  # the dialplan's doing
    pressed, over = START + timedelta(seconds=20), START + timedelta(seconds=40)
    desk.pbx.now = START + timedelta(seconds=60)
    with capture_logs() as logs:
        desk.tell(PaymentBegan(at=pressed, way=PaymentWay.KEY, stops=True))
        desk.tell(PaymentEnded(at=over, way=PaymentWay.KEY, noted=True))
        desk.bridge.link_up(desk.pbx, desk.pbx.now)
        await until(lambda: len(desk.pbx.commands(StartRecorder)) == 2)
        await settled(desk.bridge)
    assert desk.call.recorder is Recorder.RUNNING
    assert len(desk.pbx.recorders[CALLER.uniqueid]) == 1
    (segment,) = desk.call.papers.segments
    assert (segment.ended_at, segment.stop) == (pressed, StopSeen.UNSEEN)
    (span,) = [each for each in desk.call.papers.spans if each.kind is SpanKind.PAYMENT]
    assert (span.started_at, span.ended_at) == (pressed, over)
    assert alarms(logs, "silence") == []


# mute


async def muted() -> Desk:
    desk = await answered(policies(pause=Pause.MUTE))
    desk.pays(PaymentWay.API)
    await until(lambda: desk.call.recorder is Recorder.MUTED)
    return desk


async def test_a_muted_payment_goes_on_in_the_same_segment() -> None:
    desk = await muted()
    assert desk.pbx.muted == {"0x1"}
    assert desk.live.quiet
    assert not desk.live.silent, "for the guard that isn't enough"
    began = desk.pbx.now
    desk.tell(PaymentEnded(at=began + timedelta(seconds=9), way=PaymentWay.API))
    await until(lambda: not desk.pbx.muted)
    assert desk.call.recorder is Recorder.RUNNING
    desk.tell(HungUp(at=began + timedelta(seconds=20)))
    await until(lambda: desk.outbox.put_in)
    handoff = handed_off(desk)
    assert len(handoff.segments) == 1
    (span,) = [each for each in handoff.spans if each.kind is SpanKind.PAYMENT]
    assert span.muted


async def test_after_a_hold_a_muted_one_may_be_deaf_and_begins_anew() -> None:
    desk = await muted()
    desk.tell(Held(at=desk.pbx.now))
    desk.tell(PaymentEnded(at=desk.pbx.now, way=PaymentWay.API))
    await until(lambda: desk.pbx.commands(StopRecorder))
    assert desk.pbx.commands(UnmuteRecorder) == []


async def test_the_dialplan_s_payment_stops_it_all_the_same() -> None:
    desk = await answered(policies(pause=Pause.MUTE))
    desk.pays(PaymentWay.KEY, stops=True)
    await until(lambda: desk.live.silent)
    assert desk.pbx.muted == set()


async def test_the_guard_stops_what_was_only_muted() -> None:
    desk = await muted()
    desk.pays(PaymentWay.TRANSFER, stops=True)
    assert await desk.asks() != ""
    assert desk.pbx.recorders[CALLER.uniqueid] == []


# recorders of somebody else


async def test_a_strange_recorder_is_stopped_told_and_ordered_to_be_destroyed(
    told: metrics.Told,
) -> None:
    desk = await answered()
    desk.pays()
    await until(lambda: desk.live.silent)
    await settled(desk.bridge)
    desk.pbx.recorders[AGENT.uniqueid] = ["0xffff"]
    began = desk.pbx.now
    with capture_logs() as logs:
        desk.tell(ForeignRecorder(at=began, on=AGENT))
        assert alarms(logs, "foreign recorder") == [silences.SEEN], "before anything is tried"
        await until(lambda: len(alarms(logs, "foreign recorder")) > 1)
    assert desk.pbx.recorders[AGENT.uniqueid] == []
    assert alarms(logs, "foreign recorder") == [silences.SEEN, silences.STOPPED]
    (order,) = desk.orders
    assert (order.pbx, order.call, order.since) == ("pbx1", desk.call.id, began)
    assert order.until > order.since
    assert value(told, "hushtape_foreign_recorders_total") == 1


async def test_one_that_ran_before_the_payment_is_found_by_looking() -> None:
    desk = await answered()
    desk.pbx.near = {"1.1": (CALLER, AGENT)}
    desk.pbx.recorders[AGENT.uniqueid] = ["0xffff"]
    with capture_logs() as logs:
        desk.pays()
        await until(lambda: desk.orders)
    assert desk.pbx.recorders[AGENT.uniqueid] == []
    assert alarms(logs, "foreign recorder")


async def test_outside_of_a_payment_others_may_record() -> None:
    desk = await answered()
    desk.pbx.recorders[AGENT.uniqueid] = ["0xffff"]
    desk.tell(ForeignRecorder(at=desk.pbx.now, on=AGENT))
    await settled(desk.bridge)
    assert desk.pbx.recorders[AGENT.uniqueid] == ["0xffff"]
    assert desk.orders == []


async def test_ours_that_is_muted_is_stopped_before_everything_is() -> None:
    """Else it would be thought to run on, when all that records on its channel is stopped."""
    desk = await muted()
    desk.pbx.recorders[CALLER.uniqueid].append("0xffff")
    desk.tell(ForeignRecorder(at=desk.pbx.now, on=CALLER))
    await until(lambda: desk.orders)
    assert desk.live.silent
    assert desk.pbx.recorders[CALLER.uniqueid] == []


async def test_one_that_cannot_be_stopped_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silences, "STUCK_REST_S", 0.001)
    desk = await answered()
    desk.pays()
    await until(lambda: desk.live.silent)
    await settled(desk.bridge)
    desk.pbx.sticks.add(SECOND.uniqueid)
    with capture_logs() as logs:
        desk.tell(ForeignRecorder(at=desk.pbx.now, on=SECOND))
        await until(lambda: len(alarms(logs, "foreign recorder")) > 2)
        desk.pbx.sticks.clear()
        await until(lambda: desk.orders)


@pytest.mark.parametrize("is_seen", [True, False], ids=["seen", "found by looking"])
async def test_before_anything_is_stopped_the_order_is_intended(
    monkeypatch: pytest.MonkeyPatch, *, is_seen: bool
) -> None:
    """Else it is lost with a bridge that is killed when the recorder has just been stopped."""
    desk = await answered()
    orders = desk.bridge._silence._orders
    stop = type(desk.pbx).carry_out
    intended: list[int] = []

    async def watched(pbx: FakePbx, channel: Channel, command: Command) -> Fact | None:
        if isinstance(command, StopEveryRecorder):
            intended.append(len(orders.intended))  # type: ignore[union-attr]
        return await stop(pbx, channel, command)

    monkeypatch.setattr(type(desk.pbx), "carry_out", watched)
    desk.pays()
    await until(lambda: desk.live.silent)
    if is_seen:
        await settled(desk.bridge)
        desk.tell(ForeignRecorder(at=desk.pbx.now, on=AGENT))
    else:
        desk.pbx.recorders[CALLER.uniqueid].append("0xffff")
    await until(lambda: desk.orders)
    await settled(desk.bridge)
    assert intended == [1] * len(intended)
    assert intended
    assert orders.intended == [], "withdrawn"  # type: ignore[union-attr]
    assert len(desk.orders) == 1


async def test_what_cannot_be_intended_is_stopped_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = await answered()

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(desk.bridge._silence._orders, "intend", full)
    monkeypatch.setattr(desk.bridge._silence._orders, "withdraw", full)
    desk.pbx.near = {"1.1": (CALLER, AGENT)}
    desk.pbx.recorders[AGENT.uniqueid] = ["0xffff"]
    with capture_logs() as logs:
        desk.pays()
        await until(lambda: desk.orders)
    assert desk.pbx.recorders[AGENT.uniqueid] == []
    assert any("No space" in each for each in alarms(logs, "foreign recorder"))


@pytest.mark.parametrize("how", [Adopted, LinkReturned])
async def test_when_nobody_has_listened_others_are_looked_for_again(
    how: type[Adopted | LinkReturned],
) -> None:
    desk = await answered()
    began = desk.pbx.now
    desk.pays()
    await until(lambda: desk.live.silent)
    await settled(desk.bridge)
    desk.pbx.near = {"1.1": (CALLER, AGENT)}
    desk.pbx.recorders[AGENT.uniqueid] = ["0xffff"]
    desk.live.adopted = how is LinkReturned
    with capture_logs() as logs:
        desk.bridge.link_up(desk.pbx, desk.pbx.now)
        await until(lambda: desk.orders)
    assert desk.pbx.recorders[AGENT.uniqueid] == []
    assert alarms(logs, "foreign recorder")
    assert desk.orders[0].since == began, "since when it has recorded nobody knows"


async def test_outside_of_a_payment_nobody_is_looked_for() -> None:
    desk = await answered()
    desk.pbx.near = {"1.1": (CALLER, AGENT)}
    desk.pbx.recorders[AGENT.uniqueid] = ["0xffff"]
    desk.bridge.link_up(desk.pbx, desk.pbx.now)
    await settled(desk.bridge)
    assert desk.pbx.recorders[AGENT.uniqueid] == ["0xffff"]


async def test_an_order_that_cannot_be_kept_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = await answered()
    desk.pays()
    await until(lambda: desk.live.silent)
    await settled(desk.bridge)

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(desk.bridge._silence._orders, "put", full)
    with capture_logs() as logs:
        desk.tell(ForeignRecorder(at=desk.pbx.now, on=AGENT))
        await until(lambda: any("No space" in each for each in alarms(logs, "foreign recorder")))


async def test_a_recorder_of_another_call_is_not_swept_away() -> None:
    desk = await answered()
    other = Channel("1.9", "PJSIP/trunk-9", "from-outside", "01737276000")
    desk.tell(entered(), other)
    second = desk.bridge._live[desk.pbx.name, "1.9"]
    await until(lambda: second.call.recorder is Recorder.RUNNING)
    first = desk.bridge._live[desk.pbx.name, CALLER.uniqueid]
    desk.pays(PaymentWay.EVENT)
    desk.pbx.near = {"1.1": (CALLER, other)}
    await until(lambda: first.silent)
    await settled(desk.bridge)
    assert desk.pbx.recorders["1.9"]


COLLEAGUE = Channel("1.77", "PJSIP/212-77", "internal", "s")
NEWCOMER = Talker("1.77", Place(DestinationKind.EXTENSION, "212"), "PJSIP/212")


async def test_who_comes_during_a_payment_is_looked_at() -> None:
    """His recorder ran before he came, so nobody was told of it in this call."""
    desk = await answered()
    desk.pays()
    await until(lambda: desk.live.silent and desk.live.alone)
    began = desk.pbx.now
    desk.pbx.recorders[COLLEAGUE.uniqueid] = ["0xffff"]
    desk.pbx.near = {"1.1": (CALLER, AGENT, COLLEAGUE)}
    assert not desk.live.alone
    with capture_logs() as logs:
        desk.tell(TalkChanged(at=began, talkers=(ADVISER, NEWCOMER)))
        await until(lambda: desk.orders)
    assert desk.pbx.recorders[COLLEAGUE.uniqueid] == []
    assert alarms(logs, "foreign recorder") == [silences.FOUND]
    await settled(desk.bridge)
    assert desk.live.alone


async def test_nobody_is_looked_at_twice_unless_he_has_been_away() -> None:
    desk = await answered()
    desk.pbx.near = {"1.1": (CALLER, AGENT)}
    desk.pays()
    await settled(desk.bridge)
    desk.tell(TalkChanged(at=desk.pbx.now, talkers=(ADVISER, NEWCOMER)))
    await settled(desk.bridge)
    assert len(desk.pbx.commands(StopEveryRecorder, AGENT.uniqueid)) == 1
    desk.pbx.near = {"1.1": (CALLER,)}
    desk.tell(TalkChanged(at=desk.pbx.now, talkers=(NEWCOMER,)))
    desk.pbx.near = {"1.1": (CALLER, AGENT)}
    desk.tell(TalkChanged(at=desk.pbx.now, talkers=(ADVISER,)))
    await settled(desk.bridge)
    assert len(desk.pbx.commands(StopEveryRecorder, AGENT.uniqueid)) == 2


async def test_what_was_there_before_and_cannot_be_stopped_is_tried_on_and_not_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(silences, "STUCK_REST_S", 0.001)
    desk = await answered()
    desk.pbx.near = {"1.1": (CALLER, AGENT)}
    desk.pbx.recorders[AGENT.uniqueid] = ["0xffff"]
    desk.pbx.sticks.add(AGENT.uniqueid)
    with capture_logs() as logs:
        desk.pays()
        await until(lambda: len(alarms(logs, "foreign recorder")) > 2)
        await until(lambda: any("isn't sure" in each for each in alarms(logs, "silence")))
        assert not [each for each in logs if each["event"] == "payment: silent"]
        desk.pbx.sticks.clear()
        await until(lambda: any(each["event"] == "payment: silent" for each in logs))
    assert set(alarms(logs, "foreign recorder")[:-1]) == {silences.STUCK}
    assert alarms(logs, "foreign recorder")[-1] == silences.FOUND
    assert len(desk.orders) == 1


async def test_who_hangs_up_is_looked_at_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silences, "STUCK_REST_S", 0.001)
    desk = await answered()
    desk.pbx.near = {"1.1": (CALLER, AGENT)}
    desk.pbx.sticks.add(AGENT.uniqueid)
    desk.pays()
    await until(lambda: desk.pbx.commands(StopEveryRecorder, AGENT.uniqueid))
    desk.pbx.gone.add(AGENT.uniqueid)
    await settled(desk.bridge)
    assert desk.live.alone


@pytest.mark.parametrize("how", ["the caller hangs up", "the payment ends", "the leg is gone"])
async def test_what_could_not_be_stopped_in_time_is_still_to_be_destroyed(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silences, "STUCK_REST_S", 0.001)
    desk = await answered()
    desk.pbx.near = {"1.1": (CALLER, AGENT)}
    desk.pbx.recorders[AGENT.uniqueid] = ["0xffff"]
    desk.pbx.sticks.add(AGENT.uniqueid)
    desk.pays()
    await until(lambda: desk.pbx.commands(StopEveryRecorder, AGENT.uniqueid))
    if how == "the caller hangs up":
        desk.tell(HungUp(at=desk.pbx.now))
    elif how == "the payment ends":
        desk.tell(PaymentEnded(at=desk.pbx.now, way=PaymentWay.KEY))
    else:
        desk.pbx.gone.add(AGENT.uniqueid)
    await until(lambda: desk.orders)


async def test_a_strange_recorder_under_a_mute_has_ours_stopped_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All on a channel is stopped or nothing; the stranger's started before the payment."""
    desk = await answered(policies(pause=Pause.MUTE))
    monkeypatch.setattr(CALLER, "strange", True)
    desk.pbx.recorders[CALLER.uniqueid].append("0xffff")
    desk.pays(PaymentWay.API)
    await until(lambda: desk.orders)
    assert desk.live.silent
    assert desk.pbx.recorders[CALLER.uniqueid] == []


async def test_a_mute_is_no_silence_but_others_are_looked_for() -> None:
    desk = await answered(policies(pause=Pause.MUTE))
    desk.pbx.near = {"1.1": (CALLER, AGENT)}
    desk.pbx.recorders[AGENT.uniqueid] = ["0xffff"]
    desk.pays(PaymentWay.API)
    await until(lambda: desk.orders)
    await settled(desk.bridge)
    assert desk.live.quiet
    assert desk.live.alone
    assert not desk.live.silent
    assert desk.pbx.recorders[CALLER.uniqueid] == ["0x1"]


async def test_a_callers_own_key_silences_nobody() -> None:
    """It is told of whom he talks to."""
    desk = await answered()
    desk.pbx.near = {AGENT.uniqueid: (AGENT, CALLER)}
    desk.tell(PaymentBegan(at=desk.pbx.now, way=PaymentWay.KEY, stops=True), AGENT)
    assert desk.call.stage is Stage.RECORDED
    desk.tell(PaymentBegan(at=desk.pbx.now, way=PaymentWay.EVENT), AGENT)
    assert desk.call.stage is Stage.SILENT


async def test_two_channels_share_what_is_intended() -> None:
    desk = await answered()
    orders = desk.bridge._silence._orders
    desk.pbx.near = {"1.1": (CALLER, AGENT, SECOND)}
    desk.pbx.recorders[SECOND.uniqueid] = ["0xffff"]
    desk.pays()
    await until(lambda: desk.live.alone and desk.live.silent)
    await settled(desk.bridge)
    assert orders.intended == []  # type: ignore[union-attr]
    assert desk.bridge._silence._intended == {}
