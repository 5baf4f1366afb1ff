"""What to measure with: the visit files of `ehb.synthetic`, and a visit of exactly 40 rows made of their rows.

Rows are whole: every column of the national table, filled or empty, as hospital systems send them. The one
invariant: two drugs or two services of the 40 rows are never the same one, so each row counts.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cache

from ehb import synthetic
from ehb.formats.field_tables import tables

FACILITY = "99001"
ROWS = {"XML1": 1, "XML2": 14, "XML3": 12, "XML4": 10, "XML5": 2, "XML8": 1}
_PART = re.compile(r"<LOAIHOSO>(\w+)</LOAIHOSO>\s*<NOIDUNGFILE>([^<]+)<")
_THING = re.compile(r"<(MA_THUOC|MA_DICH_VU|DIEN_BIEN_LS)>[^<]+|<TEN_CHI_SO>[^<]+")
FULL_NAME = "Nguyễn Thị Đo"
"""The name in every visit of forty rows."""
_EPISODE, _NUMBER, _NOTE = "@EPISODE@", "@NUMBER@", "@NOTE@"


@cache
def files(people: int = 50) -> tuple[bytes, ...]:
    """Visit files of invented people, the same ones every time."""
    return tuple(file.content for person in synthetic.people(people, 1) for file in synthetic.visit_files(person, 1))


def forty_rows(episode: str, national_id: str, note: str = "") -> bytes:
    """A visit of 40 rows: summary, 14 drugs, 12 services, 10 results, 2 notes, record summary.

    Another `note` is another version of the visit.
    """
    parts = (
        f"<FILEHOSO><LOAIHOSO>{name}</LOAIHOSO>"
        f"<NOIDUNGFILE>{_base64(text, episode, national_id, note)}</NOIDUNGFILE></FILEHOSO>"
        for name, text in _tables().items()
    )
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<GIAMDINHHS><THONGTINDONVI><MACSKCB>{FACILITY}</MACSKCB>"
        "</THONGTINDONVI><THONGTINHOSO><NGAYLAP>20261005</NGAYLAP><SOLUONGHOSO>1</SOLUONGHOSO>"
        f"<DANHSACHHOSO><HOSO>{''.join(parts)}</HOSO></DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI/></GIAMDINHHS>"
    ).encode()


def _base64(text: str, episode: str, national_id: str, note: str) -> str:
    said = text.replace(_EPISODE, episode).replace(_NUMBER, national_id).replace(_NOTE, note)
    return base64.b64encode(said.encode()).decode()


@cache
def _tables() -> dict[str, str]:
    """The documents of the tables, with marks where episode and number go."""
    made: dict[str, str] = {}
    for name, wanted in ROWS.items():
        documents = [text for file in files() for found, text in _parts(file) if found == name]
        row = tables()[name].row
        if row is None:
            made[name] = _marked(documents[0], 1)
            continue
        distinct: dict[str, str] = {}
        for found in (one for text in documents for one in re.findall(f"<{row}>.*?</{row}>", text)):
            thing = _THING.search(found)
            distinct.setdefault(thing[0] if thing else found, found)
        rows = [_marked(one, number) for number, one in enumerate(list(distinct.values())[:wanted], start=1)]
        assert len(rows) == wanted
        head, tail = documents[0].partition(f"<{row}>")[0], documents[0].rpartition(f"</{row}>")[2]
        made[name] = head + "".join(rows) + tail
    return made


def _parts(file: bytes) -> Iterator[tuple[str, str]]:
    for name, content in _PART.findall(file.decode()):
        yield name, base64.b64decode(content).decode()


def _marked(text: str, number: int) -> str:
    """The row as one of our visit and our person, a woman of 1985 as her number says; without the card."""
    for field, value in (
        ("MA_LK", _EPISODE),
        ("SO_CCCD", _NUMBER),
        ("STT", str(number)),
        ("MA_CSKCB", FACILITY),
        ("MA_THE_BHYT", ""),
        ("HO_TEN", FULL_NAME),
        ("NGAY_SINH", "198503070000"),
        ("GIOI_TINH", "2"),
    ):
        text = re.sub(f"<{field}>[^<]*<", f"<{field}>{value}<", text)
    return text.replace("<GHI_CHU/>", f"<GHI_CHU>{_NOTE}</GHI_CHU>")
