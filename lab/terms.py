"""How long each recording is kept: reckoned here by hand, from the councils' own statements."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
MONTHS_IN_YEAR = 12


@dataclass(frozen=True)
class Term:
    """A period of the calendar."""

    days: int = 0
    months: int = 0

    def after(self, start: datetime) -> datetime:
        """The moment when it is over: at the same time of day in London."""
        local = start.astimezone(LONDON)
        day = local.date() + timedelta(days=self.days)
        if self.months:
            years, month = divmod(day.month - 1 + self.months, MONTHS_IN_YEAR)
            year = day.year + years
            last = calendar.monthrange(year, month + 1)[1]
            day = date(year, month + 1, min(day.day, last))
        return datetime.combine(day, local.time(), tzinfo=LONDON).astimezone(UTC)


TERMS: dict[str, Term] = {
    "surrey": Term(days=62),
    "uttlesford": Term(days=90),
    "reigate-banstead": Term(days=14),
    "south-hams": Term(months=3),  # from 15 July 2020 on; one month before
    "hammersmith-fulham": Term(months=6),  # not stated by the council; what its example chose
    "crowd": Term(days=1),
    "help-line-local": Term(days=2),
}
