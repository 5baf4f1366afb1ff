"""What of an open record is left out: by every rule that opens it, or by a deny."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ehb.domain.access import Permit, decide
from ehb.domain.coding import CodeableConcept
from ehb.domain.consent import HeldConsent
from ehb.domain.records import RECORD_TYPES, Condition, ConditionRole, Record, Section
from ehb.domain.selection import WITHHOLDABLE, Selection, unknown_fields
from tests.domain.samples import record
from tests.domain.worlds import (
    TREATING,
    consent,
    deny,
    rows,
    said,
    seen,
)

CONDITIONS, ALLERGIES = frozenset({Section.CONDITIONS}), frozenset({Section.ALLERGIES})
KEY = b"k" * 12


def diagnosis(**given: Any) -> Record:
    return record(Condition, **{"section": Section.CONDITIONS, **given})


NOTE, ROLE_ = frozenset({"note"}), frozenset({"role"})
WRITTEN = diagnosis(
    note="in confidence", role=ConditionRole.SECONDARY, clinical_status="active", code=CodeableConcept(text="x")
)


@pytest.mark.parametrize(
    ("consents", "gone"),
    rows(
        ("nothing left out", (consent(),), set()),
        ("one rule leaves a field out", (consent(without=NOTE),), {"note"}),
        ("two fields", (consent(without=NOTE | ROLE_),), {"note", "role"}),
        ("another rule shows it", (consent(without=NOTE), consent()), set()),
        ("another rule leaves another out", (consent(without=NOTE), consent(without=ROLE_)), set()),
        ("both leave it out", (consent(without=NOTE), consent(without=NOTE | ROLE_)), {"note"}),
        (
            "the rule that would show it opens another section",
            (consent(without=NOTE), consent(select=Selection(sections=ALLERGIES))),
            {"note"},
        ),
        (
            "the rule that would show it excepts the record",
            (consent(without=NOTE), consent(exceptions=(Selection(sections=CONDITIONS),))),
            {"note"},
        ),
        ("a deny closes a field", (consent(), deny(without=NOTE)), {"note"}),
        (
            "a deny closes a field of another section",
            (consent(), deny(without=NOTE, select=Selection(sections=ALLERGIES))),
            set(),
        ),
        (
            "a deny closes one, the rule leaves out another",
            (consent(without=ROLE_), deny(without=NOTE)),
            {"note", "role"},
        ),
        ("two denies", (consent(), deny(without=ROLE_), deny(without=NOTE)), {"note", "role"}),
        ("a field that the kind has not", (consent(without=frozenset({"dosage"})),), set()),
        (
            "what a record is stays",
            (consent(without=frozenset({"code", "time", "labels", "provenance", "key"})),),
            set(),
        ),
    ),
)
def test_a_field_is_left_out_when_every_rule_leaves_it_out_or_a_deny_closes_it(
    consents: tuple[HeldConsent, ...], gone: set[str]
) -> None:
    expected = msgspec.structs.replace(WRITTEN, **{name: BLANK[name] for name in gone})

    assert seen(TREATING, said(*consents), [WRITTEN]) == {0: expected}
    assert seen(TREATING, said(*reversed(consents)), [WRITTEN]) == {0: expected}


def test_a_record_that_is_not_open_has_nothing_but_what_a_deny_closes_to_leave_out() -> None:
    decision = decide(TREATING, said(consent(without=ROLE_, select=Selection(sections=ALLERGIES)), deny(without=NOTE)))

    assert isinstance(decision, Permit)
    assert not decision.opens(WRITTEN)
    assert decision.shown(WRITTEN) == msgspec.structs.replace(WRITTEN, note=None)


@pytest.mark.parametrize(
    ("fields", "kinds", "unknown"),
    rows(
        ("of every kind", {"note", "dosage"}, None, []),
        ("of this kind", {"note", "role"}, {"Condition"}, []),
        ("of another kind", {"note", "dosage"}, {"Condition"}, ["dosage"]),
        ("of one of two kinds", {"role", "dosage"}, {"Condition", "MedicationRequest"}, []),
        ("of no kind", {"x", "code", "patient_id"}, None, ["code", "patient_id", "x"]),
        ("a kind that there is not", {"note"}, {"Nonsense"}, ["note"]),
    ),
)
def test_fields_that_cannot_be_left_out_are_named(fields: set[str], kinds: set[str] | None, unknown: list[str]) -> None:
    assert unknown_fields(fields, None if kinds is None else frozenset(kinds)) == unknown


BLANK: dict[str, Any] = {"note": None, "role": ConditionRole.MAIN}


@pytest.mark.parametrize("kind", RECORD_TYPES, ids=lambda kind: kind.__name__)
def test_every_field_that_can_be_left_out_of_a_kind_is(kind: type[Record]) -> None:
    full = kind(section=Section.CONDITIONS, time="2026", provenance=diagnosis().provenance, key=KEY)
    filled = {name: f"said of {name}" for name in WITHHOLDABLE[kind.__name__]}
    full = msgspec.structs.replace(full, **filled)

    [shown] = seen(TREATING, said(consent(without=WITHHOLDABLE[kind.__name__])), [full]).values()

    assert "said of" not in repr(shown)
    assert (shown.section, shown.time, shown.key) == (full.section, full.time, full.key)
    assert filled
