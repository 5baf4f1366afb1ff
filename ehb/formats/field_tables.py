"""The field tables of the national visit file, as data (decisions 130, 4750 and 3176/QD-BYT).

Reads `qd4750/*.csv` once. Owns what a field may hold; leaves meaning to `visit_mapping` and code lists to
`catalogue`. Decision on strictness: a fault in a field that the book reads (`book_fields.csv`) refuses the visit;
in any other field (money, tenders, reserves), and wherever the table itself is marked uncertain, it warns, because
reference data in doubt must never cost a person a record.
"""

from __future__ import annotations

import csv
import enum
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DATE = re.compile(r"[0-9]{8}(?:[0-9]{4})?")
_LISTED = re.compile(r"codes: codes_(?P<list>[a-z_0-9]+)\.csv(?:#(?P<part>[A-Z_]+))?")
_ENDLESS = 1 << 40

Accepts = Callable[[str], object]
"""Whether a non-empty value is what a field asks for: false, or ValueError, when it is not."""


class Need(enum.StrEnum):
    """How much the book needs a field."""

    ESSENTIAL = "essential"
    EXPECTED = "expected"
    READ = "read"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a field table. `accepts` is made once, because it is asked for every field of every visit."""

    name: str
    number: bool
    date: bool
    partial_date: bool
    listed: bool
    max_length: int | None
    code_list: str | None
    need: Need
    uncertain: bool
    limit: int
    """`max_length` as a number that can be compared."""
    accepts: Accepts | None
    """For numbers and dates; None for text, which must only be short enough."""

    def refuses(self, fault: str) -> bool:
        """Whether a fault in this field refuses the visit; a doubt about sizes never does."""
        return self.need is not Need.UNREAD and not (fault == "length" and self.uncertain)

    def fault(self, value: str) -> str | None:
        """The rule that a non-empty value breaks: `length`, `number` or `date`; None when it breaks none."""
        try:
            good = self.accepts(value) if self.accepts is not None else len(value) <= self.limit
        except ValueError:
            good = False
        if good:
            return None
        if self.date:
            return "date"
        return "number" if self.accepts is not None and _NUMBER.fullmatch(value) is None else "length"


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the visit file: its elements and its fields by name."""

    name: str
    """As in LOAIHOSO: XML1 … XML15."""
    root: str | None
    """The root element; None when it is not published with certainty (XML6, XML12), so that any is taken."""
    row: str | None
    """The row element; None when the root itself is the only row, or when it is not known."""
    fields: dict[str, Field]
    essential: frozenset[str]
    expected: frozenset[str]
    needed: frozenset[str]
    """Both of them."""
    counted: bool
    """Whether STT counts its rows."""
    coded: tuple[tuple[str, str], ...]
    """The fields that the book reads and that hold codes of a list: name and list."""


CHECK_IN = "XML0"
"""The check-in list: a file of its own, outside the envelope."""


@cache
def tables() -> dict[str, Table]:
    """All tables by LOAIHOSO."""
    portal = {
        (row["table"], row["field"]): row["max_length_portal_2024"] for row in published("portal_size_differences")
    }
    needs = {(row["table"], row["field"]): Need(row["need"]) for row in published("book_fields")}
    found: dict[str, Table] = {}
    for row in published("tables"):
        fields = {one.name: one for one in _fields(row["table"], portal, needs)}
        read = [one for one in fields.values() if one.need is not Need.UNREAD]
        essential = frozenset(one.name for one in read if one.need is Need.ESSENTIAL)
        expected = frozenset(one.name for one in read if one.need is Need.EXPECTED)
        found[row["loaihoso"]] = Table(
            name=row["loaihoso"],
            root=row["root_element"] if row["confidence"].startswith("confirmed") else None,
            row=row["row_element"] or None,
            fields=fields,
            essential=essential,
            expected=expected,
            needed=essential | expected,
            counted="STT" in fields,
            coded=tuple((one.name, one.code_list) for one in read if one.code_list),
        )
    return found


def read_birth(value: str) -> str:
    """A birth date as precise as it is: yyyyMMddHHmm with 0000 for what is unknown. Raises ValueError."""
    year, month, day = value[:4], value[4:6], value[6:8]
    if month == "00":
        return year
    if day == "00":
        datetime(int(year), int(month), 1)
        return f"{year}-{month}"
    return datetime(int(year), int(month), int(day)).date().isoformat()


@lru_cache(8192)
def read_time(value: str) -> str:
    """yyyyMMdd or yyyyMMddHHmm local time as a FHIR date or dateTime. Raises ValueError.

    Remembered, because the rows of one visit repeat the same few moments.
    """
    if len(value) == 8:
        return datetime(int(value[:4]), int(value[4:6]), int(value[6:8])).date().isoformat()
    moment = datetime(int(value[:4]), int(value[4:6]), int(value[6:8]), int(value[8:10]), int(value[10:12]))
    return moment.isoformat() + "+07:00"


def published(name: str) -> Iterator[dict[str, str]]:
    """The rows of one published list, such as `xml1` or `codes_gioi_tinh`."""
    path = resources.files("ehb.formats").joinpath("qd4750", f"{name}.csv")
    with path.open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _fields(table: str, portal: dict[tuple[str, str], str], needs: dict[tuple[str, str], Need]) -> Iterator[Field]:
    for row in published(table):
        notes, name = row["notes"], row["field"]
        sizes = [int(size) for size in (row["max_length"], portal.get((table, name), "")) if size.isdigit()]
        max_length = max(sizes) if sizes and row["max_length"].isdigit() else None
        limit = max_length if max_length is not None else _ENDLESS
        date, listed = "yyyyMMdd" in notes or name == "GT_THE_DEN", "list" in notes
        yield Field(
            name=name,
            number=row["type"] == "number",
            date=date,
            partial_date=name == "NGAY_SINH",
            listed=listed,
            max_length=max_length,
            code_list=_code_list(notes, name),
            need=needs.get((table, name), Need.UNREAD),
            uncertain="uncertain" in notes,
            limit=limit,
            accepts=_date(name, listed) if date else _number(max_length) if row["type"] == "number" else None,
        )


def _code_list(notes: str, name: str) -> str | None:
    """The list that a field's notes name; a list of many fields (`codes_xml6.csv`) has a part for each."""
    named = _LISTED.search(notes)
    if named is None:
        return None
    return f"{named['list']}:{named['part'] or name}" if named["list"].startswith("xml") else named["list"]


def _number(max_length: int | None) -> Accepts:
    return re.compile(rf"(?=.{{1,{max_length}}}\Z){_NUMBER.pattern}").fullmatch if max_length else _NUMBER.fullmatch


def _date(name: str, listed: bool) -> Accepts:
    one = _birth_exists if name == "NGAY_SINH" else _time_exists

    def each(value: str) -> bool:
        return all(one(item) for part in value.split(";") if (item := part.strip()))

    return each if listed else one


@lru_cache(8192)
def _time_exists(value: str) -> bool:
    """Raises ValueError for what is no date, so that only dates are remembered."""
    return _exists(read_time, value)


def _birth_exists(value: str) -> bool:
    return _exists(read_birth, value)


def _exists(read: Callable[[str], str], value: str) -> bool:
    if _DATE.fullmatch(value) is None:
        raise ValueError("not digits of a date")
    read(value)
    return int(value[:4]) >= 1800
