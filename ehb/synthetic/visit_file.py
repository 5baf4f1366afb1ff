"""The national visit file (decision 4750/QD-BYT): tables in base64 inside one envelope.

Root, list and row elements and the order of fields come from the national tables in `ehb/formats/qd4750`,
so no field is named here.

Invariant: every field of a table is written, in the order of the annex, empty when there is no value; a field
that the table does not have is left out.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

from lxml import etree

from ehb.synthetic import catalogue
from ehb.synthetic.certificates import certificates
from ehb.synthetic.chart import chart
from ehb.synthetic.lives import visits
from ehb.synthetic.papers import papers
from ehb.synthetic.people import TODAY, Person, person_at
from ehb.synthetic.registration import registration
from ehb.synthetic.tables import Episode, Row, common_tables


@dataclass(frozen=True, slots=True)
class VisitFile:
    """One file as a facility sends it. `name` tells the facility and the episode, nothing of the person."""

    name: str
    facility: str
    content: bytes
    person_sub: str


def visit_files(person: Person, seed: int, *, today: date = TODAY) -> Iterator[VisitFile]:
    """All visits of a person, oldest first."""
    rng = random.Random(f"{seed}:{person.index}:life")
    begun: dict[str, date] = {}
    for visit in visits(person, rng, today):
        habits = random.Random(f"{seed}:{person.index}:{visit.case.key}")
        filled = chart(person, visit, rng, habits)
        key = f"LK{filled.arrived:%Y}-{person.index:06d}{visit.number:02d}"
        desk = registration(person, visit, filled.arrived)
        since = begun.setdefault(visit.case.programme, visit.day)
        child = person_at(person.index + 1, seed, today) if person.confinement and visit.case.delivers else None
        episode = Episode(key, person, visit, filled, desk, since, child)
        tables = common_tables(episode) | papers(episode) | certificates(episode)
        content = _envelope(visit.facility.code, filled.left.date(), dict(sorted(tables.items(), key=_number)))
        yield VisitFile(f"{visit.facility.code}-{key}.xml", visit.facility.code, content, person.sub)


@cache
def _fields(table: str) -> tuple[str, ...]:
    return tuple(row["field"] for row in catalogue.national(table))


@cache
def _elements() -> Mapping[str, Mapping[str, str]]:
    return {row["table"]: row for row in catalogue.national("tables")}


def _envelope(facility: str, day: date, tables: Mapping[str, list[Row]]) -> bytes:
    root = etree.Element("GIAMDINHHS")
    _add(etree.SubElement(root, "THONGTINDONVI"), "MACSKCB", facility)
    records = etree.SubElement(root, "THONGTINHOSO")
    _add(records, "NGAYLAP", f"{day:%Y%m%d}")
    _add(records, "SOLUONGHOSO", "1")
    record = etree.SubElement(etree.SubElement(records, "DANHSACHHOSO"), "HOSO")
    for table, rows in tables.items():
        part = etree.SubElement(record, "FILEHOSO")
        _add(part, "LOAIHOSO", _elements()[table]["loaihoso"])
        _add(part, "NOIDUNGFILE", base64.b64encode(_table(table, rows)).decode())
    etree.SubElement(root, "CHUKYDONVI")
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _table(table: str, rows: list[Row]) -> bytes:
    """One table as its own document; a table without a list has its fields right under the root."""
    elements = _elements()[table]
    root = etree.Element(elements["root_element"])
    rows_under = etree.SubElement(root, elements["list_element"]) if elements["list_element"] else root
    for row in rows:
        under = etree.SubElement(rows_under, elements["row_element"]) if elements["row_element"] else root
        for field in _fields(table):
            _add(under, field, row.get(field, ""))
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _number(table: tuple[str, list[Row]]) -> int:
    return int(table[0].removeprefix("xml"))


def _add(under: etree._Element, tag: str, text: str) -> None:
    child = etree.SubElement(under, tag)
    if text:
        child.text = etree.CDATA(text) if "<" in text or "&" in text else text
