"""Reading a health book: open it through the custodian, then arrange it."""

from __future__ import annotations

from ehb.custodian import Custodian
from ehb.domain.access import Purpose
from ehb.domain.book import HealthBook, ReadQuery, assemble
from ehb.domain.identity import Principal
from ehb.domain.records import Record
from ehb.errors import Forbidden, NotFound


async def read(
    custodian: Custodian,
    principal: Principal,
    patient_id: bytes | None,
    purpose: Purpose,
    query: ReadQuery,
    *,
    path: str,
) -> HealthBook:
    """A person's book, as far as query and permit go. Raises Forbidden; absent and forbidden look the same."""
    opened = await custodian.read(principal, patient_id, purpose, query, path=path)
    return assemble(opened.patient_id, opened.patient, opened.records, opened=opened.sections, now=opened.now)


async def record(
    custodian: Custodian, principal: Principal, patient_id: bytes | None, key: bytes, purpose: Purpose, *, path: str
) -> Record:
    """One record, by the same decision as the book it stands in. Raises NotFound for absent and forbidden alike."""
    try:
        opened = await custodian.read(principal, patient_id, purpose, ReadQuery(key=key), path=path)
    except Forbidden:
        raise NotFound from None
    if not opened.records:
        raise NotFound
    return opened.records[0]


async def versions(
    custodian: Custodian, principal: Principal, patient_id: bytes | None, key: bytes, purpose: Purpose, *, path: str
) -> list[Record]:
    """All versions of one record, newest first, by the same decision. Raises NotFound as `record` does."""
    try:
        opened = await custodian.read(principal, patient_id, purpose, ReadQuery(key=key, history=True), path=path)
    except Forbidden:
        raise NotFound from None
    if not opened.records:
        raise NotFound
    return sorted(opened.records, key=lambda one: one.provenance.version, reverse=True)
