from __future__ import annotations

from pathlib import Path

import pytest

from hushtape import config
from hushtape.config_doors import Alarms, Api, Token, alarms_problems, api_problems
from hushtape.errors import ConfigError
from tests.unit.test_config import GOOD, write

CRM = {"crm": Token(token_env="CRM")}


def of_api(**settings: object) -> list[tuple[str, str]]:
    problems = api_problems(Api(**settings))  # type: ignore[arg-type]
    return [(key, what) for is_wrong, key, what in problems if is_wrong]


def of_alarms(**settings: str) -> list[tuple[str, str]]:
    return [(key, what) for is_wrong, key, what in alarms_problems(Alarms(**settings)) if is_wrong]


def test_left_out_nothing_is_open_and_nothing_is_wrong() -> None:
    assert of_api() == []
    assert of_alarms() == []
    assert Api().port == 0
    assert Alarms().webhook == ""


@pytest.mark.parametrize("listen", ["127.0.0.1", "::1", "127.8.8.8"])
def test_on_this_machine_the_api_needs_no_tls(listen: str) -> None:
    assert of_api(port=9470, listen=listen, tokens=CRM) == []


@pytest.mark.parametrize("listen", ["0.0.0.0", "10.0.0.7", "::"])  # noqa: S104
def test_where_others_reach_it_it_does(listen: str, tmp_path: Path) -> None:
    assert [key for key, _ in of_api(port=9470, listen=listen, tokens=CRM)] == ["api.listen"]
    pem = tmp_path / "pem"
    pem.touch()
    tls = {"tls_cert": str(pem), "tls_key": str(pem)}
    assert of_api(port=9470, listen=listen, tokens=CRM, **tls) == []


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"port": 70000}, "api.port"),
        ({"port": -1}, "api.port"),
        ({"listen": "example.org"}, "api.listen"),
        ({"listen": ""}, "api.listen"),
        ({"tls_cert": __file__}, "api.tls_cert"),
        ({"tls_key": __file__}, "api.tls_cert"),
        ({"tls_cert": "/none", "tls_key": __file__}, "api.tls_cert"),
        ({"tls_cert": __file__, "tls_key": "/none"}, "api.tls_key"),
        ({"tokens": {}}, "api.tokens"),
        ({"tokens": {"My CRM": Token(token_env="X")}}, "api.tokens.My CRM"),
        ({"tokens": {"crm": Token()}}, "api.tokens.crm"),
        ({"tokens": {f"t{n}": Token(token_env="X") for n in range(101)}}, "api.tokens"),
    ],
)
def test_what_is_wrong_with_the_api_is_named(settings: dict[str, object], key: str) -> None:
    given = {"port": 9470, "tokens": CRM, **settings}
    assert [found for found, _ in of_api(**given)] == [key]


@pytest.mark.parametrize(
    "url",
    [
        "https://alarms.example.org/hook?team=1",
        "https://[2001:db8::1]:8443/x",
        "http://127.0.0.1:8080/",
        "http://[::1]/",
        "http://localhost/x",
    ],
)
def test_alarms_go_over_tls_or_stay_on_this_machine(url: str) -> None:
    assert of_alarms(webhook=url) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://alarms.example.org/",
        "http://127.0.0.1.example.org/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "alarms.example.org",
        "https://",
        "https://user:secret@example.org/",
        "https://example.org:99999/",
        "https://example.org/a b",
        "https://example.org/\n",
        "https://example.org/#part",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_no_other_address_is_taken(url: str) -> None:
    assert [key for key, _ in of_alarms(webhook=url)] == ["alarms.webhook"]


def test_a_header_is_a_header_and_a_secret_has_an_address() -> None:
    good = "https://example.org/"
    assert of_alarms(webhook=good, secret_header="X-Secret", secret_env="S") == []
    assert [key for key, _ in of_alarms(webhook=good, secret_header="X: y")] == [
        "alarms.secret_header"
    ]
    assert [key for key, _ in of_alarms(secret_file="/s")] == ["alarms.webhook"]


DOORS = """
[api]
port = 9470
tls_cert = "api.pem"
tls_key = "api.key"
[api.tokens.crm]
token_file = "crm.token"
[alarms]
webhook = "https://example.org/"
secret_file = "hook.secret"
"""


def test_paths_in_the_file_are_its_neighbours_and_mistakes_are_said_by_their_key(
    tmp_path: Path,
) -> None:
    for name in ("api.pem", "api.key"):
        (tmp_path / name).touch()
    loaded = config.load(write(tmp_path, GOOD + DOORS))
    assert loaded.api.tls_cert == str(tmp_path / "api.pem")
    assert loaded.api.tokens["crm"].token_file == str(tmp_path / "crm.token")
    assert loaded.alarms.secret_file == str(tmp_path / "hook.secret")
    taken = GOOD + DOORS + "[metrics]\nworkers_port = 9470\n"
    with pytest.raises(
        ConfigError, match=r"hushtape.toml:\d+:\d+: api.port: is a port of the metrics"
    ):
        config.load(write(tmp_path, taken))
    with pytest.raises(ConfigError, match=r"alarms.webhook: expected https"):
        config.load(write(tmp_path, GOOD + DOORS.replace("https://example", "http://example")))
