"""What a clinician opens: by a presentation, in an emergency; and whom a block keeps out of either."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ehb.domain.access import DenyReason, Ground, Permit, Standing, decide
from ehb.domain.book import SUMMARY_SECTIONS
from ehb.domain.consent import HeldConsent
from ehb.domain.consent_terms import block_purposes
from ehb.domain.emergency import HeldEmergency
from ehb.domain.presentation import HeldPresentation, Holder
from ehb.domain.provision import AccessRequest, Action, Purpose
from ehb.domain.records import Condition, Section
from ehb.domain.selection import Selection
from tests.builders import FACILITY
from tests.domain.samples import PATIENT, record
from tests.domain.worlds import (
    DOCTOR,
    LICENCE,
    NOW,
    OTHER_FACILITY,
    RESCUING,
    ROLE,
    TICK,
    TO_ANYBODY,
    TREATING,
    answer,
    deny,
    emergency,
    presentation,
    rows,
)

SHOWN, URGENT, NO = Ground.PRESENTATION, Ground.EMERGENCY, DenyReason.NO_LEGAL_GROUND
LAPSED, BLOCKED = DenyReason.ROLE_NOT_IN_FORCE, DenyReason.BLOCKED
ELSEWHERE = replace(DOCTOR, role=replace(ROLE, facility=OTHER_FACILITY))
COLLEAGUE = replace(DOCTOR, role=replace(ROLE, licence="900002/CCHN"))


@pytest.mark.parametrize(
    ("request_", "held", "expected"),
    rows(
        ("to whom it is bound", TREATING, presentation(), SHOWN),
        ("bound to nobody", TREATING, presentation(holder=None), NO),
        ("bound to the licence elsewhere", TREATING, presentation(holder=Holder(LICENCE, OTHER_FACILITY)), NO),
        ("bound to a colleague", TREATING, presentation(holder=Holder("900002/CCHN", FACILITY)), NO),
        ("asked by the holder at another facility", replace(TREATING, principal=ELSEWHERE), presentation(), NO),
        ("asked by a colleague", replace(TREATING, principal=COLLEAGUE), presentation(), NO),
        ("asked without a role", replace(TREATING, principal=replace(DOCTOR, role=None)), presentation(), NO),
        ("asked after the role lapsed", replace(TREATING, role_in_force=False), presentation(), LAPSED),
        ("its last instant", TREATING, presentation(until=NOW + TICK), SHOWN),
        ("the instant it ends", TREATING, presentation(until=NOW), NO),
        ("an instant after", TREATING, presentation(until=NOW - TICK), NO),
        ("ended by the person", TREATING, presentation(ended_at=NOW), NO),
        ("no moment, no validity", replace(TREATING, now=None), presentation(), NO),
        ("in an emergency", RESCUING, presentation(), NO),
        ("to take away", replace(TREATING, action=Action.DOWNLOAD), presentation(), NO),
        ("no passcode left, but open already", TREATING, presentation(attempts_left=0), SHOWN),
    ),
)
def test_a_presentation_is_open_to_its_holder_until_it_ends(
    request_: AccessRequest, held: HeldPresentation, expected: object
) -> None:
    assert answer(decide(request_, Standing(presentations=(held,)))) == expected


def test_a_presentation_opens_its_sections_and_its_labels() -> None:
    decision = decide(TREATING, Standing(presentations=(presentation(labels=frozenset({"HIV"})),)))

    assert isinstance(decision, Permit)
    [rule] = decision.rules
    assert (rule.labels, rule.source, decision.sections) == (
        frozenset({"HIV"}),
        b"v" * 16,
        frozenset({Section.CONDITIONS}),
    )
    assert not decision.opens_history


STEP, LAST = timedelta(minutes=15), timedelta(hours=4)


@pytest.mark.parametrize(
    ("request_", "held", "expected"),
    rows(
        ("who opened it", RESCUING, emergency(), URGENT),
        ("an instant before it is opened", RESCUING, emergency(NOW + TICK), NO),
        ("the instant it is opened", RESCUING, emergency(NOW), URGENT),
        ("last instant of the first step", RESCUING, emergency(NOW - STEP + TICK), URGENT),
        ("the instant the first step ends", RESCUING, emergency(NOW - STEP), NO),
        ("an instant after", RESCUING, emergency(NOW - STEP - TICK), NO),
        ("declared: after the first step", RESCUING, emergency(NOW - STEP, declared_at=NOW - STEP), URGENT),
        ("declared: its last instant", RESCUING, emergency(NOW - LAST + TICK, declared_at=NOW), URGENT),
        ("declared: the instant it ends", RESCUING, emergency(NOW - LAST, declared_at=NOW), NO),
        ("declared: an instant after", RESCUING, emergency(NOW - LAST - TICK, declared_at=NOW), NO),
        ("ended", RESCUING, emergency(ended_at=NOW), NO),
        ("declared and ended", RESCUING, emergency(declared_at=NOW, ended_at=NOW), NO),
        ("a colleague", replace(RESCUING, principal=COLLEAGUE), emergency(), NO),
        ("who opened it, at another facility", replace(RESCUING, principal=ELSEWHERE), emergency(), NO),
        ("without a role", replace(RESCUING, principal=replace(DOCTOR, role=None)), emergency(), NO),
        ("after the role lapsed", replace(RESCUING, role_in_force=False), emergency(), LAPSED),
        ("for treatment", TREATING, emergency(), NO),
        ("to take away", replace(RESCUING, action=Action.DOWNLOAD), emergency(), NO),
        ("no moment, no validity", replace(RESCUING, now=None), emergency(), NO),
    ),
)
def test_an_emergency_is_open_to_who_opened_it_until_it_ends(
    request_: AccessRequest, held: HeldEmergency, expected: object
) -> None:
    assert answer(decide(request_, Standing(emergencies=(held,)))) == expected


@pytest.mark.parametrize("declared", [False, True], ids=["first step", "declared"])
def test_an_emergency_opens_the_summary_then_the_book_and_never_what_is_labelled(declared: bool) -> None:
    decision = decide(RESCUING, Standing(emergencies=(emergency(declared_at=NOW if declared else None),)))

    assert isinstance(decision, Permit)
    assert decision.sections == (frozenset(Section) if declared else SUMMARY_SECTIONS)
    assert decision.rules[0].source == b"e" * 16
    assert decision.opens(record(Condition, section=Section.CONDITIONS))
    assert decision.opens(record(Condition, section=Section.CLINICAL_NOTES)) == declared
    assert not decision.opens(record(Condition, section=Section.CONDITIONS, labels=("R",)))
    assert (decision.opens_all, decision.opens_history) == (False, False)


HIDDEN = Selection(records=frozenset({b"k" * 12}))
STANDING = Standing(presentations=(presentation(),), emergencies=(emergency(),))
USUAL = block_purposes()


@pytest.mark.parametrize(
    ("block", "treating", "rescuing"),
    rows(
        ("the facility, as usual", deny(purposes=USUAL), BLOCKED, URGENT),
        ("the facility, in emergencies too", deny(), BLOCKED, BLOCKED),
        ("the facility, in emergencies alone", deny(purposes={Purpose.EMERGENCY_TREATMENT}), SHOWN, BLOCKED),
        ("another facility", deny(grantee=replace(deny().consent.grantee, value=OTHER_FACILITY)), SHOWN, URGENT),
        ("the facility, but over", deny(valid_until=NOW), SHOWN, URGENT),
        ("a record, from everybody", deny(grantee=TO_ANYBODY, select=HIDDEN), SHOWN, URGENT),
    ),
)
def test_a_block_beats_a_presentation_and_an_emergency_when_it_says_so(
    block: HeldConsent, treating: object, rescuing: object
) -> None:
    stands = replace(STANDING, consents=(block,))

    assert (answer(decide(TREATING, stands)), answer(decide(RESCUING, stands))) == (treating, rescuing)


@pytest.mark.parametrize("request_", [TREATING, RESCUING], ids=["shown", "emergency"])
def test_a_hidden_record_is_closed_to_a_presentation_and_in_an_emergency(request_: AccessRequest) -> None:
    hiding = deny(grantee=TO_ANYBODY, select=HIDDEN)
    known, other = (record(Condition, section=Section.CONDITIONS, key=key * 12) for key in (b"k", b"o"))

    before, after = decide(request_, STANDING), decide(request_, replace(STANDING, consents=(hiding,)))

    assert isinstance(before, Permit)
    assert isinstance(after, Permit)
    assert (before.opens(known), before.opens(other)) == (True, True)
    assert (after.opens(known), after.opens(other)) == (False, True)


CITIZEN_DOCTOR = replace(DOCTOR, patient_id=PATIENT)


@pytest.mark.parametrize(
    ("request_", "expected"),
    rows(
        ("in force: there is no ground", TREATING, NO),
        ("lapsed", replace(TREATING, role_in_force=False), LAPSED),
        ("lapsed, in an emergency", replace(RESCUING, role_in_force=False), LAPSED),
        ("lapsed, for another purpose", replace(TREATING, role_in_force=False, purpose=Purpose.RESEARCH), NO),
        ("lapsed, to take away", replace(TREATING, role_in_force=False, action=Action.DOWNLOAD), LAPSED),
        ("nothing that a role is asked for", replace(TREATING, role_in_force=False, action=Action.RETRACT), NO),
        ("no role", replace(TREATING, role_in_force=False, principal=replace(DOCTOR, role=None)), NO),
        ("their own book", replace(TREATING, role_in_force=False, principal=CITIZEN_DOCTOR), NO),
    ),
)
@pytest.mark.parametrize(
    "block",
    [
        pytest.param((), id="nothing hidden"),
        pytest.param((deny(grantee=TO_ANYBODY, select=HIDDEN),), id="a record hidden"),
    ],
)
def test_a_lapsed_role_is_told_when_a_role_could_have_let_them_in_whatever_is_hidden(
    request_: AccessRequest, expected: object, block: tuple[HeldConsent, ...]
) -> None:
    assert answer(decide(request_, Standing(consents=block))) == expected
