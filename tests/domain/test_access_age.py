"""Representation in the decision: who speaks for a child of which age, and for a ward."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ehb.domain.access import Deny, DenyReason, Ground, Permit, Standing, decide
from ehb.domain.consent import Grantee, GranteeKind, Party
from ehb.domain.guardianship import HeldGuardianship, Relation, age
from ehb.domain.identity import Principal, PrincipalKind
from ehb.domain.provision import AccessRequest, Action, Purpose
from ehb.domain.selection import Selection
from tests.domain.samples import HOSPITAL, PATIENT, STRANGER
from tests.domain.test_access_own import OWN_AFFAIRS
from tests.domain.worlds import (
    AGREED,
    DOCTOR,
    FOR_FAMILY,
    NOW,
    TICK,
    TREATING,
    answer,
    consent,
    deny,
    guardianship,
    rows,
)

YES, NO = Ground.REPRESENTATION, DenyReason.NO_LEGAL_GROUND
TODAY = date(2026, 11, 20)
ALL, UNLABELLED, NOTHING = "all", "unlabelled", "nothing"


def opened(born: str | None, now: datetime = NOW, **given: Any) -> str:
    """What a guardian is shown: the whole book, the book without what is labelled, or nothing."""
    request = replace(FOR_FAMILY, now=now)
    decision = decide(request, Standing(guardianships=(guardianship(**given),), birth_date=born))
    if not isinstance(decision, Permit):
        assert decision.reason is NO
        return NOTHING
    assert (decision.ground, decision.rules[0].source, decision.opens_history) == (YES, b"g" * 16, True)
    assert decision.rules[0].labels in (None, frozenset())
    return ALL if decision.opens_all else UNLABELLED


MIDNIGHT = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
"""In Viet Nam."""
WARD = {"relation": Relation.GUARDIAN_OF_WARD}


@pytest.mark.parametrize(
    ("born", "given", "expected"),
    rows(
        ("born today", "2026-11-20", {}, ALL),
        ("born tomorrow", "2026-11-21", {}, NOTHING),
        ("born next year", "2027-01-01", {}, NOTHING),
        ("the day before the 7th birthday", "2019-11-21", {}, ALL),
        ("the 7th birthday", "2019-11-20", {}, ALL),
        ("the day after the 7th birthday", "2019-11-19", {}, ALL),
        ("the day before the 15th birthday", "2011-11-21", {}, ALL),
        ("the 15th birthday", "2011-11-20", {}, UNLABELLED),
        ("the day after the 15th birthday", "2011-11-19", {}, UNLABELLED),
        ("the day before the 18th birthday", "2008-11-21", {}, UNLABELLED),
        ("the 18th birthday", "2008-11-20", {}, NOTHING),
        ("the day after the 18th birthday", "2008-11-19", {}, NOTHING),
        ("a day and an hour of birth", "2011-11-21T23:59:00+07:00", {}, ALL),
        ("month known: 15 on its first day", "2011-11", {}, UNLABELLED),
        ("month known: 15 next month", "2011-12", {}, ALL),
        ("month known: 18 on its first day", "2008-11", {}, NOTHING),
        ("month known: 18 next month", "2008-12", {}, UNLABELLED),
        ("year known: 15 on its first day", "2011", {}, UNLABELLED),
        ("year known: 14", "2012", {}, ALL),
        ("year known: 18 on its first day", "2008", {}, NOTHING),
        ("year known: 17", "2009", {}, UNLABELLED),
        ("no birth date", None, {}, NOTHING),
        ("an empty birth date", "", {}, NOTHING),
        ("no date at all", "unknown", {}, NOTHING),
        ("the year 0", "0000-01-01", {}, NOTHING),
        ("a ward of age", "1960-01-01", WARD, ALL),
        ("a ward on the 18th birthday", "2008-11-20", WARD, ALL),
        ("a ward without birth date", None, WARD, ALL),
        ("a ward's guardian, ended", "1960-01-01", {**WARD, "ended_at": NOW}, NOTHING),
        ("grandparent", "2020", {"relation": Relation.GRANDPARENT}, ALL),
        ("appointed for a minor", "2008-11-20", {"relation": Relation.APPOINTED_GUARDIAN}, NOTHING),
        ("the day before it begins", "2020", {"since": TODAY + timedelta(days=1)}, NOTHING),
        ("the day it begins", "2020", {"since": TODAY}, ALL),
        ("its last day", "2020", {"until": TODAY}, ALL),
        ("the day after its last", "2020", {"until": TODAY - timedelta(days=1)}, NOTHING),
        ("a ward's, the day after its last", "1960", {**WARD, "until": TODAY - timedelta(days=1)}, NOTHING),
        ("ended", "2020", {"ended_at": NOW}, NOTHING),
        ("another guardian's", "2020", {"guardian": b"x" * 16}, NOTHING),
        ("one bit of the guardian's key", "2020", {"guardian": STRANGER[:-1] + b"t"}, NOTHING),
    ),
)
def test_what_a_guardian_reads_goes_with_the_age(born: str | None, given: dict[str, Any], expected: str) -> None:
    assert opened(born, **given) == expected


@pytest.mark.parametrize(
    ("born", "now", "expected"),
    rows(
        ("18: the last instant of the day before", "2008-11-21", MIDNIGHT - TICK, UNLABELLED),
        ("18: midnight, the day before in UTC", "2008-11-21", MIDNIGHT, NOTHING),
        ("15: the last instant of the day before", "2011-11-21", MIDNIGHT - TICK, ALL),
        ("15: midnight, the day before in UTC", "2011-11-21", MIDNIGHT, UNLABELLED),
    ),
)
def test_birthdays_begin_at_midnight_in_viet_nam(born: str, now: datetime, expected: str) -> None:
    assert opened(born, now) == expected


@pytest.mark.parametrize(
    ("born", "today", "years"),
    rows(
        ("leap day: the day before, no leap year", "2008-02-29", date(2026, 2, 28), 17),
        ("leap day: the day after, no leap year", "2008-02-29", date(2026, 3, 1), 18),
        ("leap day: the day before", "2008-02-29", date(2028, 2, 28), 19),
        ("leap day: the day", "2008-02-29", date(2028, 2, 29), 20),
        ("year known: its last day", "2008", date(2025, 12, 31), 17),
        ("year known: its first day", "2008", date(2026, 1, 1), 18),
        ("month known: the day before", "2008-11", date(2026, 10, 31), 17),
        ("month known: its first day", "2008-11", date(2026, 11, 1), 18),
        ("the year 0", "0000-01-01", TODAY, None),
        ("the year 1", "0001-01-01", TODAY, 2025),
    ),
)
def test_completed_years(born: str, today: date, years: int | None) -> None:
    assert age(born, today) == years


CHILD = Standing(guardianships=(guardianship(),), birth_date="2020-01-01")


@pytest.mark.parametrize(
    ("request_", "expected"),
    rows(
        ("reads", FOR_FAMILY, YES),
        ("takes away", replace(FOR_FAMILY, action=Action.DOWNLOAD), YES),
        ("as a doctor, for family", replace(FOR_FAMILY, principal=replace(DOCTOR, patient_id=STRANGER)), YES),
        ("for treatment", replace(FOR_FAMILY, purpose=Purpose.TREATMENT), NO),
        ("as if it were the own book", replace(FOR_FAMILY, purpose=Purpose.PATIENT_REQUEST), NO),
        ("no moment, no validity", replace(FOR_FAMILY, now=None), NO),
        (
            "a caller without book",
            replace(FOR_FAMILY, principal=Principal(PrincipalKind.CITIZEN, assurance_level=2)),
            NO,
        ),
        ("a facility with that key", replace(FOR_FAMILY, principal=replace(HOSPITAL, patient_id=STRANGER)), NO),
        ("a steward with that key", replace(FOR_FAMILY, principal=Principal(PrincipalKind.STEWARD, STRANGER)), NO),
        ("the child", replace(FOR_FAMILY, principal=Principal(PrincipalKind.CITIZEN, PATIENT, assurance_level=2)), NO),
    ),
)
def test_a_guardian_reads_for_family(request_: AccessRequest, expected: object) -> None:
    assert answer(decide(request_, CHILD)) == expected


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(
    ("change", "speaks"),
    rows(
        ("in force", {}, True),
        ("ended", {"ended_at": NOW}, False),
        ("another's", {"guardian": b"x" * 16}, False),
        ("not begun", {"since": TODAY + timedelta(days=1)}, False),
    ),
)
def test_a_guardian_looks_after_the_book_while_it_is_theirs(
    action: Action, change: dict[str, Any], speaks: bool
) -> None:
    stands = replace(CHILD, guardianships=(guardianship(**change),))

    decision = decide(replace(FOR_FAMILY, action=action), stands)
    others = (
        decide(replace(FOR_FAMILY, action=action, purpose=Purpose.PATIENT_REQUEST), stands),
        decide(replace(FOR_FAMILY, action=action, now=None), stands),
        decide(replace(FOR_FAMILY, action=action, principal=replace(HOSPITAL, patient_id=STRANGER)), stands),
    )

    reads = action in (Action.READ, Action.DOWNLOAD, Action.RESHARE)
    assert isinstance(decision, Permit) == (speaks and (reads or action in OWN_AFFAIRS))
    if isinstance(decision, Permit):
        assert (decision.ground, decision.opens_all, decision.rules[0].source) == (YES, reads, b"g" * 16)
        assert bool(decision.sections) == reads
    assert not any(isinstance(other, Permit) for other in others)


HIDDEN = {"grantee": Grantee(GranteeKind.ANYBODY), "select": Selection(records=frozenset({b"k" * 12}))}
BY_OTHER_GUARDIAN = {"agreement": replace(AGREED, by=b"o" * 16, party=Party.REPRESENTATIVE)}
KEPT_OUT = {"grantee": Grantee(GranteeKind.PERSON, "ab"), "person": STRANGER}
IN_FORCE, OVER = guardianship(), guardianship(ended_at=NOW)


@pytest.mark.parametrize(
    ("terms", "held", "request_", "closed"),
    rows(
        ("the child hid it", HIDDEN, IN_FORCE, FOR_FAMILY, True),
        ("the other guardian hid it", {**HIDDEN, **BY_OTHER_GUARDIAN}, IN_FORCE, FOR_FAMILY, False),
        ("a guardian no longer", {**HIDDEN, **BY_OTHER_GUARDIAN}, OVER, FOR_FAMILY, True),
        ("for another purpose", {**HIDDEN, **BY_OTHER_GUARDIAN}, IN_FORCE, TREATING, True),
        ("the child blocks the guardian", KEPT_OUT, IN_FORCE, FOR_FAMILY, True),
        ("the other guardian blocks this one", {**KEPT_OUT, **BY_OTHER_GUARDIAN}, IN_FORCE, FOR_FAMILY, False),
    ),
)
def test_what_a_guardian_closes_is_closed_to_others_than_guardians(
    terms: dict[str, Any], held: HeldGuardianship, request_: AccessRequest, closed: bool
) -> None:
    """A separated parent must not shut out the other; what the child says holds for both."""
    request = replace(request_, principal=replace(DOCTOR, patient_id=STRANGER))
    let_in = consent(purposes=frozenset(Purpose), grantee=Grantee(GranteeKind.PERSON, "ab"), person=STRANGER)
    standing = Standing(consents=(let_in, deny(**terms)), guardianships=(held,), birth_date="2015")

    decision = decide(request, standing)

    assert (isinstance(decision, Deny) or bool(decision.closed)) == closed
