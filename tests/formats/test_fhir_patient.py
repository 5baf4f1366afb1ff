"""The person of a bundle: identifiers under the system they came with, and nothing guessed."""

from __future__ import annotations

from typing import Any

import pytest

from ehb.domain.identity import INSURANCE, NATIONAL_ID, OLD_NATIONAL_ID, PASSPORT, Identifier
from ehb.domain.submission import PatientDetails, VisitSummary
from tests.fhir import bundle, patient, places, resource, visit_of


def _visit(**content: Any) -> VisitSummary:
    return visit_of(bundle(resource("Condition"), of=patient(**content)))


def _person(**content: Any) -> PatientDetails:
    return _visit(**content).patient


@pytest.mark.parametrize(
    ("system", "value", "expected"),
    [
        (NATIONAL_ID, "999 185 000 001", "999185000001"),
        (OLD_NATIONAL_ID, "999000001", "999000001"),
        (PASSPORT, "b9990001", "B9990001"),
        (PASSPORT, "USA:999000001", "USA:999000001"),
    ],
)
def test_a_number_of_our_guide_is_an_identifier(system: str, value: str, expected: str) -> None:
    assert _person(identifier=[{"system": system, "value": value}]).identifiers == (Identifier(system, expected),)


@pytest.mark.parametrize("value", ["9990000001", "GD499 9990000001"])
def test_an_insurance_number_is_a_card(value: str) -> None:
    person = _person(identifier=[{"system": INSURANCE, "value": value}])

    assert person.cards == (Identifier(INSURANCE, "9990000001"),)
    assert person.identifiers == ()


@pytest.mark.parametrize(
    ("system", "value"),
    [
        (NATIONAL_ID, "999000001"),
        (OLD_NATIONAL_ID, "999185000001"),
        (NATIONAL_ID, "9991850000011"),
        (PASSPORT, "!"),
    ],
)
def test_a_number_under_the_wrong_system_is_refused_and_never_tried_as_another(system: str, value: str) -> None:
    visit = _visit(identifier=[{"system": system, "value": value}])

    assert (visit.patient.identifiers, visit.patient.cards) == ((), ())
    assert places(visit, "fhir.identifier_format") == [(None, "Bundle.entry[0].resource.identifier[0].value")]


def test_a_card_of_no_known_form_is_a_warning_as_in_a_visit_file() -> None:
    visit = _visit(identifier=[*patient()["identifier"], {"system": INSURANCE, "value": "99900000"}])

    assert [(one.severity, one.rule, one.field) for one in visit.problems] == [
        ("WARNING", "fhir.card_format", "Bundle.entry[0].resource.identifier[1].value")
    ]
    assert visit.patient.identifiers


def test_the_number_in_force_comes_first_whatever_their_order() -> None:
    given = [
        {"system": PASSPORT, "value": "B9990001"},
        {"system": OLD_NATIONAL_ID, "value": "999000001"},
        {"system": NATIONAL_ID, "value": "999185000001"},
    ]

    assert [one.system for one in _person(identifier=given).identifiers] == [NATIONAL_ID, OLD_NATIONAL_ID, PASSPORT]


def test_a_number_that_is_no_longer_theirs_does_not_count() -> None:
    retired = [{"system": NATIONAL_ID, "value": "999185000001", "use": "old"}]

    assert _person(identifier=retired).identifiers == ()


def test_systems_that_we_do_not_know_a_person_by_are_named_once_and_the_visit_waits() -> None:
    visit = _visit(identifier=[{"system": "urn:his", "value": "999185000001"}, {"value": "999185000001"}])

    assert visit.patient.identifiers == ()
    (unknown,) = [one for one in visit.problems if one.rule == "fhir.identifier_unknown"]
    assert (unknown.severity, unknown.table, unknown.field) == ("WARNING", "Patient", "identifier")
    assert unknown.message_en.startswith("2 ")
    assert places(visit, "fhir.identifier_missing") == [("Patient", "identifier")]


@pytest.mark.parametrize("birth", ["1985", "1985-03", "1985-03-07"])
def test_a_birth_date_is_as_precise_as_it_was_given(birth: str) -> None:
    assert _person(birthDate=birth).birth_date == birth


def test_name_sex_home_and_phone_are_read() -> None:
    person = _person(
        name=[{"use": "old", "text": "Tên cũ"}, {"use": "official", "text": "Nguye\u0302\u0303n Thị Thử"}],
        gender="female",
        address=[{"line": ["12 Phố Thử"], "city": "Hà Nội", "country": "VN"}],
        telecom=[{"system": "email", "value": "a@b.vn"}, {"system": "phone", "value": "0900000001"}],
    )

    assert person.full_name == "Nguyễn Thị Thử"
    assert person.sex == "female"
    assert person.address == "12 Phố Thử, Hà Nội, VN"
    assert person.phone == "0900000001"


def test_a_name_in_parts_has_the_family_first() -> None:
    assert _person(name=[{"given": ["Thị", "Thử"], "family": "Nguyễn"}]).full_name == "Nguyễn Thị Thử"


def test_a_person_of_whom_only_a_number_is_known_is_enough() -> None:
    visit = visit_of(
        bundle(
            resource("Condition"),
            of={"resourceType": "Patient", "identifier": [{"system": NATIONAL_ID, "value": "999185000001"}]},
        )
    )

    assert visit.problems == ()
    assert visit.patient == PatientDetails(identifiers=(Identifier(NATIONAL_ID, "999185000001"),))


def test_what_the_book_has_no_place_for_is_named() -> None:
    visit = _visit(maritalStatus={"text": "độc thân"}, deceasedBoolean=True)

    assert places(visit, "fhir.field_not_kept") == [("Patient", "deceasedBoolean"), ("Patient", "maritalStatus")]
