"""The national visit file: bytes → VisitSummary (QD 130, 4750 and 3176/QD-BYT; envelope GIAMDINHHS, or a check-in).

Owns the envelope. Leaves the XML of the tables to `visit_reading`, the meaning of fields to `visit_mapping`, rules
that span tables to `visit_rules` and clinical rules to the domain.

The one invariant: nothing in the bytes can make this module raise. Everything wrong comes back as problems, all at
once.
"""

from __future__ import annotations

import orjson
from lxml import etree

from ehb.domain.records import LegalStatus
from ehb.domain.submission import Draft, PatientDetails, VisitSummary
from ehb.formats.field_tables import CHECK_IN, tables
from ehb.formats.problems import problem, warning
from ehb.formats.visit_checkin import check_in_drafts, check_in_problems
from ehb.formats.visit_fetal_sex import withhold_fetal_sex
from ehb.formats.visit_mapping import drafts_from
from ehb.formats.visit_patient import patient_from
from ehb.formats.visit_reading import Reading, content_of, name_of, parsed, read_rows, text_of
from ehb.formats.visit_rules import code_problems, cross_table_problems

SOURCE = "QD4750"
READ_TABLES = frozenset(f"XML{number}" for number in range(1, 16))
_LABEL_OF_TABLE = {"XML6": "HIV", "XML15": "TB"}
"""Tables that are sensitive as a whole: that one was sent labels the visit, whatever its rows say."""


def read(body: bytes) -> VisitSummary:
    """One visit file. Never raises: what cannot be read comes back as problems of an empty visit."""
    reading = Reading()
    root = parsed(body, reading, "xml.malformed", None)
    if root is not None:
        match name_of(root):
            case "GIAMDINHHS":
                _read_envelope(root, reading)
            case name if name == tables()[CHECK_IN].root:
                _read_check_in(root, reading)
            case _:
                reading.report(problem("envelope.root"))
    return _visit(reading)


def _visit(reading: Reading) -> VisitSummary:
    arrived = reading.rows.get(CHECK_IN, [])
    summary = next(iter(reading.rows["XML1"] or arrived), None)
    patient = PatientDetails()
    drafts: tuple[Draft, ...] = ()
    content = _content(reading)
    if summary is not None:
        if arrived:
            reading.report(*check_in_problems(arrived), *code_problems(reading.rows, summary.get("NGAY_VAO")[:8]))
        else:
            reading.report(*cross_table_problems(reading.rows, reading.facility))
            withheld = tuple(withhold_fetal_sex(reading.rows, content))
            reading.report(*withheld)
            content = _content(reading) if withheld else content
        patient, faults = patient_from(summary, reading.rows.get("XML7", ()))
        reading.report(*faults)
        drafts = tuple(check_in_drafts(arrived)) if arrived else drafts_from(reading.rows)
    sent = {*reading.unread, *(name for name, rows in reading.rows.items() if rows)}
    return VisitSummary(
        facility=reading.facility,
        episode=summary.get("MA_LK") if summary else "",
        source=SOURCE,
        patient=patient,
        drafts=drafts,
        problems=tuple(reading.problems),
        content=content,
        signature=LegalStatus.SIGNATURE_UNVERIFIED if reading.signed else LegalStatus.UNSIGNED,
        labels=frozenset(_LABEL_OF_TABLE[name] for name in sent if name in _LABEL_OF_TABLE),
        preliminary=bool(arrived),
    )


def _content(reading: Reading) -> bytes:
    rows = {name: [row.values for row in found] for name, found in reading.rows.items()}
    return orjson.dumps([rows, reading.unread, reading.signed], option=orjson.OPT_SORT_KEYS)


def _read_envelope(root: etree._Element, reading: Reading) -> None:
    named = [(name_of(element), element) for element in root.iter(etree.Element)]
    elements = dict(named)
    reading.facility = text_of(elements.get("MACSKCB"))
    if not reading.facility:
        reading.report(problem("envelope.facility", field="MACSKCB"))
    dated = text_of(elements.get("NGAYLAP"))
    if not (dated.isascii() and dated.isdigit() and len(dated) in (8, 12, 14)):
        reading.report(warning("envelope.date", field="NGAYLAP"))
    visits = [element for name, element in named if name == "HOSO"]
    if len(visits) != 1 or text_of(elements.get("SOLUONGHOSO")) not in ("1", "01", ""):
        reading.report(problem("envelope.count", field="SOLUONGHOSO"))
    reading.signed = _signed(elements.get("CHUKYDONVI"))
    for part in visits[0] if visits else ():
        _read_part(part, reading)
    if not reading.rows["XML1"] and not any(found.table == "XML1" for found in reading.problems):
        reading.report(problem("table.missing", table="XML1"))
    if len(reading.rows["XML1"]) > 1:
        reading.report(problem("table.repeated", table="XML1"))


def _read_check_in(root: etree._Element, reading: Reading) -> None:
    reading.signed = _signed(next((one for one in root.iter(etree.Element) if name_of(one) == "CHUKYDONVI"), None))
    read_rows(root, tables()[CHECK_IN], reading)
    if not reading.rows[CHECK_IN]:
        reading.report(problem("checkin.empty", table=CHECK_IN))
        return
    reading.facility = reading.rows[CHECK_IN][0].get("MA_CSKCB")


def _signed(signature: etree._Element | None) -> bool:
    return signature is not None and (len(signature) > 0 or bool(text_of(signature)))


def _read_part(part: etree._Element, reading: Reading) -> None:
    children = {name_of(child): child for child in part}
    name = text_of(children.get("LOAIHOSO")).upper()
    if name not in tables():
        reading.report(problem("table.unknown", field="LOAIHOSO"))
        return
    root = content_of(children.get("NOIDUNGFILE"), name, reading)
    if root is None:
        return
    table = tables()[name]
    if name != CHECK_IN and table.root in (None, name_of(root)):
        before = len(reading.rows[name])
        read_rows(root, table, reading)
        if len(reading.rows[name]) > before or table.root is not None:
            return
    if name in READ_TABLES and table.root is not None:
        reading.report(problem("table.root", table=name))
        return
    reading.report(warning("table.later", table=name))
    reading.unread[name].append(etree.tostring(root, encoding="unicode", with_tail=False))
