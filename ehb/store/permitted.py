"""What a permit and a query open, said to the database: the filter of one person's records.

The one invariant: the filter finds what `Permit.opens` opens, of what the query asks for, and nothing else
(`tests/store/test_permitted.py` compares the two).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bson.binary import Binary

from ehb.domain.access import ALL_SECTIONS, Permit, Provision
from ehb.domain.book import ReadQuery, Window
from ehb.domain.records import Ending
from ehb.domain.selection import Selection
from ehb.domain.sensitivity import SENSITIVITY_LABELS, SENT_LABELS
from ehb.errors import Forbidden
from ehb.store.mongo import Document
from ehb.store.vault import DataKey

CURRENT = "current"
MOVED = "misplaced"
"""A version that the facility now calls another person's: shown as having been there, without content."""
DISOWNED = "disowned"
"""A version that the person says is another person's: closed to everybody until a steward has decided."""
ENDED = {
    "superseded": Ending.SUPERSEDED,
    "entered-in-error": Ending.ENTERED_IN_ERROR,
    MOVED: Ending.MOVED,
    DISOWNED: Ending.DISOWNED,
}
"""States of a version on disk."""
_LOW, _HIGH = b"\x00", b"\xff"
_ID_SIZE = 38


def permitted(permit: Permit, patient_id: bytes, key: DataKey | None, query: ReadQuery) -> Document:
    """The Mongo filter that a permit and a query make together: what `Permit.opens` says, said to the database.

    `key` is the person's, whose labels are told apart by it; a permit that opens all needs none.
    """
    wanted = permit.sections if query.sections is None else permit.sections & query.sections
    history = query.history and permit.opens_history
    state: Document | str = {"$in": [CURRENT, *ENDED]} if history else CURRENT
    condition: Document = {**_windowed(patient_id, query.window), "state": state}
    if wanted != ALL_SECTIONS:
        condition["section"] = {"$in": sorted(wanted)}
    if query.key is not None:
        condition["key"] = query.key
    if permit.opens_all:
        return condition
    if key is None:
        raise Forbidden
    rules = [_rule(rule, patient_id, key) for rule in permit.rules]
    closed = [_selected(deny.select, patient_id, key) for deny in permit.closed if not deny.without]
    return {"$and": [condition, {"$or": rules}, *({"$nor": [one]} for one in closed)]}


def _rule(rule: Provision, patient_id: bytes, key: DataKey) -> Document:
    conditions = [_selected(rule.select, patient_id, key)]
    if rule.labels is not None:
        named = tokens(rule.labels, key)
        conditions.append({"labels": {"$not": {"$elemMatch": {"$nin": named}}} if named else {"$size": 0}})
    conditions += [{"$nor": [_selected(exception, patient_id, key)]} for exception in rule.exceptions]
    return {"$and": conditions}


def _selected(select: Selection, patient_id: bytes, key: DataKey) -> Document:
    among: Document = {
        "section": select.sections and [section.value for section in select.sections],
        "kind": select.kinds,
        "key": select.records,
        "facility": select.facilities,
        "labels": select.labels and tokens(select.labels, key),
    }
    condition: Document = {name: {"$in": list(values)} for name, values in among.items() if values is not None}
    if select.since is not None or select.until is not None:
        condition |= range_of(patient_id, select.since, select.until)
    return condition


def tokens(labels: Iterable[str], key: DataKey) -> list[bytes]:
    """Labels as they lie in clear, other bytes for each person."""
    return [key.token(label.encode()) for label in labels]


def labels_behind(held: Iterable[bytes], own: Iterable[str], key: DataKey) -> tuple[str, ...]:
    """The labels that lie in clear on one version, by name: its own, and those that its visit was given later."""
    there = {bytes(one) for one in held}
    return tuple(sorted(one for one in {*own, *SENSITIVITY_LABELS, *SENT_LABELS} if key.token(one.encode()) in there))


def _windowed(patient_id: bytes, window: Window | None) -> Document:
    """The range of a book, or of a page in it."""
    if window is None:
        return range_of(patient_id)
    narrowed, after = window.narrowed, window.after
    condition = range_of(patient_id, narrowed.since, narrowed.until)
    if after is not None:
        bounds, place = condition["_id"], Binary(patient_id + sortable(after.instant) + after.key)
        bounds["$lt"] = min(place, bounds.get("$lt", place))
        bounds.pop("$lte", None)
    if narrowed.facility is not None:
        condition["facility"] = narrowed.facility
    if narrowed.kinds is not None:
        condition["kind"] = {"$in": sorted(narrowed.kinds)}
    return condition


def range_of(patient_id: bytes, since: datetime | None = None, until: datetime | None = None) -> Document:
    """The range of a person's records, from a moment to another."""
    low = patient_id + (sortable(since) if since else b"")
    high = patient_id + (sortable(until) if until else b"")
    bounds: Document = {"$gte": Binary(low.ljust(_ID_SIZE, _LOW))}
    bounds["$lt" if until else "$lte"] = Binary(high.ljust(_ID_SIZE, _LOW if until else _HIGH))
    return {"_id": bounds}


def sortable(moment: datetime) -> bytes:
    """A moment as it stands in a place: sorts as time does."""
    return (int(moment.timestamp() * 1000) + 2**63).to_bytes(8, "big")
