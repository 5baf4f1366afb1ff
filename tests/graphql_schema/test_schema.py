"""The schema as clients see it: committed, described, and without a guessable id."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import GraphQLEnumType

from ehb.domain.book import Position
from ehb.domain.coding import instant_of
from ehb.domain.records import KINDS, RECORD_TYPES
from graphql_schema import records
from graphql_schema.ids import OpaqueIds
from graphql_schema.schema import make_schema

PERSON, OTHER, KEY = b"p" * 16, b"q" * 16, b"k" * 12
POSITION = Position(instant_of("2026-10-05T08:00:00.123+07:00"), KEY)


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    """Row G9."""
    committed = Path(__file__).parents[2] / "graphql_schema" / "schema.graphql"

    assert committed.read_text().strip() == make_schema().as_str().strip(), (
        "run: ehb schema > graphql_schema/schema.graphql"
    )


def test_every_type_field_argument_and_enum_value_is_described() -> None:
    missing: list[str] = []
    for name, kind in make_schema()._schema.type_map.items():
        if name.startswith("__"):
            continue
        if not kind.description:
            missing.append(name)
        for field_name, field in getattr(kind, "fields", {}).items():
            if not field.description:
                missing.append(f"{name}.{field_name}")
            missing += [
                f"{name}.{field_name}({arg})"
                for arg, given in getattr(field, "args", {}).items()
                if not given.description
            ]
        if isinstance(kind, GraphQLEnumType):
            missing += [f"{name}.{value}" for value, given in kind.values.items() if not given.description]

    assert missing == []


def test_every_kind_of_record_has_its_type_and_every_field_of_a_type_its_attribute() -> None:
    assert tuple(kind.__name__ for kind in records.RECORD_TYPES) == KINDS
    for shown, kept in zip(records.RECORD_TYPES, RECORD_TYPES, strict=True):
        fields = {field.python_name for field in shown.__strawberry_definition__.fields}  # type: ignore[attr-defined]
        assert fields - {"id"} <= set(kept.__struct_fields__), shown.__name__


def test_an_id_is_the_same_every_time_and_opens_to_what_it_was_made_of() -> None:
    ids = OpaqueIds(b"s" * 64)

    assert ids.record(PERSON, KEY) == ids.record(PERSON, KEY)
    assert ids.record_key(ids.record(PERSON, KEY)) == (PERSON, KEY)
    assert ids.patient_key(ids.patient(PERSON)) == PERSON
    assert PERSON.hex() not in ids.patient(PERSON)


def test_an_id_of_one_kind_is_nothing_for_another_and_nothing_under_another_key() -> None:
    """Row R2."""
    ids = OpaqueIds(b"s" * 64)

    assert ids.record_key(ids.patient(PERSON)) is None
    assert ids.patient_key(ids.record(PERSON, KEY)) is None
    assert OpaqueIds(b"t" * 64).patient_key(ids.patient(PERSON)) is None


def test_an_id_of_a_record_opens_to_nothing_when_one_letter_of_it_is_another_or_its_halves_are_of_two_people() -> None:
    """Row R2."""
    ids = OpaqueIds(b"s" * 64)
    made, other = ids.record(PERSON, KEY), ids.record(b"another person's", KEY)

    for place in range(len(made)):
        letter = "A" if made[place] != "A" else "B"
        assert ids.record_key(made[:place] + letter + made[place + 1 :]) is None
    assert ids.record_key(other) == (b"another person's", KEY)
    assert ids.record_key(made[:43] + other[43:]) is None
    assert ids.record_key(made[:43]) is None
    assert made[43:] != ids.record(PERSON, b"\0" * 12)[43:]


def test_an_id_has_one_spelling() -> None:
    ids = OpaqueIds(b"s" * 64)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    for number in range(20):  # some of them have a - or a _
        made = ids.patient(bytes([number]) * 16)
        others = [made[:-1] + letter for letter in letters if letter != made[-1]]
        others += [f"{made}=", made.replace("-", "+").replace("_", "/") + ("" if {"-", "_"} & {*made} else "=")]

        assert [other for other in others if ids.patient_key(other)] == []


def test_a_key_that_is_none_spoils_no_other_id() -> None:
    ids = OpaqueIds(b"s" * 64)
    made = ids.record(PERSON, KEY)

    with pytest.raises(ValueError, match="no key"):
        ids.record(PERSON, KEY[1:])

    assert ids.record(PERSON, KEY) == made


@pytest.mark.parametrize("text", ["", "x", "bWFkZSB1cA", "é", "A" * 10_000, "../../etc", "\x00"])
def test_a_made_up_id_opens_to_nothing(text: str) -> None:
    """Row R2."""
    ids = OpaqueIds(b"s" * 64)

    assert ids.patient_key(text) is None
    assert ids.record_key(text) is None
    assert ids.grant_key(text) is None
    assert ids.position(text, b"scope") is None


def test_a_cursor_keeps_its_place_to_the_millisecond_and_is_bound_to_its_list() -> None:
    """Row R4."""
    ids = OpaqueIds(b"s" * 64)
    cursor = ids.cursor(POSITION, b"mine")

    assert ids.position(cursor, b"mine") == POSITION
    assert ids.position(cursor, b"another list") is None
