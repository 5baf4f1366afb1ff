"""A facility's system that acts for a clinician: treating somebody else, and nothing more (row A6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ehb.domain.access import Deny, DenyReason, Ground, Permit, Standing, decide
from ehb.domain.audit import audit_event
from ehb.domain.consent import Grantee, GranteeKind
from ehb.domain.provision import AccessRequest, Action, Purpose
from ehb.domain.trail_words import Who, sentence
from tests.domain.worlds import DOCTOR, NOW, RESCUING, TO_FACILITY, TREATING, consent, deny, emergency, presentation

SYSTEM = replace(DOCTOR, actor="99001-his")
REFUSED = Deny(DenyReason.DELEGATED)


def asked(request: AccessRequest, **changes: object) -> AccessRequest:
    return replace(request, principal=SYSTEM, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("request_", "standing", "ground"),
    [
        (TREATING, Standing(presentations=(presentation(),)), Ground.PRESENTATION),
        (RESCUING, Standing(emergencies=(emergency(),)), Ground.EMERGENCY),
        (replace(TREATING, action=Action.OPEN_PRESENTATION), Standing(), Ground.CARE_ROLE),
        (replace(RESCUING, action=Action.OPEN_EMERGENCY), Standing(), Ground.CARE_ROLE),
        (replace(TREATING, action=Action.FIND_PATIENT), Standing(), Ground.OWN_IDENTITY),
    ],
    ids=["presented", "emergency", "open what is shown", "open in an emergency", "find"],
)
def test_what_the_clinician_may_do_in_care_their_system_may(
    request_: AccessRequest, standing: Standing, ground: Ground
) -> None:
    decision = decide(asked(request_), standing)

    assert isinstance(decision, Permit)
    assert decision.ground is ground


@pytest.mark.parametrize("purpose", sorted(set(Purpose) - {Purpose.TREATMENT, Purpose.EMERGENCY_TREATMENT}))
@pytest.mark.parametrize("action", Action)
def test_no_other_purpose_is_a_systems(action: Action, purpose: Purpose) -> None:
    for patient in (SYSTEM.patient_id, TREATING.patient_id):
        request = asked(TREATING, action=action, purpose=purpose, patient_id=patient)

        assert decide(request) == REFUSED


@pytest.mark.parametrize(
    "action", sorted(set(Action) - {Action.READ, Action.FIND_PATIENT, Action.OPEN_PRESENTATION, Action.OPEN_EMERGENCY})
)
def test_no_other_action_is_a_systems(action: Action) -> None:
    assert decide(asked(TREATING, action=action)) == REFUSED


def test_the_clinicians_own_book_is_closed_to_the_system() -> None:
    assert decide(asked(TREATING, patient_id=SYSTEM.patient_id)) == REFUSED


PERSON = Grantee(GranteeKind.PERSON, "index")


def test_what_was_permitted_to_the_person_is_not_permitted_to_a_system() -> None:
    held = consent(grantee=PERSON, person=DOCTOR.patient_id)

    assert isinstance(decide(TREATING, Standing(consents=(held,))), Permit)
    assert decide(asked(TREATING), Standing(consents=(held,))) == Deny(DenyReason.NO_LEGAL_GROUND)


@pytest.mark.parametrize("grantee", [PERSON, TO_FACILITY], ids=["the person", "the facility"])
def test_who_keeps_the_clinician_out_keeps_their_system_out(grantee: Grantee) -> None:
    held = deny(grantee=grantee, person=DOCTOR.patient_id)
    standing = Standing(consents=(consent(), held), presentations=(presentation(),))

    assert decide(asked(TREATING), standing) == Deny(DenyReason.BLOCKED, held.consent.id)


def test_without_a_role_a_system_may_do_nothing() -> None:
    request = replace(TREATING, principal=replace(SYSTEM, role=None))

    assert decide(request, Standing(presentations=(presentation(),))) == REFUSED


def test_the_trail_names_the_clinician_and_the_system() -> None:
    request = asked(TREATING)
    event = audit_event(request, decide(request, Standing(presentations=(presentation(),))), path="x", now=NOW)
    who = Who("PRACTITIONER", "Bác sĩ Thử", "Bệnh viện Thử")

    assert event.agent_actor == "99001-his"
    assert sentence(event, who, "en").startswith(
        "Bác sĩ Thử (a practitioner), Bệnh viện Thử, through the system 99001-his saw "
    )
    assert ", qua hệ thống 99001-his xem " in sentence(event, who, "vi")
