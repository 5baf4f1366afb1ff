"""Reading of a visit file's XML: bytes → elements → rows with well-shaped values, and everything wrong on the way.

Lenient where old software is known to differ (inline XML instead of base64, byte-order marks, lower-case names,
any order of elements), strict elsewhere. Longest-running code of the intake: what is asked for every field is
prepared once in `field_tables`.

The one invariant: nothing in the bytes can make this module raise, read a file, open a connection or expand
an entity.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from ehb.domain.submission import Problem, Severity
from ehb.formats.field_tables import Table
from ehb.formats.problems import problem, warning
from ehb.formats.visit_rows import Row

_SAYS_UTF_16 = re.compile(rb"""<\?xml[^>]{0,100}encoding\s*=\s*["']utf-?16["']""", re.IGNORECASE)
"""A .NET StringWriter declares UTF-16, and its text is then sent as UTF-8; in UTF-16 this would not match."""
MAX_MARKS = 600_000
"""Two for an element: more than the largest hospital stay has, and forty megabytes once they are read."""
_MOST_REPORTED = 10_000
"""Of each severity: bounds the memory that one file can take. What a receipt lists is cut by the domain."""


@dataclass(slots=True)
class Reading:
    """What has been understood so far."""

    problems: list[Problem] = field(default_factory=list)
    reported: Counter[Severity] = field(default_factory=Counter)
    rows: defaultdict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    facility: str = ""
    signed: bool = False
    marks: int = 0
    """Opening angle brackets in all documents so far: at least as many as elements."""
    unread: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Tables that are kept as they came, by LOAIHOSO."""

    def report(self, *found: Problem) -> None:
        for one in found:
            self.reported[one.severity] += 1
            if self.reported[one.severity] <= _MOST_REPORTED:
                self.problems.append(one)


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


def parsed(body: bytes, reading: Reading, rule: str, table: str | None) -> etree._Element | None:
    """The document in some bytes; None, and a problem, when there is none, too much, or it declares a DOCTYPE."""
    reading.marks += body.count(b"<")
    if reading.marks > MAX_MARKS:
        reading.report(problem("xml.too_many", table=table))
        return None
    try:
        root = etree.fromstring(body, parser_for(body))
    except (etree.XMLSyntaxError, ValueError):
        reading.report(problem(rule, table=table))
        return None
    if root.getroottree().docinfo.internalDTD is not None:
        reading.report(problem("xml.doctype", table=table))
        return None
    return root


def content_of(element: etree._Element | None, name: str, reading: Reading) -> etree._Element | None:
    """A table's own document: inline XML, XML as text, or base64 of it."""
    if element is not None and len(element) and isinstance(element[0].tag, str):
        return element[0]
    text = text_of(element)
    if text.startswith("<"):
        return parsed(text.encode(), reading, "table.malformed", name)
    try:
        body = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        body = b""
    if not body:
        reading.report(problem("table.base64", table=name, field="NOIDUNGFILE"))
        return None
    return parsed(body.lstrip(b"\xef\xbb\xbf \t\r\n"), reading, "table.malformed", name)


def read_rows(root: etree._Element, table: Table, reading: Reading) -> None:
    """Read all rows of one table. Several parts of one table count on."""
    start = len(reading.rows[table.name]) + 1
    for number, element in enumerate(_row_elements(root, table), start=start):
        reading.rows[table.name].append(_row(element, table, number, reading))


def _row_elements(root: etree._Element, table: Table) -> list[etree._Element]:
    if table.row is None and table.root is not None:
        return [root]
    usual = list(root.iter(f"{{*}}{table.row}")) if table.row is not None else []
    if usual and len(root) == 1 and len(root[0]) == len(usual):  # nothing is spelled otherwise; five times as fast
        return usual
    named = [one for one in root.iter(etree.Element) if name_of(one) == table.row]
    if named or table.root is not None:
        return named
    # Nobody has published the elements for certain: a row is what holds a field.
    parents = (one.getparent() for one in root.iter(etree.Element) if name_of(one) in table.fields)
    return list(dict.fromkeys(parent for parent in parents if parent is not None))


def _row(element: etree._Element, table: Table, number: int, reading: Reading) -> Row:
    values: dict[str, str] = {}
    faulty: set[str] = set()
    fields = table.fields
    for child in element:
        text = child.text
        value = text_of(child) if len(child) else text.strip() if text else ""
        if not value:
            continue
        name = child.tag
        known = fields.get(name)
        if known is None:
            name = name_of(child)
            known = fields.get(name)
            if known is None:
                if name != table.row:
                    reading.report(warning("field.unknown", table=table.name, row=number))
                continue
        if name in values:
            if values[name] != value:
                reading.report(problem("field.repeated", table=table.name, row=number, field=name))
            continue
        accepts = known.accepts
        try:
            good = len(value) <= known.limit if accepts is None else accepts(value)
        except ValueError:
            good = False
        if good:
            values[name] = value
            continue
        fault = known.fault(value) or "length"
        severity = Severity.ERROR if known.refuses(fault) else Severity.WARNING
        reading.report(problem(f"field.{fault}", table=table.name, row=number, field=name, severity=severity))
        faulty.add(name)
    if not values.keys() >= table.needed:
        reading.report(*_missing(values.keys() | faulty, table, number))
    return Row(table.name, number, values)


def _missing(given: set[str], table: Table, number: int) -> Iterator[Problem]:
    for name in sorted(table.essential - given):
        yield problem("field.required", table=table.name, row=number, field=name)
    for name in sorted(table.expected - given):
        yield warning("field.expected", table=table.name, row=number, field=name)


def name_of(element: etree._Element) -> str:
    """The name of an element without its namespace, in upper case."""
    tag = element.tag
    return tag.rpartition("}")[2].upper() if isinstance(tag, str) else ""


def text_of(element: etree._Element | None) -> str:
    """All text in an element, without white space around it."""
    if element is None:
        return ""
    if len(element) == 0:
        return (element.text or "").strip()
    return "".join(str(text) for text in element.itertext()).strip()
