from __future__ import annotations

import pytest

from ami_bridge.asterisk import actions
from hushtape.errors import UnsafeValue

CALLER = "PJSIP/caller1-0000000b"
SPOOL = "/var/spool/asterisk/hushtape"


def test_a_recorder_writes_each_side_into_a_file_of_its_own():
    action = actions.start_recorder(CALLER, f"{SPOOL}/1-out.wav", f"{SPOOL}/1-in.wav", "HT_REC_1")
    assert action == {
        "Action": "MixMonitor",
        "Channel": CALLER,
        "Options": f"r({SPOOL}/1-out.wav)t({SPOOL}/1-in.wav)i(HT_REC_1)",
    }
    actions.check(action)


@pytest.mark.parametrize("ending", ["\r", "\n", "\0", "\r\n", "a\r\n\r\nAction: Logoff"])
def test_a_value_can_not_end_its_line(ending: str):
    with pytest.raises(UnsafeValue) as caught:
        actions.safe(f"Zoë{ending}")
    assert "Zoë" not in str(caught.value)
    with pytest.raises(UnsafeValue):
        actions.check({"Action": "Setvar", "Value": f"x{ending}"})
    with pytest.raises(UnsafeValue):
        actions.check({f"Action{ending}": "Ping"})


@pytest.mark.parametrize("part", [*",()\"'`$\\ ;|&<>*?{}[]~#!\t\r\n\0%:é", "/../"])
def test_a_path_is_one_word_for_mixmonitor(part: str):
    good = f"{SPOOL}/ab.wav"
    bad = f"{SPOOL}/a{part}b.wav"
    assert actions.safe_path(good) == good
    for outside, inside in ((bad, good), (good, bad)):
        with pytest.raises(UnsafeValue):
            actions.start_recorder(CALLER, outside, inside, "HT_REC_1")


@pytest.mark.parametrize("path", ["", "a.wav", "hushtape/a.wav", "/a.wav\n"])
def test_a_path_is_absolute(path: str):
    with pytest.raises(UnsafeValue):
        actions.safe_path(path)


@pytest.mark.parametrize(
    "variable", ["", "A)B", "A,B", "SHELL(x)", "1A", "A B", "A\n", "__" + "A" * 80]
)
def test_a_variable_is_no_function_and_no_second_option(variable: str):
    with pytest.raises(UnsafeValue):
        actions.start_recorder(CALLER, "/a.wav", "/b.wav", variable)
    with pytest.raises(UnsafeValue):
        actions.set_variable(CALLER, variable, "1")
    with pytest.raises(UnsafeValue):
        actions.status([variable])


def test_an_empty_channel_would_mean_all_of_them():
    for build in (
        lambda: actions.set_variable("", "HT_STATE", "paused"),
        lambda: actions.stop_recorder("", "0x7f3a80022dc0"),
        lambda: actions.stop_newest_recorder(""),
    ):
        with pytest.raises(UnsafeValue):
            build()


@pytest.mark.parametrize("recorder", ["", "0x1\r\nAction: Logoff", "0x1,0x2"])
def test_a_stop_names_its_recorder(recorder: str):
    with pytest.raises(UnsafeValue):
        actions.stop_recorder(CALLER, recorder)


def test_stopping():
    assert actions.stop_recorder(CALLER, "0x7f3a80022dc0") == {
        "Action": "StopMixMonitor",
        "Channel": CALLER,
        "MixMonitorID": "0x7f3a80022dc0",
    }
    assert "MixMonitorID" not in actions.stop_newest_recorder(CALLER)


def test_status_asks_for_variables():
    assert actions.status(["HT_CALL", "HT_STATE"])["Variables"] == "HT_CALL,HT_STATE"
    assert "Variables" not in actions.status()


def test_asterisk_would_cut_a_long_line():
    fits = {"Value": "é" * ((actions.LINE_LIMIT_BYTES - len("Value: ")) // 2)}
    actions.check(fits)
    with pytest.raises(UnsafeValue):
        actions.check({"Value": fits["Value"] + "é"})
    with pytest.raises(UnsafeValue):
        actions.check({f"Variable{n}": "" for n in range(actions.HEADERS_LIMIT + 1)})


def test_half_a_character_can_not_be_sent():
    with pytest.raises(UnsafeValue):
        actions.safe("\ud800")


def test_a_variable_of_the_whole_pbx_has_no_channel():
    assert actions.set_global("HT_BRIDGE", "ab;left") == {
        "Action": "Setvar",
        "Variable": "HT_BRIDGE",
        "Value": "ab;left",
    }
    assert actions.get_global("HT_BRIDGE") == {"Action": "Getvar", "Variable": "HT_BRIDGE"}
    for build in (
        lambda: actions.set_global("SHELL(x)", "1"),
        lambda: actions.set_global("HT", "1\r\nChannel: x"),
        lambda: actions.get_global("EVAL(x)"),
    ):
        with pytest.raises(UnsafeValue):
            build()
