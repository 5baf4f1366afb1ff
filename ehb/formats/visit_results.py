"""Services and results of a visit file (XML3, XML4): procedures, supplies, and reports with their values.

A test that was ordered again and again in one stay has one XML3 row for each order; each report belongs to its
own order. The one invariant: every row of XML3 and XML4 is in exactly one record; a test whose result has not
come is a report that says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ehb.domain.coding import CodeableConcept, Coding
from ehb.domain.records import (
    DiagnosticReport,
    Procedure,
    Result,
    Section,
)
from ehb.domain.submission import Draft
from ehb.formats.catalogue import ICD9CM, SERVICE, SUPPLY, TEST, coded, icd10
from ehb.formats.measures import measured
from ehb.formats.visit_rows import Row, Visit, author, draft

_LABORATORY, _IMAGING, _FUNCTIONAL = "1", "2", "3"
_SECTION_OF_GROUP = {
    _LABORATORY: Section.LABORATORY_RESULTS,
    _IMAGING: Section.IMAGING_RESULTS,
    _FUNCTIONAL: Section.IMAGING_RESULTS,
}


def services(visit: Visit) -> Iterator[Draft]:
    """XML3 rows whose result is no report of its own: operations, procedures, bed days, supplies."""
    answered = _answered(visit)
    for row in visit.rows.get("XML3", ()):
        group = row.get("MA_NHOM")
        service, supply = row.get("MA_DICH_VU"), row.get("MA_VAT_TU")
        time = row.time("NGAY_TH_YL") or row.time("NGAY_YL") or visit.arrival
        identity = f"service/{service}/{supply}/{row.get('NGAY_YL')}"
        if group in _SECTION_OF_GROUP and not supply:
            if not {("NGAY_YL", row.get("NGAY_YL")), ("NGAY_KQ", row.get("NGAY_KQ"))} & answered[service]:
                yield draft(_unreported(visit, row, time), identity, row)
            continue
        operations = tuple(Coding(ICD9CM, code) for code in row.each("MA_PTTT_QT"))
        codings = (*((Coding(SERVICE, service, row.text("TEN_DICH_VU")),) if service else ()), *operations)
        name = row.text("TEN_DICH_VU") or row.text("TEN_VAT_TU")
        yield draft(
            Procedure(
                section=Section.PROCEDURES,
                time=time,
                code=CodeableConcept(codings, name),
                provenance=visit.provenance(
                    row.text("NGUOI_THUC_HIEN") or row.text("MA_BAC_SI"), author(row.text("MA_BAC_SI"))
                ),
                category=coded("ma_nhom", group, visit.end),
                used=CodeableConcept((Coding(SUPPLY, supply),), row.text("TEN_VAT_TU")) if supply else None,
                ordered=row.time("NGAY_YL"),
                quantity=measured(row.get("SO_LUONG"), row.text("DON_VI_TINH")),
                anaesthesia=coded("pp_vo_cam", row.get("PP_VO_CAM"), visit.end),
                body_site=row.text("VI_TRI_TH_DVKT"),
                reason=tuple(icd10(code, visit.end) for code in row.each("MA_BENH")),
            ),
            identity,
            row,
        )


def _unreported(visit: Visit, row: Row, time: str) -> DiagnosticReport:
    """A test that was done and whose result has not come."""
    name = row.text("TEN_DICH_VU")
    return DiagnosticReport(
        section=_SECTION_OF_GROUP[row.get("MA_NHOM")],
        time=time,
        code=CodeableConcept((Coding(SERVICE, row.get("MA_DICH_VU"), name),), name),
        provenance=visit.provenance(row.text("NGUOI_THUC_HIEN"), author(row.text("MA_BAC_SI"))),
        status="registered",
        category=coded("ma_nhom", row.get("MA_NHOM"), visit.end),
        ordered=row.time("NGAY_YL"),
    )


def reports(visit: Visit) -> Iterator[Draft]:
    """XML4 rows of one service with one result time are one report."""
    orders = _orders(visit)
    for (code, resulted), rows in _grouped(visit).items():
        first, service = rows[0], _order_of(orders[code], resulted)
        group = service.get("MA_NHOM") if service else ""
        if group not in _SECTION_OF_GROUP:
            group = _LABORATORY if any(row.get("GIA_TRI") for row in rows) else _IMAGING
        name = (service.text("TEN_DICH_VU") if service else None) or first.text("TEN_CHI_SO")
        ordered = service.time("NGAY_YL") if service else None
        conclusions = dict.fromkeys(found for row in rows if (found := row.text("KET_LUAN")))
        yield draft(
            DiagnosticReport(
                section=_SECTION_OF_GROUP[group],
                time=first.time("NGAY_KQ") or ordered or visit.arrival,
                code=CodeableConcept((Coding(SERVICE, code, name),) if code else (), name),
                provenance=visit.provenance(
                    first.text("MA_BS_DOC_KQ"), author(service.text("MA_BAC_SI") if service else None)
                ),
                category=coded("ma_nhom", group, visit.end),
                ordered=ordered,
                results=tuple(_result(row) for row in rows),
                conclusion="\n".join(conclusions) or None,
            ),
            f"report/{code}/{resulted}",
            first,
        )


def _grouped(visit: Visit) -> dict[tuple[str, str], list[Row]]:
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in visit.rows.get("XML4", ()):
        grouped.setdefault((row.get("MA_DICH_VU"), row.get("NGAY_KQ")), []).append(row)
    return grouped


def _orders(visit: Visit) -> defaultdict[str, list[Row]]:
    """XML3 rows by service, the earliest order first."""
    orders: defaultdict[str, list[Row]] = defaultdict(list)
    for row in sorted(visit.rows.get("XML3", ()), key=lambda row: row.get("NGAY_YL")):
        orders[row.get("MA_DICH_VU")].append(row)
    return orders


def _order_of(orders: Sequence[Row], resulted: str) -> Row | None:
    """The order that a result answers: the one that names its time, else the last one before it, else the first."""
    named = (row for row in orders if resulted and row.get("NGAY_KQ") == resulted)
    before = (row for row in reversed(orders) if row.get("NGAY_YL") <= resulted)
    return next(named, None) or next(before, None) or next(iter(orders), None)


def _answered(visit: Visit) -> defaultdict[str, set[tuple[str, str]]]:
    """For each service, the order and result times that have a report. One order billed in two rows is one order."""
    answered: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    orders = _orders(visit)
    for code, resulted in _grouped(visit):
        order = _order_of(orders[code], resulted)
        if order is not None:
            answered[code].add(("NGAY_YL", order.get("NGAY_YL")))
        if resulted:
            answered[code].add(("NGAY_KQ", resulted))
    return answered


def _result(row: Row) -> Result:
    code, name = row.get("MA_CHI_SO"), row.text("TEN_CHI_SO")
    value = measured(row.get("GIA_TRI"), row.text("DON_VI_DO"))
    return Result(
        code=CodeableConcept((Coding(TEST, code, name),) if code else (), name),
        value=value,
        text=row.text("GIA_TRI") if value is None else None,
        note=row.text("MO_TA"),
    )
