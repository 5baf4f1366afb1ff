"""The one decision: each ground has a permit row, a deny row, and rows exactly on the boundary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from ehb.domain.access import (
    ALL_SECTIONS,
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
from ehb.domain.records import Section
from tests.builders import FACILITY
from tests.domain.samples import CITIZEN, HOSPITAL, NOBODY, PATIENT, SIGNING_IN, STRANGER

READ_OWN = AccessRequest(CITIZEN, Action.READ, Purpose.PATIENT_REQUEST, patient_id=PATIENT)
SIGN_IN = AccessRequest(SIGNING_IN, Action.SIGN_IN, Purpose.PATIENT_REQUEST)
SUBMIT = AccessRequest(HOSPITAL, Action.SUBMIT, Purpose.TREATMENT, facility=FACILITY)
RECEIPT = replace(SUBMIT, action=Action.READ_RECEIPT)
SUSPENDED = replace(SUBMIT, suspended=True)
NO_GROUND, OTHER, NOT_SIGNED_IN = DenyReason.NO_LEGAL_GROUND, DenyReason.OTHER_FACILITY, DenyReason.NOT_SIGNED_IN


@pytest.mark.parametrize(
    ("request_", "ground", "sections"),
    [
        (READ_OWN, Ground.OWN_BOOK, ALL_SECTIONS),
        (SIGN_IN, Ground.OWN_IDENTITY, frozenset()),
        (SUBMIT, Ground.DUTY_TO_SUBMIT, frozenset()),
        (RECEIPT, Ground.DUTY_TO_SUBMIT, frozenset()),
    ],
)
def test_a_ground_permits_exactly_what_was_asked(
    request_: AccessRequest, ground: Ground, sections: frozenset[Section]
) -> None:
    decision = decide(request_)

    assert isinstance(decision, Permit)
    assert (decision.ground, decision.sections, decision.closed) == (ground, sections, ())
    assert (decision.action, decision.purpose) == (request_.action, request_.purpose)
    assert (decision.principal, decision.patient_id) == (request_.principal, request_.patient_id)
    assert decision.facility == request_.facility


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        # own book: another book, no book, one bit of the key, no key at all, another purpose, another kind
        (replace(READ_OWN, patient_id=STRANGER), NO_GROUND),
        (replace(READ_OWN, patient_id=None), NO_GROUND),
        (replace(READ_OWN, patient_id=PATIENT[:-1] + b"q"), NO_GROUND),
        (replace(READ_OWN, patient_id=PATIENT[:-1]), NO_GROUND),
        (replace(READ_OWN, patient_id=b"", principal=replace(CITIZEN, patient_id=None)), NO_GROUND),
        (replace(READ_OWN, patient_id=None, principal=replace(CITIZEN, patient_id=None)), NO_GROUND),
        (replace(READ_OWN, purpose=Purpose.TREATMENT), NO_GROUND),
        (replace(READ_OWN, principal=replace(CITIZEN, kind=PrincipalKind.FACILITY)), NO_GROUND),
        (replace(READ_OWN, principal=HOSPITAL), NO_GROUND),
        # own identity: with a session already, for a named book, for another purpose, as a facility
        (replace(SIGN_IN, principal=CITIZEN), NO_GROUND),
        (replace(SIGN_IN, patient_id=PATIENT), NO_GROUND),
        (replace(SIGN_IN, purpose=Purpose.TREATMENT), NO_GROUND),
        (replace(SIGN_IN, principal=replace(HOSPITAL, facility=None)), NO_GROUND),
        # duty to submit: another facility, almost the own one, none, another purpose, as a citizen, another action
        (replace(SUBMIT, facility="99002"), OTHER),
        (replace(RECEIPT, facility="99002"), OTHER),
        (replace(SUBMIT, facility=FACILITY + " "), OTHER),
        (replace(SUBMIT, facility=None), OTHER),
        (replace(SUBMIT, facility=""), OTHER),
        (replace(SUBMIT, facility=None, principal=replace(HOSPITAL, facility=None)), NO_GROUND),
        (replace(SUBMIT, purpose=Purpose.PATIENT_REQUEST), NO_GROUND),
        (replace(SUBMIT, principal=CITIZEN), NO_GROUND),
        (replace(SUBMIT, principal=replace(CITIZEN, facility=FACILITY)), NO_GROUND),
        (replace(SUBMIT, action=Action.READ, patient_id=PATIENT), NO_GROUND),
        # the registry: suspended; another facility's file is another facility's first of all
        (SUSPENDED, DenyReason.FACILITY_SUSPENDED),
        (replace(SUSPENDED, facility="99002"), OTHER),
    ],
)
def test_whatever_no_ground_covers_is_denied_with_its_reason(request_: AccessRequest, reason: DenyReason) -> None:
    assert decide(request_) == Deny(reason)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("purpose", Purpose)
def test_nobody_signed_in_may_do_nothing(action: Action, purpose: Purpose) -> None:
    request = AccessRequest(NOBODY, action, purpose, patient_id=PATIENT, facility=FACILITY)

    decision = decide(request, grounds=(_always,))

    assert decision == Deny(NOT_SIGNED_IN)


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose is not Purpose.PATIENT_REQUEST])
@pytest.mark.parametrize("action", [Action.READ, Action.SIGN_IN])
def test_no_other_purpose_opens_a_book(purpose: Purpose, action: Action) -> None:
    for principal in (CITIZEN, SIGNING_IN, HOSPITAL):
        request = AccessRequest(principal, action, purpose, patient_id=PATIENT, facility=FACILITY)

        assert isinstance(decide(request), Deny)


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
    requests = (READ_OWN, SIGN_IN, SUBMIT, RECEIPT)

    answers = [sum(1 for ground in GROUNDS for _ in ground(request, Standing())) for request in requests]

    assert answers == [1, 1, 1, 1]
