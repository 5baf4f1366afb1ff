"""HIV, birth, leave, assessment and tuberculosis (XML6, XML9 to XML12, XML15): what they become, and their labels."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ehb.domain.records import Composition, Record
from ehb.domain.submission import VisitSummary, records_from, refused
from ehb.formats.sensitivity_lists import code_lists
from ehb.formats.visit_xml import read
from tests.builders import (
    DRUG,
    EVERYTHING,
    NATIONAL_ID,
    NOW,
    RESULT,
    SERVICE,
    SUMMARY,
    Rows,
    envelope,
    part,
    table_xml,
    visit_file,
)
from tests.formats.rows import (
    ASSESSMENT,
    BIRTH,
    DISCHARGE,
    HIV_CARE,
    LATER_TABLES,
    PREGNANCY_LEAVE,
    SICK_LEAVE,
    TB_CARE,
)

HARMLESS: tuple[str, ...] = ()


def _visit(name: str, *rows: dict[str, str], **summary: str) -> VisitSummary:
    visit = read(visit_file(summary, with_tables={name: rows}, without=list(EVERYTHING)))
    assert not refused(visit.problems), visit.problems
    return visit


def _only(name: str, row: dict[str, str]) -> Any:
    (found,) = [draft.record for draft in _visit(name, row).drafts if draft.table == name]
    return found


def _said(record: Any) -> dict[str | None, str | None]:
    """The details of a record as label and value in words."""
    values = {}
    for one in record.details:
        number = f"{one.value.value} {one.value.unit or ''}".strip() if one.value else None
        values[one.code.text] = one.concept.text if one.concept else number or one.text
    return values


def _stored(visit: VisitSummary) -> tuple[Record, ...]:
    return records_from(visit, facility_name=None, now=NOW, key_for=str.encode, lists=code_lists())


def _alone(name: str, row: dict[str, str]) -> VisitSummary:
    """A visit with one row of an everyday table and nothing else but its summary."""
    others = [table for table in EVERYTHING if table != name]
    visit = read(visit_file(with_tables={name: [row]}, without=others))
    assert [draft for draft in visit.drafts if draft.table == name], visit.problems
    return visit


def _labels(visit: VisitSummary) -> set[tuple[str, ...]]:
    return {record.labels for record in _stored(visit)}


@pytest.mark.parametrize("name", LATER_TABLES)
def test_a_believable_row_of_each_table_is_taken_without_noise(name: str) -> None:
    assert _visit(name, *(dict(row) for row in LATER_TABLES[name])).problems == ()


def test_a_row_of_hiv_care_is_a_plan_of_care_and_its_viral_load_a_laboratory_report() -> None:
    plan, report = (draft.record for draft in _visit("XML6", HIV_CARE).drafts if draft.table == "XML6")

    assert isinstance(plan, Record)
    assert (type(plan).__name__, plan.section.value) == ("CarePlan", "CARE_PLANS")
    said = _said(plan)
    assert said["Ngày bắt đầu điều trị ARV"] == "2020-01-10"
    assert said["Lý do đăng ký điều trị"] == "Chuyển đến, đang điều trị ARV"
    assert said["Xử trí"] == "Điều trị ARV; Cotrimoxazole"
    assert said["Số ngày cấp thuốc ARV"] == "30 ngày"
    assert said["Phác đồ ARV hiện tại"] == "1g"
    assert getattr(plan, "activities", None) == ("Điều trị ARV", "Cotrimoxazole")
    assert (type(report).__name__, report.section.value) == ("DiagnosticReport", "LABORATORY_RESULTS")
    assert (report.time, getattr(report, "ordered", None)) == ("2026-10-04", "2026-10-01")
    assert [one.concept.text for one in getattr(report, "results", ())] == ["Định kỳ", "Không phát hiện"]


def test_a_coded_detail_keeps_its_code_with_the_label_of_the_day() -> None:
    plan = _only("XML15", {**TB_CARE, "KET_QUA_DTRI_LAO": "9"})

    outcome = next(one for one in plan.details if one.code.coding[0].code == "KET_QUA_DTRI_LAO")
    (coding,) = outcome.concept.coding
    assert (coding.system, coding.code) == ("urn:vn:byt:qd4750:XML15:KET_QUA_DTRI_LAO", "9")
    assert (coding.display, outcome.concept.text) == (None, "9")


@pytest.mark.parametrize(("end", "status"), [("", "active"), ("20261101", "completed")])
def test_a_row_of_tuberculosis_care_is_a_plan_of_care_until_it_ends(end: str, status: str) -> None:
    plan = _only("XML15", {**TB_CARE, "NGAYKT_DTRI_LAO": end})

    assert (plan.title, plan.status) == ("Điều trị bệnh lao", status)
    assert (plan.period.start, plan.period.end) == ("2026-10-05", "2026-11-01" if end else None)
    assert _said(plan)["Phân loại lao theo vị trí"] == "Lao phổi"


def test_a_birth_certificate_is_a_paper_with_mother_and_child_and_nobodys_number() -> None:
    paper = _only("XML9", BIRTH)

    assert (type(paper).__name__, paper.title, paper.time) == (
        *("Composition", "Giấy chứng sinh"),
        "2026-10-05T10:30:00+07:00",
    )
    said = _said(paper)
    assert said["Họ tên mẹ hoặc người nuôi dưỡng"] == "Nguyễn Thị Thử"
    assert (said["Dự định đặt tên con"], said["Giới tính của con"]) == ("Trần Thử Nhỏ", "Nam")
    assert said["Cân nặng của con"] == "3200 g"
    assert (paper.document_number, paper.document_date, paper.note) == ("99001.GCS.00001.26", "2026-10-05", "Không")
    assert (paper.provenance.practitioner.name, paper.provenance.author.licence) == ("Hộ sinh Thử", "900009")
    assert NATIONAL_ID not in repr(paper)


def test_twins_have_a_certificate_each() -> None:
    second = {**BIRTH, "SO_CON": "2", "SO": "99001.GCS.00002.26", "NGAY_SINH_CON": "202610051035"}
    visit = _visit("XML9", {**BIRTH, "SO_CON": "2"}, second)

    papers = [draft for draft in visit.drafts if draft.table == "XML9"]

    assert [draft.row for draft in papers] == [1, 2]
    assert len({draft.identity for draft in papers}) == 2
    assert visit.problems == ()


def test_a_certificate_of_pregnancy_leave_is_a_paper() -> None:
    paper = _only("XML10", PREGNANCY_LEAVE)

    assert (paper.title, paper.discharge_diagnosis) == ("Giấy chứng nhận nghỉ dưỡng thai", "Dọa sẩy thai")
    assert (paper.leave.start, paper.leave.end) == ("2026-10-05", "2026-10-12")
    assert (paper.provenance.author.licence, paper.provenance.author.name) == ("900004", "BS Thử")
    assert _said(paper) == {"Số chứng từ": "1", "Số ngày nghỉ": "7 ngày", "Đơn vị làm việc": "Công ty Thử"}


def test_a_certificate_of_sick_leave_is_a_paper() -> None:
    paper = _only("XML11", SICK_LEAVE)

    assert (paper.discharge_diagnosis, paper.treatment, paper.document_number) == ("Viêm phổi", "Kháng sinh", "NO-1")
    assert (paper.leave.start, paper.leave.end) == ("2026-10-05", "2026-10-07")
    assert not paper.pregnancy_ended


@pytest.mark.parametrize(
    "shape",
    [
        "<A>{row}</A>",
        "<A><B>{row}</B></A>",
        "<CHI_TIEU><DSACH><DONG>{row}</DONG></DSACH></CHI_TIEU>",
        '<a xmlns="urn:x"><b>{row}</b></a>',
    ],
)
def test_an_assessment_is_read_whatever_its_elements_are_called(shape: str) -> None:
    row = "".join(f"<{name}>{value}</{name}>" for name, value in ASSESSMENT.items())
    parts = part("XML1", table_xml("XML1", [SUMMARY])) + part("XML12", shape.format(row=row))

    visit = read(envelope(parts))

    assert visit.problems == ()
    (paper,) = (draft.record for draft in visit.drafts if draft.table == "XML12")
    assert isinstance(paper, Composition)
    assert (paper.document_number, paper.results_summary) == ("GD-1", "Giảm chức năng hô hấp nhẹ")
    said = _said(paper)
    assert (said["Tỷ lệ tổn thương cơ thể mới"], said["Đối tượng giám định"]) == (
        *("21 %",),
        "Bệnh nghề nghiệp; Tai nạn lao động",
    )


LABELS: list[tuple[str, dict[str, str], tuple[str, ...]]] = [
    ("XML6", HIV_CARE, ("HIV",)),
    ("XML6", {"MA_LK": "LK-1"}, ("HIV",)),
    ("XML6", {**HIV_CARE, "LOAI_DTRI_LAO": "2"}, ("HIV", "TB")),
    ("XML6", {**HIV_CARE, "LOAI_DTRI_LAO": "0"}, ("HIV",)),
    ("XML6", {**HIV_CARE, "NHOM_DOI_TUONG": "0"}, ("ETH", "HIV")),
    ("XML6", {**HIV_CARE, "NHOM_DOI_TUONG": "10"}, ("HIV",)),
    ("XML6", {**HIV_CARE, "NHOM_DOI_TUONG": "2"}, ("HIV", "SEX")),
    ("XML6", {**HIV_CARE, "MA_TINH_TRANG_DK": "9;8"}, ("ETH", "HIV")),
    ("XML15", TB_CARE, ("TB",)),
    ("XML15", {**TB_CARE, "PHANLOAI_LAO_HIV": "1"}, ("HIV", "TB")),
    ("XML15", {**TB_CARE, "NGAYKD_HIV": "20200101"}, ("HIV", "TB")),
    ("XML7", DISCHARGE, HARMLESS),
    ("XML7", {**DISCHARGE, "MA_DINH_CHI_THAI": "1"}, ("SEX",)),
    ("XML7", {**DISCHARGE, "MA_DINH_CHI_THAI": "0"}, HARMLESS),
    ("XML7", {**DISCHARGE, "NGUYENNHAN_DINHCHI": "Bệnh lý"}, ("SEX",)),
    ("XML7", {**DISCHARGE, "THOIGIAN_DINHCHI": "202610050900"}, ("SEX",)),
    ("XML11", SICK_LEAVE, HARMLESS),
    ("XML11", {**SICK_LEAVE, "MA_DINH_CHI_THAI": "1", "TUOI_THAI": "12"}, ("SEX",)),
    ("XML11", {**SICK_LEAVE, "NGUYENNHAN_DINHCHI": "Bệnh lý"}, ("SEX",)),
    ("XML9", BIRTH, HARMLESS),
    ("XML10", PREGNANCY_LEAVE, HARMLESS),
    ("XML12", ASSESSMENT, HARMLESS),
]


@pytest.mark.parametrize(("name", "row", "labels"), LABELS, ids=[f"{n}-{case[0]}" for n, case in enumerate(LABELS)])
def test_the_whole_visit_takes_the_labels_of_its_tables(
    name: str, row: dict[str, str], labels: tuple[str, ...]
) -> None:
    assert _labels(_visit(name, row)) == {labels}


def test_a_sensitive_table_that_cannot_be_read_labels_the_visit_too() -> None:
    rows: Rows = [SUMMARY]
    visit = read(envelope(part("XML1", table_xml("XML1", rows)) + part("XML6", "<A><B>1</B></A>")))

    assert not refused(visit.problems)
    assert _labels(visit) == {("HIV",)}


def test_what_is_certified_for_tomorrow_is_a_fault_of_the_time_and_not_of_the_table() -> None:
    tomorrow = f"{NOW + timedelta(days=1):%Y%m%d}"

    assert _only("XML11", {**SICK_LEAVE, "DEN_NGAY": tomorrow}).leave.end


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("XML2", {**DRUG, "MA_THUOC": "00.0000", "TEN_THUOC": "Dolutegravir 50mg"}),
        ("XML3", {**SERVICE, "TEN_DICH_VU": "HIV đo tải lượng Real-time PCR"}),
        ("XML4", {**RESULT, "TEN_CHI_SO": "Tải lượng HIV"}),
        ("XML4", {**RESULT, "TEN_CHI_SO": "TAI LUONG HIV-RNA"}),
    ],
)
def test_an_antiretroviral_or_a_viral_load_alone_labels_the_whole_visit(table: str, row: dict[str, str]) -> None:
    assert _labels(_alone(table, row)) == {("HIV",)}


@pytest.mark.parametrize(("table", "row"), [("XML2", DRUG), ("XML3", SERVICE), ("XML4", RESULT)])
def test_ordinary_care_is_not_labelled(table: str, row: dict[str, str]) -> None:
    assert _labels(_alone(table, row)) == {HARMLESS}


def test_an_icd_10_code_among_those_of_traditional_medicine_labels_the_visit() -> None:
    assert _labels(_visit("XML7", DISCHARGE, MA_BENH_YHCT="U62.392;F32.1")) == {("PSY",)}
