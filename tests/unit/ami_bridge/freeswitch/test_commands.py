"""What may stand in a command to a FreeSWITCH, and what its answers mean."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ami_bridge.freeswitch import commands
from hushtape.errors import UnsafeValue

UUID = "6a68e12d-5d44-44ff-9e32-86e7bae5b81a"
PATH = "/spool/20261121-131500-k3f7x2m7.1.both.wav"


def test_a_recorder_is_told_all_that_a_channels_variables_could_tell_it() -> None:
    start, uuid, word, path, limit, how = commands.start_recorder(UUID, PATH).split(" ")
    assert (start, uuid, word, path, limit) == ("uuid_record", UUID, "start", PATH, "0")
    assert how[0] + how[-1] == "{}"
    told = dict(each.split("=") for each in how[1:-1].split(","))
    assert told["RECORD_STEREO"] == "true"
    assert told["RECORD_MIN_SEC"] == told["RECORD_PRE_BUFFER_FRAMES"] == "0"
    assert told["enable_file_write_buffering"] == "false"
    assert told["record_sample_rate"] == "8000"
    assert told == dict(commands.HOW)


def test_each_command_is_one_of_few_words() -> None:
    assert commands.stop_recorder(UUID, PATH) == f"uuid_record {UUID} stop {PATH}"
    assert commands.stop_every_recorder(UUID) == f"uuid_record {UUID} stop all"
    assert commands.mute_recorder(UUID, PATH, muted=True) == f"uuid_record {UUID} mask {PATH}"
    assert commands.mute_recorder(UUID, PATH, muted=False) == f"uuid_record {UUID} unmask {PATH}"
    assert commands.bugs_on(UUID) == f"uuid_buglist {UUID}"
    assert commands.dump(UUID) == f"uuid_dump {UUID} json"


def test_an_empty_value_takes_a_variable_away() -> None:
    assert commands.set_variable(UUID, "HUSHTAPE_CALL", "a;b:c") == (
        f"uuid_setvar {UUID} HUSHTAPE_CALL a;b:c"
    )
    assert commands.set_variable(UUID, "HUSHTAPE_PAYMENT", "") == (
        f"uuid_setvar {UUID} HUSHTAPE_PAYMENT"
    )


HOSTILE = ("", " ", "a b", "a\nb", "a\rb", "a\0b", "x\n\nbgapi shutdown", "ä", "a'b", 'a"b')


@pytest.mark.parametrize("uuid", [*HOSTILE, "-both", "../x", "x;y", "${uuid}", "a" * 129])
@pytest.mark.parametrize(
    "make",
    [
        lambda uuid: commands.start_recorder(uuid, PATH),
        lambda uuid: commands.stop_recorder(uuid, PATH),
        commands.stop_every_recorder,
        lambda uuid: commands.mute_recorder(uuid, PATH, muted=True),
        commands.bugs_on,
        lambda uuid: commands.set_variable(uuid, "X", "1"),
        commands.dump,
    ],
)
def test_what_is_no_id_is_never_sent(make: Callable[[str], str], uuid: str) -> None:
    with pytest.raises(UnsafeValue):
        make(uuid)


@pytest.mark.parametrize(
    "path", [*HOSTILE, "all", "relative.wav", "/a/../b.wav", "/a b.wav", "/a{x}.wav", "[x]/a.wav"]
)
def test_what_is_no_path_is_never_sent(path: str) -> None:
    """``stop all`` stops everything: no path may become it."""
    for make in (
        lambda: commands.start_recorder(UUID, path),
        lambda: commands.stop_recorder(UUID, path),
        lambda: commands.mute_recorder(UUID, path, muted=True),
    ):
        with pytest.raises(UnsafeValue):
            make()


@pytest.mark.parametrize("value", [each for each in HOSTILE if each] + ["${x}", "$x", "%0A", "\\"])
def test_what_may_be_read_as_something_else_is_no_value(value: str) -> None:
    with pytest.raises(UnsafeValue):
        commands.set_variable(UUID, "HUSHTAPE_CALL", value)


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a-b", "1a", "a\n"])
def test_what_is_no_variables_name_is_never_sent(name: str) -> None:
    with pytest.raises(UnsafeValue):
        commands.set_variable(UUID, name, "x")


def test_what_records_is_read_from_the_list() -> None:
    """As FreeSWITCH 1.10.12 writes it."""

    def bug(function: str, target: str) -> str:
        return (
            f" <media-bug>\n  <function>{function}</function>\n  <target>{target}</target>\n"
            "  <thread-locked>0</thread-locked>\n </media-bug>\n"
        )

    both = bug("session_record", PATH) + bug("eavesdrop", "x") + bug("session_record", "/b.wav")
    bugs = commands.bugs_in(f"<media-bugs>\n{both}</media-bugs>\n")
    assert commands.paths_in(bugs) == (PATH, "/b.wav")
    assert commands.bugs_in("<media-bugs>\n</media-bugs>\n") == ()
    assert commands.bugs_in("-ERR no reply") == ()


def test_whether_a_recorder_can_be_told_how_is_read_from_the_usage() -> None:
    new = "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]"
    assert commands.takes_variables(new)
    assert not commands.takes_variables("-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>]")
    assert not commands.takes_variables("")


def test_a_call_id_may_be_a_channels_id() -> None:
    assert commands.dump("a84b4c76e66710@192.0.2.1:5060") == (
        "uuid_dump a84b4c76e66710@192.0.2.1:5060 json"
    )


def test_a_list_of_channels_is_read() -> None:
    answer = '{"row_count": 2, "rows": [{"uuid": "u-1", "cid_num": null}, {"uuid": "u-2"}]}'
    assert commands.rows_in(answer) == [{"uuid": "u-1"}, {"uuid": "u-2"}]
    assert commands.rows_in('{"row_count": 0}') == []


@pytest.mark.parametrize(
    "answer", ["", "-ERR", "[]", "1", '{"rows": 1}', '{"rows": ["u-1"]}', "[" * 100_000]
)
def test_what_is_no_list_of_channels(answer: str) -> None:
    with pytest.raises(ValueError, match="no list of channels"):
        commands.rows_in(answer)
