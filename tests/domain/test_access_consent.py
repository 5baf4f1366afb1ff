"""Consents in the decision: whom they name, for what, from when to when, how often, who must have agreed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ehb.domain.access import Deny, DenyReason, Ground, Permit, decide
from ehb.domain.consent import Grantee, GranteeKind, HeldConsent, Party
from ehb.domain.identity import Principal, PrincipalKind
from ehb.domain.provision import AccessRequest, Action, Purpose
from ehb.domain.records import Section
from ehb.domain.selection import Selection
from tests.builders import FACILITY
from tests.domain.samples import CITIZEN, HOSPITAL, NOBODY, PATIENT, STRANGER
from tests.domain.worlds import (
    AGENT,
    DOCTOR,
    FOR_FAMILY,
    INSURER,
    LICENCE,
    NOW,
    OTHER_FACILITY,
    RESCUING,
    ROLE,
    SCOPE,
    STUDYING,
    TICK,
    TO_ANYBODY,
    TREATING,
    answered,
    consent,
    deny,
    rows,
    said,
)

YES, THIRD, NO, BLOCKED = Ground.CONSENT, Ground.THIRD_PARTY, DenyReason.NO_LEGAL_GROUND, DenyReason.BLOCKED
LAPSED_ROLE = DenyReason.ROLE_NOT_IN_FORCE
LAPSED = replace(TREATING, role_in_force=False)
BOTH = frozenset({Party.PERSON, Party.MANAGING_UNIT})
FAMILY = {"purposes": frozenset({Purpose.FAMILY_REQUEST}), "grantee": Grantee(GranteeKind.PERSON, "ab")}
STUDY = {"purposes": frozenset({Purpose.RESEARCH}), "grantee": Grantee(GranteeKind.ORGANIZATION, INSURER)}


def asks_as(**role: Any) -> AccessRequest:
    return replace(TREATING, principal=replace(DOCTOR, role=replace(ROLE, **role)))


@pytest.mark.parametrize(
    ("request_", "terms", "expected"),
    rows(
        ("facility: one of its own", TREATING, {}, YES),
        ("facility: another", asks_as(facility=OTHER_FACILITY), {}, NO),
        ("facility: almost", asks_as(facility=FACILITY + " "), {}, NO),
        ("facility: role lapsed", LAPSED, {}, LAPSED_ROLE),
        ("facility: its machine is nobody who works there", replace(TREATING, principal=HOSPITAL), {}, NO),
        ("facility: a citizen without role", replace(TREATING, principal=replace(DOCTOR, role=None)), {}, NO),
        ("licence: its holder", TREATING, {"grantee": Grantee(GranteeKind.PRACTITIONER, LICENCE)}, YES),
        (
            "licence: its holder elsewhere",
            asks_as(facility=OTHER_FACILITY),
            {"grantee": Grantee(GranteeKind.PRACTITIONER, LICENCE)},
            YES,
        ),
        ("licence: another", asks_as(licence="L-2"), {"grantee": Grantee(GranteeKind.PRACTITIONER, LICENCE)}, NO),
        ("licence: role lapsed", LAPSED, {"grantee": Grantee(GranteeKind.PRACTITIONER, LICENCE)}, LAPSED_ROLE),
        ("licence: the word is a facility", TREATING, {"grantee": Grantee(GranteeKind.PRACTITIONER, FACILITY)}, NO),
        ("scope: the same", TREATING, {"grantee": Grantee(GranteeKind.ROLE, SCOPE)}, YES),
        ("scope: another", asks_as(scope="nhi khoa"), {"grantee": Grantee(GranteeKind.ROLE, SCOPE)}, NO),
        ("scope: role lapsed", LAPSED, {"grantee": Grantee(GranteeKind.ROLE, SCOPE)}, LAPSED_ROLE),
        ("scope: none in the register", asks_as(scope=""), {"grantee": Grantee(GranteeKind.ROLE, SCOPE)}, NO),
        ("person: whose number it is", FOR_FAMILY, {**FAMILY, "person": STRANGER}, YES),
        ("person: number is another's today", FOR_FAMILY, {**FAMILY, "person": b"x" * 16}, NO),
        ("person: number is nobody's", FOR_FAMILY, FAMILY, NO),
        ("person: one bit of the key", FOR_FAMILY, {**FAMILY, "person": STRANGER[:-1] + b"t"}, NO),
        (
            "person: number is nobody's, caller has no book",
            replace(FOR_FAMILY, principal=Principal(PrincipalKind.CITIZEN, assurance_level=2)),
            FAMILY,
            NO,
        ),
        (
            "person: the caller's role is no matter",
            LAPSED,
            {**FAMILY, "purposes": {Purpose.TREATMENT}, "person": b"d" * 16},
            YES,
        ),
        ("organization: both agreed", STUDYING, {**STUDY, "needs": BOTH, "approvals": BOTH}, THIRD),
        ("organization: managing unit not asked", STUDYING, STUDY, NO),
        ("organization: managing unit has not agreed", STUDYING, {**STUDY, "needs": BOTH}, NO),
        (
            "organization: person has not agreed",
            STUDYING,
            {**STUDY, "needs": BOTH, "approvals": frozenset({Party.MANAGING_UNIT})},
            NO,
        ),
        (
            "organization: another",
            replace(STUDYING, principal=replace(AGENT, organization="insurer-2")),
            {**STUDY, "needs": BOTH, "approvals": BOTH},
            NO,
        ),
        (
            "organization: none",
            replace(STUDYING, principal=replace(AGENT, organization=None)),
            {**STUDY, "needs": BOTH, "approvals": BOTH},
            NO,
        ),
        ("anybody: nobody permits all the world", TREATING, {"grantee": TO_ANYBODY}, NO),
        ("anybody: nor a machine", replace(TREATING, principal=HOSPITAL), {"grantee": TO_ANYBODY}, NO),
        ("nobody signed in", replace(TREATING, principal=NOBODY), {"grantee": TO_ANYBODY}, DenyReason.NOT_SIGNED_IN),
    ),
)
def test_a_consent_lets_in_whom_it_names(request_: AccessRequest, terms: dict[str, Any], expected: object) -> None:
    assert answered(request_, consent(**terms)) == expected


BY_LICENCE = Grantee(GranteeKind.PRACTITIONER, LICENCE)
TO_DOCTOR = {"grantee": Grantee(GranteeKind.PERSON, "ab"), "person": b"d" * 16}


@pytest.mark.parametrize(
    ("request_", "terms", "blocked"),
    rows(
        ("facility", TREATING, {}, True),
        ("another facility", TREATING, {"grantee": Grantee(GranteeKind.FACILITY, OTHER_FACILITY)}, False),
        ("licence", TREATING, {"grantee": BY_LICENCE}, True),
        ("another licence", TREATING, {"grantee": Grantee(GranteeKind.PRACTITIONER, "L-2")}, False),
        ("scope", TREATING, {"grantee": Grantee(GranteeKind.ROLE, SCOPE)}, True),
        ("person", TREATING, TO_DOCTOR, True),
        ("another person", TREATING, {**TO_DOCTOR, "person": STRANGER}, False),
        ("anybody", TREATING, {"grantee": TO_ANYBODY}, True),
        ("facility, role lapsed", LAPSED, {}, True),
        ("licence, role lapsed", LAPSED, {"grantee": BY_LICENCE}, True),
        (
            "licence, works as nothing now",
            replace(LAPSED, principal=replace(DOCTOR, role=None)),
            {"grantee": BY_LICENCE},
            False,
        ),
        ("over", TREATING, {"valid_until": NOW}, False),
        ("withdrawn", TREATING, {"ended_at": NOW}, False),
        ("another purpose", TREATING, {"purposes": frozenset({Purpose.RESEARCH})}, False),
        ("another action", TREATING, {"actions": frozenset({Action.DOWNLOAD})}, False),
        ("a part: the rest is open", TREATING, {"select": Selection(sections=frozenset({Section.ALLERGIES}))}, False),
        ("fields: the records are open", TREATING, {"without": frozenset({"note"})}, False),
    ),
)
def test_a_block_keeps_out_whom_it_names_whatever_else_lets_them_in(
    request_: AccessRequest, terms: dict[str, Any], blocked: bool
) -> None:
    let_in = consent(**TO_DOCTOR)

    first, last = decide(request_, said(deny(**terms), let_in)), decide(request_, said(let_in, deny(**terms)))

    assert isinstance(first, Deny) == isinstance(last, Deny) == blocked
    assert not blocked or first == last == Deny(BLOCKED, b"n" * 16)


@pytest.mark.parametrize("approvals", [frozenset({Party.PERSON}), frozenset(Party)], ids=len)
def test_an_organization_is_kept_out_by_the_person_alone(approvals: frozenset[Party]) -> None:
    let_in = consent(**STUDY, needs=BOTH, approvals=BOTH)

    blocked = decide(STUDYING, said(let_in, deny(grantee=STUDY["grantee"], approvals=approvals)))

    assert blocked == Deny(BLOCKED, b"n" * 16)


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("agreed", Purpose)
def test_a_consent_holds_for_its_purposes_alone(purpose: Purpose, agreed: Purpose) -> None:
    by_unit = {"needs": BOTH, "approvals": BOTH} if agreed is Purpose.RESEARCH else {}

    decision = answered(replace(TREATING, purpose=purpose), consent(purposes=frozenset({agreed}), **by_unit))

    assert (decision is YES) == (purpose is agreed)


@pytest.mark.parametrize(
    ("needs", "approvals", "answer"),
    rows(
        ("the person alone", {Party.PERSON}, {Party.PERSON}, NO),
        ("asked for and not given", BOTH, {Party.PERSON}, NO),
        ("given though not asked for", {Party.PERSON}, BOTH, NO),
        ("both", BOTH, BOTH, YES),
    ),
)
def test_research_needs_the_managing_unit_whoever_is_permitted(
    needs: frozenset[Party], approvals: frozenset[Party], answer: object
) -> None:
    agreed = {"purposes": frozenset({Purpose.RESEARCH}), "needs": frozenset(needs), "approvals": frozenset(approvals)}

    assert answered(replace(TREATING, purpose=Purpose.RESEARCH), consent(**agreed)) is answer


@pytest.mark.parametrize("action", Action)
def test_a_consent_holds_for_its_actions_alone(action: Action) -> None:
    request = replace(TREATING, action=action)

    assert (answered(request, consent()) is YES) == (action is Action.READ)
    assert (answered(request, consent(actions=frozenset({Action.DOWNLOAD}))) is YES) == (action is Action.DOWNLOAD)


@pytest.mark.parametrize(
    ("terms", "open_"),
    rows(
        ("an instant before it begins", {"valid_from": NOW + TICK}, False),
        ("the instant it begins", {"valid_from": NOW}, True),
        ("an instant after it began", {"valid_from": NOW - TICK}, True),
        ("its last instant", {"valid_until": NOW + TICK}, True),
        ("the instant it ends", {"valid_until": NOW}, False),
        ("an instant after it ended", {"valid_until": NOW - TICK}, False),
        ("without end", {"valid_until": None}, True),
        ("withdrawn this instant", {"ended_at": NOW}, False),
        ("withdrawn, by a clock ahead", {"ended_at": NOW + timedelta(hours=1)}, False),
        ("no opening used of one", {"max_uses": 1}, True),
        ("one opening used of two", {"max_uses": 2, "uses": 1}, True),
        ("two openings used of two", {"max_uses": 2, "uses": 2}, False),
        ("more used than there are", {"max_uses": 2, "uses": 3}, False),
        ("for no opening at all", {"max_uses": 0}, False),
        ("unlimited, used often", {"uses": 1_000}, True),
        ("needs nobody", {"needs": frozenset(), "approvals": frozenset()}, True),
        ("needs the person, who agreed", {}, True),
        ("needs the person, nobody agreed", {"approvals": frozenset()}, False),
        ("needs two, one agreed", {"needs": frozenset({Party.PERSON, Party.REPRESENTATIVE})}, False),
        ("needs two, the other agreed", {"needs": BOTH, "approvals": frozenset({Party.MANAGING_UNIT})}, False),
        ("needs two, both agreed", {"needs": BOTH, "approvals": BOTH}, True),
        ("more agreed than it needs", {"approvals": frozenset(Party)}, True),
    ),
)
def test_a_consent_is_in_force_from_its_first_instant_until_before_its_last(terms: dict[str, Any], open_: bool) -> None:
    assert answered(TREATING, consent(**terms)) == (YES if open_ else NO)
    assert answered(TREATING, deny(**terms), consent()) == (BLOCKED if open_ else YES)


@pytest.mark.parametrize(
    ("request_", "held", "expected"),
    rows(
        ("no moment, no validity", replace(TREATING, now=None), consent(), NO),
        ("no moment, no block", replace(TREATING, now=None), deny(), NO),
        (
            "the person, by a consent to themselves",
            replace(FOR_FAMILY, principal=CITIZEN),
            consent(**FAMILY, person=PATIENT),
            NO,
        ),
        (
            "the person treats themselves",
            replace(TREATING, principal=replace(DOCTOR, patient_id=PATIENT)),
            consent(),
            NO,
        ),
        ("for rescue, by a consent for treatment", RESCUING, consent(), NO),
        ("a block of treatment does not open rescue", RESCUING, deny(), BLOCKED),
    ),
)
def test_rows_that_stand_alone(request_: AccessRequest, held: HeldConsent, expected: object) -> None:
    assert answered(request_, held) == expected


def test_a_provision_says_what_its_consent_says_and_which_it_is() -> None:
    part, exception = Selection(kinds=frozenset({"Condition"})), Selection(labels=frozenset({"PSY"}))
    terms = {"select": part, "exceptions": (exception,), "labels": frozenset({"HIV"}), "without": frozenset({"note"})}

    decision = decide(TREATING, said(consent(**terms, max_uses=1), deny(select=part, without=frozenset({"role"}))))

    assert isinstance(decision, Permit)
    [rule], [closed] = decision.rules, decision.closed
    assert (rule.select, rule.exceptions, rule.labels, rule.without) == (
        part,
        (exception,),
        frozenset({"HIV"}),
        frozenset({"note"}),
    )
    assert (rule.source, rule.limited, rule.reason, rule.ground) == (b"c" * 16, True, None, Ground.CONSENT)
    assert (closed.select, closed.without, closed.labels) == (part, frozenset({"role"}), None)
    assert (closed.permit, closed.ground, closed.exceptions) == (False, Ground.CONSENT, ())
    assert (closed.source, closed.limited, closed.reason) == (b"n" * 16, False, DenyReason.BLOCKED)
