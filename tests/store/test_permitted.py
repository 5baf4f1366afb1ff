"""The filter that the database gets and `Permit.opens` say the same, for whatever was said about a book."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient

from ehb.domain.access import Permit, Standing, decide
from ehb.domain.book import ReadQuery
from ehb.domain.coding import CodeableConcept
from ehb.domain.consent import Agreement, Consent, Grantee, GranteeKind, HeldConsent
from ehb.domain.identity import PractitionerRole, Principal, PrincipalKind
from ehb.domain.provision import AccessRequest, Action, Purpose
from ehb.domain.records import KIND_OF, RECORD_TYPES, Facility, Provenance, Record, Section
from ehb.domain.selection import Selection
from ehb.store.people import Person
from ehb.store.permitted import permitted
from ehb.store.records import _document
from ehb.store.vault import DataKey

PATIENT = b"p" * 16
NOW = datetime(2026, 11, 20, tzinfo=UTC)
DOCTOR = Principal(
    PrincipalKind.CITIZEN, b"d" * 16, role=PractitionerRole("L-1", "99001", "noi khoa"), session="s", assurance_level=2
)
REQUEST = AccessRequest(DOCTOR, Action.READ, Purpose.TREATMENT, PATIENT, role_in_force=True, now=NOW)
TYPES = {one.__name__: one for one in RECORD_TYPES}
SECTIONS = (Section.CONDITIONS, Section.PRESCRIPTIONS)
KEYS = tuple(bytes([number]) * 12 for number in range(1, 7))
FACILITIES, LABELS = ("99001", "99002"), ("HIV", "PSY")
TIMES = tuple(NOW - timedelta(days=days) for days in (1, 2, 3))
AGREED = Agreement("", "1", "vi", NOW, PATIENT, 2)


def some(values: tuple[object, ...]) -> st.SearchStrategy[frozenset[object] | None]:
    return st.none() | st.none() | st.frozensets(st.sampled_from(values), min_size=1, max_size=2)


def selections() -> st.SearchStrategy[Selection]:
    return st.builds(
        Selection,
        sections=some(SECTIONS),
        kinds=some(("Condition", "MedicationRequest")),
        records=some(KEYS),
        facilities=some(FACILITIES),
        since=st.none() | st.sampled_from(TIMES),
        until=st.none() | st.sampled_from(TIMES),
        labels=some(LABELS),
    )


def consents() -> st.SearchStrategy[HeldConsent]:
    built = st.builds(
        Consent,
        id=st.binary(min_size=16, max_size=16),
        permit=st.booleans(),
        grantee=st.sampled_from(
            [
                Grantee(GranteeKind.FACILITY, "99001"),
                Grantee(GranteeKind.PRACTITIONER, "L-1"),
                Grantee(GranteeKind.ROLE),
            ]
        ),
        purposes=st.just(frozenset({Purpose.TREATMENT})),
        select=selections(),
        exceptions=st.lists(selections(), max_size=2).map(tuple),
        labels=st.frozensets(st.sampled_from(LABELS)),
        valid_from=st.just(NOW - timedelta(days=1)),
        agreement=st.just(AGREED),
    )
    return st.builds(HeldConsent, built)


@st.composite
def records(draw: st.DrawFn) -> Record:
    section = draw(st.sampled_from(SECTIONS))
    kind: Callable[..., Record] = TYPES[KIND_OF[section]]
    facility = Facility(draw(st.sampled_from(FACILITIES)))
    return kind(
        key=draw(st.sampled_from(KEYS)),
        section=section,
        time=draw(st.sampled_from(TIMES)).isoformat(),
        code=CodeableConcept(text="x"),
        provenance=Provenance(facility=facility, submitted_at="2026-01-01T00:00:00Z", source="test"),
        labels=tuple(sorted(draw(st.frozensets(st.sampled_from(LABELS))))),
    )


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_database_opens_exactly_what_the_permit_opens(mongo_uri: str) -> None:
    client: MongoClient[dict[str, Any]] = MongoClient(mongo_uri)
    lying = client["test_permitted"]["records"]
    key = DataKey(os.urandom(32))
    person = Person(PATIENT, key, {}, b"")
    opened = refused = 0

    @settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(consents(), min_size=1, max_size=4), st.lists(records(), max_size=8, unique_by=lambda one: one.key))
    def check(said: list[HeldConsent], kept: list[Record]) -> None:
        nonlocal opened, refused
        decision = decide(REQUEST, Standing(consents=tuple(said)))
        if not isinstance(decision, Permit):
            refused += 1
            return
        lying.delete_many({})
        if kept:
            lying.insert_many([_document(person, b"e", record, 1, b"") for record in kept])

        found = {bytes(one["key"]) for one in lying.find(permitted(decision, PATIENT, key, ReadQuery()))}

        assert found == {record.key for record in kept if decision.opens(record)}
        opened += len(found)

    check()
    client.drop_database("test_permitted")
    client.close()
    assert opened > 20
    assert refused > 50
