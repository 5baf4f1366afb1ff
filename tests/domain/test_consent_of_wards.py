"""What a guardian alone can permit about a child, a grown child and a ward, and what never takes effect."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ehb.domain.access import Ground, Standing, decide
from ehb.domain.consent import Grantee, GranteeKind, HeldConsent, Party
from ehb.domain.consent_terms import Terms, approval_of, needed
from ehb.domain.guardianship import Relation
from ehb.domain.provision import Purpose
from tests.domain.samples import STRANGER
from tests.domain.worlds import AGREED, FOR_FAMILY, NOW, TREATING, answer, consent, guardianship, rows

PERSON, GUARDIAN, UNIT = Party.PERSON, Party.REPRESENTATIVE, Party.MANAGING_UNIT
BY_GUARDIAN = replace(AGREED, party=GUARDIAN, by=STRANGER)
CARE = Terms(permit=True, grantee_kind=GranteeKind.FACILITY, grantee="99001", purposes=frozenset({Purpose.TREATMENT}))
AUNT = replace(CARE, grantee_kind=GranteeKind.PERSON, purposes=frozenset({Purpose.FAMILY_REQUEST}))
HIV = frozenset({"HIV"})
STUDY = replace(CARE, purposes=frozenset({Purpose.RESEARCH, Purpose.TREATMENT}))


@pytest.mark.parametrize(
    ("terms", "years", "ward", "parties"),
    rows(
        ("care, of 6", CARE, 6, False, {GUARDIAN}),
        ("care, of 7", CARE, 7, False, {GUARDIAN, PERSON}),
        ("care, of 17", CARE, 17, False, {GUARDIAN, PERSON}),
        ("care, of 18", CARE, 18, False, {PERSON}),
        ("care, of a ward", CARE, 40, True, {GUARDIAN}),
        ("sensitive care, of 6", replace(CARE, labels=HIV), 6, False, {GUARDIAN}),
        ("an aunt, of 6", AUNT, 6, False, {GUARDIAN}),
        ("sensitive to an aunt, of 6", replace(AUNT, labels=HIV), 6, False, {GUARDIAN, PERSON}),
        ("sensitive to an aunt, of a ward", replace(AUNT, labels=HIV), 40, True, {GUARDIAN, PERSON}),
        ("sensitive to an aunt, of 18", replace(AUNT, labels=HIV), 18, False, {PERSON}),
        ("research, of 6", STUDY, 6, False, {GUARDIAN, UNIT}),
        ("research, of an adult", STUDY, 30, False, {PERSON, UNIT}),
        ("a third party, of 6", replace(CARE, grantee_kind=GranteeKind.ORGANIZATION), 6, False, {GUARDIAN, UNIT}),
    ),
)
def test_whose_agreement_is_needed(terms: Terms, years: int, parties: set[Party], *, ward: bool) -> None:
    assert needed(terms, years, ward=ward) == parties


@pytest.mark.parametrize(("years", "counts"), [(6, False), (7, True), (13, True), (14, False), (None, False)])
def test_a_guardian_says_that_a_child_agrees_from_7_to_13(years: int | None, *, counts: bool) -> None:
    both = frozenset({GUARDIAN, PERSON})

    given = approval_of(GUARDIAN, both, child_agrees=True, years=years)

    assert given == (both if counts else frozenset({GUARDIAN}))


def permitted(**terms: Any) -> HeldConsent:
    """A treatment permit that a guardian gave when the child was six."""
    alone = {"needs": frozenset({GUARDIAN}), "approvals": frozenset({GUARDIAN}), "agreement": BY_GUARDIAN}
    return consent(valid_until=NOW + timedelta(days=5 * 365), **{**alone, **terms})


WARD = guardianship(relation=Relation.GUARDIAN_OF_WARD)


@pytest.mark.parametrize(
    ("born", "held", "standing", "opens"),
    rows(
        ("six", "2019-11-21", permitted(), {}, True),
        ("seven today", "2019-11-20", permitted(), {}, False),
        ("seven, and the child agreed", "2019-11-20", permitted(approvals=frozenset({GUARDIAN, PERSON})), {}, True),
        ("of age", "2008-11-20", permitted(), {}, False),
        ("age unknown", None, permitted(), {}, False),
        ("a ward", "1980-01-01", permitted(), {"guardianships": (WARD,)}, True),
        (
            "a ward no longer",
            "1980-01-01",
            permitted(),
            {"guardianships": (replace(WARD, ended_at=NOW - timedelta(days=1)),)},
            False,
        ),
        ("the person's own word", "2008-11-20", consent(), {}, True),
    ),
)
def test_what_a_guardian_permitted_alone_ends_when_the_child_is_to_be_asked(
    born: str | None, held: HeldConsent, standing: dict[str, Any], *, opens: bool
) -> None:
    decision = decide(TREATING, Standing(consents=(held,), birth_date=born, **standing))

    assert (answer(decision) is Ground.CONSENT) is opens


def test_what_a_guardian_closed_stays_closed_when_the_child_is_to_be_asked() -> None:
    closed = consent(permit=False, valid_until=None, agreement=BY_GUARDIAN, approvals=frozenset({GUARDIAN}))
    closed = replace(closed, consent=replace(closed.consent, needs=frozenset({GUARDIAN})))

    decision = decide(TREATING, Standing(consents=(closed, consent(id=b"o" * 16)), birth_date="2010-01-01"))

    assert answer(decision) is not Ground.CONSENT


@pytest.mark.parametrize("purpose", Purpose)
def test_a_guardians_word_for_research_never_takes_effect_without_the_managing_unit(purpose: Purpose) -> None:
    aunt = Grantee(GranteeKind.PERSON, "00")
    given = permitted(grantee=aunt, purposes=frozenset({Purpose.RESEARCH}), labels=HIV)
    standing = Standing(consents=(replace(given, person=STRANGER),), birth_date="2021-01-01")

    decision = decide(replace(FOR_FAMILY, purpose=purpose), standing)

    assert answer(decision) is not Ground.CONSENT
