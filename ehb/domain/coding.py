"""The small words of FHIR that all records are written in: codings, quantities, partial times.

Owns nothing but shapes. The one invariant: what a facility wrote stays as it was written. A code keeps its
system, the version of the list and the label of the day; a number keeps its digits; a date keeps its
precision, so "1985" never becomes the first of January.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

import msgspec

VIETNAM = timezone(timedelta(hours=7))
"""Local time of every facility: the national file carries no zone mark (QD 4750, text rules)."""

_PARTIAL = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?:T(?P<hour>[01]\d|2[0-3]):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d{1,6})?)?(?P<zone>Z|[+-]\d{2}:\d{2}))?)?)?",
    re.ASCII,
)


class Coding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One code of one list (FHIR Coding). `version` names the list in force on the day of the visit."""

    system: str
    code: str
    display: str | None = None
    version: str | None = None


class CodeableConcept(msgspec.Struct, frozen=True, omit_defaults=True):
    """A thing said in codes, in words, or both (FHIR CodeableConcept)."""

    coding: tuple[Coding, ...] = ()
    text: str | None = None


class Quantity(msgspec.Struct, frozen=True, omit_defaults=True):
    """A measured amount with its digits kept (FHIR Quantity). `comparator` is one of < <= >= >."""

    value: Decimal
    unit: str | None = None
    comparator: str | None = None


class Period(msgspec.Struct, frozen=True, omit_defaults=True):
    """From and to, each as precise as it was given (FHIR Period)."""

    start: str | None = None
    end: str | None = None


@lru_cache(8192)
def instant_of(partial: str) -> datetime:
    """The earliest instant a partial time can mean, in UTC: what records are ordered by, never what is shown.

    Takes YYYY, YYYY-MM, YYYY-MM-DD or a full RFC 3339 time (FHIR dateTime). Raises ValueError for anything
    else, for days that do not exist and for times outside the calendar. Cut to the millisecond, as records lie
    on disk and cursors point, so that the order is the same everywhere. Remembered, because the records of one visit
    repeat the same few moments, and each is asked for more than once.
    """
    match = _PARTIAL.fullmatch(partial)
    if match is None:
        raise ValueError("not a FHIR date or dateTime")
    try:
        if match["hour"] is not None:
            instant = datetime.fromisoformat(partial).astimezone(UTC)
            return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
        day = date(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1))
        return datetime(day.year, day.month, day.day, tzinfo=VIETNAM).astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the calendar") from None


def day_of(partial: str) -> str:
    """The date part of a partial time, as precise as it is."""
    return partial[:10]
