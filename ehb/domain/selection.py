"""Selections: a part of a health book, named by what its records are.

A selection is what a consent opens or keeps closed: sections, kinds, single records, source facilities, a span of
time, sensitivity labels. It is data, so it is judged twice alike: here in memory, record by record, and by
`ehb.store.records` as a filter of the database. Leaves to others: who said so (`consent`), what follows (`access`).

The one invariant: an attribute that is None narrows nothing, and an empty one selects nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ehb.domain.coding import instant_of
from ehb.domain.records import KIND_OF, KINDS, RECORD_TYPES, Record, Section

_ALWAYS = frozenset({"patient_id", "key", "section", "time", "code", "provenance", "labels", "ended"})
WITHHOLDABLE: dict[str, frozenset[str]] = {
    kind.__name__: frozenset(kind.__struct_fields__) - _ALWAYS for kind in RECORD_TYPES
}
"""By kind, the fields that can be left out of a record: all that do not say what and whose it is."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Records that are all of this. Times are half open: from `since`, until before `until`."""

    sections: frozenset[Section] | None = None
    kinds: frozenset[str] | None = None
    records: frozenset[bytes] | None = None
    """Record keys (12 bytes), every version of each."""
    facilities: frozenset[str] | None = None
    """Codes of the facilities that the records come from."""
    since: datetime | None = None
    until: datetime | None = None
    labels: frozenset[str] | None = None
    """Records that carry at least one of these sensitivity labels."""

    def holds(self, record: Record) -> bool:
        """Whether the record is one of these."""
        return (
            (self.sections is None or record.section in self.sections)
            and (self.kinds is None or type(record).__name__ in self.kinds)
            and (self.records is None or record.key in self.records)
            and (self.facilities is None or record.provenance.facility.code in self.facilities)
            and (self.labels is None or not self.labels.isdisjoint(record.labels))
            and self._in_time(record)
        )

    def _in_time(self, record: Record) -> bool:
        if self.since is None and self.until is None:
            return True
        moment = milliseconds(instant_of(record.time))
        return (self.since is None or moment >= milliseconds(self.since)) and (
            self.until is None or moment < milliseconds(self.until)
        )

    def may_hold(self, section: Section) -> bool:
        """Whether any record of a section can be one of these."""
        if self.sections is not None and section not in self.sections:
            return False
        if self.kinds is not None and KIND_OF[section] not in self.kinds:
            return False
        empty = (self.kinds, self.records, self.facilities, self.labels)
        return all(one is None or one for one in empty) and not self.ends_before_it_begins

    def holds_all(self, section: Section) -> bool:
        """Whether every record of a section is one of these, whatever it is."""
        whole_kind = self.kinds is None or KIND_OF[section] in self.kinds
        rest = replace(self, sections=None, kinds=None)
        return whole_kind and (self.sections is None or section in self.sections) and rest.is_everything

    def covers(self, other: Selection) -> bool:
        """Whether all that the other can hold is held here, as far as their words tell."""
        return (
            _within(other.sections, self.sections)
            and _within(other.kinds, self.kinds)
            and _within(other.records, self.records)
            and _within(other.facilities, self.facilities)
            and _within(other.labels, self.labels)
            and (self.since is None or (other.since is not None and self.since <= other.since))
            and (self.until is None or (other.until is not None and other.until <= self.until))
        )

    @property
    def ends_before_it_begins(self) -> bool:
        return self.since is not None and self.until is not None and self.until <= self.since

    @property
    def is_everything(self) -> bool:
        return (
            self.sections is None
            and self.records is None
            and self.kinds is None
            and self.facilities is None
            and self.labels is None
            and self.since is None
            and self.until is None
        )


EVERYTHING = Selection()


def _within(narrow: frozenset[Any] | None, wide: frozenset[Any] | None) -> bool:
    return wide is None or (narrow is not None and narrow <= wide)


def milliseconds(moment: datetime) -> int:
    """Since 1970, as record places have it: two moments that are one place compare as one."""
    return int(moment.timestamp() * 1000)


def unknown_fields(fields: Iterable[str], kinds: frozenset[str] | None) -> list[str]:
    """Names that are a withholdable field of none of the kinds."""
    known = frozenset().union(*(WITHHOLDABLE[kind] for kind in kinds or KINDS if kind in WITHHOLDABLE))
    return sorted(set(fields) - known)
