"""Times as people write and read them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from hushtape.errors import ConfigError


def parse_moment(text: str, zone: tzinfo | None = None) -> datetime:
    """Read ``2027-02-01``, ``2027-02-01T13:05`` or the same with an offset, ``…+01:00`` or ``Z``.

    Args:
        zone: what a time without an offset means; left out: this machine's time zone.

    Raises:
        ConfigError: it isn't a time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            "time", f'"{text}" is not a time: expected 2027-02-01 or 2027-02-01T13:05'
        ) from None
    try:
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone) if zone else moment.astimezone()
        return moment.astimezone(UTC)
    except (OverflowError, ValueError, OSError):
        raise ConfigError("time", f'"{text}" is out of reach: no calendar goes there') from None


def length(seconds: float) -> str:
    """A length of time: ``4:07`` or ``1:02:09``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def local(at: datetime, zone: tzinfo | None = None) -> str:
    """A time in a zone, by default this machine's: ``2026-11-21 17:15``."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
