"""Patient matching as a table of cases; docs/who-is-who.md tells the same cases in words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ehb.domain.identity import (
    INSURANCE,
    NATIONAL_ID,
    NEWBORN,
    OLD_NATIONAL_ID,
    PASSPORT,
    ElectronicIdentity,
    HeldIdentifier,
    Identifier,
    Patient,
    PlaceholderNumber,
    Source,
    card_from,
    identifier_from,
)
from ehb.domain.matching import (
    Agreement,
    Known,
    LoginMatch,
    Match,
    Uncertain,
    compare_names,
    facts_in,
    match_login,
    match_visit,
)
from ehb.domain.submission import PatientDetails

DOCS = Path(__file__).parents[2] / "docs" / "who-is-who.md"
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
A, B, C = b"a" * 16, b"b" * 16, b"c" * 16
NAME, OTHER_NAME = "Nguyễn Thị Thử", "Trần Văn Khác"
BORN, OTHER_BORN = "1985-03-07", "1971-06-01"
NUMBER, OTHER = Identifier(NATIONAL_ID, "999185000001"), Identifier(NATIONAL_ID, "999071000012")
FRESH = Identifier(NATIONAL_ID, "999185000077")
OLD = Identifier(OLD_NATIONAL_ID, "999123456")
PASS = Identifier(PASSPORT, "B9990001")
BABY = Identifier(NEWBORN, "9990000001 2026-10-01T03:15:00+07:00")
BABY_NUMBER = Identifier(NATIONAL_ID, "999326000001")
CARD, OTHER_CARD = Identifier(INSURANCE, "9990000001"), Identifier(INSURANCE, "9990000002")
ACCOUNT = Identifier("account", "eid\0sub")


def person(
    *identifiers: Identifier,
    name: str | None = NAME,
    born: str | None = BORN,
    sex: str | None = None,
    by: Source | None = None,
) -> Patient:
    held = tuple(HeldIdentifier(one.system, one.value, "2020-01-01", source=by) for one in identifiers)
    return Patient(full_name=name, birth_date=born, sex=sex, vouched=by is Source.EID, identifiers=held)


def known(owners: dict[Identifier, bytes], patients: dict[bytes, Patient], *shared: frozenset[bytes]) -> Known:
    return Known(owners, patients, {key: group - {key} for group in shared for key in group})


def visit(
    *identifiers: Identifier,
    cards: Iterable[Identifier] = (),
    name: str | None = NAME,
    born: str | None = BORN,
    sex: str | None = None,
) -> PatientDetails:
    return PatientDetails(identifiers, tuple(cards), full_name=name, birth_date=born, sex=sex)


@dataclass(frozen=True)
class Case:
    id: str
    known: Known
    visit: PatientDetails
    outcome: str
    """`new`, `person`, `waits: …` with the rules, or `waits`."""
    learns: tuple[Identifier, ...] = ()


NOBODY = known({}, {})
CLAIMED = known({NUMBER: A}, {A: person(NUMBER, by=Source.FACILITY)})
VOUCHED = known({NUMBER: A}, {A: person(NUMBER, by=Source.EID)})
OLD_CLAIMED = known({OLD: A}, {A: person(OLD, by=Source.FACILITY)})
OLD_VOUCHED = known({OLD: A, NUMBER: A}, {A: person(NUMBER, OLD, by=Source.EID)})
WITH_CARD = known({NUMBER: A, CARD: A}, {A: person(NUMBER, CARD, by=Source.FACILITY)})
TWO = known(
    {NUMBER: A, OTHER: B}, {A: person(NUMBER, by=Source.EID), B: person(OTHER, name=OTHER_NAME, born=OTHER_BORN)}
)
PASSPORT_OF_ANOTHER = known({PASS: B}, {B: person(PASS, name=OTHER_NAME)})
UNNAMED_BABY = known({BABY: C}, {C: person(name="Con bà Thử", born="2026-10-01")})

VISITS = [
    Case("V1", NOBODY, visit(NUMBER), "new", (NUMBER,)),
    Case("V2", CLAIMED, visit(NUMBER), "person"),
    Case("V3", VOUCHED, visit(NUMBER), "person"),
    Case("V4", VOUCHED, visit(NUMBER, born=OTHER_BORN), "person"),
    Case("V5", VOUCHED, visit(NUMBER, name=OTHER_NAME), "waits: identity.other_person"),
    Case("V6", VOUCHED, visit(NUMBER, name=OTHER_NAME, born=OTHER_BORN), "waits: identity.other_person"),
    Case("V7", VOUCHED, visit(NUMBER, name=OTHER_NAME, born=None), "waits: identity.other_person"),
    Case("V8", VOUCHED, visit(NUMBER, name=None, born=OTHER_BORN), "waits: identity.other_person"),
    Case("V9", VOUCHED, visit(NUMBER, name=None, born=None), "person"),
    Case("V10", VOUCHED, visit(NUMBER, FRESH), "waits: identity.two_numbers"),
    Case("V11", TWO, visit(NUMBER, OTHER), "waits: identity.two_numbers"),
    Case("V12", VOUCHED, visit(NUMBER, OLD), "person"),
    Case("V13", VOUCHED, visit(NUMBER, cards=[CARD]), "person"),
    Case("V14", CLAIMED, visit(NUMBER, cards=[CARD]), "person", (CARD,)),
    Case("V15", NOBODY, visit(NUMBER, sex="male"), "waits: identity.number_contradicts"),
    Case("V16", NOBODY, visit(NUMBER, born="1986-03-07"), "waits: identity.number_contradicts"),
    Case("V17", VOUCHED, visit(NUMBER, sex="male"), "person"),
    Case("V18", NOBODY, visit(OLD), "new", (OLD,)),
    Case("V19", OLD_CLAIMED, visit(OLD), "person"),
    Case("V20", OLD_CLAIMED, visit(OLD, born=OTHER_BORN), "waits: identity.old_number_alone"),
    Case("V21", OLD_CLAIMED, visit(OLD, name=None, born=None), "waits: identity.old_number_alone"),
    Case("V22", OLD_VOUCHED, visit(OLD), "person"),
    Case("V23", OLD_VOUCHED, visit(OLD, born="1985"), "waits: identity.old_number_alone"),
    Case("V24", WITH_CARD, visit(cards=[CARD]), "person"),
    Case("V25", WITH_CARD, visit(cards=[CARD], name=OTHER_NAME), "waits"),
    Case("V26", WITH_CARD, visit(cards=[CARD], born="1985"), "waits"),
    Case("V27", WITH_CARD, visit(OTHER, cards=[CARD], name=OTHER_NAME, born=OTHER_BORN),
         "waits: identity.card_of_another"),
    Case("V28", NOBODY, visit(cards=[CARD]), "waits"),
    Case("V29", NOBODY, visit(BABY, name="Con bà Thử", born="2026-10-01"), "new", (BABY,)),
    Case("V30", UNNAMED_BABY, visit(BABY_NUMBER, BABY, name="Con bà Thử", born="2026-10-01"), "person", (BABY_NUMBER,)),
    Case("V31", VOUCHED, visit(NUMBER, BABY, name="Con bà Thử", born="2026-10-01"), "waits: identity.other_person"),
    Case("V32", VOUCHED, visit(NUMBER, name="Ng. T. Thử"), "person"),
    Case("V33", known({NUMBER: A, FRESH: B}, {A: person(NUMBER), B: person(FRESH)}, frozenset({A, B})),
         visit(NUMBER, FRESH), "person"),
    Case("V34", PASSPORT_OF_ANOTHER, visit(NUMBER, PASS), "waits: identity.two_numbers"),
    Case("V35", known({PASS: B}, {B: person(PASS)}), visit(NUMBER, PASS), "new", (NUMBER,)),
]  # fmt: skip


@pytest.mark.parametrize("case", VISITS, ids=lambda case: case.id)
def test_visit_is_matched_as_the_table_says(case: Case) -> None:
    found = match_visit(case.visit, case.known)

    if isinstance(found, Match):
        assert case.outcome == ("new" if found.person is None else "person")
        assert found.person in (None, A, B, C)
        assert found.learn == case.learns
    elif isinstance(found, Uncertain):
        assert case.outcome == f"waits: {', '.join(sorted(found.doubts))}"
    else:
        assert case.outcome == "waits"


@pytest.mark.parametrize(
    "case",
    [one for one in VISITS if any(two.is_vouched for two in one.known.patients.values())],
    ids=lambda one: one.id,
)
def test_file_never_teaches_a_vouched_person_an_identifier(case: Case) -> None:
    found = match_visit(case.visit, case.known)

    if isinstance(found, Match) and found.person is not None and case.known.patients[found.person].is_vouched:
        assert found.learn == ()


def eid(
    number: Identifier = NUMBER, *, old: str | None = None, name: str | None = NAME, born: str | None = BORN
) -> ElectronicIdentity:
    return ElectronicIdentity("eid", "sub", number.value, name, born, 2, NOW, old_national_id=old)


LOGINS = [
    ("L1", NOBODY, eid(), LoginMatch(None, (ACCOUNT, NUMBER))),
    ("L2", CLAIMED, eid(), LoginMatch(A, (ACCOUNT,))),
    ("L3", CLAIMED, eid(name=OTHER_NAME, born=OTHER_BORN), LoginMatch(None, (ACCOUNT, NUMBER), doubts=(A,))),
    ("L4", CLAIMED, eid(born="1985-12-31"), LoginMatch(A, (ACCOUNT,))),
    ("L5", VOUCHED, eid(name=OTHER_NAME), LoginMatch(A, (ACCOUNT,))),
    (
        "L6",
        known({NUMBER: A, FRESH: A}, {A: person(NUMBER, FRESH)}),
        eid(FRESH, name=OTHER_NAME, born="1985-01-01"),
        LoginMatch(None, (ACCOUNT, FRESH), doubts=(A,)),
    ),
    (
        "L7",
        known({NUMBER: A, FRESH: A}, {A: Patient(full_name=NAME, birth_date=BORN, vouched=True, identifiers=(
            HeldIdentifier(NATIONAL_ID, NUMBER.value, "2020-01-01"),
            HeldIdentifier(NATIONAL_ID, FRESH.value, "2026-01-01")))}),
        eid(FRESH, name=OTHER_NAME, born="1985-01-01"),
        LoginMatch(None, (ACCOUNT, FRESH), doubts=(A,)),
    ),
    ("L8", known({ACCOUNT: A}, {A: person(NUMBER, by=Source.EID)}), eid(FRESH), LoginMatch(A, (FRESH,))),
    (
        "L9",
        known({ACCOUNT: A, FRESH: B}, {A: person(NUMBER, by=Source.EID), B: person(FRESH, by=Source.FACILITY)}),
        eid(FRESH),
        LoginMatch(A, (), join=(B,)),
    ),
    (
        "L10",
        known({ACCOUNT: A, OTHER: B}, {A: person(NUMBER, by=Source.EID), B: person(OTHER, by=Source.EID)}),
        eid(OTHER),
        LoginMatch(A, (), doubts=(B,)),
    ),
    ("L11", OLD_CLAIMED, eid(old=OLD.value), LoginMatch(A, (ACCOUNT, NUMBER))),
    ("L12", OLD_CLAIMED, eid(old=OLD.value, name=OTHER_NAME), LoginMatch(None, (ACCOUNT, NUMBER), doubts=(A,))),
    ("L13", OLD_CLAIMED, eid(old=OLD.value, name=None, born=None), LoginMatch(None, (ACCOUNT, NUMBER), doubts=(A,))),
    (
        "L14",
        known({OLD: A, NUMBER: A}, {A: person(NUMBER, OLD, by=Source.EID)}),
        eid(OTHER, old=OLD.value, name=OTHER_NAME, born=OTHER_BORN),
        LoginMatch(None, (ACCOUNT, OTHER), doubts=(A,)),
    ),
    (
        "L15",
        known({OLD: A, NUMBER: A}, {A: person(NUMBER, OLD, by=Source.EID)}),
        eid(OTHER, old=OLD.value),
        LoginMatch(None, (ACCOUNT, OTHER), doubts=(A,)),
    ),
    (
        "L16",
        known({NUMBER: A, OLD: B}, {A: person(NUMBER), B: person(OLD)}),
        eid(old=OLD.value),
        LoginMatch(A, (ACCOUNT,), join=(B,)),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("case", "known_people", "identity", "outcome"), LOGINS, ids=[one[0] for one in LOGINS])
def test_login_owns_what_the_table_says(
    case: str, known_people: Known, identity: ElectronicIdentity, outcome: LoginMatch
) -> None:
    assert match_login(identity, ACCOUNT, known_people) == outcome


def test_documented_cases_are_the_tested_ones() -> None:
    rows = dict(re.findall(r"^\| ([VL]\d+) \|.*\| ([^|]+) \|$", DOCS.read_text("utf-8"), re.MULTILINE))

    assert [*rows] == [*(one.id for one in VISITS), *(one[0] for one in LOGINS)]
    for case in VISITS:
        said = rows[case.id]
        rules = re.findall(r"`(identity\.\w+)`", said)
        expected = (
            case.outcome.removeprefix("waits").removeprefix(": ").split(", ") if "identity." in case.outcome else []
        )
        assert ("waits" in said, [one for one in rules if "waits" in said]) == (
            case.outcome.startswith("waits"),
            expected,
        )
        assert ("new person" in said) == (case.outcome == "new"), case.id


@pytest.mark.parametrize(
    ("one", "other", "agreement"),
    [
        ("Nguyễn Thị Thử", "NGUYỄN THỊ THỬ", Agreement.SAME),
        ("Nguyễn Thị Thử", "Nguyen Thi Thu", Agreement.SAME),
        ("Đỗ Văn Đức", "Do Van Duc", Agreement.SAME),
        ("Nguyễn Thị Thử", "Nguyễn Thử", Agreement.SAME),
        ("Nguyễn Thị Hương", "Nguyễn Thị Huong", Agreement.SAME),
        ("Nguyễn Thị Hươngg", "Nguyễn Thị Hương", Agreement.SAME),
        ("John Smith", "Smith John", Agreement.SAME),
        ("Nguyễn Thị Lan", "Nguyễn Thị Mai", Agreement.DIFFERENT),
        ("Nguyễn Văn An", "Nguyễn Văn Bình", Agreement.DIFFERENT),
        ("Nguyễn Văn An", "Trần Văn An", Agreement.UNKNOWN),
        ("Ng. V. An", "Nguyễn Văn An", Agreement.UNKNOWN),
        ("Con bà Nguyễn Thị Thử", "Nguyễn Văn An", Agreement.UNKNOWN),
        ("Bé gái", "Nguyễn Văn An", Agreement.UNKNOWN),
        (None, "Nguyễn Văn An", Agreement.UNKNOWN),
        ("", "Nguyễn Văn An", Agreement.UNKNOWN),
        ("??", "Nguyễn Văn An", Agreement.UNKNOWN),
    ],
)
def test_names_are_compared_without_tone_marks_case_and_order(
    one: str | None, other: str | None, agreement: Agreement
) -> None:
    assert compare_names(one, other) is agreement
    assert compare_names(other, one) is agreement


@given(st.text(max_size=40), st.text(max_size=40))
def test_comparing_names_is_symmetric_and_never_fails(one: str, other: str) -> None:
    assert compare_names(one, other) is compare_names(other, one)
    assert compare_names(one, one) is not Agreement.DIFFERENT


@pytest.mark.parametrize(
    ("value", "facts"),
    [
        ("999085000001", ("male", "1985")),
        ("999185000001", ("female", "1985")),
        ("999203000001", ("male", "2003")),
        ("999310000001", ("female", "2010")),
        ("999999000001", ("female", "2399")),
    ],
)
def test_digits_of_a_national_number_say_sex_and_year(value: str, facts: tuple[str, str]) -> None:
    assert facts_in(Identifier(NATIONAL_ID, value)) == facts
    assert facts_in(Identifier(PASSPORT, value)) is None


@pytest.mark.parametrize(
    "text", ["000000000000", "111111111111", "999999999999", "123456789012", "000 000 000", "123456789", "0000000000"]
)
def test_placeholder_is_no_number(text: str) -> None:
    with pytest.raises(PlaceholderNumber):
        identifier_from(text)
    assert card_from("0000000000") is None
