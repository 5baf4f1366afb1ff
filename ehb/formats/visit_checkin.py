"""The check-in file (root CHI_TIEU_TRANG_THAI_KCB): somebody has arrived, or treatment has been ordered.

Decision: it is an early version of the same episode (facility, MA_LK). It becomes a visit that goes on and the
orders given so far; the finished visit supersedes both, and a check-in that comes after it changes nothing.
The one invariant: one file tells of one visit of one person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ehb.domain.coding import CodeableConcept, Coding, Period
from ehb.domain.records import Encounter, MedicationRequest, Procedure, Section
from ehb.domain.submission import Draft, Problem
from ehb.formats.catalogue import DRUG, SERVICE, SUPPLY, coded
from ehb.formats.problems import problem, warning
from ehb.formats.visit_rows import Row, Visit, draft

_NEEDED = (("MA_DICH_VU", "TEN_DICH_VU"), ("MA_THUOC", "TEN_THUOC"), ("MA_VAT_TU", "TEN_VAT_TU"))


def check_in_problems(rows: Sequence[Row]) -> Iterator[Problem]:
    """That all rows tell of one visit, and are counted."""
    for row in rows:
        for field in ("MA_LK", "MA_CSKCB", "SO_CCCD"):
            if row.get(field) not in ("", rows[0].get(field)):
                yield problem("checkin.many", table=row.table, row=row.number, field=field)
        if row.get("STT") not in ("", str(row.number)):
            yield warning("row.order", table=row.table, row=row.number, field="STT")


def check_in_drafts(rows: Sequence[Row]) -> Iterator[Draft]:
    """The visit that goes on, and its orders."""
    last = rows[-1]
    arrival = next((time for row in rows if (time := row.time("NGAY_VAO"))), None)
    if arrival is None:
        return
    visit = Visit(rows[0], arrival, arrival, {})
    ordered = [row for row in rows if any(row.get(name) for pair in _NEEDED for name in pair)]
    admission = next((time for row in reversed(rows) if (time := row.time("NGAY_VAO_NOI_TRU"))), None)
    yield draft(
        Encounter(
            section=Section.ENCOUNTERS,
            time=arrival,
            provenance=visit.provenance(),
            status="in-progress" if ordered or admission else "arrived",
            category=coded("ma_loai_kcb", last.get("MA_LOAI_KCB"), arrival),
            period=Period(arrival),
            admission=admission,
            admission_reason=next((text for row in reversed(rows) if (text := row.text("LY_DO_VNT"))), None),
        ),
        "encounter",
        rows[0],
    )
    for row in ordered:
        yield from _orders(visit, row)


def _orders(visit: Visit, row: Row) -> Iterator[Draft]:
    time = row.time("NGAY_YL") or visit.arrival
    for system, (code_field, name_field) in zip((SERVICE, DRUG, SUPPLY), _NEEDED, strict=True):
        code, name = row.get(code_field), row.text(name_field)
        if not (code or name):
            continue
        what = CodeableConcept((Coding(system, code, name),) if code else (), name)
        identity = f"order/{code}/{name}/{row.get('NGAY_YL')}"
        provenance = visit.provenance()
        if system == DRUG:
            drug = MedicationRequest(
                section=Section.PRESCRIPTIONS, time=time, code=what, provenance=provenance, status="active"
            )
            yield draft(drug, identity, row)
            continue
        service = Procedure(
            section=Section.PROCEDURES,
            time=time,
            code=what,
            provenance=provenance,
            status="preparation",
            used=what if system == SUPPLY else None,
            ordered=row.time("NGAY_YL"),
        )
        yield draft(service, identity, row)
