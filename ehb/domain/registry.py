"""The registry: which facilities and practitioners there are, since when, until when, and under which names.

Owns the values, what a list that is loaded changes in them, and the report about it. Leaves the shape of a list
to its format and the keeping to the store. Public master data (Decree 102/2025 Art 15), so no permit is asked;
the exceptions are a practitioner's identity number, of which only a keyed blind index comes here, and private
keys, which never come here at all.

The one invariant: nothing that was once in force is forgotten. A name, a certificate or a facility that is no
more gets an end, for the records of its time still need it.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ehb.domain.coding import VIETNAM
from ehb.domain.registry_rules import ListProblem
from ehb.domain.session import FacilityClient


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that a facility signs its files with (X.509), as it was registered: pinned, no CA is asked."""

    fingerprint: str
    """SHA-256 of `der`, in hexadecimal."""
    der: bytes = field(repr=False)
    signer: str
    """Whom the certificate names as its subject."""
    not_before: datetime
    not_after: datetime
    withdrawn: date | None = None
    """The first day on which its signatures count no more."""

    def in_force(self, moment: datetime) -> bool:
        """What it signed at this moment counts."""
        if self.withdrawn is not None and moment.astimezone(VIETNAM).date() >= self.withdrawn:
            return False
        return self.not_before <= moment <= self.not_after


@dataclass(frozen=True, slots=True)
class FacilityName:
    """What a facility is called since a day; None for as long as we know."""

    name: str
    since: date | None = None


@dataclass(frozen=True, slots=True)
class RegisteredFacility:
    """A facility. `names` are in the order of time, never empty; `valid_until` is its last day."""

    code: str
    names: tuple[FacilityName, ...] = ()
    gln: str | None = None
    province: str | None = None
    type: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    active: bool = True
    """False while it is suspended."""
    certificates: tuple[Certificate, ...] = ()
    clients: tuple[FacilityClient, ...] = ()
    """Its systems; only where a loader asked for them."""

    @property
    def name(self) -> str:
        return self.names[-1].name

    def name_on(self, day: date) -> str:
        """What it was called on a day; before all that we know, the oldest name that we know."""
        known = [one.name for one in self.names if one.since is None or one.since <= day]
        return known[-1] if known else self.names[0].name

    def in_force(self, day: date) -> bool:
        """It may sign in and submit on this day."""
        return self.active and _within(self.valid_from, self.valid_until, day)


@dataclass(frozen=True, slots=True)
class RegisteredPractitioner:
    """Somebody with a practising licence. `valid_until` is the last day of the licence."""

    licence: str
    name: str = ""
    facilities: tuple[str, ...] = ()
    scope: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    number: bytes | None = field(default=None, repr=False)
    """Keyed blind index of the national identity number: it finds the person who signs in, and tells nothing."""

    def in_force(self, day: date) -> bool:
        return _within(self.valid_from, self.valid_until, day)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a list: whom it is about, and the attributes that the list says something about."""

    line: int
    key: str
    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """A row, or a whole file, that is not taken."""

    problems: tuple[ListProblem, ...]


@dataclass(slots=True)
class Report:
    """What loading one list did. `counts` has added, changed, unchanged, ended and refused."""

    source: str
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[ListProblem] = field(default_factory=list)

    def refuse(self, *problems: ListProblem) -> None:
        """One row is refused, with everything that is wrong with it."""
        self.counts["refused"] += 1
        self.problems.extend(problems)

    @property
    def refused(self) -> bool:
        return self.counts["refused"] > 0

    @property
    def changed_nothing(self) -> bool:
        return not any(self.counts[what] for what in ("added", "changed", "ended"))


def facility_from(stored: RegisteredFacility | None, entry: Entry, *, today: date) -> RegisteredFacility:
    """The facility as a row says it is; what the row says nothing about stays as it was."""
    facility = stored or RegisteredFacility(entry.key)
    values = dict(entry.values)
    name, since = values.pop("name"), values.pop("name_since", None)
    client: FacilityClient | None = values.pop("client", None)
    names = renamed(facility.names, name, since or (today if facility.names else None), stated=since is not None)
    clients = facility.clients
    if client is not None:
        clients = (*(one for one in clients if one.client_id != client.client_id), client)
        clients = tuple(sorted(clients, key=lambda one: one.client_id))
    return dataclasses.replace(facility, **values, names=names, clients=clients)


def practitioner_from(stored: RegisteredPractitioner | None, entry: Entry) -> RegisteredPractitioner:
    """The practitioner as a row says; what the row says nothing about stays as it was."""
    return dataclasses.replace(stored or RegisteredPractitioner(entry.key), **entry.values)


def renamed(
    names: tuple[FacilityName, ...], name: str, since: date | None, *, stated: bool = True
) -> tuple[FacilityName, ...]:
    """The history with one more name, in force since a day; what was to begin on that day or later is corrected by it.

    `stated` says that the day was given and not guessed: a guessed day does not move the beginning of a name
    that is already the last one.
    """
    if names and names[-1].name == name and (not stated or names[-1].since == since):
        return names
    before = tuple(one for one in names if since is not None and (one.since is None or one.since < since))
    if before and before[-1].name == name:
        return before
    return (*before, FacilityName(name, since))


def with_certificates(facility: RegisteredFacility, found: tuple[Certificate, ...]) -> RegisteredFacility:
    """The facility with further certificates; one that it has already stays, withdrawn or not."""
    held = {one.fingerprint: one for one in facility.certificates}
    fresh = [one for one in found if one.fingerprint not in held]
    return dataclasses.replace(facility, certificates=(*facility.certificates, *fresh))


def without_certificates(facility: RegisteredFacility, kept: frozenset[str], day: date) -> RegisteredFacility:
    """The facility with every certificate but these withdrawn."""
    certificates = tuple(
        one if one.fingerprint in kept or one.withdrawn is not None else dataclasses.replace(one, withdrawn=day)
        for one in facility.certificates
    )
    return dataclasses.replace(facility, certificates=certificates)


def folded_words(text: str) -> tuple[str, ...]:
    """The words of a name as searched: no accents, no case, Đ as D. "Bạch Mai" and "BACH MAI" are the same."""
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    bare = "".join(one for one in plain if not unicodedata.combining(one))
    return tuple("".join(one if one.isalnum() else " " for one in bare).split())


def licence_key(licence: str) -> str:
    """What a licence is found by: free text (no pattern holds for all of them), without the accidents of typing."""
    return " ".join(unicodedata.normalize("NFC", licence).upper().split())


def gln_is_right(gln: str) -> bool:
    """13 digits, the last of which is the GS1 check digit."""
    if not (len(gln) == 13 and gln.isascii() and gln.isdigit()):
        return False
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(gln[:12]))
    return (10 - weighted % 10) % 10 == int(gln[12])


def _within(since: date | None, until: date | None, day: date) -> bool:
    return (since is None or since <= day) and (until is None or day <= until)
