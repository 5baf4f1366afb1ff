"""The national visit file: bytes → VisitSummary (QD 130, 4750 and 3176/QD-BYT; envelope GIAMDINHHS).

Owns the envelope and the shape of the tables. Leaves the meaning of fields to `visit_mapping` and clinical
rules to the domain. Lenient where old software is known to differ (inline XML instead of base64, byte-order
marks, lower-case names, any order of elements), strict elsewhere.

The one invariant: nothing in the bytes can make this module raise, read a file, open a connection or expand
an entity. Everything wrong comes back as problems, all at once.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson
from lxml import etree

from ehb.domain.records import LegalStatus
from ehb.domain.submission import Draft, PatientDetails, Problem, Severity, VisitSummary
from ehb.formats.field_tables import Need, Table, codes, tables
from ehb.formats.problems import problem, warning
from ehb.formats.visit_mapping import drafts_from
from ehb.formats.visit_patient import patient_from
from ehb.formats.visit_rows import Row

SOURCE = "QD4750"
READ_TABLES = frozenset({"XML1", "XML2", "XML3", "XML4", "XML5", "XML7", "XML8", "XML13", "XML14"})
_LABEL_OF_TABLE = {"XML6": "HIV", "XML15": "TB"}
"""Tables that are sensitive as a whole: that one was sent labels the visit, before its rows are read at all."""
_LISTED = frozenset(f"XML{number}" for number in range(16))
_SAYS_UTF_16 = re.compile(rb"""<\?xml[^>]{0,100}encoding\s*=\s*["']utf-?16["']""", re.IGNORECASE)
"""A .NET StringWriter declares UTF-16, and its text is then sent as UTF-8; in UTF-16 this would not match."""
_MOST_REPORTED = 10_000
"""Of each severity: bounds the memory that one file can take. What a receipt lists is cut by the domain."""


@dataclass(slots=True)
class _Reading:
    """What has been understood so far."""

    problems: list[Problem] = field(default_factory=list)
    reported: Counter[Severity] = field(default_factory=Counter)
    rows: defaultdict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    facility: str = ""
    signed: bool = False
    unread: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def report(self, *found: Problem) -> None:
        for one in found:
            self.reported[one.severity] += 1
            if self.reported[one.severity] <= _MOST_REPORTED:
                self.problems.append(one)


def read(body: bytes) -> VisitSummary:
    """One visit file. Never raises: what cannot be read comes back as problems of an empty visit."""
    reading = _Reading()
    root = _parsed(body, reading, "xml.malformed", None)
    if root is not None:
        if _name(root) == "GIAMDINHHS":
            _read_envelope(root, reading)
        else:
            reading.report(problem("envelope.root"))
    return _visit(reading)


def _visit(reading: _Reading) -> VisitSummary:
    summary = reading.rows["XML1"][0] if reading.rows["XML1"] else None
    patient = PatientDetails()
    drafts: tuple[Draft, ...] = ()
    if summary is not None:
        reading.report(*_cross_table_problems(reading))
        patient, faults = patient_from(summary, reading.rows.get("XML7", ()))
        reading.report(*faults)
        drafts = drafts_from(reading.rows)
    content = {name: [row.values for row in rows] for name, rows in sorted(reading.rows.items())}
    return VisitSummary(
        facility=reading.facility,
        episode=summary.get("MA_LK") if summary else "",
        source=SOURCE,
        patient=patient,
        drafts=drafts,
        problems=tuple(reading.problems),
        content=orjson.dumps([content, reading.unread, reading.signed], option=orjson.OPT_SORT_KEYS),
        signature=LegalStatus.SIGNATURE_UNVERIFIED if reading.signed else LegalStatus.UNSIGNED,
        labels=frozenset(_LABEL_OF_TABLE[name] for name in reading.unread if name in _LABEL_OF_TABLE),
    )


def _read_envelope(root: etree._Element, reading: _Reading) -> None:
    envelope = {_name(element): element for element in root.iter(etree.Element)}
    reading.facility = _text(envelope.get("MACSKCB"))
    if not reading.facility:
        reading.report(problem("envelope.facility", field="MACSKCB"))
    dated = _text(envelope.get("NGAYLAP"))
    if not (dated.isdigit() and len(dated) in (8, 12, 14)):
        reading.report(warning("envelope.date", field="NGAYLAP"))
    visits = [element for element in root.iter(etree.Element) if _name(element) == "HOSO"]
    if len(visits) != 1 or _text(envelope.get("SOLUONGHOSO")) not in ("1", "01", ""):
        reading.report(problem("envelope.count", field="SOLUONGHOSO"))
    signature = envelope.get("CHUKYDONVI")
    reading.signed = signature is not None and (len(signature) > 0 or bool(_text(signature)))
    for part in visits[0] if visits else ():
        _read_part(part, reading)
    if not reading.rows["XML1"] and not any(found.table == "XML1" for found in reading.problems):
        reading.report(problem("table.missing", table="XML1"))
    if len(reading.rows["XML1"]) > 1:
        reading.report(problem("table.repeated", table="XML1"))


def _read_part(part: etree._Element, reading: _Reading) -> None:
    children = {_name(child): child for child in part}
    name = _text(children.get("LOAIHOSO")).upper()
    content = children.get("NOIDUNGFILE")
    if name not in _LISTED:
        reading.report(problem("table.unknown", field="LOAIHOSO"))
        return
    root = _content(content, name, reading)
    if root is None:
        return
    if name not in READ_TABLES:
        reading.report(warning("table.later", table=name))
        reading.unread[name].append(etree.tostring(root, encoding="unicode", with_tail=False))
        return
    table = tables()[name]
    if _name(root) != table.root:
        reading.report(problem("table.root", table=name))
        return
    start = len(reading.rows[name])
    for number, element in enumerate(_row_elements(root, table.row), start=start + 1):
        reading.rows[name].append(_row(element, table, number, reading))


def _content(element: etree._Element | None, name: str, reading: _Reading) -> etree._Element | None:
    """The table's own document: inline XML, XML as text, or base64 of it."""
    if element is not None and len(element) and isinstance(element[0].tag, str):
        return element[0]
    text = _text(element)
    if text.startswith("<"):
        return _parsed(text.encode(), reading, "table.malformed", name)
    try:
        body = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        body = b""
    if not body:
        reading.report(problem("table.base64", table=name, field="NOIDUNGFILE"))
        return None
    return _parsed(body.lstrip(b"\xef\xbb\xbf \t\r\n"), reading, "table.malformed", name)


def parser_for(body: bytes, *, whole: bool = False) -> etree.XMLParser:
    """A parser that reads no file and expands nothing; `whole` keeps comments and instructions, as signatures need."""
    return etree.XMLParser(
        encoding="utf-8" if _SAYS_UTF_16.match(body) else None,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        dtd_validation=False,
        huge_tree=False,
        remove_pis=not whole,
        remove_comments=not whole,
    )


def _parsed(body: bytes, reading: _Reading, rule: str, table: str | None) -> etree._Element | None:
    try:
        root = etree.fromstring(body, parser_for(body))
    except (etree.XMLSyntaxError, ValueError):
        reading.report(problem(rule, table=table))
        return None
    if root.getroottree().docinfo.internalDTD is not None:
        reading.report(problem("xml.doctype", table=table))
        return None
    return root


def _row_elements(root: etree._Element, row: str | None) -> list[etree._Element]:
    if row is None:
        return [root]
    usual = list(root.iter(f"{{*}}{row}"))
    if usual and len(root) == 1 and len(root[0]) == len(usual):  # nothing is spelled otherwise; five times as fast
        return usual
    return [one for one in root.iter(etree.Element) if _name(one) == row]


def _row(element: etree._Element, table: Table, number: int, reading: _Reading) -> Row:
    values: dict[str, str] = {}
    faulty: set[str] = set()
    for child in element:
        value = _text(child)
        if not value:
            continue
        name = child.tag if child.tag in table.fields else _name(child)
        if name in values:
            continue
        known = table.fields.get(name)
        if known is None:
            if table.row is None or name != table.row:
                reading.report(warning("field.unknown", table=table.name, row=number))
            continue
        fault = known.fault(value)
        if fault is not None:
            severity = Severity.ERROR if known.refuses(fault) else Severity.WARNING
            reading.report(problem(f"field.{fault}", table=table.name, row=number, field=name, severity=severity))
            faulty.add(name)
            continue
        if known.code_list is not None and known.need is not Need.UNREAD and value not in codes(known.code_list):
            reading.report(warning("field.code", table=table.name, row=number, field=name))
        values[name] = value
    reading.report(*_missing(values.keys() | faulty, table, number))
    return Row(table.name, number, values)


def _missing(given: set[str], table: Table, number: int) -> Iterator[Problem]:
    for name in sorted(table.essential - given):
        yield problem("field.required", table=table.name, row=number, field=name)
    for name in sorted(table.expected - given):
        yield warning("field.expected", table=table.name, row=number, field=name)


def _cross_table_problems(reading: _Reading) -> Iterator[Problem]:
    """Envelope rules 1, 3, 5 and 8; those that the notes call inferred only warn (rule 14)."""
    summary = reading.rows["XML1"][0]
    if reading.facility and summary.get("MA_CSKCB") not in ("", reading.facility):
        yield problem("facility.mismatch", table="XML1", row=1, field="MA_CSKCB")
    for name, rows in reading.rows.items():
        for row in rows:
            if row.get("MA_LK") not in ("", summary.get("MA_LK")):
                yield problem("episode.mismatch", table=name, row=row.number, field="MA_LK")
        if name in ("XML2", "XML3", "XML4", "XML5"):
            wrong = (row for row in rows if row.get("STT") not in ("", str(row.number)))
            if (first := next(wrong, None)) is not None:
                yield warning("row.order", table=name, row=first.number, field="STT")
    services = {row.get("MA_DICH_VU") for row in reading.rows["XML3"]}
    for row in reading.rows["XML4"]:
        if row.get("MA_DICH_VU") and row.get("MA_DICH_VU") not in services:
            yield warning("row.service", table="XML4", row=row.number, field="MA_DICH_VU")
    for row in reading.rows["XML3"]:
        if not row.get("MA_DICH_VU") and not row.get("MA_VAT_TU"):
            yield problem("service.code", table="XML3", row=row.number, field="MA_DICH_VU")
    referred = summary.get("MA_LOAI_RV") in ("2", "5")
    if referred and (not reading.rows["XML13"] or not summary.get("MA_NOI_DEN")):
        yield warning("referral.missing", table="XML13", field="MA_NOI_DEN")


def _name(element: etree._Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2].upper() if isinstance(tag, str) else ""


def _text(element: etree._Element | None) -> str:
    if element is None:
        return ""
    if len(element) == 0:
        return (element.text or "").strip()
    return "".join(str(text) for text in element.itertext()).strip()
