"""Programmes of care in a visit file: HIV (XML6) and tuberculosis (XML15), each row a plan of care.

Viral load and PCR are results and stand with the results. The one invariant: everything here carries the label of
its table, and every further one that its own words call for (domain facts §4.5).
"""

from __future__ import annotations

from collections.abc import Iterator

from ehb.domain.coding import CodeableConcept, Period
from ehb.domain.records import CarePlan, DiagnosticReport, Section
from ehb.domain.submission import Draft
from ehb.formats.catalogue import coded
from ehb.formats.visit_details import details
from ehb.formats.visit_rows import Row, Visit, draft

_LABORATORY = "1"
_VIRAL_LOAD = ("MA_LYDO_XNTL_VR", "KQ_XNTL_VR")
_PCR = ("LAN_XN_PCR", "MA_KQ_XN_PCR")
_FURTHER_LABELS = {
    "XML6": (
        ("LOAI_DTRI_LAO", "123", "TB"),
        ("NGAYBD_DTRI_LAO", "", "TB"),
        ("NHOM_DOI_TUONG", "0", "ETH"),
        ("NHOM_DOI_TUONG", "1235", "SEX"),
        ("NHOM_DOI_TUONG", "6", "STD"),
        ("NHOM_DOI_TUONG", "8", "TB"),
        ("MA_TINH_TRANG_DK", "3", "TB"),
        ("MA_TINH_TRANG_DK", "8", "ETH"),
        ("MA_XU_TRI", "23", "TB"),
    ),
    "XML15": (("PHANLOAI_LAO_HIV", "1", "HIV"), ("NGAYKD_HIV", "", "HIV"), ("BDDT_ARV", "", "HIV")),
}
"""Field, its one-digit codes that say something sensitive (none: any value does), and the label."""


def care_plans(visit: Visit) -> Iterator[Draft]:
    """The plan of each row of XML6 and XML15."""
    for row in visit.rows.get("XML6", ()):
        treated = coded_items(row, "MA_XU_TRI", visit.end)
        period = Period(row.time("NGAY_BAT_DAU_XU_TRI") or row.time("BDDT_ARV"), row.time("NGAY_KET_THUC_XU_TRI"))
        yield draft(
            CarePlan(
                section=Section.CARE_PLANS,
                time=visit.arrival,
                provenance=visit.provenance(),
                labels=_labels(row, "HIV"),
                title="Chăm sóc và điều trị HIV/AIDS",
                period=period if period.start or period.end else None,
                activities=treated,
                details=details(row, visit.end, without=(*_VIRAL_LOAD, *_PCR)),
            ),
            f"hiv-care/{row.get('NGAY_BAT_DAU_XU_TRI')}",
            row,
        )
    for row in visit.rows.get("XML15", ()):
        ended = row.time("NGAYKT_DTRI_LAO")
        yield draft(
            CarePlan(
                section=Section.CARE_PLANS,
                time=visit.arrival,
                provenance=visit.provenance(),
                labels=_labels(row, "TB"),
                status="completed" if ended else "active",
                title="Điều trị bệnh lao",
                period=Period(row.time("NGAYBD_DTRI_LAO"), ended),
                details=details(row, visit.end),
            ),
            f"tb-care/{row.get('NGAYBD_DTRI_LAO')}",
            row,
        )


def care_reports(visit: Visit) -> Iterator[Draft]:
    """Viral load and PCR of XML6."""
    for row in visit.rows.get("XML6", ()):
        yield from _report(visit, row, "Đo tải lượng HIV", _VIRAL_LOAD, "NGAY_XN_TLVR", "NGAY_KQ_XN_TLVR")
        yield from _report(visit, row, "Xét nghiệm PCR HIV", _PCR, "NGAY_XN_PCR", "NGAY_KQ_XN_PCR")


def _report(
    visit: Visit, row: Row, title: str, fields: tuple[str, str], sampled: str, resulted: str
) -> Iterator[Draft]:
    taken, reported = row.time(sampled), row.time(resulted)
    if not (taken or reported or any(row.get(name) for name in fields)):
        return
    yield draft(
        DiagnosticReport(
            section=Section.LABORATORY_RESULTS,
            time=reported or taken or visit.arrival,
            code=CodeableConcept(text=title),
            provenance=visit.provenance(),
            labels=_labels(row, "HIV"),
            status="final" if row.get(fields[1]) else "registered",
            category=coded("ma_nhom", _LABORATORY, visit.end),
            ordered=taken,
            results=details(row, visit.end, only=fields),
        ),
        f"hiv-report/{fields[1]}/{row.get(sampled)}",
        row,
    )


def coded_items(row: Row, field: str, day: str) -> tuple[str, ...]:
    """The labels of a `;` list of codes, the code itself where there is none."""
    found = (coded(f"{row.table.lower()}:{field}", item, day) for item in row.each(field))
    return tuple(one.display or one.code for one in found if one)


def _labels(row: Row, own: str) -> tuple[str, ...]:
    further = {
        label
        for field, codes, label in _FURTHER_LABELS[row.table]
        if any(not codes or (len(item) == 1 and item in codes) for item in row.each(field))
    }
    return tuple(sorted({own, *further}))
