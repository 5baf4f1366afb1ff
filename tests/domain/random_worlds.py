"""Random books, requests and everything that can stand about a book, drawn from few values so that they meet.

Everything is made from one `random.Random`, because Hypothesis takes thirty milliseconds to draw a world and this a
fraction of one: Hypothesis draws the seed, so a failure names the world that it stands for.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from ehb.domain.access import Standing, StatutoryTask
from ehb.domain.coding import CodeableConcept
from ehb.domain.consent import Consent, Grantee, GranteeKind, HeldConsent, Party
from ehb.domain.guardianship import Relation
from ehb.domain.identity import Principal, PrincipalKind
from ehb.domain.provision import AccessRequest, Purpose
from ehb.domain.records import Condition, MedicationRequest, Record, Section
from ehb.domain.selection import Selection
from tests.builders import FACILITY
from tests.domain.samples import STRANGER, record
from tests.domain.worlds import (
    AGREED,
    DOCTOR,
    FOR_FAMILY,
    INSURER,
    LICENCE,
    NOW,
    OTHER_FACILITY,
    RESCUING,
    SCOPE,
    STUDYING,
    TREATING,
    emergency,
    guardianship,
    presentation,
)

SECTIONS = (Section.CONDITIONS, Section.PRESCRIPTIONS)
KEYS = tuple(bytes([number]) * 12 for number in range(1, 5))
FACILITIES, LABELS, FIELDS = (FACILITY, OTHER_FACILITY), ("HIV", "PSY", "TB"), ("note", "dosage", "role", "status")
TIMES = tuple(NOW - timedelta(days=days) for days in (1, 2, 3))
MINISTRY = Principal(PrincipalKind.FACILITY, organization="CDC", session="s")
REQUESTS = (
    *(TREATING, TREATING, RESCUING, FOR_FAMILY, STUDYING, STUDYING, STUDYING),
    replace(TREATING, role_in_force=False),
    replace(FOR_FAMILY, principal=replace(DOCTOR, patient_id=STRANGER)),
    replace(STUDYING, principal=MINISTRY, purpose=Purpose.PUBLIC_HEALTH),
)
GRANTEES = (
    *(Grantee(GranteeKind.FACILITY, FACILITY), Grantee(GranteeKind.PRACTITIONER, LICENCE)),
    *(Grantee(GranteeKind.ROLE, SCOPE), Grantee(GranteeKind.PERSON, "ab"), Grantee(GranteeKind.ANYBODY)),
    *(Grantee(GranteeKind.ORGANIZATION, INSURER), Grantee(GranteeKind.FACILITY, OTHER_FACILITY)),
)


def _some(random: Random, values: tuple[Any, ...]) -> frozenset[Any] | None:
    return frozenset(random.sample(values, random.choice((1, 1, 2)))) if random.random() < 0.3 else None


def _subset(random: Random, values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(one for one in values if random.random() < 0.4)


def selection(random: Random) -> Selection:
    """The whole book as often as a part of it."""
    if random.random() < 0.4:
        return Selection()
    return Selection(
        sections=_some(random, SECTIONS),
        kinds=_some(random, ("Condition", "MedicationRequest")),
        records=_some(random, KEYS),
        facilities=_some(random, FACILITIES),
        since=random.choice((None, None, *TIMES)),
        until=random.choice((None, None, *TIMES)),
        labels=_some(random, LABELS),
    )


def consent(random: Random, *, permit: bool | None = None) -> HeldConsent:
    """A consent of any kind, mostly in force; `permit` says which kind alone."""
    said = Consent(
        id=random.randbytes(16),
        permit=random.random() < 0.7 if permit is None else permit,
        grantee=random.choice(GRANTEES),
        purposes=random.choice((frozenset(Purpose), frozenset({random.choice(tuple(Purpose))}))),
        select=selection(random),
        exceptions=tuple(selection(random) for _ in range(random.choice((0, 0, 1, 2)))),
        labels=_subset(random, LABELS),
        without=random.choice((frozenset(), _subset(random, FIELDS))),
        valid_from=NOW + timedelta(days=random.choice((-1, -1, -1, 1))),
        valid_until=random.choice((None, NOW + timedelta(days=1))),
        max_uses=random.choice((None, None, 2)),
        needs=frozenset(random.choice(((Party.PERSON,), (Party.PERSON, Party.MANAGING_UNIT)))),
        agreement=random.choice((AGREED, replace(AGREED, by=STRANGER, party=Party.REPRESENTATIVE))),
    )
    person = random.choice((None, STRANGER, DOCTOR.patient_id))
    return HeldConsent(said, uses=random.choice((0, 1, 2)), approvals=frozenset(Party), person=person)


def _standing(random: Random) -> Standing:
    shown = presentation(sections=_some(random, SECTIONS) or frozenset(), labels=_subset(random, LABELS))
    urgent = emergency(declared_at=random.choice((None, NOW)))
    guard = guardianship(relation=random.choice(tuple(Relation)))
    task = StatutoryTask("CDC", Purpose.PUBLIC_HEALTH, selection(random))
    return Standing(
        consents=tuple(consent(random) for _ in range(random.randrange(6))),
        presentations=random.choice(((), (shown,))),
        emergencies=random.choice(((), (urgent,))),
        guardianships=random.choice(((), (guard,))),
        tasks=random.choice(((), (task,))),
        birth_date=random.choice((None, "1980", "2010", "2020")),
    )


def _record(random: Random) -> Record:
    kind: type[Record] = random.choice((Condition, MedicationRequest))
    fields: dict[str, Any] = {"note": "in confidence"} if kind is Condition else {"dosage": "in confidence"}
    return record(
        kind,
        section=random.choice(SECTIONS),
        time=random.choice(TIMES).isoformat(),
        key=random.choice(KEYS),
        facility=random.choice(FACILITIES),
        code=CodeableConcept(text="x"),
        labels=tuple(sorted(_subset(random, LABELS))),
        **fields,
    )


def world(random: Random) -> tuple[AccessRequest, Standing, list[Record]]:
    """A request about a book, all that stands about it, and what is in it."""
    return random.choice(REQUESTS), _standing(random), [_record(random) for _ in range(random.randrange(7))]
