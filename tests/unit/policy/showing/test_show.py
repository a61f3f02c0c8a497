from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from hushtape.policy import parse
from hushtape.policy.schema import Policy
from hushtape.policy.showing import show
from hushtape.policy.showing.sentences import sections
from tests.policy_changes import EVERYTHING, changed

ROOT = Path(__file__).parents[4]
COUNCILS = sorted(
    path for path in (ROOT / "examples/policies").glob("*.toml") if "." not in path.stem
)
TAGS = {"html", "head", "meta", "title", "body", "article", "h1", "h2", "p", "ul", "li"}
HOSTILE = "<script>alert(1)</script> & [x](javascript:1) *a* \x1b[31m \u202e | `b`\r\n# c"


def hostile() -> Policy:
    policy = changed(("announcement", "says"), HOSTILE)
    return changed(("policy", "title"), HOSTILE, policy)


@pytest.mark.parametrize("path", COUNCILS, ids=lambda path: path.stem)
def test_the_pages_in_docs_are_what_the_policies_say(path: Path) -> None:
    page = ROOT / "docs/policies" / f"{path.stem}.md"
    assert page.read_text(encoding="utf-8") == show.markdown(parse.load(path)) + "\n", (
        f"run: hushtape policy show examples/policies/{path.name} --as markdown > {page.name}"
    )


def test_no_page_is_there_whose_policy_is_gone() -> None:
    assert len(COUNCILS) == 5
    pages = {page.stem for page in (ROOT / "docs/policies").glob("*.md")}
    assert pages == {path.stem for path in COUNCILS}


def test_each_form_says_every_sentence() -> None:
    said = [each for section in sections(EVERYTHING) for each in section.sentences]
    plain, marked = " ".join(show.text(EVERYTHING).split()), show.markdown(EVERYTHING)
    document = json.loads(show.as_json(EVERYTHING))
    assert document["policy"] == "everything"
    assert document["version"] == "2026-01-31"
    assert [each for s in document["sections"] for each in s["sentences"]] == said
    for each in said:
        assert each in plain
        assert re.sub(r"([\[\]])", r"\\\1", each) in marked


def test_text_is_no_wider_than_a_terminal() -> None:
    assert max(map(len, show.text(EVERYTHING).splitlines())) <= show.WIDTH


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_holds_no_mark_of_the_file() -> None:
    parser = Tags()
    parser.feed(show.page(hostile()))
    assert set(parser.tags) <= TAGS
    assert "<script>alert(1)</script> & [x]" in parser.text


def test_markdown_takes_nothing_of_the_file_for_a_mark() -> None:
    said = show.markdown(hostile())
    assert not re.search(r"(?<!\\)[<\[*`|]", said.replace("\\\\", "")), said
    assert "\n# c" not in said


@pytest.mark.parametrize("form", show.FORMS)
def test_nothing_that_a_terminal_obeys_is_printed(form: str) -> None:
    said = show.FORMS[form](hostile())
    assert not {"\x1b", "\r", "\u202e"} & set(said)
    if form == "json":
        assert "\n" not in said


def test_a_policy_that_says_little_is_said_too() -> None:
    little = msgspec.structs.replace(
        Policy(policy=EVERYTHING.policy, calls=EVERYTHING.calls, retention=EVERYTHING.retention)
    )
    assert "Nobody may look for recordings, listen to a recording" in show.markdown(little)
