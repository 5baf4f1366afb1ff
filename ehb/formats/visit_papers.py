"""Papers of a visit file: discharge paper (XML7), record summary (XML8), referral (XML13), appointments (XML14).

The one invariant: a paper is one record, because it was signed as one.
"""

from __future__ import annotations

from collections.abc import Iterator

from ehb.domain.coding import CodeableConcept, Period
from ehb.domain.records import (
    Appointment,
    Composition,
    Section,
    ServiceRequest,
)
from ehb.domain.submission import Draft
from ehb.formats.catalogue import coded, icd10
from ehb.formats.field_tables import read_time
from ehb.formats.visit_rows import Row, Visit, author, draft, signer


def papers(visit: Visit) -> Iterator[Draft]:
    for row in visit.rows.get("XML7", ()):
        weeks = row.get("TUOI_THAI")
        leave = Period(row.time("NGOAITRU_TUNGAY"), row.time("NGOAITRU_DENNGAY"))
        yield draft(
            Composition(
                section=Section.DISCHARGE_PAPERS,
                time=row.time("NGAY_RA") or visit.end,
                provenance=visit.provenance(row.text("MA_BS"), signer(row)),
                title="Giấy ra viện",
                period=Period(row.time("NGAY_VAO") or visit.arrival, row.time("NGAY_RA")),
                discharge_diagnosis=row.text("CHAN_DOAN_RV"),
                treatment=row.text("PP_DIEUTRI"),
                gestational_age_weeks=int(weeks) if weeks.isdigit() else None,
                pregnancy_ended=row.get("MA_DINH_CHI_THAI") == "1",
                pregnancy_end_cause=row.text("NGUYENNHAN_DINHCHI"),
                pregnancy_end_time=row.time("THOIGIAN_DINHCHI"),
                leave=leave if leave.start or leave.end else None,
                document_number=row.text("SO_LUU_TRU"),
                document_date=row.time("NGAY_CT"),
                note=row.text("GHI_CHU"),
            ),
            f"discharge-paper/{row.get('SO_LUU_TRU')}",
            row,
        )
    for row in visit.rows.get("XML8", ()):
        yield draft(
            Composition(
                section=Section.RECORD_SUMMARIES,
                time=row.time("NGAY_RA") or visit.end,
                provenance=visit.provenance(author=author(row.text("MA_TTDV"))),
                title="Tóm tắt hồ sơ bệnh án",
                period=Period(row.time("NGAY_VAO") or visit.arrival, row.time("NGAY_RA")),
                admission_diagnosis=row.text("CHAN_DOAN_VAO"),
                discharge_diagnosis=row.text("CHAN_DOAN_RV"),
                course=row.text("QT_BENHLY"),
                results_summary=row.text("TOMTAT_KQ"),
                treatment=row.text("PP_DIEUTRI"),
                outcome=coded("ket_qua_dtri", row.get("KET_QUA_DTRI"), visit.end),
                document_date=row.time("NGAY_CT"),
                note=row.text("GHI_CHU"),
            ),
            "record-summary",
            row,
        )


def referrals(visit: Visit) -> Iterator[Draft]:
    for row in visit.rows.get("XML13", ()):
        code = row.get("MA_BENH_CHINH")
        yield draft(
            ServiceRequest(
                section=Section.REFERRALS,
                time=visit.end,
                code=CodeableConcept((icd10(code, visit.end),) if code else (), row.text("CHAN_DOAN_RV")),
                provenance=visit.provenance(row.text("MA_BAC_SI"), author(row.text("MA_TTDV"))),
                referred_from=row.text("MA_NOI_DI"),
                referred_to=row.text("MA_NOI_DEN") or visit.summary.text("MA_NOI_DEN"),
                reason=coded("ma_lydo_ct", row.get("MA_LYDO_CT"), visit.end),
                clinical_signs=row.text("DAU_HIEU_LS"),
                diagnosis=row.text("CHAN_DOAN_RV"),
                course=row.text("QT_BENHLY"),
                results_summary=row.text("TOMTAT_KQ"),
                treatment=row.text("PP_DIEUTRI") or row.text("PP_DIEU_TRI"),
                services=row.text("TEN_DICH_VU"),
                medications=row.text("TEN_THUOC"),
                plan=row.text("HUONG_DIEU_TRI"),
                transport=row.text("PHUONGTIEN_VC"),
                document_number=row.text("SO_CHUYENTUYEN"),
            ),
            f"referral/{row.get('SO_CHUYENTUYEN')}",
            row,
        )


def appointments(visit: Visit) -> Iterator[Draft]:
    """Slips of XML14, and the dates of XML1 for which no slip was sent."""
    slips = visit.rows.get("XML14", ())
    main = _main_disease(visit, visit.summary)
    for row in slips:
        time = row.time("NGAY_HEN_KL")
        if time is None:
            continue
        yield draft(
            Appointment(
                section=Section.REEXAMINATION_APPOINTMENTS,
                time=time,
                code=_main_disease(visit, row) or main,
                provenance=visit.provenance(row.text("MA_BAC_SI"), author(row.text("MA_TTDV"))),
                diagnosis=row.text("CHAN_DOAN_RV"),
                document_number=row.text("SO_GIAYHEN_KL"),
                issued=row.time("NGAY_CT"),
            ),
            f"appointment/{time[:10]}",
            row,
        )
    with_slip = {row.get("NGAY_HEN_KL")[:8] for row in slips}
    for day in visit.summary.each("NGAY_TAI_KHAM"):
        if day[:8] not in with_slip:
            time = read_time(day)
            yield draft(
                Appointment(
                    section=Section.REEXAMINATION_APPOINTMENTS,
                    time=time,
                    code=main,
                    provenance=visit.provenance(),
                    diagnosis=visit.summary.text("CHAN_DOAN_RV"),
                ),
                f"appointment/{time[:10]}",
                visit.summary,
            )


def _main_disease(visit: Visit, row: Row) -> CodeableConcept | None:
    code = row.get("MA_BENH_CHINH")
    return CodeableConcept((icd10(code, visit.end),)) if code else None
