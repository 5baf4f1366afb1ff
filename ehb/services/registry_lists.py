"""Keeping the registry: a list is loaded row by row, and says what it did.

Public master data (Decree 102/2025 Art 15): no custodian, no permit. The one invariant: loading the same list
again changes nothing, and a rehearsal tells the same as the real thing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Any, Protocol

from ehb.domain.registry import (
    Certificate,
    Entry,
    Refused,
    RegisteredFacility,
    RegisteredPractitioner,
    Report,
    facility_from,
    practitioner_from,
    with_certificates,
    without_certificates,
)
from ehb.domain.registry_rules import list_problem

_BATCH = 500
Found = Entry | Refused


class Facilities(Protocol):
    """The register of facilities; `ehb.store.registry.Registry` is the one there is."""

    async def find(self, codes: Sequence[str]) -> dict[str, RegisteredFacility]: ...

    async def owners(self, client_ids: Sequence[str]) -> dict[str, str]:
        """Client id → the facility that it speaks for."""

    async def save(self, facilities: Sequence[RegisteredFacility]) -> None: ...

    def keys_in_force(self, day: date) -> AsyncIterator[str]: ...

    async def end(self, keys: Sequence[str], last_day: date) -> None: ...


class Practitioners(Protocol):
    """The register of practitioners; `ehb.store.practitioners.Practitioners` is the one there is."""

    def number_index(self, national_id: str) -> bytes:
        """The keyed blind index of a number."""

    async def find(self, licences: Sequence[str]) -> dict[str, RegisteredPractitioner]: ...

    async def save(self, practitioners: Sequence[RegisteredPractitioner]) -> None: ...

    def keys_in_force(self, day: date) -> AsyncIterator[str]: ...

    async def end(self, keys: Sequence[str], last_day: date) -> None: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """How a list is to be loaded."""

    today: date
    dry_run: bool = False
    complete: bool = False
    """The list is all there is: who is in force and not in it ends with yesterday."""


async def load_facilities(
    facilities: Facilities, source: str, rows: Iterable[Found], wish: Wish
) -> tuple[Report, frozenset[str]]:
    """Load a list of facilities; gives the report and the codes that are registered after it."""
    report, seen = Report(source), set[str]()
    clients: dict[str, str] = {}
    for batch in _batches(rows, report):
        stored = await facilities.find([row.key for row in batch])
        wanted = [row.values["client"].client_id for row in batch if "client" in row.values]
        owners = await facilities.owners(wanted) | clients
        changed: list[RegisteredFacility] = []
        for row in batch:
            client = row.values.get("client")
            if client is not None and owners.setdefault(client.client_id, row.key) != row.key:
                report.refuse(list_problem(source, "client.taken", line=row.line, column="client_id"))
                continue
            if client is not None:
                clients[client.client_id] = row.key
            seen.add(row.key)
            after = facility_from(stored.get(row.key), row, today=wish.today)
            if _counted(report, stored.get(row.key), after):
                changed.append(after)
        if not wish.dry_run:
            await facilities.save(changed)
    await _end_the_rest(facilities, report, seen, wish)
    return report, frozenset(seen)


async def load_practitioners(
    practitioners: Practitioners,
    facilities: Facilities,
    source: str,
    rows: Iterable[Found],
    wish: Wish,
    *,
    known: frozenset[str] = frozenset(),
) -> Report:
    """Load a list of practitioners. `known` are facilities that a list loaded before this one brings."""
    report, seen = Report(source), set[str]()
    for batch in _batches(rows, report):
        stored = await practitioners.find([row.key for row in batch])
        named = {code for row in batch for code in row.values["facilities"]} - known
        registered = known | set(await facilities.find(sorted(named)))
        changed: list[RegisteredPractitioner] = []
        for row in batch:
            if not registered.issuperset(row.values["facilities"]):
                report.refuse(list_problem(source, "facility.unknown", line=row.line, column="facilities"))
                continue
            seen.add(row.key)
            after = practitioner_from(stored.get(row.key), _indexed(row, practitioners.number_index))
            if _counted(report, stored.get(row.key), after):
                changed.append(after)
        if not wish.dry_run:
            await practitioners.save(changed)
    await _end_the_rest(practitioners, report, seen, wish)
    return report


async def load_certificates(
    facilities: Facilities,
    source: str,
    found: Mapping[str, Sequence[Certificate]],
    refused: Iterable[Refused],
    wish: Wish,
    *,
    known: frozenset[str] = frozenset(),
) -> Report:
    """Load certificates by facility code. With `complete`, those that are not among them are withdrawn."""
    report = Report(source)
    for one in refused:
        report.refuse(*one.problems)
    stored = await facilities.find(sorted(found))
    changed: list[RegisteredFacility] = []
    for code, certificates in sorted(found.items()):
        facility = stored.get(code)
        if facility is None and code in known:  # a rehearsal: the list that brings it was not kept
            facility = RegisteredFacility(code)
        if facility is None:
            report.refuse(list_problem(f"{source}/{code}", "facility.unknown"))
            continue
        after = with_certificates(facility, tuple(certificates))
        added = len(after.certificates) - len(facility.certificates)
        report.counts["added"] += added
        report.counts["unchanged"] += len({one.fingerprint for one in certificates}) - added
        if wish.complete:
            ended = without_certificates(after, frozenset(one.fingerprint for one in certificates), wish.today)
            pairs = zip(ended.certificates, after.certificates, strict=True)
            report.counts["ended"] += sum(new != old for new, old in pairs)
            after = ended
        if after != facility:
            changed.append(after)
    if not wish.dry_run:
        await facilities.save(changed)
    return report


def _batches(rows: Iterable[Found], report: Report) -> Iterator[list[Entry]]:
    taken: Iterator[Found] = iter(rows)
    while some := list(islice(taken, _BATCH)):
        for one in some:
            if isinstance(one, Refused):
                report.refuse(*one.problems)
        yield [one for one in some if isinstance(one, Entry)]


def _counted(report: Report, before: object | None, after: object) -> bool:
    """Count what a row did; whether anything has to be written."""
    what = "added" if before is None else "unchanged" if before == after else "changed"
    report.counts[what] += 1
    return what != "unchanged"


def _indexed(row: Entry, number_index: Callable[[str], bytes]) -> Entry:
    """The row with the blind index in place of the number: the number itself goes no further than this."""
    values: dict[str, Any] = dict(row.values)
    if values.get("number") is not None:
        values["number"] = number_index(values["number"])
    return dataclasses.replace(row, values=values)


async def _end_the_rest(register: Facilities | Practitioners, report: Report, seen: set[str], wish: Wish) -> None:
    """End whoever a complete list leaves out.

    Never after a refusal: one mistyped code would otherwise end a hospital, and its visits would be refused.
    """
    if not wish.complete:
        return
    if report.refused or not seen:
        rule = "complete.refused" if report.refused else "complete.empty"
        report.refuse(list_problem(report.source, rule))
        return
    gone = [key async for key in register.keys_in_force(wish.today) if key not in seen]
    yesterday = wish.today - timedelta(days=1)
    for start in range(0, len(gone), _BATCH):
        part = gone[start : start + _BATCH]
        report.counts["ended"] += len(part)
        if not wish.dry_run:
            await register.end(part, yesterday)
