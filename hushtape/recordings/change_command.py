"""``hushtape retention change``: another period for recordings that exist, never in silence."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from hushtape import config as configuration
from hushtape.cli import config_option
from hushtape.config import Config
from hushtape.errors import ConfigError, HushtapeError
from hushtape.policy import decide
from hushtape.policy.period import parse_period
from hushtape.policy.reading import folder
from hushtape.policy.schema import Policy
from hushtape.printable import say
from hushtape.recordings.archive import LocalArchive
from hushtape.recordings.change import Change, Selected, Wish, select
from hushtape.recordings.moments import length, local
from hushtape.recordings.reading import entries

REASON_LIMIT = 1000  # characters
NAME_LIMIT = 100
BYTES_PER_MB = 1_000_000


class NotAsPreviewed(HushtapeError):
    """What would be done isn't what was looked at."""


@click.command("change")
@config_option
@click.option("--policy", "name", required=True, help="Of recordings made under this policy.")
@click.option("--version", default="", help="Only of those made under its version of this date.")
@click.option("--before", default="", help="Only of calls that began before this day: 2026-07-15.")
@click.option("--keep", "period", default="", help='Kept so long after the call: "30 days".')
@click.option("--as-policy", is_flag=True, help="Kept as the policy's version in force now says.")
@click.option("--reason", required=True, help="Why, in words that name nobody.")
@click.option("--by", required=True, help="Who decided it.")
@click.option("--yes", type=click.IntRange(0), help="Do it, to as many as the preview counted.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The preview as one JSON object a line.")
def change(
    config_path: Path,
    name: str,
    version: str,
    before: str,
    period: str,
    as_policy: bool,
    reason: str,
    by: str,
    yes: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """Keep recordings that exist for another time than was settled when their calls began.

    Without --yes it is a preview, and nothing is changed: which recordings would be kept until when
    instead of when, and which would go at once. With --yes and the number that the preview counted
    it is done; if there are more or fewer by then, nothing is. What is held stays held.

    \b
      hushtape retention change --policy town --as-policy --reason "schedule of 2027" --by dpo
      hushtape retention change --policy town --before 2026-07-15 --keep "30 days" \\
          --reason "decision 2026/4" --by dpo --yes 17
    """
    _check_words(reason, by)
    config = configuration.load(config_path)
    now = datetime.now(UTC)
    wish = _wish(config, name, version, before, period, as_policy, now)
    archive = LocalArchive(config.archive_path)
    archive.check()
    unread: list[str] = []
    found = select(entries(archive, unread), wish, now)
    unread += found.wrong
    if yes is None:
        _preview(found, wish, limit, as_json)
    else:
        _carry_out(config, archive, found, wish, by, reason, yes)
    for words in unread:
        say(f"hushtape: {words}", err=True)
    if unread:
        raise HushtapeError(f"{len(unread)} can't be read, and stay as they are")


def _check_words(reason: str, by: str) -> None:
    for option, text, limit in (("--reason", reason, REASON_LIMIT), ("--by", by, NAME_LIMIT)):
        if not text.strip():
            raise ConfigError(option, "is empty: it is kept beside each recording")
        if len(text) > limit:
            raise ConfigError(option, f"at most {limit} characters")


def _wish(
    config: Config,
    name: str,
    version: str,
    before: str,
    period: str,
    as_policy: bool,
    now: datetime,
) -> Wish:
    if as_policy == bool(period):
        raise ConfigError("--keep", 'expected either --keep "30 days" or --as-policy')
    if period:
        try:
            parse_period(period)
        except ValueError as error:
            raise ConfigError("--keep", str(error)) from None
    return Wish(
        policy=name,
        version=version,
        before=_day(before) if before else None,
        period=period,
        as_policy=_in_force(config, name, now) if as_policy else None,
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError("--before", f'"{text}" is not a day: expected 2026-07-15') from None


def _in_force(config: Config, name: str, now: datetime) -> Policy:
    policies = decide.in_force(folder.load(config), now)
    for policy in policies:
        if policy.name == name:
            return policy
    known = ", ".join(sorted(each.name for each in policies)) or "none"
    raise ConfigError("--policy", f'no version of "{name}" is in force; in force: {known}')


def _preview(found: Selected, wish: Wish, limit: int, as_json: bool) -> None:
    shown = found.changes[:limit]
    if as_json:
        for each in shown:
            say(msgspec.json.encode(each).decode())
        return
    for each in shown:
        say(_line(each))
    if len(shown) < len(found.changes):
        say(f"(the first {limit}; --limit shows more)")
    for line in _summary(found, wish):
        say(line)


def _line(each: Change) -> str:
    zone = ZoneInfo(each.time_zone)
    line = f"{each.id}  kept until {local(each.until, zone)} instead of {local(each.was, zone)}"
    if each.goes:
        return f"{line}: goes at once"
    return f"{line}: held, and stays" if each.held else line


def _summary(found: Selected, wish: Wish) -> list[str]:
    changes = found.changes
    lines = [f"{len(changes)} would be kept until another time{_amount(changes)}"]
    going = [each for each in changes if each.goes]
    if going:
        lines.append(
            f"{len(going)} of them would go at once{_amount(going)}; nobody can bring them back"
        )
    held = sum(each.held for each in changes)
    if held:
        lines.append(f"{held} of them are held, and stay until they are released")
    if found.already:
        lines.append(f"{len(found.already)} more are kept until then as it is")
    if not changes and not found.already and wish.policy not in found.policies:
        known = ", ".join(found.policies) or "no policy"
        lines.append(f'nothing was recorded under "{wish.policy}", but under {known}')
    says = f"; to do it, repeat this with --yes {len(changes)}" if changes else ""
    return [*lines, f"nothing was changed{says}"]


def _amount(changes: Iterable[Change]) -> str:
    each = list(changes)
    if not each:
        return ""
    size_mb = sum(one.size_bytes for one in each) / BYTES_PER_MB
    return f": {length(sum(one.duration_s for one in each))} of sound, {size_mb:,.1f} MB"


def _carry_out(
    config: Config,
    archive: LocalArchive,
    found: Selected,
    wish: Wish,
    by: str,
    reason: str,
    yes: int,
) -> None:
    if yes != len(found.changes):
        raise NotAsPreviewed(
            f"--yes {yes}, but there are {len(found.changes)} to be changed now"
            f" ({len(found.already)} are kept until then as it is): nothing was done, look at the"
            " preview again"
        )
    from hushtape import redis_link  # here: a preview needs no Redis
    from hushtape.recordings.catalogue import Catalogue
    from hushtape.recordings.changing import Changing

    client = redis_link.connect(config)
    changing = Changing(
        archive, Catalogue(client), by, reason, lambda: datetime.now(UTC), secrets.token_bytes
    )
    with redis_link.reaching(config):
        done = changing.carry_out(found.changes)
        entered = changing.enter_again(found.already)
    for recording_id, why in done.failed:
        say(f"NOT changed {recording_id}: {why}", err=True)
    say(f"{len(done.changed)} changed for policy {wish.policy}, {len(done.failed)} failed")
    if done.gone:
        say(f"{len(done.gone)} were deleted meanwhile")
    if entered:
        say(f"{entered} of those changed before were entered into the catalogue")
    if done.failed:
        raise HushtapeError("not every period was changed: repeat the preview")
