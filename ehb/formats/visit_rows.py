"""One visit as rows: typed access to the fields of the national visit file, whatever table they stand in.

The one invariant: a value that is asked for here has the right shape or is absent; text comes out NFC.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ehb.domain.records import (
    AnyRecord,
    Facility,
    Practitioner,
    Provenance,
)
from ehb.domain.submission import Draft
from ehb.formats.field_tables import read_time


@dataclass(frozen=True, slots=True)
class Row:
    """One row of one table: its number counted from 1 and its non-empty, well-shaped values."""

    table: str
    number: int
    values: dict[str, str]

    def get(self, field: str) -> str:
        """The value, empty when there is none."""
        return self.values.get(field, "")

    def text(self, field: str) -> str | None:
        """The value as NFC text, None when there is none."""
        value = self.values.get(field)
        return (value if value.isascii() else unicodedata.normalize("NFC", value)) if value else None

    def time(self, field: str) -> str | None:
        """The value as a FHIR date or dateTime."""
        value = self.values.get(field)
        return read_time(value) if value else None

    def each(self, field: str) -> list[str]:
        """The items of a `;` list."""
        return [item for part in self.get(field).split(";") if (item := part.strip())]


@dataclass(frozen=True, slots=True)
class Visit:
    summary: Row
    arrival: str
    end: str
    rows: Mapping[str, Sequence[Row]]

    def provenance(
        self, practitioner: str | None = None, author: Practitioner | None = None, *, by: Practitioner | None = None
    ) -> Provenance:
        """`practitioner` is a licence; `by` is for who is known by name."""
        return Provenance(
            facility=Facility(self.summary.get("MA_CSKCB")),
            practitioner=Practitioner(licence=practitioner) if practitioner else by,
            author=author,
            submitted_at="",
            source="",
        )


def draft(record: AnyRecord, identity: str, row: Row) -> Draft:
    """A record draft that knows the row it came from."""
    return Draft(record, identity, row.table, row.number)


def author(licence: str | None) -> Practitioner | None:
    """A practitioner known by licence alone."""
    return Practitioner(licence) if licence else None


def signer(row: Row) -> Practitioner | None:
    """Who signed a paper (MA_BS, TEN_BS); None when the paper does not say."""
    licence, name = row.text("MA_BS"), row.text("TEN_BS")
    return Practitioner(licence, name) if licence or name else None
