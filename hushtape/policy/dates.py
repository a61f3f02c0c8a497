"""The days that a policy may speak of: no calendar is asked for more. Pure."""

from __future__ import annotations

from datetime import date

# Periods and weeks of hours are added to a day, and every time zone has to know what comes out.
FIRST_YEAR = 1990
LAST_YEAR = 2200


def out_of_reach(day: date) -> str:
    """Say what was expected in place of a day that is out of reach; "": it isn't."""
    if FIRST_YEAR <= day.year <= LAST_YEAR:
        return ""
    return f"expected a year from {FIRST_YEAR} to {LAST_YEAR}, not {day.year}"
