"""Grounds that need nothing to stand: own book, own identity, care role, duty to submit, stewardship, state tasks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ehb.domain.access import (
    ALL_SECTIONS,
    NOTHING_STANDS,
    DenyReason,
    Ground,
    Permit,
    Standing,
    StatutoryTask,
    decide,
)
from ehb.domain.grounds import NOTHING, care_role, duty_to_submit
from ehb.domain.identity import Principal, PrincipalKind
from ehb.domain.provision import AccessRequest, Action, Provision, Purpose
from ehb.domain.records import Section
from ehb.domain.selection import EVERYTHING, Selection
from tests.builders import FACILITY
from tests.domain.samples import CITIZEN, HOSPITAL, PATIENT, SIGNING_IN, STRANGER
from tests.domain.worlds import DOCTOR, NOW, answer, consent, deny, emergency, guardianship, presentation, rows

NO, OTHER, SUSPENDED = DenyReason.NO_LEGAL_GROUND, DenyReason.OTHER_FACILITY, DenyReason.FACILITY_SUSPENDED
LAPSED = DenyReason.ROLE_NOT_IN_FORCE

READ_OWN = AccessRequest(CITIZEN, Action.READ, Purpose.PATIENT_REQUEST, PATIENT, now=NOW)
SIGN_IN = AccessRequest(SIGNING_IN, Action.SIGN_IN, Purpose.PATIENT_REQUEST)
SUBMIT = AccessRequest(HOSPITAL, Action.SUBMIT, Purpose.TREATMENT, facility=FACILITY)
RECEIPT, RETRACT = replace(SUBMIT, action=Action.READ_RECEIPT), replace(SUBMIT, action=Action.RETRACT)
STEWARD = Principal(PrincipalKind.STEWARD, session="s-steward")
MERGE = AccessRequest(STEWARD, Action.MERGE_PEOPLE, Purpose.ADMINISTRATION)
BY_NUMBER = AccessRequest(CITIZEN, Action.FIND_PATIENT, Purpose.TREATMENT)
PRESENTED = AccessRequest(DOCTOR, Action.OPEN_PRESENTATION, Purpose.TREATMENT, PATIENT, role_in_force=True)
URGENT = replace(PRESENTED, action=Action.OPEN_EMERGENCY, purpose=Purpose.EMERGENCY_TREATMENT)
REVIEW = replace(PRESENTED, action=Action.REVIEW_EMERGENCY, purpose=Purpose.ADMINISTRATION)
THEMSELVES = replace(DOCTOR, patient_id=PATIENT)

OWN, IDENTITY, CARE = Ground.OWN_BOOK, Ground.OWN_IDENTITY, Ground.CARE_ROLE
DUTY, STEWARDSHIP = Ground.DUTY_TO_SUBMIT, Ground.STEWARDSHIP


@pytest.mark.parametrize(
    ("request_", "expected"),
    rows(
        ("own book: its person", READ_OWN, OWN),
        ("own book: taken away", replace(READ_OWN, action=Action.DOWNLOAD), OWN),
        ("own book: passed on", replace(READ_OWN, action=Action.RESHARE), OWN),
        ("own book: who is a doctor too", replace(READ_OWN, principal=THEMSELVES), OWN),
        ("own book: another's", replace(READ_OWN, patient_id=STRANGER), NO),
        ("own book: none named", replace(READ_OWN, patient_id=None), NO),
        ("own book: one bit of the key", replace(READ_OWN, patient_id=PATIENT[:-1] + b"q"), NO),
        ("own book: a part of the key", replace(READ_OWN, patient_id=PATIENT[:-1]), NO),
        ("own book: no key, none named", replace(READ_OWN, patient_id=None, principal=SIGNING_IN), NO),
        ("own book: no key, an empty one named", replace(READ_OWN, patient_id=b"", principal=SIGNING_IN), NO),
        ("own book: as a facility", replace(READ_OWN, principal=replace(CITIZEN, kind=PrincipalKind.FACILITY)), NO),
        ("own book: as a steward", replace(READ_OWN, principal=replace(CITIZEN, kind=PrincipalKind.STEWARD)), NO),
        ("own book: a facility", replace(READ_OWN, principal=HOSPITAL), NO),
        ("own identity: at the end of a login", SIGN_IN, IDENTITY),
        ("own identity: with a session already", replace(SIGN_IN, principal=CITIZEN), NO),
        ("own identity: for a named book", replace(SIGN_IN, patient_id=PATIENT), NO),
        ("own identity: another action", replace(SIGN_IN, action=Action.READ), NO),
        ("own identity: another purpose", replace(SIGN_IN, purpose=Purpose.TREATMENT), NO),
        ("own identity: a facility", replace(SIGN_IN, principal=replace(HOSPITAL, facility=None)), NO),
        ("by number: a citizen", BY_NUMBER, IDENTITY),
        ("by number: a doctor", replace(BY_NUMBER, principal=DOCTOR), IDENTITY),
        ("by number: no book yet", replace(BY_NUMBER, principal=SIGNING_IN), NO),
        ("by number: a facility", replace(BY_NUMBER, principal=replace(HOSPITAL, patient_id=PATIENT)), NO),
        ("by number: another purpose", replace(BY_NUMBER, purpose=Purpose.RESEARCH), NO),
        ("care role: opens what is shown", PRESENTED, CARE),
        ("care role: opens in an emergency", URGENT, CARE),
        ("care role: reviews", REVIEW, CARE),
        ("care role: role lapsed, shown", replace(PRESENTED, role_in_force=False), LAPSED),
        ("care role: role lapsed, emergency", replace(URGENT, role_in_force=False), LAPSED),
        ("care role: role lapsed, review", replace(REVIEW, role_in_force=False), LAPSED),
        ("care role: none", replace(PRESENTED, principal=replace(DOCTOR, role=None)), NO),
        ("care role: shown, for an emergency", replace(PRESENTED, purpose=Purpose.EMERGENCY_TREATMENT), NO),
        ("care role: an emergency, for treatment", replace(URGENT, purpose=Purpose.TREATMENT), NO),
        ("care role: reviews for treatment", replace(REVIEW, purpose=Purpose.TREATMENT), NO),
        ("care role: their own book", replace(PRESENTED, principal=THEMSELVES), NO),
        ("care role: an emergency of their own", replace(URGENT, principal=THEMSELVES), NO),
        ("care role: lapsed, wrong purpose", replace(REVIEW, purpose=Purpose.TREATMENT, role_in_force=False), NO),
        ("duty: submits", SUBMIT, DUTY),
        ("duty: takes back", RETRACT, DUTY),
        ("duty: reads receipts", RECEIPT, DUTY),
        ("duty: another facility", replace(SUBMIT, facility="99002"), OTHER),
        ("duty: receipts of another", replace(RECEIPT, facility="99002"), OTHER),
        ("duty: almost the own one", replace(SUBMIT, facility=FACILITY + " "), OTHER),
        ("duty: none named", replace(SUBMIT, facility=None), OTHER),
        ("duty: an empty one named", replace(SUBMIT, facility=""), OTHER),
        ("duty: speaks for none", replace(SUBMIT, facility=None, principal=replace(HOSPITAL, facility=None)), NO),
        ("duty: another purpose", replace(SUBMIT, purpose=Purpose.PATIENT_REQUEST), NO),
        ("duty: a citizen", replace(SUBMIT, principal=CITIZEN), NO),
        ("duty: a citizen with a facility", replace(SUBMIT, principal=replace(CITIZEN, facility=FACILITY)), NO),
        ("duty: a doctor", replace(SUBMIT, principal=replace(DOCTOR, facility=FACILITY)), NO),
        ("duty: reads a book", replace(SUBMIT, action=Action.READ, patient_id=PATIENT), NO),
        ("duty: suspended", replace(SUBMIT, suspended=True), SUSPENDED),
        ("duty: suspended, for another", replace(SUBMIT, suspended=True, facility="99002"), OTHER),
        ("stewardship: lists", replace(MERGE, action=Action.LIST_WAITING), STEWARDSHIP),
        ("stewardship: resolves", replace(MERGE, action=Action.RESOLVE_IDENTITY), STEWARDSHIP),
        ("stewardship: merges", MERGE, STEWARDSHIP),
        ("stewardship: appoints", replace(MERGE, action=Action.APPOINT_GUARDIAN), STEWARDSHIP),
        ("stewardship: reviews", replace(MERGE, action=Action.REVIEW_EMERGENCY), STEWARDSHIP),
        ("stewardship: opens no book", replace(MERGE, action=Action.READ, patient_id=PATIENT), NO),
        ("stewardship: another purpose", replace(MERGE, purpose=Purpose.TREATMENT), NO),
        ("stewardship: without session", replace(MERGE, principal=Principal(PrincipalKind.STEWARD)), NO),
        ("stewardship: a citizen", replace(MERGE, principal=CITIZEN), NO),
    ),
)
def test_each_ground_answers_what_is_its_own(request_: AccessRequest, expected: object) -> None:
    decision = decide(request_)

    assert answer(decision) == expected
    if isinstance(decision, Permit):
        assert (decision.action, decision.purpose, decision.principal) == (
            request_.action,
            request_.purpose,
            request_.principal,
        )
        assert (decision.patient_id, decision.facility) == (request_.patient_id, request_.facility)
        assert decision.sections == (ALL_SECTIONS if expected is OWN else frozenset())


def test_a_ground_that_says_no_says_why() -> None:
    def no(ground: Ground, reason: DenyReason) -> list[Provision]:
        return [Provision(False, ground, reason=reason)]

    assert list(care_role(replace(PRESENTED, role_in_force=False), NOTHING_STANDS)) == no(CARE, LAPSED)
    assert list(duty_to_submit(replace(SUBMIT, facility="99002"), NOTHING_STANDS)) == no(DUTY, OTHER)
    assert list(duty_to_submit(replace(SUBMIT, suspended=True), NOTHING_STANDS)) == no(DUTY, SUSPENDED)


OWN_AFFAIRS = {
    *(Action.GIVE_CONSENT, Action.WITHDRAW_CONSENT, Action.READ_CONSENTS, Action.PRESENT),
    *(Action.READ_TRAIL, Action.DISPUTE, Action.PREVIEW, Action.END_EMERGENCY, Action.DISOWN_VISIT),
}


@pytest.mark.parametrize("action", Action)
def test_what_a_person_may_do_about_their_own_book(action: Action) -> None:
    decision = decide(replace(READ_OWN, action=action))
    stranger = decide(replace(READ_OWN, action=action, patient_id=STRANGER))

    reads = action in (Action.READ, Action.DOWNLOAD, Action.RESHARE)
    assert isinstance(decision, Permit) == (reads or action in OWN_AFFAIRS)
    if isinstance(decision, Permit):
        everything, nothing = Provision(True, OWN, labels=None), Provision(True, OWN, NOTHING)
        assert decision.rules == ((everything if reads else nothing),)
    assert answer(stranger) == NO


@pytest.mark.parametrize("purpose", Purpose)
def test_own_purpose_alone_opens_the_own_book(purpose: Purpose) -> None:
    assert (answer(decide(replace(READ_OWN, purpose=purpose))) is OWN) == (purpose is Purpose.PATIENT_REQUEST)


def test_nothing_that_stands_keeps_a_person_out_of_their_own_book() -> None:
    stands = Standing(
        (deny(), deny(grantee=consent().consent.grantee), consent()),
        (presentation(),),
        (emergency(),),
        (guardianship(),),
        birth_date="2020-01-01",
    )

    decision = decide(READ_OWN, stands)

    assert isinstance(decision, Permit)
    assert decision.opens_all
    assert len(decision.rules) == 1


MINISTRY = Principal(PrincipalKind.FACILITY, organization="CDC", session="s")
STATE = AccessRequest(MINISTRY, Action.READ, Purpose.PUBLIC_HEALTH, PATIENT, now=NOW)
TASK = StatutoryTask(
    "CDC", Purpose.PUBLIC_HEALTH, Selection(sections=frozenset({Section.CONDITIONS})), frozenset({"TB"})
)
NOBODYS = replace(TASK, organization=None)  # type: ignore[arg-type]
STATUTORY = Ground.STATUTORY_TASK


@pytest.mark.parametrize(
    ("request_", "task", "expected"),
    rows(
        ("its task", STATE, TASK, STATUTORY),
        ("another body's", STATE, replace(TASK, organization="CDC-2"), NO),
        ("no body", replace(STATE, principal=HOSPITAL), TASK, NO),
        ("no body, a task of none", replace(STATE, principal=HOSPITAL), NOBODYS, NO),
        ("another purpose", replace(STATE, purpose=Purpose.RESEARCH), TASK, NO),
        ("to take away", replace(STATE, action=Action.DOWNLOAD), TASK, NO),
    ),
)
def test_a_state_body_reads_within_its_task(request_: AccessRequest, task: StatutoryTask, expected: object) -> None:
    decision = decide(request_, Standing(tasks=(task,)))

    assert answer(decision) == expected
    if isinstance(decision, Permit):
        [rule] = decision.rules
        assert (rule.select, rule.labels, rule.source) == (TASK.select, frozenset({"TB"}), None)
        assert decision.sections == {Section.CONDITIONS}
        assert not decision.opens_history


def test_a_task_without_labels_opens_no_labelled_record() -> None:
    decision = decide(STATE, Standing(tasks=(StatutoryTask("CDC", Purpose.PUBLIC_HEALTH, EVERYTHING),)))

    assert isinstance(decision, Permit)
    assert decision.rules[0].labels == frozenset()
