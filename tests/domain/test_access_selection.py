"""What a permit opens, record by record: every dimension of a selection, labels, exceptions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ehb.domain.access import ALL_SECTIONS, Permit, decide
from ehb.domain.coding import VIETNAM
from ehb.domain.consent import HeldConsent
from ehb.domain.records import Condition, Record, Section
from ehb.domain.selection import Selection, milliseconds
from tests.domain.samples import record
from tests.domain.worlds import (
    NOW,
    TO_ANYBODY,
    TREATING,
    consent,
    deny,
    rows,
    said,
    seen,
)

MOMENT = datetime(2026, 10, 5, 8, 0, tzinfo=VIETNAM)
MILLI = timedelta(milliseconds=1)
CONDITIONS, ALLERGIES = frozenset({Section.CONDITIONS}), frozenset({Section.ALLERGIES})
KEY = b"k" * 12


def diagnosis(**given: Any) -> Record:
    return record(Condition, **{"section": Section.CONDITIONS, "time": MOMENT.isoformat(), **given})


@pytest.mark.parametrize(
    ("select", "one", "held"),
    rows(
        ("everything", {}, {}, True),
        ("its section", {"sections": CONDITIONS}, {}, True),
        ("another section", {"sections": ALLERGIES}, {}, False),
        ("no section", {"sections": frozenset()}, {}, False),
        ("its kind", {"kinds": frozenset({"Condition"})}, {}, True),
        ("another kind", {"kinds": frozenset({"Encounter"})}, {}, False),
        ("no kind", {"kinds": frozenset()}, {}, False),
        ("the record", {"records": frozenset({KEY})}, {}, True),
        ("another record", {"records": frozenset({b"o" * 12})}, {}, False),
        ("one bit of its key", {"records": frozenset({KEY[:-1] + b"j"})}, {}, False),
        ("no record", {"records": frozenset()}, {}, False),
        ("its facility", {"facilities": frozenset({"99001"})}, {}, True),
        ("another facility", {"facilities": frozenset({"99002"})}, {}, False),
        ("no facility", {"facilities": frozenset()}, {}, False),
        ("its label", {"labels": frozenset({"HIV"})}, {"labels": ("HIV", "PSY")}, True),
        ("another label", {"labels": frozenset({"TB"})}, {"labels": ("HIV", "PSY")}, False),
        ("a label, and it has none", {"labels": frozenset({"HIV"})}, {}, False),
        ("no label", {"labels": frozenset()}, {"labels": ("HIV",)}, False),
        ("since before it", {"since": MOMENT - MILLI}, {}, True),
        ("since that moment", {"since": MOMENT}, {}, True),
        ("since a millisecond after it", {"since": MOMENT + MILLI}, {}, False),
        ("until a millisecond before it", {"until": MOMENT - MILLI}, {}, False),
        ("until that moment", {"until": MOMENT}, {}, False),
        ("until a millisecond after it", {"until": MOMENT + MILLI}, {}, True),
        ("from that moment until the next", {"since": MOMENT, "until": MOMENT + MILLI}, {}, True),
        ("a span that ends before it begins", {"since": MOMENT, "until": MOMENT - MILLI}, {}, False),
        ("a span without length", {"since": MOMENT, "until": MOMENT}, {}, False),
        (
            "a day counts from its midnight",
            {"since": datetime(2026, 10, 5, tzinfo=VIETNAM)},
            {"time": "2026-10-05"},
            True,
        ),
        (
            "and not from later",
            {"since": datetime(2026, 10, 5, 0, 0, 1, tzinfo=VIETNAM)},
            {"time": "2026-10-05"},
            False,
        ),
        (
            "a year counts from its first day",
            {"until": datetime(2026, 1, 1, tzinfo=VIETNAM) + MILLI},
            {"time": "2026"},
            True,
        ),
        ("section and kind", {"sections": CONDITIONS, "kinds": frozenset({"Condition"})}, {}, True),
        ("section, not kind", {"sections": CONDITIONS, "kinds": frozenset({"Encounter"})}, {}, False),
        ("kind, not section", {"sections": ALLERGIES, "kinds": frozenset({"Condition"})}, {}, False),
        ("all but the time", {"sections": CONDITIONS, "records": frozenset({KEY}), "until": MOMENT}, {}, False),
    ),
)
def test_each_dimension_of_a_selection_narrows_a_permit_a_deny_and_an_exception(
    select: dict[str, Any], one: dict[str, Any], held: bool
) -> None:
    part, known, labels = Selection(**select), [diagnosis(**one)], frozenset({"HIV", "PSY"})
    whole = consent(labels=labels)

    permitted = seen(TREATING, said(consent(select=part, labels=labels)), known)
    denied = seen(TREATING, said(whole, deny(select=part)), known)
    excepted = seen(TREATING, said(consent(labels=labels, exceptions=(part,))), known)
    first_of_two = seen(TREATING, said(consent(labels=labels, exceptions=(part, Selection(sections=ALLERGIES)))), known)

    assert bool(permitted) == held
    assert bool(denied) != held
    assert bool(excepted) != held
    assert bool(first_of_two) != held


@pytest.mark.parametrize(
    ("named", "carried", "opened"),
    rows(
        ("none, of none", (), (), True),
        ("none, of one", (), ("HIV",), False),
        ("one, of none", ("HIV",), (), True),
        ("the one", ("HIV",), ("HIV",), True),
        ("another", ("PSY",), ("HIV",), False),
        ("one of two", ("HIV",), ("HIV", "PSY"), False),
        ("both of two", ("HIV", "PSY"), ("HIV", "PSY"), True),
        ("more than it carries", ("HIV", "PSY", "TB"), ("HIV",), True),
    ),
)
def test_a_labelled_record_is_open_when_one_rule_names_all_its_labels(
    named: tuple[str, ...], carried: tuple[str, ...], opened: bool
) -> None:
    known = [diagnosis(labels=carried)]
    apart = said(*(consent(id=name.encode().ljust(16), labels=frozenset({name})) for name in named), consent())

    assert bool(seen(TREATING, said(consent(labels=frozenset(named))), known)) == opened
    assert bool(seen(TREATING, apart, known)) == (opened and len(carried) < 2)


NOTE = frozenset({"note"})
LABELS_DO_NOT_MATTER = Selection(labels=frozenset({"HIV"}))


@pytest.mark.parametrize(
    ("consents", "expected"),
    rows(
        ("the whole book", (consent(),), ALL_SECTIONS),
        ("a section", (consent(select=Selection(sections=CONDITIONS)),), CONDITIONS),
        (
            "two rules",
            (consent(select=Selection(sections=CONDITIONS)), consent(select=Selection(sections=ALLERGIES))),
            CONDITIONS | ALLERGIES,
        ),
        ("a kind stands in its sections", (consent(select=Selection(kinds=frozenset({"Condition"}))),), CONDITIONS),
        (
            "a kind in a section",
            (consent(select=Selection(sections=CONDITIONS, kinds=frozenset({"Condition"}))),),
            CONDITIONS,
        ),
        ("no kind", (consent(select=Selection(kinds=frozenset())),), frozenset()),
        ("no record", (consent(select=Selection(records=frozenset())),), frozenset()),
        ("no facility", (consent(select=Selection(facilities=frozenset())),), frozenset()),
        ("no label", (consent(select=Selection(labels=frozenset())),), frozenset()),
        ("no time", (consent(select=Selection(since=NOW, until=NOW)),), frozenset()),
        ("reversed time", (consent(select=Selection(since=NOW, until=NOW - MILLI)),), frozenset()),
        ("a millisecond", (consent(select=Selection(since=NOW, until=NOW + MILLI)),), ALL_SECTIONS),
        ("all but a section", (consent(exceptions=(Selection(sections=CONDITIONS),)),), ALL_SECTIONS - CONDITIONS),
        ("all but everything", (consent(exceptions=(Selection(),)),), frozenset()),
        (
            "all but part of a section",
            (consent(exceptions=(replace(LABELS_DO_NOT_MATTER, sections=CONDITIONS),)),),
            ALL_SECTIONS,
        ),
        (
            "all but a section, that another rule opens",
            (consent(exceptions=(Selection(sections=CONDITIONS),)), consent(select=Selection(sections=CONDITIONS))),
            ALL_SECTIONS,
        ),
        ("a section is denied", (consent(), deny(select=Selection(sections=CONDITIONS))), ALL_SECTIONS - CONDITIONS),
        (
            "fields of a section are denied",
            (consent(), deny(select=Selection(sections=CONDITIONS), without=NOTE)),
            ALL_SECTIONS,
        ),
        (
            "the one kind of a section is denied",
            (consent(), deny(select=Selection(kinds=frozenset({"Condition"})))),
            ALL_SECTIONS - CONDITIONS,
        ),
        (
            "part of a section is denied",
            (consent(), deny(select=Selection(sections=CONDITIONS, labels=frozenset({"PSY"})))),
            ALL_SECTIONS,
        ),
        (
            "a record is hidden",
            (consent(), deny(select=Selection(records=frozenset({KEY})), grantee=TO_ANYBODY)),
            ALL_SECTIONS,
        ),
        ("a span is denied", (consent(), deny(select=Selection(since=NOW))), ALL_SECTIONS),
    ),
)
def test_a_permit_names_the_sections_that_it_could_open_whatever_there_is(
    consents: tuple[HeldConsent, ...], expected: frozenset[Section]
) -> None:
    decision = decide(TREATING, said(*consents))

    assert isinstance(decision, Permit)
    assert decision.sections == expected


@pytest.mark.parametrize(
    ("consents", "all_"),
    rows(
        ("all, but no labels", (consent(),), False),
        ("all with a label", (consent(labels=frozenset({"HIV"})),), False),
        ("a hidden record", (consent(), deny(select=Selection(records=frozenset({KEY})))), False),
    ),
)
def test_only_the_person_and_who_represents_them_open_everything(consents: tuple[HeldConsent, ...], all_: bool) -> None:
    decision = decide(TREATING, said(*consents))

    assert isinstance(decision, Permit)
    assert decision.opens_all == all_
    assert not decision.opens_history


def test_moments_are_told_apart_by_the_millisecond_as_places_on_disk_are() -> None:
    moment = datetime(1970, 1, 1, 7, 0, 1, 2_999, tzinfo=VIETNAM)

    assert milliseconds(moment) == 1_002
