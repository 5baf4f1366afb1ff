"""The national visit file: what it becomes, what is forgiven, and what each rule says."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from ehb.domain.coding import CodeableConcept
from ehb.domain.identity import INSURANCE, NATIONAL_ID, OLD_NATIONAL_ID, PASSPORT, Identifier
from ehb.domain.records import LegalStatus
from ehb.domain.submission import PatientDetails, Severity, refused
from ehb.formats.field_tables import Need, tables
from ehb.formats.visit_xml import READ_TABLES, read
from tests.builders import (
    DRUG,
    EVERYTHING,
    FACILITY,
    NOTE,
    RECORD_SUMMARY,
    RESULT,
    SERVICE,
    SUMMARY,
    envelope,
    part,
    table_xml,
    visit_file,
)
from tests.builders import (
    NATIONAL_ID as NUMBER,
)
from tests.formats.rows import A_ROW_OF, ALL_TABLES, DISCHARGE, REFERRAL, SLIP

ERROR, WARNING = Severity.ERROR, Severity.WARNING
XML1 = table_xml("XML1", [SUMMARY])


def _only(body: bytes, kind: str) -> Any:
    (found,) = _all(body, kind)
    return found


def _all(body: bytes, kind: str) -> list[Any]:
    visit = read(body)
    assert not refused(visit.problems), visit.problems
    return [draft.record for draft in visit.drafts if type(draft.record).__name__ == kind]


def _one_table(name: str, row: dict[str, str], **summary: str) -> bytes:
    return visit_file(summary, with_tables={name: [row]}, without=[other for other in EVERYTHING if other != name])


# What a good file becomes


def test_a_file_becomes_one_visit_of_its_facility_and_episode() -> None:
    visit = read(visit_file(with_tables=ALL_TABLES))

    assert (visit.facility, visit.episode, visit.source, visit.problems) == (FACILITY, "LK-1", "QD4750", ())
    assert [type(draft.record).__name__ for draft in visit.drafts] == [
        *("Encounter", "Condition", "MedicationRequest", "DiagnosticReport", "ClinicalImpression"),
        *("CarePlan", "CarePlan", "DiagnosticReport", *["Composition"] * 6, "ServiceRequest", "Appointment"),
    ]
    assert [(draft.table, draft.row) for draft in visit.drafts] == [
        *(("XML1", 1), ("XML1", 1), ("XML2", 1), ("XML4", 1), ("XML5", 1), ("XML6", 1), ("XML15", 1), ("XML6", 1)),
        *((f"XML{number}", 1) for number in (7, 8, 9, 10, 11, 12, 13, 14)),
    ]


def test_the_visit_itself_lands_with_every_field() -> None:
    given = {
        "MA_KHOA": "K01",
        "LY_DO_VNT": "Cấp cứu",
        "NGAY_VAO_NOI_TRU": "202610050830",
        "MA_TAI_NAN": "1",
        "PP_DIEU_TRI": "Thuốc",
        "SO_NGAY_DTRI": "3",
        "MA_NOI_DI": "99003",
        "MA_NOI_DEN": "99004",
        "CAN_NANG": "52.50",
        "CAN_NANG_CON": "3200;2900;",
        "NHOM_MAU": "O+",
        "MA_HSBA": "HSBA-1",
        "GHI_CHU": "Không",
        "MA_TTDV": "900009",
    }

    encounter = _only(visit_file(given), "Encounter")

    assert encounter.time == "2026-10-05T08:00:00+07:00"
    assert (encounter.period.start, encounter.period.end) == (encounter.time, "2026-10-05T11:00:00+07:00")
    assert encounter.admission == "2026-10-05T08:30:00+07:00"
    assert (encounter.reason, encounter.admission_reason) == ("Đau đầu", "Cấp cứu")
    assert encounter.code == CodeableConcept(text="Đau đầu")
    assert encounter.admission_diagnosis == "Theo dõi tăng huyết áp"
    assert encounter.discharge_diagnosis == "Tăng huyết áp nguyên phát"
    codings = (encounter.category, encounter.outcome, encounter.discharge, encounter.accident)
    assert [coding.code for coding in codings] == ["01", "2", "1", "1"]
    assert (encounter.department, encounter.treatment, encounter.treatment_days) == ("K01", "Thuốc", 3)
    assert (encounter.referred_from, encounter.referred_to) == ("99003", "99004")
    assert (str(encounter.weight.value), encounter.weight.unit) == ("52.50", "kg")
    assert [(str(one.value), one.unit) for one in encounter.birth_weights] == [("3200", "g"), ("2900", "g")]
    assert (encounter.blood_group, encounter.record_number, encounter.note) == ("O+", "HSBA-1", "Không")
    assert encounter.provenance.author.licence == "900009"


def test_the_person_lands_with_every_field() -> None:
    given = {
        "MA_QUOCTICH": "000",
        "MA_DANTOC": "01",
        "MA_NGHE_NGHIEP": "63",
        "DIA_CHI": "Thôn Thử",
        "MATINH_CU_TRU": "01",
        "MAXA_CU_TRU": "00004",
        "DIEN_THOAI": "0900000000",
        "MA_THE_BHYT": "GD4019990000001;DN 401-999-000-0001;9990000002;",
    }

    patient = read(visit_file(given)).patient

    assert patient == PatientDetails(
        identifiers=(Identifier(NATIONAL_ID, NUMBER),),
        cards=(Identifier(INSURANCE, "9990000001"), Identifier(INSURANCE, "9990000002")),
        full_name="Nguyễn Thị Thử",
        birth_date="1985-03-07",
        sex="female",
        nationality="000",
        ethnicity=patient.ethnicity,
        occupation="63",
        address="Thôn Thử",
        province=patient.province,
        commune=patient.commune,
        phone="0900000000",
    )
    codings = (patient.ethnicity, patient.province, patient.commune)
    assert [coding.code if coding else None for coding in codings] == ["01", "01", "00004"]
    assert patient.commune is not None
    assert patient.commune.display


@pytest.mark.parametrize(
    ("text", "nationality", "system"),
    [(NUMBER, "000", NATIONAL_ID), ("012345679", "000", OLD_NATIONAL_ID), ("B1234567", "840", PASSPORT)],
)
def test_a_person_is_known_by_the_number_that_the_file_gives(text: str, nationality: str, system: str) -> None:
    visit = read(visit_file({"SO_CCCD": text, "MA_QUOCTICH": nationality}))

    assert [one.system for one in visit.patient.identifiers] == [system]
    assert visit.problems == ()


def test_a_file_without_a_number_has_no_identifier_and_no_problem() -> None:
    visit = read(visit_file({"SO_CCCD": ""}))

    assert (visit.patient.identifiers, visit.problems) == ((), ())


@pytest.mark.parametrize(
    ("value", "birth"),
    [
        *(("198500000000", "1985"), ("198503000000", "1985-03"), ("198503070000", "1985-03-07")),
        *(("19850307", "1985-03-07"), ("202610041530", "2026-10-04")),
    ],
)
def test_a_birth_date_is_as_precise_as_it_is_known(value: str, birth: str) -> None:
    visit = read(visit_file({"NGAY_SINH": value}))

    assert (visit.patient.birth_date, visit.problems) == (birth, ())


def test_diagnoses_are_main_secondary_and_of_traditional_medicine() -> None:
    given = {"MA_BENH_CHINH": "i10", "MA_BENH_KT": "E11.9;;J45;", "MA_BENH_YHCT": "U50.011"}

    conditions = _all(visit_file(given), "Condition")

    assert [(one.role.value, one.code.coding[0].code, one.code.text) for one in conditions] == [
        ("MAIN", "I10", "Tăng huyết áp nguyên phát"),
        ("SECONDARY", "E11.9", None),
        ("SECONDARY", "J45", None),
        ("TRADITIONAL_MEDICINE", "U50.011", None),
    ]
    assert conditions[0].code.coding[0].version == "TT06/2026"
    assert conditions[3].code.coding[0].system != conditions[0].code.coding[0].system


def test_a_prescription_lands_with_every_field() -> None:
    row = {
        **DRUG,
        "DUONG_DUNG": "1.01",
        "DANG_BAO_CHE": "Viên nén",
        "CACH_DUNG": "Sau ăn",
        "SO_DANG_KY": "VD-1",
        "NGAY_TH_YL": "202610050930",
    }

    drug = _only(_one_table("XML2", row), "MedicationRequest")

    assert drug.time == "2026-10-05T09:00:00+07:00"
    assert (drug.code.coding[0].code, drug.code.text) == ("40.512", "Amlodipin 5mg")
    assert (drug.strength, drug.form, drug.route) == ("5mg", "Viên nén", "1.01")
    assert (drug.dosage, drug.instructions) == (DRUG["LIEU_DUNG"], "Sau ăn")
    assert (str(drug.quantity.value), drug.quantity.unit) == ("30", "Viên")
    assert (drug.registration_number, drug.given) == ("VD-1", "2026-10-05T09:30:00+07:00")
    assert drug.provenance.practitioner.licence == "900001/DEMO-CCHN"


def test_a_service_without_results_lands_as_a_procedure_with_every_field() -> None:
    row = {
        **SERVICE,
        "MA_NHOM": "8",
        "MA_PTTT_QT": "47.01;47.09",
        "MA_BENH": "K35;K36",
        "NGAY_TH_YL": "202610050900",
        "PP_VO_CAM": "1",
        "VI_TRI_TH_DVKT": "12",
        "MA_BAC_SI": "900001",
        "NGUOI_THUC_HIEN": "900002",
    }

    procedure = _only(_one_table("XML3", row), "Procedure")

    assert (procedure.time, procedure.ordered) == ("2026-10-05T09:00:00+07:00", "2026-10-05T08:15:00+07:00")
    assert [coding.code for coding in procedure.code.coding] == ["23.0075.1494", "47.01", "47.09"]
    assert procedure.code.text == "Định lượng Glucose [Máu]"
    assert [coding.code for coding in procedure.reason] == ["K35", "K36"]
    assert (procedure.category.code, procedure.anaesthesia.code, procedure.body_site) == ("8", "1", "12")
    assert (str(procedure.quantity.value), procedure.quantity.unit) == ("1", "Lần")
    assert (procedure.provenance.practitioner.licence, procedure.provenance.author.licence) == ("900002", "900001")


def test_a_supply_lands_as_what_was_used() -> None:
    row = {"MA_LK": "LK-1", "STT": "1", "MA_VAT_TU": "N04.01", "TEN_VAT_TU": "Stent", "MA_NHOM": "10", "SO_LUONG": "2"}

    procedure = _only(_one_table("XML3", {**row, "NGAY_YL": "202610050815"}), "Procedure")

    assert (procedure.used.coding[0].code, procedure.used.text, procedure.code.text) == ("N04.01", "Stent", "Stent")


def test_results_of_one_service_at_one_time_are_one_report_with_values_and_units() -> None:
    rows = [
        {**RESULT, "MA_CHI_SO": "GLU", "MO_TA": "Máu", "KET_LUAN": "Bình thường", "MA_BS_DOC_KQ": "900003"},
        {**RESULT, "STT": "2", "TEN_CHI_SO": "Protein niệu", "GIA_TRI": "âm tính", "KET_LUAN": "Bình thường"},
        {**RESULT, "STT": "3", "TEN_CHI_SO": "HbA1c", "GIA_TRI": "<5.0", "DON_VI_DO": "%", "NGAY_KQ": "202610051000"},
    ]

    early, late = _all(visit_file(with_tables={"XML4": rows}), "DiagnosticReport")

    assert early.time == "2026-10-05T09:30:00+07:00"
    assert early.ordered == "2026-10-05T08:15:00+07:00"
    assert (early.section.value, early.category.code) == ("LABORATORY_RESULTS", "1")
    assert (early.code.coding[0].code, early.code.text) == ("23.0075.1494", "Định lượng Glucose [Máu]")
    assert early.conclusion == "Bình thường"
    assert early.provenance.practitioner.licence == "900003"
    glucose, protein = early.results
    assert (glucose.code.coding[0].code, glucose.code.text, glucose.note) == ("GLU", "Glucose", "Máu")
    assert (str(glucose.value.value), glucose.value.unit, glucose.text) == ("5.60", "mmol/L", None)
    assert (protein.value, protein.text) == (None, "âm tính")
    assert (late.time, late.results[0].value.comparator) == ("2026-10-05T10:00:00+07:00", "<")


def test_an_image_lands_as_an_imaging_report() -> None:
    scan = {**SERVICE, "MA_DICH_VU": "18.1", "TEN_DICH_VU": "X-quang ngực", "MA_NHOM": "2"}
    seen = {"MA_LK": "LK-1", "STT": "1", "MA_DICH_VU": "18.1", "TEN_CHI_SO": "X-quang", "MO_TA": "Phổi sáng"}

    report = _only(visit_file(with_tables={"XML3": [scan], "XML4": [seen]}), "DiagnosticReport")

    assert (report.section.value, report.results[0].note) == ("IMAGING_RESULTS", "Phổi sáng")


def test_a_test_whose_result_has_not_come_is_a_report_that_says_so() -> None:
    report = _only(visit_file(without=["XML4"]), "DiagnosticReport")

    assert (report.status, report.results, report.code.text) == ("registered", (), "Định lượng Glucose [Máu]")


def test_each_report_belongs_to_its_own_order_when_a_test_is_ordered_again() -> None:
    orders = [
        {**SERVICE, "NGAY_YL": "202610050815", "NGAY_KQ": "202610050930", "MA_BAC_SI": "900001"},
        {**SERVICE, "STT": "2", "NGAY_YL": "202610060815", "NGAY_KQ": "", "MA_BAC_SI": "900002"},
        {**SERVICE, "STT": "3", "NGAY_YL": "202610070815", "NGAY_KQ": "", "MA_BAC_SI": "900003"},
    ]
    results = [RESULT, {**RESULT, "STT": "2", "NGAY_KQ": "202610060930"}]
    body = visit_file({"NGAY_RA": "202610080800"}, with_tables={"XML3": orders, "XML4": results})

    reports = sorted(_all(body, "DiagnosticReport"), key=lambda one: one.time)

    assert [(one.ordered[:10], one.provenance.author.licence, one.status) for one in reports] == [
        ("2026-10-05", "900001", "final"),
        ("2026-10-06", "900002", "final"),
        ("2026-10-07", "900003", "registered"),
    ]


def test_one_order_that_is_billed_in_two_rows_has_no_second_report() -> None:
    split = [SERVICE, {**SERVICE, "STT": "2", "SO_LUONG": "0.5"}]

    reports = _all(visit_file(with_tables={"XML3": split}), "DiagnosticReport")

    assert [one.status for one in reports] == ["final"]


def test_a_note_lands_with_its_vital_signs_and_its_words_untouched() -> None:
    row = {**NOTE, "GIAI_DOAN_BENH": "Ổn định", "HOI_CHAN": "Nội khoa", "PHAU_THUAT": "Không"}

    note = _only(_one_table("XML5", row), "ClinicalImpression")

    assert note.time == "2026-10-05T08:30:00+07:00"
    assert note.description == NOTE["DIEN_BIEN_LS"]
    assert (note.stage, note.consultation, note.operation) == ("Ổn định", "Nội khoa", "Không")
    assert len(note.vital_signs) == 6
    assert note.provenance.author.licence == "900001/DEMO-CCHN"


def test_a_discharge_paper_lands_with_every_field() -> None:
    row = {
        **DISCHARGE,
        "NGAY_VAO": "202610050800",
        "MA_DINH_CHI_THAI": "1",
        "NGUYENNHAN_DINHCHI": "Bệnh lý",
        "THOIGIAN_DINHCHI": "202610051000",
        "TUOI_THAI": "12",
        "PP_DIEUTRI": "Nội khoa",
        "GHI_CHU": "Nghỉ ngơi",
        "MA_BS": "900004",
        "TEN_BS": "BS Thử",
        "NGAY_CT": "20261005",
        "NGOAITRU_TUNGAY": "20261006",
        "NGOAITRU_DENNGAY": "20261010",
    }

    paper = _only(_one_table("XML7", row), "Composition")

    assert (paper.section.value, paper.title) == ("DISCHARGE_PAPERS", "Giấy ra viện")
    assert paper.time == "2026-10-05T11:00:00+07:00"
    assert (paper.period.start, paper.discharge_diagnosis) == ("2026-10-05T08:00:00+07:00", "Tăng huyết áp")
    assert (paper.pregnancy_ended, paper.pregnancy_end_cause, paper.gestational_age_weeks) == (True, "Bệnh lý", 12)
    assert paper.pregnancy_end_time == "2026-10-05T10:00:00+07:00"
    assert (paper.treatment, paper.note, paper.document_number) == ("Nội khoa", "Nghỉ ngơi", "RV-1")
    assert (paper.document_date, paper.leave.start, paper.leave.end) == ("2026-10-05", "2026-10-06", "2026-10-10")
    assert (paper.provenance.author.licence, paper.provenance.author.name) == ("900004", "BS Thử")


def test_a_discharge_paper_that_names_no_signer_has_none() -> None:
    paper = _only(_one_table("XML7", DISCHARGE), "Composition")

    assert (paper.provenance.practitioner, paper.provenance.author, paper.leave) == (None, None, None)


def test_a_record_summary_lands_with_every_field() -> None:
    row = {
        **RECORD_SUMMARY,
        "NGAY_VAO": "202610050800",
        "CHAN_DOAN_VAO": "Theo dõi",
        "TOMTAT_KQ": "Glucose 5.6",
        "PP_DIEUTRI": "Thuốc",
        "KET_QUA_DTRI": "2",
        "GHI_CHU": "Hẹn",
        "MA_TTDV": "900009",
        "NGAY_CT": "20261005",
    }

    paper = _only(_one_table("XML8", row), "Composition")

    assert (paper.section.value, paper.title) == ("RECORD_SUMMARIES", "Tóm tắt hồ sơ bệnh án")
    assert (paper.admission_diagnosis, paper.discharge_diagnosis) == ("Theo dõi", "Tăng huyết áp nguyên phát")
    assert (paper.course, paper.results_summary, paper.treatment) == ("Đau đầu ba ngày", "Glucose 5.6", "Thuốc")
    assert (paper.outcome.code, paper.note, paper.document_date) == ("2", "Hẹn", "2026-10-05")
    assert paper.provenance.author.licence == "900009"


def test_a_referral_lands_with_every_field() -> None:
    row = {
        **REFERRAL,
        "MA_NOI_DI": "99003",
        "DAU_HIEU_LS": "Tỉnh",
        "CHAN_DOAN_RV": "Tăng huyết áp",
        "QT_BENHLY": "Ba ngày",
        "TOMTAT_KQ": "Glucose 5.6",
        "PP_DIEUTRI": "Thuốc",
        "MA_BENH_CHINH": "I10",
        "TEN_DICH_VU": "Siêu âm",
        "TEN_THUOC": "Amlodipin",
        "MA_LYDO_CT": "1",
        "HUONG_DIEU_TRI": "Nội trú",
        "PHUONGTIEN_VC": "Xe cứu thương",
        "MA_BAC_SI": "900001",
        "MA_TTDV": "900009",
    }

    referral = _only(_one_table("XML13", row, MA_LOAI_RV="2", MA_NOI_DEN="99002"), "ServiceRequest")

    assert (referral.time, referral.code.coding[0].code) == ("2026-10-05T11:00:00+07:00", "I10")
    assert (referral.referred_from, referral.referred_to, referral.reason.code) == ("99003", "99002", "1")
    assert (referral.clinical_signs, referral.diagnosis, referral.course) == ("Tỉnh", "Tăng huyết áp", "Ba ngày")
    assert (referral.results_summary, referral.treatment) == ("Glucose 5.6", "Thuốc")
    assert (referral.services, referral.medications) == ("Siêu âm", "Amlodipin")
    assert (referral.plan, referral.transport, referral.document_number) == ("Nội trú", "Xe cứu thương", "CT-1")
    assert (referral.provenance.practitioner.licence, referral.provenance.author.licence) == ("900001", "900009")


@pytest.mark.parametrize(("value", "time"), [("202611050800", "2026-11-05T08:00:00+07:00"), ("20261105", "2026-11-05")])
def test_an_appointment_slip_lands_with_eight_or_twelve_digits(value: str, time: str) -> None:
    row = {
        **SLIP,
        "NGAY_HEN_KL": value,
        "CHAN_DOAN_RV": "Tăng huyết áp",
        "MA_BENH_CHINH": "E11",
        "NGAY_CT": "20261005",
        "MA_BAC_SI": "900001",
        "MA_TTDV": "900009",
    }

    slip = _only(_one_table("XML14", row), "Appointment")

    assert (slip.time, slip.diagnosis) == (time, "Tăng huyết áp")
    assert (slip.document_number, slip.issued) == ("HK-1", "2026-10-05")
    assert slip.code.coding[0].code == "E11"
    assert (slip.provenance.practitioner.licence, slip.provenance.author.licence) == ("900001", "900009")


def test_appointments_of_the_visit_without_a_slip_are_appointments_too_and_none_comes_twice() -> None:
    body = visit_file({"NGAY_TAI_KHAM": "20261105;20261205;"}, with_tables={"XML14": [SLIP]})

    appointments = _all(body, "Appointment")

    assert [one.time for one in appointments] == ["2026-11-05T08:00:00+07:00", "2026-12-05"]
    assert appointments[1].code.coding[0].code == "I10"


@pytest.mark.parametrize(
    ("signature", "status"),
    [
        ("", LegalStatus.UNSIGNED),
        ("  ", LegalStatus.UNSIGNED),
        ("chữ ký", LegalStatus.SIGNATURE_UNVERIFIED),
        ('<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>', LegalStatus.SIGNATURE_UNVERIFIED),
    ],
)
def test_a_signature_that_nobody_has_verified_is_worth_no_more_than_that(signature: str, status: LegalStatus) -> None:
    assert read(envelope(part("XML1", XML1), signature=signature)).signature is status


_NOT_SHOWN = {
    ("XML1", "MA_LK"): "names the episode",
    ("XML1", "MA_CSKCB"): "checked against MACSKCB",
    ("XML3", "NGAY_KQ"): "says which report a row belongs to; a procedure has no column for it",
    ("XML7", "MA_TTDV"): "the paper's author is the clinician who signed it",
    ("XML13", "SO_HOSO"): "an internal number; SO_CHUYENTUYEN is the paper's",
    ("XML13", "GIAY_CHUYEN_TUYEN"): "an internal number; SO_CHUYENTUYEN is the paper's",
    ("XML13", "NGAY_RA"): "the visit's own NGAY_RA counts",
    ("XML12", "SO_CCCD"): "ties the assessment to the person of XML1",
}
_VALUES: dict[str, tuple[str, str]] = {
    "SO_CCCD": (NUMBER, "999185000002"),
    "GIOI_TINH": ("1", "2"),
    "MA_DINH_CHI_THAI": ("0", "1"),
    "SO_CON": ("1", "2"),
    "MA_THE_BHYT": ("GD4019990000001", "GD4019990000002"),
    "TEN_VAT_TU": ("Stent A", "Stent B"),
}


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (table, name)
        for table in sorted(READ_TABLES)
        for name in tables()[table].fields
        if tables()[table].fields[name].need is not Need.UNREAD and name != "MA_LK" and (table, name) not in _NOT_SHOWN
    ],
)
def test_every_field_that_the_book_says_it_reads_changes_what_is_read(table: str, name: str) -> None:
    known = tables()[table].fields[name]
    values = _VALUES.get(name) or ("5", "6")
    if known.partial_date or known.date:
        values = ("20261006", "20261007")
    procedure = {**SERVICE, "MA_DICH_VU": "99.1", "MA_NHOM": "8", "MA_VAT_TU": "N04"}
    base = {**A_ROW_OF, "XML3": procedure}

    first, second = (
        read(
            envelope(
                "".join(
                    part(other, table_xml(other, [{**row, **({name: value} if other == table else {})}]))
                    for other, row in base.items()
                )
            )
        )
        for value in values
    )

    assert not refused(first.problems), first.problems
    assert (first.drafts, first.patient) != (second.drafts, second.patient)
    assert first.content != second.content


def test_every_row_of_services_and_results_is_in_exactly_one_record() -> None:
    services = [
        {**SERVICE, "STT": "1"},
        {**SERVICE, "STT": "2", "MA_DICH_VU": "18.1", "MA_NHOM": "2"},
        {**SERVICE, "STT": "3", "MA_DICH_VU": "99.1", "MA_NHOM": "8"},
        {**SERVICE, "STT": "4", "MA_DICH_VU": "", "MA_VAT_TU": "N04", "MA_NHOM": "10"},
        {**SERVICE, "STT": "5", "MA_DICH_VU": "15.1", "MA_NHOM": "15"},
    ]
    results = [RESULT, {**RESULT, "STT": "2"}, {**RESULT, "STT": "3", "MA_DICH_VU": "not ordered"}]

    visit = read(visit_file(with_tables={"XML3": services, "XML4": results}))

    assert sorted((draft.table, draft.row) for draft in visit.drafts if draft.table in ("XML3", "XML4")) == [
        *(("XML3", 2), ("XML3", 3), ("XML3", 4), ("XML3", 5), ("XML4", 1), ("XML4", 3)),
    ]
    held = [len(getattr(draft.record, "results", ())) for draft in visit.drafts if draft.table == "XML4"]
    assert sum(held) == 3


def test_an_unknown_code_is_kept_as_it_was_sent() -> None:
    encounter = _only(visit_file({"MA_LOAI_KCB": "77"}), "Encounter")

    assert (encounter.category.code, encounter.category.display) == ("77", None)


# What is forgiven


def _inline(content: str) -> str:
    return f"<FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>{content}</NOIDUNGFILE></FILEHOSO>"


def _lower(xml: bytes) -> bytes:
    """The same document with its element names in lower case."""
    return re.sub(rb"</?[A-Z0-9_]+>", lambda tag: tag[0].lower(), xml)


_SWAPPED = {"T_BHTT_GDV": "1.00", "T_NGUONKHAC": "2.00"}
_WRAPPED = base64.b64encode(XML1.encode()).decode()
_WRAPPED = "\n".join(_WRAPPED[start : start + 76] for start in range(0, len(_WRAPPED), 76))
LENIENT: dict[str, bytes] = {
    "inline XML instead of base64": envelope(_inline(XML1)),
    "inline XML after white space and a comment": envelope(_inline(f"\n  <!-- XML1 -->\n  {XML1}\n")),
    "inline XML as CDATA": envelope(_inline(f"<![CDATA[{XML1}]]>")),
    "inline XML as CDATA with a declaration": envelope(
        _inline(f'<![CDATA[ <?xml version="1.0" encoding="utf-8"?>{XML1}]]>')
    ),
    "base64 as CDATA": envelope(_inline(f"<![CDATA[{base64.b64encode(XML1.encode()).decode()}]]>")),
    "base64 in lines": envelope(_inline("\r\n" + _WRAPPED + "\r\n")),
    "CDATA in the fields": envelope(part("XML1", XML1.replace("Đau đầu", "<![CDATA[Đau đầu]]>"))),
    "a byte-order mark before the envelope": b"\xef\xbb\xbf" + envelope(part("XML1", XML1)),
    "a declaration before the envelope": b'<?xml version="1.0" encoding="UTF-8"?>\n' + envelope(part("XML1", XML1)),
    "a byte-order mark inside base64": envelope(part("XML1", b"\xef\xbb\xbf" + XML1.encode())),
    "a declaration inside base64": envelope(part("XML1", '<?xml version="1.0" encoding="utf-8"?>' + XML1)),
    "a byte-order mark and a declaration inside base64": envelope(
        part("XML1", b'\xef\xbb\xbf\r\n<?xml version="1.0"?>\r\n' + XML1.encode())
    ),
    "a declaration of UTF-16 over UTF-8 inside base64": envelope(
        part("XML1", "<?xml version='1.0' encoding='utf-16'?>" + XML1)
    ),
    "a declaration of UTF-16 over UTF-8 in the envelope": b'<?xml version="1.0" encoding="UTF-16"?>'
    + envelope(part("XML1", XML1)),
    "real UTF-16": envelope(part("XML1", XML1)).decode().encode("utf-16"),
    "real UTF-16 inside base64": envelope(
        part("XML1", ('<?xml version="1.0" encoding="utf-16"?>' + XML1).encode("utf-16"))
    ),
    "lower-case elements everywhere": _lower(envelope(part("XML1", _lower(XML1.encode())))),
    "lower-case LOAIHOSO": envelope(part(" xml1 ", XML1)),
    "white space around values": envelope(part("XML1", XML1.replace("Đau đầu", "\n  Đau đầu\t "))),
    "a namespace in the table": envelope(part("XML1", XML1.replace("<TONG_HOP>", '<TONG_HOP xmlns="urn:x">'))),
    "a namespace in the envelope": envelope(part("XML1", XML1)).replace(
        b"<GIAMDINHHS>", b'<GIAMDINHHS xmlns="urn:x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    ),
    "comments and processing instructions between everything": envelope(
        "<!-- one --><?pi two?>" + part("XML1", XML1.replace("<HO_TEN>", "<!-- three --><?pi four?><HO_TEN>"))
    ),
    "a comment inside a value": envelope(part("XML1", XML1.replace("Đau đầu", "Đau<!-- x --> đầu"))),
    "empty elements": envelope(part("XML1", XML1.replace("</TONG_HOP>", "<NHOM_MAU/><GHI_CHU> </GHI_CHU></TONG_HOP>"))),
    "totals in swapped order": envelope(part("XML1", table_xml("XML1", [{**_SWAPPED, **SUMMARY}]))),
    "NGAYLAP of twelve digits": envelope(part("XML1", XML1)).replace(b"20261005<", b"202610051200<", 1),
    "no SOLUONGHOSO": envelope(part("XML1", XML1)).replace(b"<SOLUONGHOSO>1</SOLUONGHOSO>", b""),
    "no CHUKYDONVI": envelope(part("XML1", XML1)).replace(b"<CHUKYDONVI></CHUKYDONVI>", b""),
}


@pytest.mark.parametrize("habit", LENIENT)
def test_a_harmless_habit_of_old_software_changes_nothing(habit: str) -> None:
    plain = read(envelope(part("XML1", XML1)))

    visit = read(LENIENT[habit])

    assert visit.problems == ()
    assert (visit.facility, visit.episode, visit.patient) == (plain.facility, plain.episode, plain.patient)
    assert visit.drafts == plain.drafts


def test_a_missing_element_is_an_empty_one() -> None:
    missing = read(visit_file({"LY_DO_VNT": "", "GHI_CHU": ""}))
    absent = read(visit_file())

    assert missing.drafts == absent.drafts
    assert missing.content == absent.content


def test_text_comes_out_in_one_unicode_form() -> None:
    decomposed = read(visit_file({"HO_TEN": "Nguye\u0302\u0303n Thi\u0323 Thu\u031b\u0309"}))

    assert decomposed.patient.full_name == "Nguyễn Thị Thử"


def test_the_same_content_in_another_dress_is_the_same_content() -> None:
    contents = {read(body).content for habit, body in LENIENT.items() if habit != "totals in swapped order"}

    assert contents == {read(envelope(part("XML1", XML1))).content}


def test_a_table_that_the_book_cannot_show_counts_as_content() -> None:
    def with_something(*notes: str) -> bytes:
        parts = [part("XML12", f"<CHI_TIEU><GHI_CHU>{note}</GHI_CHU></CHI_TIEU>") for note in notes]
        return envelope(part("XML1", XML1) + "".join(parts))

    contents = {read(with_something(*notes)).content for notes in [(), ("a",), ("b",), ("a", "b"), ("c", "b")]}

    assert len(contents) == 5
