"""Finding the policy that a command line means: a file, or a name of the configured folder."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from hushtape import config
from hushtape.errors import PolicyError
from hushtape.policy import parse
from hushtape.policy.dates import out_of_reach
from hushtape.policy.decide import in_force
from hushtape.policy.schema import Policy
from hushtape.policy.showing.wording import day


def find(text: str, config_path: Path) -> Policy:
    """Read ``town.toml``, or find ``town`` or ``town@2026-01-01`` in the configured folder.

    Args:
        text: a file; or a name, which means its version of today, or of the day after the ``@``.

    Raises:
        ConfigError: there is no such policy, or no such version.
    """
    if text.endswith(".toml") or "/" in text or Path(text).is_file():
        return parse.load(Path(text))
    name, at, written = text.partition("@")
    on = _date(text, written) if at else None
    folder = Path(config.load(config_path).policies.folder)
    policies = parse.load_folder(folder)
    versions = [policy for policy in policies if policy.name == name]
    if not versions:
        known = ", ".join(sorted({policy.name for policy in policies}))
        raise PolicyError(text, f"is neither a file nor a policy of {folder}: expected {known}")
    if on is None:
        current = list(in_force(versions, datetime.now(UTC)))
    else:
        current = [policy for policy in versions if policy.policy.in_force_from <= on]
    if not current:
        first = min(policy.policy.in_force_from for policy in versions)
        raise PolicyError(text, f"its first version is in force from {day(first)} on")
    return max(current, key=lambda policy: policy.policy.in_force_from)


def _date(text: str, written: str) -> date:
    try:
        day = date.fromisoformat(written)
    except ValueError:
        raise PolicyError(text, "expected a date after the @, such as @2026-01-01") from None
    beyond = out_of_reach(day)
    if beyond:
        raise PolicyError(text, beyond)
    return day
