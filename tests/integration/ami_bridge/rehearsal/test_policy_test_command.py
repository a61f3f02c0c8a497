"""`hushtape policy test`: the examples kept beside policies, and recorded sessions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hushtape.cli import main
from hushtape.policy.trying import scenarios
from tests.playback import PBX, SESSIONS

ROOT = Path(__file__).parents[4]
EXAMPLES = ROOT / "examples" / "policies"
POLICY = EXAMPLES / "reigate-banstead.toml"
SCENARIOS = EXAMPLES / "reigate-banstead.scenarios.toml"

CONFIG = f"""
data = "data"
[policies]
folder = "{EXAMPLES}"
[pbx.one]
kind = "asterisk"
host = "127.0.0.1"
password_env = "SECRET"
spool = "/spool"
outside_contexts = ["from-outside"]
extensions = ["2XX", "30XX", "7X0"]
outside = ["90."]
outside_prefix = "9"
[pbx.one.queues]
{chr(10).join(f'{number} = "{name}"' for number, name in PBX.queues.items())}
"""


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(main, ["policy", "test", *arguments])
    assert "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def one_line(done: Result, words: str, code: int = 2) -> None:
    assert done.exit_code == code, done.output
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "hushtape.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in (POLICY, SCENARIOS):
        shutil.copy(path, tmp_path)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_five_policies_do_what_is_written_beside_them() -> None:
    done = run(str(EXAMPLES))
    assert done.exit_code == 0, done.output
    policies = [path for path in EXAMPLES.glob("*.toml") if "scenarios" not in path.name]
    assert len(policies) == 5
    for path in policies:
        assert f"{path.stem}.scenarios.toml: " in done.output
    assert " NOT " not in done.output
    assert int(done.output.splitlines()[-1].split()[0]) >= 40


@pytest.mark.parametrize(
    ("old", "new", "wanted", "came"),
    [
        ('keep = "14 days"', 'keep = "15 days"', "kept 14 days", "kept 15 days"),
        ('queues = ["help-line"]', 'queues = ["revenues"]', "0-60 recorded", "0-60 not recorded"),
        ('extensions = ["730"]', 'extensions = ["731"]', "60-180 payment", "60-180 not recorded"),
    ],
)
def test_a_policy_that_was_changed_is_told_so(
    folder: Path, old: str, new: str, wanted: str, came: str
) -> None:
    if "730" in old:
        change(folder / SCENARIOS.name, "transfer to the payment line", "transfer to 730")
    change(folder / POLICY.name, old, new)
    done = run(str(folder / POLICY.name))
    assert done.exit_code == 1
    assert f"- {wanted}\n" in done.output
    assert f"+ {came}" in done.output
    assert "not as expected" in done.output.splitlines()[-1]


def test_as_json_each_scenario_is_an_object(folder: Path) -> None:
    change(folder / POLICY.name, 'keep = "14 days"', 'keep = "15 days"')
    done = run(str(folder), "--json")
    found = [json.loads(line) for line in done.output.splitlines()]
    assert done.exit_code == 1
    assert [each["scenario"] for each in found if not each["ok"]] == [found[0]["scenario"]]
    assert found[0]["differs"][0] == {"expected": "kept 14 days", "came": "kept 15 days"}
    assert found[0]["outcome"]["rows"][0]["state"] == "recorded"


def test_the_other_versions_of_a_policy_count_and_other_policies_don_t(folder: Path) -> None:
    shutil.copy(POLICY, folder / "older.toml")
    change(folder / "older.toml", "in_force_from = 2018-05-25", "in_force_from = 2010-01-01")
    change(folder / "older.toml", 'keep = "14 days"', 'keep = "30 days"')
    shutil.copy(EXAMPLES / "surrey.toml", folder / "broken.toml")
    change(folder / "broken.toml", "[retention]", "[retnetion]")
    shutil.copy(POLICY, folder / "village.toml")  # would make every call ambiguous
    change(folder / "village.toml", 'name = "reigate-banstead"', 'name = "village"')
    with (folder / SCENARIOS.name).open("a", encoding="utf-8") as file:
        file.write(
            '[[scenario]]\nname = "an old one"\nqueue = "help-line"\nat = 2012-01-01T10:00:00\n'
            'steps = "5 agent answers"\nexpect = "kept 30 days"\n'
        )
    done = run(str(folder / POLICY.name))
    assert done.exit_code == 0, done.output
    assert "ok   an old one" in done.output


def test_of_other_policies_the_payment_lines_count(folder: Path) -> None:
    change(folder / POLICY.name, 'extensions = ["730"]', 'extensions = ["731"]')
    change(folder / SCENARIOS.name, "transfer to the payment line", "transfer to 730")
    assert run(str(folder)).exit_code == 1
    shutil.copy(POLICY, folder / "village.toml")
    change(folder / "village.toml", 'name = "reigate-banstead"', 'name = "village"')
    change(folder / "village.toml", 'queues = ["help-line"]', 'queues = ["village"]')
    done = run(str(folder))
    assert done.exit_code == 0, done.output
    change(folder / "village.toml", "in_force_from = 2018-05-25", "in_force_from = 2100-01-01")
    assert run(str(folder)).exit_code == 1, "not before it is in force"


def test_scenarios_beside_no_policy_are_about_all_of_the_folder(folder: Path) -> None:
    shutil.copy(EXAMPLES / "surrey.toml", folder)
    together = folder / "together.scenarios.toml"
    together.write_text(
        '[[scenario]]\nname = "one"\nqueue = "surrey-contact-centre"\n'
        'steps = "5 agent answers"\nexpect = "policy surrey"\n'
        '[[scenario]]\nname = "two"\nqueue = "help-line"\n'
        'steps = "5 agent answers"\nexpect = "policy reigate-banstead"\n',
        encoding="utf-8",
    )
    assert run(str(together)).exit_code == 0


BROKEN = [
    ("steps = 5", ":4:1: scenario[0].steps: expected a text in quotes"),
    ('steps = "5 agent answers"\nat = 0001-01-01T00:00:00', "a year from 1990 to 2200, not 1"),
    ('steps = "5 agent answers"\nat = 9999-12-31T23:59:00-10:00', "1990 to 2200, not 9999"),
    ('steps = """\n0 s enters queue a\n5 s agnet answers\n"""', ":6: "),
    ('steps = "5 s agnet answers"', ":4: "),
    ('steps = ""', "expected a step"),
    ('steps = "5 agent returns"', ":4: "),
    ('steps = "5 agent answers\\n9 transfer to mars"', ":4: "),
    ('steps = "5 agent answers"\nqeue = "a"', 'did you mean "queue"?'),
    ('steps = "5 agent answers"\ndirection = "sideways"', '"inbound", "outbound" or "internal"'),
    ('steps = "5 agent answers"\nat = 2026-01-01', "such as 2026-01-31T10:00:00"),
    ('steps = "5 agent answers"\nat = "soon"', "such as 2026-01-31T10:00:00"),
    ('steps = "5 agent answers', ":4:"),
]


@pytest.mark.parametrize(("lines", "words"), BROKEN)
def test_broken_scenarios_are_one_line(folder: Path, lines: str, words: str) -> None:
    path = folder / SCENARIOS.name
    path.write_text(f'[[scenario]]\nname = "a"\nexpect = "recorded"\n{lines}\n', encoding="utf-8")
    one_line(run(str(path)), words)
    one_line(run(str(path)), str(path))


def test_a_wrong_expectation_is_one_line_with_its_place(folder: Path) -> None:
    path = folder / SCENARIOS.name
    path.write_text(
        '[[scenario]]\nname = "a"\nsteps = "5 agent answers"\n'
        'expect = """\n0-20 recorded\n20-40 dancing\n"""\n',
        encoding="utf-8",
    )
    one_line(run(str(path)), f'{path}:6: "dancing": no call is that')


def test_two_of_one_name_are_refused(folder: Path) -> None:
    path = folder / SCENARIOS.name
    scenario = '[[scenario]]\nname = "a"\nsteps = "5 agent answers"\nexpect = "recorded"\n'
    path.write_text(2 * scenario, encoding="utf-8")
    one_line(run(str(path)), f'{path}:6:1: scenario[1].name: "a" is there twice')


def test_where_there_are_none_it_says_what_was_expected(tmp_path: Path) -> None:
    one_line(run(str(tmp_path)), "expected files named *.scenarios.toml")
    shutil.copy(POLICY, tmp_path)
    one_line(run(str(tmp_path / POLICY.name)), "expected reigate-banstead.scenarios.toml beside it")
    one_line(run(str(tmp_path / "none.scenarios.toml")), "there is no such file")


def test_hostile_files_are_one_line(folder: Path) -> None:
    path = folder / SCENARIOS.name
    for data in (b"\xff\xfe", b"\x00" * 100, b"a = " + b"[" * 50_000, b"#" * 2_000_000):
        path.write_bytes(data)
        one_line(run(str(path)), str(path))
    many = '[[scenario]]\nname = "{}"\nsteps = "1 hold"\nexpect = "recorded"\n'
    count = scenarios.MOST_SCENARIOS + 1
    path.write_text("".join(many.format(n) for n in range(count)), encoding="utf-8")
    one_line(run(str(path)), str(path))


def test_a_session_says_what_would_be_recorded(config: Path) -> None:
    done = run("--session", str(SESSIONS["blind-to-payment"]), "-c", str(config))
    assert done.exit_code == 0, done.output
    assert "policy surrey" in done.output
    assert "payment: silence  transfer to the payment line" in done.output
    assert "07900123001" not in done.output


def test_a_session_under_a_draft(config: Path, folder: Path) -> None:
    draft = str(folder / POLICY.name)
    path = str(SESSIONS["blind-to-payment"])
    done = run("--session", path, "-c", str(config), "--policies", draft, "--numbers")
    assert "not recorded: " in done.output
    assert "from 07900123001" in done.output


def test_a_session_as_json(config: Path) -> None:
    done = run("--session", str(SESSIONS["blind-to-payment"]), "-c", str(config), "--json")
    [found] = [json.loads(line) for line in done.output.splitlines()]
    assert [row["state"] for row in found["rows"]] == ["recorded", "payment"]
    assert found["segments"][0]["ended_by"] == "payment"
    assert "number" not in found


def test_what_is_no_session_is_one_line(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.ami"
    for data, words in (
        (b"", "is empty"),
        (b"\x00" * 100_000, "is no session of an Asterisk"),
        (b"Content-Type: auth/request\n\n", "FreeSWITCH"),
        (b"Asterisk Call Manager/1\r\n" + b"A" * 500_000, "a frame of more than"),
    ):
        path.write_bytes(data)
        one_line(run("--session", str(path), "-c", str(config)), words, code=1)
    one_line(run("--session", str(tmp_path / "none"), "-c", str(config)), "No such file")
    one_line(run("--session", str(path), "-c", str(tmp_path / "none")), "there is no such file")


def test_several_pbxes_must_be_told_apart(config: Path) -> None:
    change(
        config,
        "[pbx.one]",
        "[pbx.two]\nkind = 'asterisk'\nhost = 'h'\npassword_env = 'X'\n"
        "spool = '/s'\noutside_contexts = ['o']\n[pbx.one]",
    )
    path = str(SESSIONS["blind-to-payment"])
    one_line(run("--session", path, "-c", str(config)), "which one? There are: two, one")
    one_line(run("--session", path, "-c", str(config), "--pbx", "six"), 'there is no PBX "six"')
    assert run("--session", path, "-c", str(config), "--pbx", "one").exit_code == 0


def test_examples_can_be_played_by_the_pbx_s_map(config: Path) -> None:
    assert run(str(EXAMPLES / "surrey.toml"), "-c", str(config)).exit_code == 0


def test_one_thing_at_a_time() -> None:
    assert run().exit_code == 2
    assert run(str(EXAMPLES), "--session", "x").exit_code == 2
    assert run(str(EXAMPLES), "--numbers").exit_code == 2
