"""A part of a record has what was asked for, equal to the whole, under the name of its kind."""

from __future__ import annotations

import random
from functools import cache

import pytest

from ehb import synthetic
from ehb.domain.records import KINDS, Record
from ehb.formats import visit_xml
from ehb.store.payloads import OWN_FIELDS, encode, reading

SHARED = Record.__struct_fields__


@cache
def records() -> list[Record]:
    files = (file for person in synthetic.people(5, 1) for file in synthetic.visit_files(person, 1))
    return [draft.record for file in files for draft in visit_xml.read(file.content).drafts]


@pytest.mark.parametrize("seed", range(20))
def test_a_part_has_what_all_share_and_what_was_asked_for(seed: int) -> None:
    asked = frozenset(random.Random(seed).sample(sorted(OWN_FIELDS), k=seed))

    for record in records():
        part = reading(asked)(encode(record))

        own = asked & {*type(record).__struct_fields__}
        assert type(part).__name__ == type(record).__name__
        assert {*part.__struct_fields__} == {*SHARED, *own}
        for name in (*SHARED, *own):
            assert getattr(part, name) == getattr(record, name)


def test_without_a_word_about_fields_it_is_the_record() -> None:
    for record in records():
        assert reading(None)(encode(record)) == record


def test_names_that_no_kind_has_are_nothing_to_decode() -> None:
    assert reading(frozenset({"section", "nobody", "note"})) is reading(frozenset({"note"}))


def test_the_records_are_of_several_kinds() -> None:
    assert len({type(record).__name__ for record in records()} & {*KINDS}) > 5
