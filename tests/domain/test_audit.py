"""The trail: one event for a decision, saying who, what, why and by which rule, and nothing clinical."""

from __future__ import annotations

import dataclasses

from ehb.domain.access import AccessRequest, Action, Deny, DenyReason, Purpose, decide
from ehb.domain.audit import audit_event
from ehb.domain.records import Section
from tests.builders import FACILITY, NOW
from tests.domain.samples import CITIZEN, HOSPITAL, PATIENT, STRANGER

READ = AccessRequest(CITIZEN, Action.READ, Purpose.PATIENT_REQUEST, patient_id=PATIENT)


def test_a_permit_is_recorded_with_its_ground_and_the_sections_it_opened() -> None:
    decision = decide(READ)

    event = audit_event(READ, decision, path="myHealthBook", now=NOW, sections=(Section.CONDITIONS,))

    assert dataclasses.asdict(event) == {
        "time": NOW,
        "path": "myHealthBook",
        "action": "READ",
        "purpose": "PATRQT",
        "outcome": "PERMIT",
        "rule": "OWN_BOOK",
        "agent_kind": "CITIZEN",
        "agent_session": "s-1",
        "agent_patient_id": PATIENT,
        "agent_facility": None,
        "patient_id": PATIENT,
        "sections": (Section.CONDITIONS,),
        "agent_licence": None,
        "agent_actor": None,
        "detail": None,
        "source": None,
    }


def test_a_refusal_is_recorded_with_its_reason_and_opens_no_section() -> None:
    request = dataclasses.replace(READ, patient_id=STRANGER)

    event = audit_event(
        request, Deny(DenyReason.NO_LEGAL_GROUND), path="healthBook", now=NOW, sections=(Section.CONDITIONS,)
    )

    assert (event.outcome, event.rule, event.sections) == ("DENY", "NO_LEGAL_GROUND", ())
    assert (event.agent_patient_id, event.patient_id) == (PATIENT, STRANGER)


def test_a_submission_names_the_facility_and_the_book_once_it_is_known() -> None:
    request = AccessRequest(HOSPITAL, Action.SUBMIT, Purpose.TREATMENT, facility=FACILITY)
    decision = decide(request)

    before = audit_event(request, decision, path="POST /facility/submissions", now=NOW)
    after = audit_event(request, decision, path="POST /facility/submissions", now=NOW, patient_id=PATIENT)

    assert (before.agent_facility, before.patient_id, after.patient_id) == (FACILITY, None, PATIENT)
