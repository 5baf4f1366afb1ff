"""People, requests and things said about a book, for tests of the decision.

A doctor of the facility treats a patient, a relative asks for family, an organization asks for research. Everything
stands in force at `NOW`; a test names what is different.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from ehb.domain.access import Deny, DenyReason, Ground, Permit, Standing, decide
from ehb.domain.coding import VIETNAM
from ehb.domain.consent import Agreement, Consent, Grantee, GranteeKind, HeldConsent
from ehb.domain.emergency import Emergency, HeldEmergency
from ehb.domain.guardianship import Guardianship, HeldGuardianship, Relation
from ehb.domain.identity import PractitionerRole, Principal, PrincipalKind
from ehb.domain.presentation import HeldPresentation, Holder, Presentation
from ehb.domain.provision import AccessRequest, Action, Purpose
from ehb.domain.records import Record, Section
from tests.builders import FACILITY
from tests.domain.samples import PATIENT, STRANGER

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=VIETNAM)
TICK = timedelta(microseconds=1)
LICENCE, SCOPE, OTHER_FACILITY, INSURER = "900001/CCHN", "noi khoa", "99002", "insurer-1"

ROLE = PractitionerRole(LICENCE, FACILITY, SCOPE)
DOCTOR = Principal(PrincipalKind.CITIZEN, b"d" * 16, roles=(ROLE,), role=ROLE, session="s-doctor", assurance_level=2)
RELATIVE = Principal(PrincipalKind.CITIZEN, STRANGER, session="s-relative", assurance_level=2)
AGENT = Principal(PrincipalKind.CITIZEN, b"a" * 16, organization=INSURER, session="s-agent", assurance_level=2)

TREATING = AccessRequest(DOCTOR, Action.READ, Purpose.TREATMENT, PATIENT, role_in_force=True, now=NOW)
RESCUING = replace(TREATING, purpose=Purpose.EMERGENCY_TREATMENT)
FOR_FAMILY = AccessRequest(RELATIVE, Action.READ, Purpose.FAMILY_REQUEST, PATIENT, now=NOW)
STUDYING = AccessRequest(AGENT, Action.READ, Purpose.RESEARCH, PATIENT, now=NOW)

TO_FACILITY = Grantee(GranteeKind.FACILITY, FACILITY)
TO_ANYBODY = Grantee(GranteeKind.ANYBODY)
HOLDER = Holder(LICENCE, FACILITY)
AGREED = Agreement("words", "1", "vi", NOW - timedelta(days=1), PATIENT, 2)


def consent(**terms: Any) -> HeldConsent:
    """A consent of the facility of the doctor for treatment; terms of what is held are known by their names."""
    held = {name: terms.pop(name) for name in ("ended_at", "uses", "approvals", "person") if name in terms}
    terms = {
        "id": b"c" * 16,
        "permit": True,
        "grantee": TO_FACILITY,
        "purposes": frozenset({Purpose.TREATMENT}),
        "valid_from": NOW - timedelta(days=1),
        "valid_until": NOW + timedelta(days=1),
        "agreement": AGREED,
        **terms,
    }
    return HeldConsent(Consent(**terms), **held)


def deny(**terms: Any) -> HeldConsent:
    """A block of the facility of the doctor, for everything that can be asked."""
    everything = {"permit": False, "id": b"n" * 16, "valid_until": None, "purposes": frozenset(Purpose)}
    return consent(**{**everything, "actions": frozenset(Action), **terms})


def presentation(**given: Any) -> HeldPresentation:
    """Diagnoses shown to the doctor."""
    what = {name: given.pop(name) for name in ("sections", "until", "labels") if name in given}
    what = {"sections": frozenset({Section.CONDITIONS}), "until": NOW + timedelta(minutes=5), **what}
    shown = Presentation(b"v" * 16, begun_at=NOW - timedelta(minutes=5), **what)
    return HeldPresentation(shown, **{"holder": HOLDER, **given})


def emergency(opened_at: datetime = NOW - timedelta(minutes=5), holder: Holder = HOLDER, **given: Any) -> HeldEmergency:
    """An emergency that the doctor opened."""
    return HeldEmergency(Emergency(b"e" * 16, holder, opened_at, "unconscious"), **given)


def guardianship(**given: Any) -> HeldGuardianship:
    """The relative is the parent."""
    ended = given.pop("ended_at", None)
    what = {"guardian": STRANGER, "relation": Relation.PARENT, "proof": "paper", "since": date(2020, 1, 1), **given}
    return HeldGuardianship(Guardianship(b"g" * 16, **what), ended)


def said(*consents: HeldConsent) -> Standing:
    return Standing(consents=consents)


def answer(decision: Permit | Deny) -> Ground | DenyReason:
    """The ground of a permit, the reason of a refusal."""
    return decision.ground if isinstance(decision, Permit) else decision.reason


def answered(request: AccessRequest, *consents: HeldConsent) -> Ground | DenyReason:
    return answer(decide(request, said(*consents)))


def seen(request: AccessRequest, standing: Standing, records: Iterable[Record]) -> dict[int, Record]:
    """By its place in the list, every record that is open, as it is shown; nothing for a refusal."""
    decision = decide(request, standing)
    if isinstance(decision, Deny):
        return {}
    return {number: decision.shown(one) for number, one in enumerate(records) if decision.opens(one)}


def rows(*given: tuple[Any, ...]) -> list[Any]:
    """Rows of a table of cases, each named by its first column."""
    return [pytest.param(*one[1:], id=one[0]) for one in given]
