"""How strong and how recent a login must be (standards row O5; Decree 69/2024 Art 20)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ehb.domain.access import AccessRequest, Action, Deny, DenyReason, Permit, Purpose, decide
from ehb.domain.assurance import Assurance
from ehb.domain.identity import Principal, PrincipalKind
from tests.domain.samples import CITIZEN, PATIENT

NOW = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
RULE = Assurance(read=2, high=3, fresh=timedelta(minutes=5))
READ = AccessRequest(CITIZEN, Action.READ, Purpose.PATIENT_REQUEST, patient_id=PATIENT, now=NOW, assurance=RULE)
CONSENT = replace(READ, action=Action.GIVE_CONSENT, opens_more=True)


def asked(request: AccessRequest, level: int, ago: timedelta | None = timedelta()) -> AccessRequest:
    at = NOW - ago if ago is not None else None
    return replace(request, principal=replace(CITIZEN, assurance_level=level, authenticated_at=at))


@pytest.mark.parametrize(
    ("request_", "allowed"),
    [
        (asked(READ, 1), False),
        (asked(READ, 2), True),
        (asked(READ, 2, None), True),
        (asked(READ, 2, timedelta(days=29)), True),
        (asked(READ, 4), True),
        (asked(CONSENT, 2), False),
        (asked(CONSENT, 3), True),
        (asked(CONSENT, 4), True),
        (asked(CONSENT, 3, timedelta(minutes=5)), True),
        (asked(CONSENT, 3, timedelta(minutes=5, microseconds=1)), False),
        (asked(CONSENT, 4, None), False),
        (asked(CONSENT, 3, -timedelta(minutes=1)), True),
        (replace(asked(CONSENT, 3), now=None), False),
        (replace(asked(CONSENT, 2), opens_more=False), True),
        (replace(asked(CONSENT, 3), assurance=replace(RULE, read=4)), False),
    ],
)
def test_the_login_must_be_strong_enough_and_for_what_opens_more_fresh(request_: AccessRequest, allowed: bool) -> None:
    """Row O5."""
    decision = decide(request_)

    assert isinstance(decision, Permit) if allowed else decision == Deny(DenyReason.STEP_UP)


def test_signing_in_is_how_one_gets_a_level_and_machines_have_none() -> None:
    signing_in = AccessRequest(Principal(PrincipalKind.CITIZEN), Action.SIGN_IN, Purpose.PATIENT_REQUEST)
    machine = Principal(PrincipalKind.FACILITY, facility="99001")
    sending = AccessRequest(machine, Action.SUBMIT, Purpose.TREATMENT, facility="99001")

    assert isinstance(decide(signing_in), Permit)
    assert isinstance(decide(sending), Permit)


def test_what_is_told_of_a_weak_login_does_not_depend_on_whose_book_it_is() -> None:
    """Row E3: a stranger with a weak login learns nothing about anybody."""
    answers = [decide(replace(asked(READ, 1), patient_id=book)) for book in (PATIENT, b"x" * 16, None)]

    assert answers == [Deny(DenyReason.STEP_UP)] * 3
