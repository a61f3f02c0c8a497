from __future__ import annotations

from pathlib import Path

import pytest

from hushtape import config
from hushtape.errors import ConfigError

GOOD = """
data = "data"

[policies]
folder = "policies"

[pbx.town-hall]
kind = "asterisk"
host = "127.0.0.1"
password_file = "town-hall.secret"
spool = "/var/spool/asterisk/hushtape"
outside_contexts = ["from-outside"]
extensions = ["2XX"]
outside = ["9."]
outside_prefix = "9"

[pbx.town-hall.queues]
611 = "help-line"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "hushtape.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_is_read_and_its_paths_are_its_neighbours(tmp_path: Path) -> None:
    loaded = config.load(write(tmp_path, GOOD))
    assert loaded.data_path == tmp_path / "data"
    assert loaded.archive_path == tmp_path / "data" / "archive"
    assert loaded.number_key_path == tmp_path / "data" / "number.key"
    pbx = loaded.pbx["town-hall"]
    assert pbx.password_file == str(tmp_path / "town-hall.secret")
    assert pbx.spool_path == Path("/var/spool/asterisk/hushtape")
    assert pbx.queues == {"611": "help-line"}
    assert loaded.redis_url.startswith("unix://")
    assert (loaded.metrics.bridge_port, loaded.metrics.workers_port) == (0, 0)
    assert loaded.metrics.listen == "127.0.0.1"
    assert (loaded.archive.region, loaded.redis.owner) == ("", "")
    assert (loaded.disk.low_percent, loaded.disk.low_gigabytes) == (10, 1)


BROKEN = [
    ('data = "data"', "", "data", "is missing"),
    ('data = "data"', 'daat = "data"', "daat", 'did you mean "data"'),
    ('kind = "asterisk"', 'kind = "cisco"', "pbx.town-hall.kind", '"asterisk"'),
    ('host = "127.0.0.1"', "", "pbx.town-hall.host", "is missing"),
    ('host = "127.0.0.1"', 'host = "h"\nport = "5038"', "pbx.town-hall.port", "a whole number"),
    ('host = "127.0.0.1"', 'host = "h"\nport = 99999', "pbx.town-hall.port", "65535"),
    ('host = "127.0.0.1"', 'host = "h"\ntls = "yes"', "pbx.town-hall.tls", "true or false"),
    ("/var/spool/asterisk/hushtape", "spool", "pbx.town-hall.spool", "absolute path"),
    ("/var/spool/asterisk/hushtape", "/spool/a,b", "pbx.town-hall.spool", "comma"),
    ('["from-outside"]', "[]", "pbx.town-hall.outside_contexts", "from-trunk"),
    ('["from-outside"]', '"from-outside"', "pbx.town-hall.outside_contexts", "a list"),
    ('password_file = "town-hall.secret"', "", "pbx.town-hall", "password_file"),
    ("[pbx.town-hall]", "[pbx.Town_Hall]", "pbx.town-hall", "is missing"),
    ('611 = "help-line"', "611 = 7", "pbx.town-hall.queues.611", "a text in quotes"),
    ('data = "data"', 'data = "data"\n[redis]\nurl = "localhost"', "redis.url", "redis://"),
    ('data = "data"', 'data = "data"\n[workers]\nprocesses = -1', "workers.processes", "256"),
    ('data = "data"', 'data = "d"\ndisk.low_percent = 91', "disk.low_percent", "0 to 90"),
    ('data = "data"', 'data = "d"\ndisk.low_percent = -1', "disk.low_percent", "0 to 90"),
    ('data = "data"', 'data = "d"\ndisk.low_gigabytes = -1', "disk.low_gigabytes", "from 0 on"),
    ('data = "data"', 'data = "d"\ndisk.low_gigabytes = nan', "disk.low_gigabytes", "from 0 on"),
    ('data = "data"', 'data = "d"\ndisk.low_percnt = 1', "disk.low_percnt", "did you mean"),
    ('data = "data"', 'data = "d"\nmetrics.listen = ""', "metrics.listen", "127.0.0.1"),
    ('data = "data"', 'data = "d"\nmetrics.bridge_port = 70000', "metrics.bridge_port", "65535"),
    (
        'data = "data"',
        'data = "d"\nmetrics.bridge_port = 9468\nmetrics.workers_port = 9468',
        "metrics.workers_port",
        "the bridge's port, too",
    ),
    ('data = "data"', 'data = "d"\narchive.region = "Britain"', "archive.region", '"GB"'),
    ('data = "data"', 'data = "d"\nredis.region = "G1"', "redis.region", "two letters"),
    ('data = "data"', "data = data", "", "is not TOML"),
    ('data = "data"', r'data = "C:\new"', "data", "can't be seen"),
    ('data = "data"', r'data = "d\u0000"', "data", "can't be seen"),
    ('["from-outside"]', r'["a", "b\n"]', "outside_contexts[1]", "can't be seen"),
    ('data = "data"', 'data = "d"\nredis.url = "redis://h:1/mine"', "redis.url", "port/number"),
    ('data = "data"', 'data = "d"\nredis.url = "redis://h:1/1/2"', "redis.url", "port/number"),
]


def test_a_password_that_stands_without_quotes_is_not_repeated(tmp_path: Path) -> None:
    bad = GOOD.replace('data = "data"', 'data = "d"\nredis.url = redis://me:opensesame@h:1/0')
    with pytest.raises(ConfigError, match=r'expected "redis://me:…@h:1/0"') as caught:
        config.load(write(tmp_path, bad))
    assert "opensesame" not in str(caught.value)


@pytest.mark.parametrize(("good", "bad", "key", "expected"), BROKEN)
def test_a_broken_file_is_refused_with_its_key_and_what_was_expected(
    tmp_path: Path, good: str, bad: str, key: str, expected: str
) -> None:
    assert good in GOOD
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, GOOD.replace(good, bad)))
    assert str(tmp_path / "hushtape.toml") in caught.value.where
    assert key in caught.value.where
    assert expected in caught.value.what
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("good", "bad", "place"),
    [
        ('spool = "', 'spol = "', (11, 1)),
        ('host = "127.0.0.1"', "host = 5", (9, 1)),
        ('data = "data"', 'data = "data"\n[archive]\nfoldr = "x"', (4, 1)),
        ('data = "data"', 'data = "data"\n[archiv]\nfolder = "x"', (3, 1)),
        ('data = "data"', "data = data", (2, 8)),
        ('data = "data"', 'data = "data"\nmetrics.listen = ""', (3, 9)),
    ],
)
def test_what_is_wrong_is_found_in_its_line(
    tmp_path: Path, good: str, bad: str, place: tuple[int, int]
) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(write(tmp_path, GOOD.replace(good, bad, 1)))
    line, column = place
    assert caught.value.where.startswith(f"{tmp_path / 'hushtape.toml'}:{line}:{column}")


@pytest.mark.parametrize("change", [("", "\ufeff"), ("\n", "\r\n"), (" = ", "\t=\t")])
def test_what_an_editor_leaves_in_a_file_does_no_harm(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    path = tmp_path / "hushtape.toml"
    text = GOOD.replace(*change) if change[0] else change[1] + GOOD
    path.write_bytes(text.encode())
    assert config.load(path).data_path == tmp_path / "data"


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "hushtape.toml"
    path.write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(ConfigError, match="is saved as UTF-16: expected UTF-8"):
        config.load(path)


@pytest.mark.timeout(10)
def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="larger than 1000000 bytes"):
        config.load(Path("/dev/zero"))


def test_a_file_without_any_pbx_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least one PBX"):
        config.load(write(tmp_path, 'data = "d"\npbx = {}\n[policies]\nfolder = "p"\n'))


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        config.load(tmp_path / "none.toml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        config.load(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "hushtape.toml"
    path.write_bytes(b"data = 1\n# \xff")
    with pytest.raises(ConfigError, match=r"hushtape.toml:2: the byte 0xff is not UTF-8"):
        config.load(path)


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    assert config.secret("pbx.a", str(path), "", {}) == "s3cret"


def test_a_secret_comes_from_the_environment_or_the_file_that_it_names(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("from the file")
    assert config.secret("pbx.a", "", "AMI", {"AMI": "s3cret"}) == "s3cret"
    assert config.secret("pbx.a", "", "AMI", {"AMI_FILE": str(path)}) == "from the file"
    assert config.secret("pbx.a", "", "", {}) == ""


def test_a_secret_that_was_promised_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for file, env, environ in (
        (str(tmp_path / "none"), "", {}),
        (str(empty), "", {}),
        ("", "AMI", {}),
        ("", "AMI", {"AMI": ""}),
        ("", "AMI", {"AMI_FILE": str(tmp_path / "none")}),
    ):
        with pytest.raises(ConfigError, match=r"pbx\.a\.password"):
            config.secret("pbx.a", file, env, environ)
