"""A policy's sentences as a page: plain text, Markdown, HTML or JSON. Pure: nothing is printed."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Callable

import msgspec

from hushtape.policy.schema import Policy
from hushtape.policy.showing.sentences import about, sections
from hushtape.policy.showing.wording import tidy
from hushtape.printable import printable

WIDTH = 80  # characters, of plain text
_MARKED = re.compile(r"([\\`*_\[\]<>|#~&])")  # what Markdown may take for its own


def text(policy: Policy) -> str:
    """Write plain text: a title, and under each heading one sentence after the other."""
    title = printable(tidy(policy.policy.title))
    lines = [title, "=" * min(len(title), WIDTH), *_wrapped(about(policy), "")]
    for section in sections(policy):
        lines += ["", section.heading, "-" * len(section.heading)]
        lines += _wrapped(section.sentences, "- ")
    return "\n".join(lines)


def markdown(policy: Policy) -> str:
    """Write Markdown, in which nothing of the file's texts is taken for a mark."""
    lines = [f"# {_escaped(tidy(policy.policy.title))}", "", *map(_escaped, about(policy))]
    for section in sections(policy):
        lines += ["", f"## {section.heading}", ""]
        lines += [f"- {_escaped(each)}" for each in section.sentences]
    return "\n".join(lines)


def page(policy: Policy) -> str:
    """Write one HTML page without script or style; its ``article`` may be put into another."""
    title = _in_html(tidy(policy.policy.title))
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        f'<head><meta charset="utf-8"><title>{title}</title></head>',
        "<body>",
        "<article>",
        f"<h1>{title}</h1>",
        *(f"<p>{_in_html(each)}</p>" for each in about(policy)),
    ]
    for section in sections(policy):
        lines += [f"<h2>{section.heading}</h2>", "<ul>"]
        lines += [f"<li>{_in_html(each)}</li>" for each in section.sentences]
        lines.append("</ul>")
    return "\n".join([*lines, "</article>", "</body>", "</html>"])


def as_json(policy: Policy) -> str:
    """Write one JSON object: name, version, title, about, and sections of sentences."""
    document = {
        "policy": policy.name,
        "version": policy.version,
        "title": tidy(policy.policy.title),
        "about": about(policy),
        "sections": [
            {"heading": each.heading, "sentences": each.sentences} for each in sections(policy)
        ],
    }
    return printable(msgspec.json.encode(document).decode())


FORMS: dict[str, Callable[[Policy], str]] = {
    "text": text,
    "markdown": markdown,
    "html": page,
    "json": as_json,
}


def _wrapped(sentences: tuple[str, ...], mark: str) -> list[str]:
    lines = []
    for each in sentences:
        lines += textwrap.wrap(
            printable(each),
            WIDTH,
            initial_indent=mark,
            subsequent_indent=" " * len(mark),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def _escaped(said: str) -> str:
    return _MARKED.sub(r"\\\1", printable(said))


def _in_html(said: str) -> str:
    return html.escape(printable(said))
