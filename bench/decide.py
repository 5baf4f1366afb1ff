"""How long one decision takes when much stands about a book: fifty consents of every kind, one request of a doctor.

Owns the mix and the clock. A decision is pure, so there is no floor and no database: its time is a figure.
"""

from __future__ import annotations

import gc
import statistics
import time
from datetime import UTC, datetime, timedelta

from bench.report import Row
from ehb.domain.access import AccessRequest, Action, Permit, Purpose, Standing, decide
from ehb.domain.consent import Agreement, Consent, Grantee, GranteeKind, HeldConsent, Party
from ehb.domain.identity import PractitionerRole, Principal, PrincipalKind
from ehb.domain.records import Section
from ehb.domain.selection import EVERYTHING, Selection

NOW = datetime(2026, 11, 20, tzinfo=UTC)
REACH = 50.0
"""Microseconds."""
STANDING = 50
_BATCH = 200
_PATIENT, _DOCTOR = b"p" * 16, b"d" * 16
_ROLE = PractitionerRole("900001/CCHN", "99001", "noi khoa")
_GRANTEES = (
    Grantee(GranteeKind.FACILITY, "99001"),
    Grantee(GranteeKind.FACILITY, "99002"),
    Grantee(GranteeKind.PRACTITIONER, "900001/CCHN"),
    Grantee(GranteeKind.PRACTITIONER, "900002/CCHN"),
    Grantee(GranteeKind.ROLE, "nhi khoa"),
    Grantee(GranteeKind.PERSON, "ab" * 32),
    Grantee(GranteeKind.ORGANIZATION, "insurer-1"),
)
_PURPOSES = (
    frozenset({Purpose.TREATMENT}),
    frozenset({Purpose.TREATMENT, Purpose.EMERGENCY_TREATMENT}),
    frozenset({Purpose.RESEARCH}),
)
_SELECTIONS = (
    EVERYTHING,
    Selection(sections=frozenset({Section.CONDITIONS, Section.ALLERGIES})),
    Selection(kinds=frozenset({"Condition"}), since=NOW - timedelta(days=365)),
    Selection(facilities=frozenset({"99001"}), until=NOW),
    Selection(labels=frozenset({"PSY"})),
)
_LABELS = (frozenset[str](), frozenset({"HIV"}), frozenset({"HIV", "PSY"}))


def standing(number: int = STANDING) -> Standing:
    """Consents in force, no two alike: permits to whom it may concern and to others, denies of a part and of fields,
    hidden records; for other purposes, with exceptions, for a number of openings."""
    return Standing(consents=tuple(_consent(count) for count in range(number)))


def _consent(number: int) -> HeldConsent:
    hides, keeps_fields = number % 5 == 4, number % 10 == 3
    permit = not (hides or keeps_fields)
    limited = number % 6 == 5 and permit
    consent = Consent(
        id=number.to_bytes(16, "big"),
        permit=permit,
        grantee=Grantee(GranteeKind.ANYBODY) if hides else _GRANTEES[number % len(_GRANTEES)],
        purposes=frozenset(Purpose) if hides else _PURPOSES[number % len(_PURPOSES)],
        select=Selection(records=frozenset({number.to_bytes(12, "big")})) if hides else _SELECTIONS[number * 3 % 5],
        exceptions=(_SELECTIONS[4],) if permit and number % 4 == 0 else (),
        labels=_LABELS[number % 3] if permit else frozenset(),
        without=frozenset({"note"}) if keeps_fields else frozenset(),
        valid_from=NOW - timedelta(days=number + 1),
        valid_until=None if hides else NOW + timedelta(days=number + 1),
        max_uses=3 if limited else None,
        needs=frozenset({Party.PERSON}),
        agreement=Agreement("words", "1", "vi", NOW - timedelta(days=number + 1), _PATIENT, 2),
    )
    return HeldConsent(consent, person=b"r" * 16 if consent.grantee.kind is GranteeKind.PERSON else None)


def request() -> AccessRequest:
    """A doctor reads for treatment."""
    doctor = Principal(PrincipalKind.CITIZEN, _DOCTOR, roles=(_ROLE,), role=_ROLE, session="s", assurance_level=2)
    return AccessRequest(doctor, Action.READ, Purpose.TREATMENT, _PATIENT, role_in_force=True, now=NOW)


def measure(batches: int) -> list[Row]:
    """Time of one decision: median and 95th percentile over batches, each the mean of 200."""
    asked, stands = request(), standing()
    decision = decide(asked, stands)
    assert isinstance(decision, Permit)
    found = f"{len(decision.rules)} rules, {len(decision.closed)} denies of a part"
    gc.collect()
    gc.freeze()
    taken: list[float] = []
    for _ in range(batches):
        begun = time.perf_counter()
        for _ in range(_BATCH):
            decide(asked, stands)
        taken.append((time.perf_counter() - begun) / _BATCH * 1e6)
    gc.unfreeze()
    print(f"decide: {STANDING} consents stand, of which the permit has {found}")
    print(f"  {batches} batches of {_BATCH}; one decision, in microseconds")
    median, last = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
    print(f"  median {median:.1f}, 95th percentile {last:.1f}    reach: {REACH:g}")
    return [Row("`decide`: one decision", "", f"95th percentile {last:.0f} µs", f"{median:.0f} µs", f"{REACH:g} µs")]
