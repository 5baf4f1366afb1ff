"""Why a record is closed, for the person who looks at their book through somebody else's eyes."""

from __future__ import annotations

import pytest

from ehb.domain.access import DenyReason, Permit, Withheld, decide
from ehb.domain.consent import HeldConsent
from ehb.domain.records import Condition, Record, Section
from ehb.domain.selection import Selection
from tests.domain.samples import record
from tests.domain.worlds import TREATING, consent, deny, rows, said

CONDITIONS, ALLERGIES = (
    Selection(sections=frozenset({Section.CONDITIONS})),
    Selection(sections=frozenset({Section.ALLERGIES})),
)
PLAIN = record(Condition, section=Section.CONDITIONS)
LABELLED = record(Condition, section=Section.CONDITIONS, labels=("HIV",))
CONSENT, BLOCK = b"c" * 16, b"n" * 16
NO_RULE = (DenyReason.NO_LEGAL_GROUND, None)


@pytest.mark.parametrize(
    ("consents", "closed", "expected"),
    rows(
        ("a deny", (consent(), deny(select=CONDITIONS)), PLAIN, (DenyReason.BLOCKED, BLOCK)),
        (
            "another deny",
            (consent(select=ALLERGIES), deny(select=ALLERGIES)),
            PLAIN,
            NO_RULE,
        ),
        (
            "a deny of fields",
            (consent(select=ALLERGIES), deny(select=CONDITIONS, without=frozenset({"note"}))),
            PLAIN,
            NO_RULE,
        ),
        ("an exception", (consent(exceptions=(CONDITIONS,)),), PLAIN, (DenyReason.EXCEPTED, CONSENT)),
        (
            "an exception of the second",
            (consent(id=b"d" * 16, exceptions=(ALLERGIES,)), consent(exceptions=(ALLERGIES, CONDITIONS))),
            LABELLED,
            (DenyReason.EXCEPTED, CONSENT),
        ),
        (
            "an exception of what is about something else",
            (consent(id=b"d" * 16, select=ALLERGIES, exceptions=(CONDITIONS,)), consent()),
            LABELLED,
            (DenyReason.SENSITIVE, CONSENT),
        ),
        ("a label", (consent(),), LABELLED, (DenyReason.SENSITIVE, CONSENT)),
        ("not part of it", (consent(select=ALLERGIES),), LABELLED, NO_RULE),
        ("a deny before a label", (deny(select=CONDITIONS), consent()), LABELLED, (DenyReason.BLOCKED, BLOCK)),
    ),
)
def test_what_closes_a_record_is_named(
    consents: tuple[HeldConsent, ...], closed: Record, expected: tuple[DenyReason, bytes | None]
) -> None:
    decision = decide(TREATING, said(*consents))

    assert isinstance(decision, Permit)
    assert not decision.opens(closed)
    assert decision.why_not(closed) == Withheld(*expected)
