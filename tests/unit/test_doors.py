from __future__ import annotations

from pathlib import Path

import pytest

from hushtape import config, doors
from hushtape.errors import ConfigError
from tests.unit.test_config import GOOD, write

TOKEN = "0123456789abcdef0123456789abcdef"
OTHER = "abcdef0123456789abcdef0123456789"
DOORS = """
[api]
port = 9470
[api.tokens.crm]
token_file = "crm.token"
[api.tokens.desk]
token_env = "DESK"
[alarms]
webhook = "https://alarms.example.org/T0K3N"
secret_header = "X-Key"
secret_env = "HOOK"
"""


def loaded(folder: Path, doors_text: str = DOORS) -> config.Config:
    return config.load(write(folder, GOOD + doors_text))


def test_each_secret_comes_from_its_file_or_the_environment(tmp_path: Path) -> None:
    (tmp_path / "crm.token").write_text(TOKEN + "\n")
    named = tmp_path / "named"
    named.write_text("Bearer key")
    environ = {"DESK": OTHER, "HOOK_FILE": str(named)}
    assert doors.tokens(loaded(tmp_path), "f", environ) == {"crm": TOKEN, "desk": OTHER}
    address = doors.webhook(loaded(tmp_path), "f", environ)
    assert address is not None
    assert (address.url, address.header, address.secret) == (
        "https://alarms.example.org/T0K3N",
        "X-Key",
        "Bearer key",
    )
    assert "key" not in repr(address)
    doors.check(loaded(tmp_path), "f", environ)


@pytest.mark.parametrize(
    "token",
    ["short", TOKEN[:31], "x" * 513, f"{TOKEN} {TOKEN}", f"{TOKEN}ü", f"{TOKEN}\n{TOKEN}"],
    ids=["short", "31", "513", "space", "letter", "two lines"],
)
def test_a_token_that_can_be_guessed_or_cant_be_sent_is_refused(tmp_path: Path, token: str) -> None:
    (tmp_path / "crm.token").write_text(token)
    with pytest.raises(ConfigError, match=r"f: api.tokens.crm: .*openssl rand") as caught:
        doors.tokens(loaded(tmp_path), "f", {"DESK": OTHER})
    assert token not in str(caught.value)


def test_two_desktops_with_one_token_are_refused(tmp_path: Path) -> None:
    (tmp_path / "crm.token").write_text(TOKEN)
    with pytest.raises(ConfigError, match=r"api.tokens.desk: another name"):
        doors.check(loaded(tmp_path), "f", {"DESK": TOKEN})


def test_a_secret_that_isnt_there_is_named_by_its_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"f: api.tokens.crm.token_file: .* can't be read"):
        doors.check(loaded(tmp_path), "f", {})
    (tmp_path / "crm.token").write_text(TOKEN)
    with pytest.raises(ConfigError, match=r"f: api.tokens.desk.token_env: neither DESK nor"):
        doors.check(loaded(tmp_path), "f", {})
    with pytest.raises(ConfigError, match=r"f: alarms.secret_env: the variable HOOK is empty"):
        doors.check(loaded(tmp_path), "f", {"DESK": OTHER, "HOOK": ""})


@pytest.mark.parametrize("secret", ["a\r\nX-Other: b", " ", "ü", "a\x00b"])
def test_a_secret_stays_in_its_header(tmp_path: Path, secret: str) -> None:
    with pytest.raises(ConfigError, match="alarms: the secret must be one line"):
        doors.webhook(loaded(tmp_path), "f", {"HOOK": secret})


def test_closed_doors_need_no_secrets(tmp_path: Path) -> None:
    closed = loaded(tmp_path, '[api.tokens.crm]\ntoken_env = "NONE"\n')
    assert doors.tokens(closed, "f", {}) == {}
    assert doors.webhook(closed, "f", {}) is None
    assert doors.lines(closed) == []


def test_open_doors_are_told_without_their_secrets(tmp_path: Path) -> None:
    said = doors.lines(loaded(tmp_path))
    assert said == [
        "API at 127.0.0.1:9470, without TLS, for crm, desk",
        "alarms are sent to alarms.example.org",
    ]
