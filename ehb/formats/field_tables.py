"""The field tables of the national visit file, as data (decisions 130, 4750 and 3176/QD-BYT).

Reads `qd4750/*.csv` once. Owns what a field may hold; leaves meaning to `visit_mapping`. Decision on
strictness: a fault in a field that the book reads (`book_fields.csv`) refuses the visit; in any other field
(money, tenders, reserves), and wherever the table itself is marked uncertain, it warns, because reference
data in doubt must never cost a person a record.
"""

from __future__ import annotations

import csv
import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DATE = re.compile(r"[0-9]{8}(?:[0-9]{4})?")


class Need(enum.StrEnum):
    """How much the book needs a field."""

    ESSENTIAL = "essential"
    EXPECTED = "expected"
    READ = "read"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a field table."""

    name: str
    number: bool
    date: bool
    partial_date: bool
    listed: bool
    max_length: int | None
    code_list: str | None
    need: Need
    uncertain: bool

    def refuses(self, fault: str) -> bool:
        """Whether a fault in this field refuses the visit; a doubt about sizes never does."""
        return self.need is not Need.UNREAD and not (fault == "length" and self.uncertain)

    def fault(self, value: str) -> str | None:
        """The rule that a non-empty value breaks: `length`, `number` or `date`; None when it breaks none."""
        if self.date:
            values = [one.strip() for one in value.split(";") if one.strip()] if self.listed else [value]
            return None if all(_is_date(one, self.partial_date) for one in values) else "date"
        if self.number and _NUMBER.fullmatch(value) is None:
            return "number"
        if self.max_length is not None and len(value) > self.max_length:
            return "length"
        return None


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the visit file: its elements and its fields by name."""

    name: str
    """As in LOAIHOSO: XML1 … XML15."""
    root: str
    row: str | None
    """The row element; None when the root itself is the only row."""
    fields: dict[str, Field]
    essential: frozenset[str]
    expected: frozenset[str]


@cache
def tables() -> dict[str, Table]:
    """All tables that have an element structure, by LOAIHOSO."""
    portal = {(row["table"], row["field"]): row["max_length_portal_2024"] for row in _rows("portal_size_differences")}
    needs = {(row["table"], row["field"]): Need(row["need"]) for row in _rows("book_fields")}
    found: dict[str, Table] = {}
    for row in _rows("tables"):
        if not row["root_element"] or row["table"] == "checkin":
            continue
        fields = {one.name: one for one in _fields(row["table"], portal, needs)}
        found[row["loaihoso"]] = Table(
            name=row["loaihoso"],
            root=row["root_element"],
            row=row["row_element"] or None,
            fields=fields,
            essential=frozenset(name for name, one in fields.items() if one.need is Need.ESSENTIAL),
            expected=frozenset(name for name, one in fields.items() if one.need is Need.EXPECTED),
        )
    return found


@cache
def codes(code_list: str) -> dict[str, str]:
    """The labels of one code list by code, such as `codes("ma_loai_kcb")`."""
    return {row["code"]: row.get("name_vi") or row.get("meaning_en") or "" for row in _rows(f"codes_{code_list}")}


def read_birth(value: str) -> str:
    """A birth date as precise as it is: yyyyMMddHHmm with 0000 for what is unknown. Raises ValueError."""
    year, month, day = value[:4], value[4:6], value[6:8]
    if month == "00":
        return year
    if day == "00":
        datetime(int(year), int(month), 1)
        return f"{year}-{month}"
    return datetime(int(year), int(month), int(day)).date().isoformat()


def read_time(value: str) -> str:
    """yyyyMMdd or yyyyMMddHHmm local time as a FHIR date or dateTime. Raises ValueError."""
    if len(value) == 8:
        return datetime(int(value[:4]), int(value[4:6]), int(value[6:8])).date().isoformat()
    moment = datetime(int(value[:4]), int(value[4:6]), int(value[6:8]), int(value[8:10]), int(value[10:12]))
    return moment.isoformat() + "+07:00"


def _is_date(value: str, partial: bool) -> bool:
    if _DATE.fullmatch(value) is None:
        return False
    try:
        (read_birth if partial else read_time)(value)
    except ValueError:
        return False
    return int(value[:4]) >= 1800


def _fields(table: str, portal: dict[tuple[str, str], str], needs: dict[tuple[str, str], Need]) -> Iterator[Field]:
    for row in _rows(table):
        notes, name = row["notes"], row["field"]
        sizes = [int(size) for size in (row["max_length"], portal.get((table, name), "")) if size.isdigit()]
        listed = re.search(r"codes: codes_([a-z_0-9]+)\.csv", notes)
        yield Field(
            name=name,
            number=row["type"] == "number",
            date="yyyyMMdd" in notes or name in {"GT_THE_DEN"},
            partial_date=name == "NGAY_SINH",
            listed="list" in notes,
            max_length=max(sizes) if sizes and row["max_length"].isdigit() else None,
            code_list=listed.group(1) if listed else None,
            need=needs.get((table, name), Need.UNREAD),
            uncertain="uncertain" in notes,
        )


def _rows(name: str) -> Iterator[dict[str, str]]:
    path = resources.files("ehb.formats").joinpath("qd4750", f"{name}.csv")
    with path.open(encoding="utf-8") as file:
        yield from csv.DictReader(file)
