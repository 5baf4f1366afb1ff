"""The one decision folds what the grounds say: a deny beats a permit, and nothing said at all is a deny.

The rows of each ground stand in `test_access_own`, `_age`, `_consent`, `_selection`, `_fields`, `_uses` and `_clinic`.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ehb.domain.access import (
    GROUNDS,
    AccessRequest,
    Action,
    Deny,
    DenyReason,
    Ground,
    Permit,
    Provision,
    Purpose,
    Standing,
    decide,
)
from ehb.domain.identity import Principal, PrincipalKind
from tests.builders import FACILITY
from tests.domain.samples import NOBODY, PATIENT
from tests.domain.test_access_own import BY_NUMBER, MERGE, PRESENTED, READ_OWN, RECEIPT, SIGN_IN, SUBMIT

NO_GROUND, NOT_SIGNED_IN = DenyReason.NO_LEGAL_GROUND, DenyReason.NOT_SIGNED_IN


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("purpose", Purpose)
def test_nobody_signed_in_may_do_nothing(action: Action, purpose: Purpose) -> None:
    request = AccessRequest(NOBODY, action, purpose, patient_id=PATIENT, facility=FACILITY)

    decision = decide(request, grounds=(_always,))

    assert decision == Deny(NOT_SIGNED_IN)


@pytest.mark.parametrize("kind", PrincipalKind)
def test_a_caller_without_book_and_facility_is_permitted_nothing_but_to_sign_in(kind: PrincipalKind) -> None:
    principal = Principal(kind)
    asked = [AccessRequest(principal, action, purpose) for action in Action for purpose in Purpose]

    permitted = [request for request in asked if isinstance(decide(request), Permit)]

    assert permitted == ([SIGN_IN_UNKNOWN] if kind is PrincipalKind.CITIZEN else [])


SIGN_IN_UNKNOWN = AccessRequest(Principal(PrincipalKind.CITIZEN), Action.SIGN_IN, Purpose.PATIENT_REQUEST)


def _always(_: AccessRequest, __: Standing) -> Iterable[Provision]:
    yield Provision(True, Ground.OWN_BOOK)


def _never(_: AccessRequest, __: Standing) -> Iterable[Provision]:
    yield Provision(False, Ground.DUTY_TO_SUBMIT, reason=DenyReason.OTHER_FACILITY)


def _never_without_saying_why(_: AccessRequest, __: Standing) -> Iterable[Provision]:
    yield Provision(False, Ground.DUTY_TO_SUBMIT)


def _silent(_: AccessRequest, __: Standing) -> Iterable[Provision]:
    return ()


def test_a_deny_provision_beats_a_permit_in_whatever_order_they_come() -> None:
    permit_first = decide(READ_OWN, grounds=(_always, _never))
    deny_first = decide(READ_OWN, grounds=(_never, _always))

    assert permit_first == deny_first == Deny(DenyReason.OTHER_FACILITY)


def test_a_deny_that_gives_no_reason_is_still_a_deny() -> None:
    assert decide(READ_OWN, grounds=(_always, _never_without_saying_why)) == Deny(DenyReason.DENIED)


@pytest.mark.parametrize("grounds", [(), (_silent,)])
def test_no_ground_at_all_is_a_deny(grounds: tuple[object, ...]) -> None:
    assert decide(READ_OWN, grounds=grounds) == Deny(NO_GROUND)  # type: ignore[arg-type]


def test_no_two_grounds_of_the_house_answer_the_same_request() -> None:
    requests = (READ_OWN, SIGN_IN, SUBMIT, RECEIPT, BY_NUMBER, PRESENTED, MERGE)

    answers = [sum(1 for ground in GROUNDS for _ in ground(request, Standing())) for request in requests]

    assert answers == [1] * len(requests)
