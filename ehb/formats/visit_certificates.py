"""Certificates of a visit file: birth (XML9), pregnancy leave (XML10), sick leave (XML11), assessment (XML12).

A birth certificate belongs to mother and child: it stands in the book of whoever's visit carried it, with both
names. The identity numbers of parents are not read into it; they belong to the parents' own books.
The one invariant: a certificate is one record, because it was signed as one.
"""

from __future__ import annotations

from collections.abc import Iterator

from ehb.domain.coding import CodeableConcept, Coding, Period
from ehb.domain.records import Composition, Practitioner, Section
from ehb.domain.sensitivity import BIRTH_CERTIFICATE
from ehb.domain.submission import Draft
from ehb.formats.visit_details import details
from ehb.formats.visit_rows import Row, Visit, author, draft, signer


def certificates(visit: Visit) -> Iterator[Draft]:
    """All certificates, in the order of the tables."""
    for row in visit.rows.get("XML9", ()):
        yield _birth(visit, row)
    for row in visit.rows.get("XML10", ()):
        yield _pregnancy_leave(visit, row)
    for row in visit.rows.get("XML11", ()):
        yield _sick_leave(visit, row)
    for row in visit.rows.get("XML12", ()):
        yield _assessment(visit, row)


def _birth(visit: Visit, row: Row) -> Draft:
    title, attendant = "Giấy chứng sinh", row.text("NGUOI_DO_DE")
    paper = Composition(
        section=Section.DISCHARGE_PAPERS,
        time=row.time("NGAY_SINH_CON") or visit.end,
        code=CodeableConcept((Coding(*BIRTH_CERTIFICATE, display=title),), title),
        provenance=visit.provenance(
            author=author(row.text("MA_TTDV")), by=Practitioner(name=attendant) if attendant else None
        ),
        title=title,
        document_number=row.text("SO"),
        document_date=row.time("NGAY_CT"),
        note=row.text("GHI_CHU"),
        details=details(row, visit.end),
    )
    return draft(paper, f"birth-certificate/{row.get('SO')}/{row.get('NGAY_SINH_CON')}", row)


def _pregnancy_leave(visit: Visit, row: Row) -> Draft:
    paper = Composition(
        section=Section.DISCHARGE_PAPERS,
        time=visit.end,
        provenance=visit.provenance(row.text("MA_BS"), signer(row)),
        title="Giấy chứng nhận nghỉ dưỡng thai",
        discharge_diagnosis=row.text("CHAN_DOAN_RV"),
        leave=_leave(row),
        document_number=row.text("SO_SERI"),
        document_date=row.time("NGAY_CT"),
        details=details(row, visit.end),
    )
    return draft(paper, f"pregnancy-leave/{row.get('SO_SERI')}", row)


def _sick_leave(visit: Visit, row: Row) -> Draft:
    weeks = row.get("TUOI_THAI")
    paper = Composition(
        section=Section.DISCHARGE_PAPERS,
        time=visit.end,
        provenance=visit.provenance(row.text("MA_BS"), author(row.text("MA_BS"))),
        title="Giấy chứng nhận nghỉ việc hưởng bảo hiểm xã hội",
        discharge_diagnosis=row.text("CHAN_DOAN_RV"),
        treatment=row.text("PP_DIEUTRI"),
        gestational_age_weeks=int(weeks) if weeks.isdigit() else None,
        pregnancy_ended=row.get("MA_DINH_CHI_THAI") == "1",
        pregnancy_end_cause=row.text("NGUYENNHAN_DINHCHI"),
        leave=_leave(row),
        document_number=row.text("SO_SERI"),
        document_date=row.time("NGAY_CT"),
        details=details(row, visit.end),
    )
    return draft(paper, f"sick-leave/{row.get('SO_SERI')}", row)


def _assessment(visit: Visit, row: Row) -> Draft:
    chair = row.text("NGUOI_CHU_TRI")
    paper = Composition(
        section=Section.DISCHARGE_PAPERS,
        time=row.time("NGAY_HOP") or visit.end,
        provenance=visit.provenance(author=Practitioner(name=chair) if chair else None),
        title="Biên bản giám định y khoa",
        results_summary=row.text("KET_QUA_KHAM"),
        document_number=row.text("SO_BIEN_BAN"),
        document_date=row.time("NGAY_CHUNG_TU"),
        note=row.text("DUOC_XACDINH"),
        details=details(row, visit.end),
    )
    return draft(paper, f"assessment/{row.get('SO_BIEN_BAN')}", row)


def _leave(row: Row) -> Period | None:
    leave = Period(row.time("TU_NGAY"), row.time("DEN_NGAY"))
    return leave if leave.start or leave.end else None
