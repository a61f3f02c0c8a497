"""What the configuration says of a PBX, by its kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from hushtape import config
from hushtape.errors import ConfigError

PLAIN = """
data = "data"
[policies]
folder = "policies"
[pbx.harbour]
kind = "freeswitch"
host = "127.0.0.1"
password_file = "harbour.secret"
spool = "/var/lib/freeswitch/hushtape"
outside_contexts = ["public"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "hushtape.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("more", "port"), [("", 8021), ("port = 8022\n", 8022), ("port = 5038\n", 5038)]
)
def test_a_freeswitch_has_a_port_of_its_own(tmp_path: Path, more: str, port: int) -> None:
    pbx = config.load(write(tmp_path, PLAIN + more)).pbx["harbour"]
    assert (pbx.kind, pbx.port, pbx.tls) == ("freeswitch", port, False)
    assert pbx.spool_path == Path("/var/lib/freeswitch/hushtape")


def test_an_asterisk_keeps_its_own(tmp_path: Path) -> None:
    text = PLAIN.replace('"freeswitch"', '"asterisk"')
    assert config.load(write(tmp_path, text)).pbx["harbour"].port == 5038


@pytest.mark.parametrize(
    ("more", "key", "expected"),
    [
        ('user = "hushtape"\n', "pbx.harbour.user", "no user"),
        ("tls = true\n", "pbx.harbour.tls", "tunnel"),
        ("tls = false\n", "pbx.harbour.tls", "leave it out"),
        ('tls_ca = "ca.pem"\n', "pbx.harbour.tls_ca", "tunnel"),
        ("port = 0\n", "pbx.harbour.port", "1 to 65535"),
        ('port = "8021"\n', "pbx.harbour.port", "a whole number"),
        ('extensions = ["A-"]\n', "pbx.harbour.extensions", "no dialplan pattern"),
        ('[pbx.harbour.queues]\n601 = "desk@lab"\n', "pbx.harbour.queues", "name of a queue"),
    ],
)
def test_what_a_freeswitch_does_not_have_is_refused(
    tmp_path: Path, more: str, key: str, expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, PLAIN + more))
    assert caught.value.where.startswith(f"{tmp_path / 'hushtape.toml'}:")
    assert caught.value.where.endswith(f": {key}")
    assert expected in caught.value.what
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("host", ["::1", "2001:db8::5"])
def test_it_is_reached_by_ipv4_only(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match=r"pbx\.harbour\.host: .*IPv4 only"):
        config.load(write(tmp_path, PLAIN.replace("127.0.0.1", host)))
    asterisk = PLAIN.replace("127.0.0.1", host).replace('"freeswitch"', '"asterisk"')
    assert config.load(write(tmp_path, asterisk)).pbx["harbour"].host == host


@pytest.mark.parametrize("text", ["pbx = 7\n", "pbx = [1]\n", "[pbx]\nharbour = 7\n"])
def test_what_is_no_table_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    whole = 'data = "data"\n' + (text + '[policies]\nfolder = "p"\n')
    with pytest.raises(ConfigError, match="pbx"):
        config.load(write(tmp_path, whole))


def test_a_kind_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pbx\.harbour\.kind: "):
        config.load(write(tmp_path, PLAIN.replace('"freeswitch"', "7")))


def test_a_machine_may_have_no_part_of_the_spool(tmp_path: Path) -> None:
    pbx = config.load(write(tmp_path, PLAIN)).pbx["harbour"]
    assert pbx.spool_to_try == pbx.spool_path
    elsewhere = PLAIN.replace("[pbx.harbour]", "[pbx.harbour]\nspool_elsewhere = true")
    assert config.load(write(tmp_path, elsewhere)).pbx["harbour"].spool_to_try is None
    both = elsewhere.replace("[pbx.harbour]", '[pbx.harbour]\nspool_here = "/mnt/spool"')
    with pytest.raises(
        ConfigError, match=r"pbx\.harbour\.spool_elsewhere: .*leave one of them out"
    ):
        config.load(write(tmp_path, both))
