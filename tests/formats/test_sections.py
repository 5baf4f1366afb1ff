"""A section holds records of one kind, in whatever format they come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ehb import synthetic
from ehb.domain.records import KIND_OF, Record
from ehb.formats import fhir, visit_xml
from tests.builders import FACILITY
from tests.fhir import IPS, SYNTHEA, sample


def synthetic_records() -> Iterator[Record]:
    for person in synthetic.people(60, 1):
        for file in synthetic.visit_files(person, 1):
            yield from (draft.record for draft in visit_xml.read(file.content).drafts)


def sample_records() -> Iterator[Record]:
    for name in (*SYNTHEA, *IPS):
        yield from (draft.record for draft in fhir.read(sample(name), FACILITY).drafts)


@pytest.mark.parametrize(("records", "least"), [(synthetic_records, 10), (sample_records, 8)])
def test_every_record_is_of_the_kind_of_its_section(records: object, least: int) -> None:
    assert callable(records)
    found = {(one.section, type(one).__name__) for one in records()}

    assert {(section, kind) for section, kind in found if KIND_OF[section] != kind} == set()
    assert len(found) >= least
