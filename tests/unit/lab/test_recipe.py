"""A page's commands are found as they are to be typed, and what they print, whatever the day."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import recipe
from lab.recipe import Typed

PAGE = """# A page

## 1. First

Words, and `# nothing`.

```sh
install this
install that
```

```console
# do it
done
# do more | grep -v 'x'
# and show
  one
# two
```

```toml
# a comment of another kind
key = 1
```

## Afterwards

```console
# undo it
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_commands_are_found_with_what_they_print(page: Path) -> None:
    first, after = "1. First", "Afterwards"
    assert recipe.read(page) == [
        Typed(first, "install this", None),
        Typed(first, "install that", None),
        Typed(first, "do it", "done\n"),
        Typed(first, "do more | grep -v 'x'", ""),
        Typed(first, "and show", "  one\n"),
        Typed(first, "two", ""),
        Typed(after, "undo it", ""),
    ]


def test_sections_are_found_in_order(page: Path) -> None:
    assert recipe.sections(page) == ["1. First", "Afterwards"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "2026-11-22 08:05  0:08  20261122-080539-rfjl6ngs",
            "2027-01-02 11:59  0:12  20270102-115901-zz22zz22",
        ),
        ("2026-11-22T08:05:33.300753Z [info ] up", "2026-11-22T08:05:34.1Z [info ] up"),
        ("kept until 23 Jan 2027 08:05", "kept until 4 September 2027 23:05"),
        ("a/2026/11/22/b (39793 bytes)", "a/2026/12/01/b (3 bytes)"),
        ("\x1b[1;31mred\x1b[0m  \n", "red"),
        ("2.1 GB of 252.0 GB are free", "812 MB of 2.1 GB are free"),
    ],
)
def test_what_is_another_one_each_time_is_alike(one: str, other: str) -> None:
    assert recipe.alike(one) == recipe.alike(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("read perm: call,agent,user", "read perm: call,user"),
        ("all is well", "all is well\nwarning: x"),
        ("  indented", "indented\n  x"),
        ("kept 62 days", "kept 31 days"),
        ("link up channels=0", "link up channels=1"),
    ],
)
def test_what_says_something_else_is_not(one: str, other: str) -> None:
    assert recipe.alike(one) != recipe.alike(other)
