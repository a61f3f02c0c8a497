"""What a desktop is answered; the sockets are tested in tests/integration."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import structlog

from ami_bridge.desktop import api
from ami_bridge.desktop.api import Api, Asked, Budget, Refused, Reply, Request
from ami_bridge.desktop.desk import Answer, CallNow, Desk, Hearing, Outcome, Wanted

TOKEN = "0123456789abcdef0123456789abcdef"
OTHER = "abcdef0123456789abcdef0123456789"
CALL = "20261121-171502-k3f5x2m7"
SINCE = datetime(2026, 11, 21, 18, 15, 2, 345678, timezone(timedelta(hours=1)))
SILENT = CallNow(
    id=CALL,
    pbx="town-hall",
    hearing=Hearing.SILENT,
    since=SINCE,
    acknowledged=True,
    confirmed=True,
)
MUTED = replace(SILENT, confirmed=False)
RECORDED = CallNow(id=CALL, pbx="town-hall", hearing=Hearing.RECORDED)


@dataclass
class FakeDesk:
    """Answers what it is told to, and keeps what it was asked."""

    outcome: Outcome = field(default_factory=lambda: Outcome(answer=Answer.DONE, calls=(SILENT,)))
    asked: list[Any] = field(default_factory=list)
    rest: Callable[[], Any] | None = None

    async def begin_payment(self, wanted: Wanted, who: str, within_s: float) -> Outcome:
        self.asked.append(("begin", wanted, who, within_s))
        if self.rest is not None:
            await self.rest()
        return self.outcome

    async def end_payment(self, wanted: Wanted, who: str, within_s: float) -> Outcome:
        self.asked.append(("end", wanted, who, within_s))
        return self.outcome

    def find(self, wanted: Wanted) -> Outcome:
        self.asked.append(("find", wanted))
        return self.outcome


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs on a thread, as the bridge's does beside the API's."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def served(desk: FakeDesk, loop: asyncio.AbstractEventLoop) -> Api:
    checked: Desk = desk  # what is tested here is what the bridge is
    return Api(checked, loop, {"crm": TOKEN, "desk": OTHER})


def head(method: str = "POST", path: str = "/v1/payments", query: str = "", **more: Any) -> Request:
    given = {"authorization": f"Bearer {TOKEN}", "length": 0, **more}
    return Request(method=method, path=path, query=query, **given)


def ask(served: Api, body: bytes = b"", **more: Any) -> tuple[int, dict[str, Any]]:
    """Do as the server does."""
    request = head(**more, length=len(body))
    try:
        who, asked = served.admit(request)
        reply = served.answer(who, asked, request, body)
    except Refused as refused:
        reply = refused.reply
    return reply.status, json.loads(reply.body)


def begin(served: Api) -> tuple[int, dict[str, Any]]:
    return ask(served, b'{"extension": "211"}')


def test_a_payment_is_begun_and_silence_is_told(served: Api, desk: FakeDesk) -> None:
    assert begin(served) == (
        200,
        {
            "answer": "done",
            "why": "",
            "calls": [
                {
                    "call": CALL,
                    "pbx": "town-hall",
                    "state": "silent",
                    "since": "2026-11-21T17:15:02.345Z",
                    "acknowledged": True,
                    "confirmed": True,
                }
            ],
        },
    )
    assert desk.asked == [("begin", Wanted(None, "211", ""), "crm", api.CONFIRM_WITHIN_S)]


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("POST", "/v1/payments/end", "", f'{{"call": "{CALL}", "pbx": "town-hall"}}'),
        ("DELETE", "/v1/payments", f"call={CALL}&pbx=town-hall", ""),
    ],
)
def test_a_payment_is_ended_by_either_way(
    served: Api, desk: FakeDesk, method: str, path: str, query: str, body: str
) -> None:
    desk.outcome = Outcome(answer=Answer.DONE, calls=(RECORDED,))
    given = {"method": method, "path": path, "query": query}
    status, told = ask(served, body.encode(), **given, authorization=f"bearer  {OTHER}")
    assert (status, told["calls"][0]["state"], told["calls"][0]["since"]) == (200, "recorded", None)
    assert desk.asked == [
        ("end", Wanted("town-hall", "", CALL), "desk", api.CONFIRM_WITHIN_S),
    ]


def test_how_calls_stand_is_told(served: Api, desk: FakeDesk) -> None:
    desk.outcome = Outcome(answer=Answer.DONE, calls=(RECORDED, SILENT))
    status, told = ask(served, method="GET", path="/v1/calls", query="extension=211")
    assert status == 200
    assert [each["state"] for each in told["calls"]] == ["recorded", "silent"]
    assert desk.asked == [("find", Wanted(None, "211", ""))]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer.UNCONFIRMED, 504),
        (Answer.NO_CALL, 404),
        (Answer.SEVERAL, 409),
        (Answer.REFUSED, 409),
        (Answer.AWAY, 503),
    ],
)
def test_what_was_not_done_is_told_with_what_is_known(
    served: Api, desk: FakeDesk, answer: Answer, status: int
) -> None:
    desk.outcome = Outcome(answer=answer, calls=(RECORDED,), why="the policy says so")
    found, told = begin(served)
    assert (found, told["answer"], told["why"]) == (status, answer.value, "the policy says so")
    assert told["calls"][0]["call"] == CALL


def test_every_answer_has_its_status() -> None:
    assert set(api.STATUSES) == set(Answer)
    assert [each for each, status in api.STATUSES.items() if status == 200] == [Answer.DONE]


@pytest.mark.parametrize(
    "calls",
    [
        (),
        (RECORDED,),
        (SILENT, replace(RECORDED, acknowledged=True, confirmed=True)),
        (CallNow(id=CALL, pbx="town-hall", hearing=Hearing.SILENT, since=SINCE),),
        (SILENT, MUTED),
        (CallNow(id=CALL, pbx="town-hall", hearing=Hearing.NOT_RECORDED),),
    ],
    ids=["none", "recorded", "one of two", "unconfirmed", "acknowledged", "not recorded"],
)
def test_a_payment_has_begun_only_where_silence_is_confirmed(
    served: Api, desk: FakeDesk, calls: tuple[CallNow, ...]
) -> None:
    desk.outcome = Outcome(answer=Answer.DONE, calls=calls)
    status, told = begin(served)
    assert (status, told["answer"]) == (504, "unconfirmed")


def test_an_opted_out_call_is_silent_enough(served: Api, desk: FakeDesk) -> None:
    desk.outcome = Outcome(
        answer=Answer.DONE, calls=(replace(SILENT, hearing=Hearing.NOT_RECORDED),)
    )
    assert begin(served)[0] == 200


def test_a_mute_is_acknowledged_and_not_confirmed(served: Api, desk: FakeDesk) -> None:
    desk.outcome = Outcome(answer=Answer.ACKNOWLEDGED, calls=(MUTED,), why="muted")
    status, told = begin(served)
    assert (status, told["answer"], told["why"]) == (202, "acknowledged", "muted")
    (call,) = told["calls"]
    assert (call["state"], call["acknowledged"], call["confirmed"]) == ("silent", True, False)


@pytest.mark.parametrize(
    "calls",
    [(), (RECORDED,), (MUTED, replace(MUTED, acknowledged=False))],
    ids=["none", "recorded", "one of two"],
)
def test_what_nobody_has_acknowledged_is_not_said_to_be(
    served: Api, desk: FakeDesk, calls: tuple[CallNow, ...]
) -> None:
    desk.outcome = Outcome(answer=Answer.ACKNOWLEDGED, calls=calls)
    status, told = begin(served)
    assert (status, told["answer"]) == (504, "unconfirmed")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN} {TOKEN}",
        f"Bearer {TOKEN}\n",
        "Bearer ü",
        f"Bearer {'x' * 600}",
    ],
)
def test_without_a_token_nobody_learns_anything(
    served: Api, desk: FakeDesk, authorization: str
) -> None:
    for path in ("/v1/payments", "/v1/none"):
        with pytest.raises(Refused) as caught:
            served.admit(head(path=path, authorization=authorization))
        assert caught.value.reply.status == 401
        assert caught.value.reply.headers == {"WWW-Authenticate": "Bearer"}
    assert desk.asked == []


def test_without_any_tokens_none_is_right(loop: asyncio.AbstractEventLoop) -> None:
    with pytest.raises(Refused, match="no valid token"):
        Api(FakeDesk(), loop, {}).admit(head(authorization="Bearer "))


def test_strangers_are_said_now_and_then_without_what_they_sent(served: Api) -> None:
    with structlog.testing.capture_logs() as lines:
        for _ in range(5):
            with pytest.raises(Refused):
                served.admit(head(authorization="Bearer secret"))
    assert [(each["event"], each["times"]) for each in lines] == [
        ("the API was asked without a valid token", 1)
    ]
    assert "secret" not in str(lines)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"path": "/"}, 404),
        ({"path": "/v1/payments/"}, 404),
        ({"path": "/v1/calls"}, 405),
        ({"method": "GET"}, 405),
        ({"method": "PUT", "path": "/v1/payments/end"}, 405),
        ({"length": None}, 411),
        ({"length": api.BODY_MAX_BYTES + 1}, 413),
    ],
)
def test_what_cant_be_is_refused_by_its_head(
    served: Api, given: dict[str, Any], status: int
) -> None:
    with pytest.raises(Refused) as caught:
        served.admit(head(**given))
    assert caught.value.reply.status == status
    assert ("Allow" in caught.value.reply.headers) == (status == 405)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "211",
        "null",
        "[]",
        "{}",
        "{",
        '{"extension": 211}',
        '{"extension": ""}',
        '{"extension": null}',
        '{"extension": "211", "call": "20261121-171502-k3f5x2m7"}',
        '{"extension": "211", "exten": "212"}',
        '{"extension": "2 1"}',
        '{"extension": "211\\r\\nAction: Logoff"}',
        '{"extension": "' + "1" * 41 + '"}',
        '{"extension": "211\\ud800"}',
        '{"call": "211"}',
        '{"call": "../../etc/passwd"}',
        '{"extension": "211", "pbx": "Town Hall"}',
        "[" * 1000,
    ],
)
def test_a_wrong_body_is_refused_in_one_line(served: Api, desk: FakeDesk, body: str) -> None:
    status, told = ask(served, body.encode())
    assert (status, told["answer"]) == (400, "error")
    assert "\n" not in told["why"]
    assert desk.asked == []


def test_bytes_that_are_no_text_are_refused(served: Api) -> None:
    assert ask(served, b'{"extension": "\xff"}')[0] == 400


@pytest.mark.parametrize(
    "query",
    [
        "",
        "extension",
        "extension=",
        "extension=211&extension=212",
        "extension=211&who=me",
        "extension=%00",
        "call=1",
        "a=1&b=2&c=3&d=4&e=5",
    ],
)
def test_a_wrong_query_is_refused(served: Api, desk: FakeDesk, query: str) -> None:
    assert ask(served, method="GET", path="/v1/calls", query=query)[0] == 400
    assert desk.asked == []


def test_a_bridge_that_doesnt_answer_confirms_nothing(
    desk: FakeDesk, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "LOOP_SLACK_S", 0.02)
    over = threading.Event()

    async def rest() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            over.set()

    desk.rest = rest
    status, told = begin(Api(desk, loop, {"crm": TOKEN}, within_s=0.02))
    assert (status, told["calls"]) == (504, [])
    assert over.wait(5)  # it isn't waited for any more


def test_a_bug_in_the_bridge_is_an_alarm_and_no_traceback_for_others(
    served: Api, desk: FakeDesk
) -> None:
    async def rest() -> None:
        raise KeyError("01614960001")

    desk.rest = rest
    with structlog.testing.capture_logs() as lines:
        status, told = begin(served)
    assert (status, told["why"]) == (500, "the bridge failed: nothing is confirmed")
    assert [each["kind"] for each in lines if each["event"] == "alarm"] == ["program"]


def test_a_bridge_that_has_ended_confirms_nothing(desk: FakeDesk) -> None:
    closed = asyncio.new_event_loop()
    closed.close()
    assert begin(Api(desk, closed, {"crm": TOKEN}))[0] == 500


def test_the_log_tells_who_asked_and_no_extension(served: Api) -> None:
    with structlog.testing.capture_logs() as lines:
        begin(served)
        ask(served, method="GET", path="/v1/calls", query="extension=211")
    (line,) = lines
    assert (line["asked"], line["by"], line["status"], line["calls"]) == (
        "begin payment",
        "crm",
        200,
        [CALL],
    )
    assert "211" not in json.dumps({**line, "seconds": 0, "calls": []})


def test_whoever_only_looks_takes_nothing_from_payments(
    desk: FakeDesk, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "LOOKS_PER_S", 3.0)
    served = Api(desk, loop, {"crm": TOKEN})
    look = {"method": "GET", "path": "/v1/calls", "query": "extension=211"}
    assert [ask(served, **look)[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    assert begin(served)[0] == 200
    request = head(**look)
    reply = served.answer("crm", Asked.LOOK, request, b"")
    assert isinstance(reply, Reply)
    assert reply.headers == {"Retry-After": "1"}


def test_what_was_asked_is_given_back_however_it_ended(
    desk: FakeDesk, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PAYMENTS_AT_ONCE", 1)
    served = Api(desk, loop, {"crm": TOKEN})
    assert [begin(served)[0], ask(served, b"{")[0], begin(served)[0]] == [200, 400, 200]


def test_a_budget_grows_again_and_no_further() -> None:
    now_s = [0.0]
    budget = Budget(at_once=2, per_s=4.0, clock=lambda: now_s[0])
    assert [budget.take() for _ in range(3)] == [True, True, False]
    budget.give_back()
    budget.give_back()
    assert [budget.take(), budget.take()] == [True, True]
    budget.give_back()
    assert not budget.take()  # four a second
    now_s[0] = 0.25
    assert budget.take()
    for _ in range(2):
        budget.give_back()
    now_s[0] = 1000.0
    taken = 0
    while budget.take():
        budget.give_back()
        taken += 1
    assert taken == 4


def test_times_are_in_utc() -> None:
    shown = api._shown(CallNow(id=CALL, pbx="p", hearing=Hearing.SILENT, since=datetime.now(UTC)))
    assert str(shown["since"]).endswith("Z")
