"""What the fields of the national visit file mean: rows → FHIR-worded record drafts.

Owns the order of a visit and the mapping of XML1, XML2 and XML5; results and papers have files of their own
(domain facts §2.3, §9). The one invariant: text is kept as written, and a number is read as a number only
when it is one without a doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ehb.domain.coding import CodeableConcept, Coding, Period
from ehb.domain.records import (
    ClinicalImpression,
    Condition,
    ConditionRole,
    Encounter,
    MedicationRequest,
    Section,
)
from ehb.domain.submission import Draft
from ehb.formats.catalogue import DRUG, coded, icd10, traditional
from ehb.formats.measures import measured, vital_signs
from ehb.formats.visit_care import care_plans, care_reports
from ehb.formats.visit_certificates import certificates
from ehb.formats.visit_papers import appointments, papers, referrals
from ehb.formats.visit_results import reports, services
from ehb.formats.visit_rows import Row, Visit, author, draft


def drafts_from(rows: Mapping[str, Sequence[Row]]) -> tuple[Draft, ...]:
    """All records of a visit, in the order of the tables."""
    summary = rows["XML1"][0]
    arrival = summary.time("NGAY_VAO")
    if arrival is None:
        return ()
    visit = Visit(summary, arrival, summary.time("NGAY_RA") or arrival, rows)
    return (
        *_encounter(visit),
        *_conditions(visit),
        *_medications(visit),
        *services(visit),
        *reports(visit),
        *_notes(visit),
        *care_plans(visit),
        *care_reports(visit),
        *papers(visit),
        *certificates(visit),
        *referrals(visit),
        *appointments(visit),
    )


def _encounter(visit: Visit) -> Iterator[Draft]:
    row = visit.summary
    days = row.get("SO_NGAY_DTRI")
    yield draft(
        Encounter(
            section=Section.ENCOUNTERS,
            time=visit.arrival,
            provenance=visit.provenance(author=author(row.text("MA_TTDV"))),
            code=CodeableConcept(text=row.text("LY_DO_VV")) if row.get("LY_DO_VV") else None,
            category=coded("ma_loai_kcb", row.get("MA_LOAI_KCB"), visit.end),
            period=Period(visit.arrival, row.time("NGAY_RA")),
            admission=row.time("NGAY_VAO_NOI_TRU"),
            reason=row.text("LY_DO_VV"),
            admission_reason=row.text("LY_DO_VNT"),
            admission_diagnosis=row.text("CHAN_DOAN_VAO"),
            discharge_diagnosis=row.text("CHAN_DOAN_RV"),
            outcome=coded("ket_qua_dtri", row.get("KET_QUA_DTRI"), visit.end),
            discharge=coded("ma_loai_rv", row.get("MA_LOAI_RV"), visit.end),
            accident=coded("ma_tai_nan", row.get("MA_TAI_NAN"), visit.end),
            department=row.text("MA_KHOA"),
            treatment=row.text("PP_DIEU_TRI"),
            treatment_days=int(days) if days.isdigit() else None,
            referred_from=row.text("MA_NOI_DI"),
            referred_to=row.text("MA_NOI_DEN"),
            weight=measured(row.get("CAN_NANG"), "kg"),
            birth_weights=tuple(found for item in row.each("CAN_NANG_CON") if (found := measured(item, "g"))),
            blood_group=row.text("NHOM_MAU"),
            record_number=row.text("MA_HSBA"),
            note=row.text("GHI_CHU"),
        ),
        "encounter",
        row,
    )


def _conditions(visit: Visit) -> Iterator[Draft]:
    row = visit.summary
    text = row.text("CHAN_DOAN_RV") or row.text("CHAN_DOAN_VAO")
    coded_roles = [(ConditionRole.MAIN, icd10(code, visit.end)) for code in row.each("MA_BENH_CHINH")]
    coded_roles += [(ConditionRole.SECONDARY, icd10(code, visit.end)) for code in row.each("MA_BENH_KT")]
    coded_roles += [(ConditionRole.TRADITIONAL_MEDICINE, traditional(code)) for code in row.each("MA_BENH_YHCT")]
    for role, coding in coded_roles:
        yield draft(
            Condition(
                section=Section.CONDITIONS,
                time=visit.arrival,
                code=CodeableConcept((coding,), text if role is ConditionRole.MAIN else None),
                provenance=visit.provenance(),
                role=role,
            ),
            f"condition/{role}/{coding.code}",
            row,
        )


def _medications(visit: Visit) -> Iterator[Draft]:
    for row in visit.rows.get("XML2", ()):
        code, name = row.get("MA_THUOC"), row.text("TEN_THUOC")
        yield draft(
            MedicationRequest(
                section=Section.PRESCRIPTIONS,
                time=row.time("NGAY_YL") or visit.arrival,
                code=CodeableConcept((Coding(DRUG, code, name),) if code else (), name),
                provenance=visit.provenance(row.text("MA_BAC_SI")),
                strength=row.text("HAM_LUONG"),
                form=row.text("DANG_BAO_CHE"),
                route=row.text("DUONG_DUNG"),
                dosage=row.text("LIEU_DUNG"),
                instructions=row.text("CACH_DUNG"),
                quantity=measured(row.get("SO_LUONG"), row.text("DON_VI_TINH")),
                registration_number=row.text("SO_DANG_KY"),
                given=row.time("NGAY_TH_YL"),
            ),
            f"drug/{code}/{row.get('SO_DANG_KY')}/{name}/{row.get('NGAY_YL')}",
            row,
        )


def _notes(visit: Visit) -> Iterator[Draft]:
    for row in visit.rows.get("XML5", ()):
        time = row.time("THOI_DIEM_DBLS") or visit.arrival
        description = row.text("DIEN_BIEN_LS") or ""
        yield draft(
            ClinicalImpression(
                section=Section.CLINICAL_NOTES,
                time=time,
                provenance=visit.provenance(row.text("NGUOI_THUC_HIEN"), author(row.text("NGUOI_THUC_HIEN"))),
                description=description,
                stage=row.text("GIAI_DOAN_BENH"),
                consultation=row.text("HOI_CHAN"),
                operation=row.text("PHAU_THUAT"),
                vital_signs=vital_signs(description),
            ),
            f"note/{row.get('THOI_DIEM_DBLS')}/{row.get('NGUOI_THUC_HIEN')}",
            row,
        )
