"""Files that mean harm or are broken: the reader never raises, opens nothing, expands nothing, and stays quick."""

from __future__ import annotations

import base64
import random
import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from ehb.domain.submission import VisitSummary, refused
from ehb.formats.visit_xml import read
from tests.builders import DRUG, EVERYTHING, SUMMARY, envelope, part, table_xml, visit_file

XML1 = table_xml("XML1", [SUMMARY])
GOOD = visit_file()


def _rules(visit: VisitSummary) -> set[str]:
    return {one.rule for one in visit.problems}


def _laughs(where: str = "&a9;", root: str = "GIAMDINHHS") -> str:
    entities = "".join(f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, 10))
    return f'<!DOCTYPE {root} [<!ENTITY a0 "ha">{entities}]><{root}>{where}</{root}>'


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "xml.malformed"),
    "white space": (b" \n\t ", "xml.malformed"),
    "a byte-order mark alone": (b"\xef\xbb\xbf", "xml.malformed"),
    "text": (b"GIAMDINHHS", "xml.malformed"),
    "JSON": (b'{"GIAMDINHHS": {}}', "xml.malformed"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "xml.malformed"),
    "a zip": (b"PK\x03\x04" + bytes(100), "xml.malformed"),
    "zeros": (bytes(1000), "xml.malformed"),
    "half a file": (GOOD[: len(GOOD) // 2], "xml.malformed"),
    "two roots": (GOOD + GOOD, "xml.malformed"),
    "text after the root": (GOOD + b"x", "xml.malformed"),
    "a NUL in the middle": (GOOD.replace(b"99001", b"99\x00001", 1), "xml.malformed"),
    "a control character": (GOOD.replace(b"99001", b"99\x07001", 1), "xml.malformed"),
    "an escaped NUL": (GOOD.replace(b"99001", b"99&#0;001", 1), "xml.malformed"),
    "bytes that are no UTF-8": (GOOD.replace(b"99001", b"99\xff001", 1), "xml.malformed"),
    "an encoding that there is not": (b'<?xml version="1.0" encoding="KLINGON"?>' + GOOD, "xml.malformed"),
    "an undeclared entity": (GOOD.replace(b"99001", b"&nhs;", 1), "xml.malformed"),
    "an undeclared prefix in a table": (envelope(part("XML1", XML1.replace("HO_TEN", "x:HO_TEN"))), "table.malformed"),
    "another root": (b"<HOSO/>", "envelope.root"),
    "the right root and nothing else": (b"<GIAMDINHHS/>", "envelope.count"),
    "the right root under a prefix that is none": (b"<x:GIAMDINHHS/>", "xml.malformed"),
    "a check-in file without a row": (b"<CHI_TIEU_TRANG_THAI_KCB/>", "checkin.empty"),
    "wrong base64": (envelope(part("XML1", XML1)).replace(b"<NOIDUNGFILE>", b"<NOIDUNGFILE>*"), "table.base64"),
    "base64 cut off": (
        envelope(part("XML1", XML1 + "  ")).replace(b"</NOIDUNGFILE>", b"A</NOIDUNGFILE>"),
        "table.base64",
    ),
    "base64 of garbage": (envelope(part("XML1", random.Random(1).randbytes(1000))), "table.malformed"),
    "base64 of base64": (envelope(part("XML1", base64.b64encode(XML1.encode()))), "table.malformed"),
    "base64 of nothing": (envelope(part("XML1", " ")), "table.malformed"),
    "a table without content": (
        envelope("<FILEHOSO><LOAIHOSO>XML1</LOAIHOSO></FILEHOSO>"),
        "table.base64",
    ),
    "a part that is empty": (envelope("<FILEHOSO/>"), "table.unknown"),
    "an unknown table": (envelope(part("XML99", XML1)), "table.unknown"),
    "no XML1": (visit_file().replace(b">XML1<", b">XML11<"), "table.missing"),
    "two XML1": (envelope(part("XML1", XML1) + part("XML1", XML1)), "table.repeated"),
    "two visits": (GOOD.replace(b"</HOSO>", b"</HOSO><HOSO/>"), "envelope.count"),
    "no visit": (envelope("").replace(b"<HOSO></HOSO>", b""), "envelope.count"),
    "two episodes": (
        envelope(part("XML1", XML1) + part("XML2", table_xml("XML2", [{**DRUG, "MA_LK": "LK-2"}]))),
        "episode.mismatch",
    ),
    "the thirtieth of February": (visit_file({"NGAY_VAO": "202502300800"}), "field.date"),
    "hour twenty-five": (visit_file({"NGAY_VAO": "202510052500"}), "field.date"),
    "the year zero": (visit_file({"NGAY_VAO": "000010050800"}), "field.date"),
    "a number of a thousand digits": (
        visit_file(with_tables={"XML2": [{**DRUG, "SO_LUONG": "9" * 1000}]}),
        "field.length",
    ),
    "three hundred levels": (b"<a>" * 300 + b"</a>" * 300, "xml.malformed"),
    "eleven million letters in one element": (envelope("<A>" + "a" * 11_000_000 + "</A>"), "xml.malformed"),
    "ten thousand levels": (b"<a>" * 10_000 + b"</a>" * 10_000, "xml.malformed"),
    "ten thousand levels in a table": (envelope(part("XML1", "<a>" * 10_000 + "</a>" * 10_000)), "table.malformed"),
    "ten thousand levels inline": (
        envelope(
            "<FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>"
            + "<a>" * 10_000
            + "</a>" * 10_000
            + "</NOIDUNGFILE></FILEHOSO>"
        ),
        "xml.malformed",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_has_its_own_clear_error(what: str) -> None:
    body, rule = BROKEN[what]

    visit = read(body)

    assert rule in _rules(visit)
    assert refused(visit.problems)


def test_a_file_that_cannot_be_read_is_a_visit_of_nobody_without_records() -> None:
    visit = read(b"nothing of this can be read")

    assert (visit.facility, visit.episode, visit.drafts, visit.patient.identifiers) == ("", "", (), ())


EVIL: dict[str, str] = {
    "a bare DOCTYPE": "<!DOCTYPE GIAMDINHHS><GIAMDINHHS/>",
    "a DOCTYPE elsewhere": '<!DOCTYPE GIAMDINHHS SYSTEM "http://127.0.0.1:9/x.dtd"><GIAMDINHHS/>',
    "a public DOCTYPE": '<!DOCTYPE GIAMDINHHS PUBLIC "-//x" "http://127.0.0.1:9/x.dtd"><GIAMDINHHS/>',
    "an external entity": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><GIAMDINHHS>&x;</GIAMDINHHS>',
    "an external entity by HTTP": '<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1:9/">]><GIAMDINHHS>&x;</GIAMDINHHS>',
    "a parameter entity": '<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><GIAMDINHHS/>',
    "a parameter entity by HTTP": '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;]><GIAMDINHHS/>',
    "a billion laughs": _laughs(),
    "a billion laughs in an attribute": _laughs().replace("<GIAMDINHHS>", '<GIAMDINHHS x="&a9;">'),
    "a billion laughs in a default": _laughs("").replace("]>", '<!ATTLIST GIAMDINHHS x CDATA "&a9;">]>'),
    "a quadratic blow-up": f'<!DOCTYPE a [<!ENTITY a "{"x" * 100_000}">]><GIAMDINHHS>{"&a;" * 50_000}</GIAMDINHHS>',
    "an entity of itself": '<!DOCTYPE a [<!ENTITY a "&b;"><!ENTITY b "&a;">]><GIAMDINHHS>&a;</GIAMDINHHS>',
}


@pytest.mark.parametrize("what", EVIL)
def test_no_entity_is_taken_in_the_envelope_or_in_a_table(what: str) -> None:
    begun = time.thread_time()

    outside = read(EVIL[what].encode())
    inside = read(envelope(part("XML1", EVIL[what])))
    as_text = read(envelope(part("XML1", "x")).replace(b"eA==", f"<![CDATA[{EVIL[what]}]]>".encode()))

    assert _rules(outside) <= {"xml.doctype", "xml.malformed"}
    assert _rules(inside) | _rules(as_text) <= {"xml.doctype", "table.malformed"}
    assert all(refused(visit.problems) for visit in (outside, inside, as_text))
    assert all(len(visit.content) < 1000 for visit in (outside, inside, as_text))
    assert time.thread_time() - begun < 2


def test_a_file_of_this_machine_never_becomes_part_of_a_visit(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("K4N4RY")
    stolen = XML1.replace("Đau đầu", "&x;")
    declared = f'<!DOCTYPE TONG_HOP [<!ENTITY x SYSTEM "{secret.as_uri()}">]>{stolen}'
    included = XML1.replace(
        "Đau đầu", f'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{secret.as_uri()}" parse="text"/>'
    )

    visits = [read(envelope(part("XML1", evil))) for evil in (declared, included)]

    assert all("K4N4RY" not in repr(visit) for visit in visits)


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE GIAMDINHHS SYSTEM "{uri}">',
        '<!DOCTYPE GIAMDINHHS [<!ENTITY % p SYSTEM "{uri}"> %p;]>',
        '<!DOCTYPE GIAMDINHHS [<!ENTITY x SYSTEM "{uri}">]>',
    ],
)
def test_a_file_of_this_machine_is_not_even_opened(tmp_path: Path, doctype: str) -> None:
    trap = tmp_path / "trap.dtd"
    trap.write_text("<!ELEMENT this would break the whole file")

    alone, used = (
        read(f"{doctype.format(uri=trap.as_uri())}<GIAMDINHHS>{content}</GIAMDINHHS>".encode())
        for content in ("", "&x;")
    )

    assert _rules(alone) == _rules(used) == {"xml.doctype"}


def test_no_connection_is_opened_for_a_file() -> None:
    knocked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        bodies = [
            f'<!DOCTYPE a SYSTEM "{address}"><GIAMDINHHS/>',
            f'<!DOCTYPE a [<!ENTITY x SYSTEM "{address}">]><GIAMDINHHS>&x;</GIAMDINHHS>',
            f'<!DOCTYPE a [<!ENTITY % p SYSTEM "{address}"> %p;]><GIAMDINHHS/>',
            f'<?xml-stylesheet href="{address}"?><GIAMDINHHS xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
            f' xsi:schemaLocation="{address} {address}"/>',
        ]

        for body in bodies:
            read(body.encode())

        try:
            listener.accept()
            knocked.set()
        except TimeoutError:
            pass
    assert not knocked.is_set()


def test_a_relative_namespace_in_a_table_that_is_only_kept_does_not_raise() -> None:
    visit = read(envelope(part("XML1", XML1) + part("XML12", '<A xmlns="b" xmlns:c="d"><c:e f="g"/></A>')))

    assert _rules(visit) == {"table.later"}


QUICK: dict[str, bytes] = {
    "fifteen million letters in one field": visit_file({"GHI_CHU": "a" * 15_000_000}),
    "fifteen million letters beside the tables": envelope("<A>" + "a" * 15_000_000 + "</A>"),
    "a hundred thousand empty rows": visit_file(with_tables={"XML2": [{}] * 100_000}),
    "a hundred thousand unknown parts": envelope("<FILEHOSO/>" * 100_000),
    "a hundred thousand unknown fields": envelope(
        part("XML1", XML1.replace("</TONG_HOP>", "<X>1</X>" * 100_000 + "</TONG_HOP>"))
    ),
    "a hundred thousand attributes": b"<GIAMDINHHS "
    + b" ".join(b'a%d="1"' % number for number in range(100_000))
    + b"/>",
    "a hundred thousand digits": visit_file({"CAN_NANG": "9" * 100_000, "SO_CCCD": "9" * 100_000}),
    "a hundred thousand items of a list": visit_file({"MA_THE_BHYT": "x;" * 100_000}),
    "a hundred thousand spaces in a base64": envelope(part("XML1", XML1)).replace(
        b"</NOIDUNGFILE>", b" " * 100_000 + b"</NOIDUNGFILE>"
    ),
    "a hundred thousand angle brackets in a note": visit_file(
        with_tables={"XML5": [{**EVERYTHING["XML5"][0], "DIEN_BIEN_LS": "CSST<" * 20_000}]}
    ),
    "many declarations that say nothing": b"<?xml " + b"encoding=" * 100_000 + b"?><GIAMDINHHS/>",
}


@pytest.mark.parametrize("what", QUICK)
def test_a_huge_file_is_read_or_refused_in_bounded_time(what: str) -> None:
    begun = time.thread_time()

    visit = read(QUICK[what])

    assert time.thread_time() - begun < 15
    assert len(visit.problems) <= 20_000


@pytest.mark.long
def test_the_time_of_reading_grows_with_the_size_and_not_with_its_square() -> None:
    def seconds(rows: int) -> float:
        body = visit_file(with_tables={"XML2": [{}] * rows})
        begun = time.process_time()
        read(body)
        return time.process_time() - begun

    seconds(1_000)
    small, large = min(seconds(5_000) for _ in range(3)), min(seconds(40_000) for _ in range(2))

    assert large < small * 8 * 3


# Whatever the bytes: read() comes back


def _comes_back(body: bytes) -> None:
    visit = read(body)

    assert all(one.message_vi and one.message_en for one in visit.problems)
    assert visit.drafts == () or visit.episode or refused(visit.problems)


@given(some.binary(max_size=300))
def test_random_bytes_are_problems_and_no_exception(body: bytes) -> None:
    _comes_back(body)


@given(some.text(max_size=200))
def test_random_text_as_a_table_is_a_problem_and_no_exception(text: str) -> None:
    _comes_back(envelope(part("XML1", text.encode("utf-8", "surrogatepass"))))


def _wounded(body: bytes, share: float, wound: bytes) -> bytes:
    place = int(len(body) * share)
    return body[:place] + wound + body[place + 1 :]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    some.lists(
        some.tuples(
            some.integers(0, len(GOOD) - 1), some.sampled_from([b"", b"<", b">", b"&", b"\x00", b"\xff", b"9"])
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_good_file_with_wounds_is_read_or_refused(wounds: list[tuple[float, bytes]]) -> None:
    envelope_, table = GOOD, XML1.encode()
    for share, wound in wounds:
        envelope_, table = _wounded(envelope_, share, wound), _wounded(table, share, wound)

    _comes_back(envelope_)
    _comes_back(envelope(part("XML1", table)))


@given(
    some.sampled_from(sorted(SUMMARY)),
    some.text(some.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff"), max_size=30),
)
def test_any_text_in_any_field_of_the_visit_is_read_or_refused(name: str, value: str) -> None:
    _comes_back(envelope(part("XML1", table_xml("XML1", [{**SUMMARY, name: value}]))))


@given(
    some.sampled_from(sorted(EVERYTHING)),
    some.data(),
    some.one_of(
        some.text(alphabet="0123456789;<>=.,-/_ ", max_size=16),
        some.text(some.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff"), max_size=20),
    ),
)
def test_any_text_in_any_field_of_a_table_is_read_or_refused(table: str, data: some.DataObject, value: str) -> None:
    row = dict(EVERYTHING[table][0])
    name = data.draw(some.sampled_from(sorted(row)))

    _comes_back(visit_file(with_tables={table: [{**row, name: value}]}))


@given(some.lists(some.sampled_from(sorted([*EVERYTHING, "XML7", "XML9", "XML13", "XML14", "XML0"])), max_size=6))
def test_any_mixture_of_tables_is_read_or_refused(names: list[str]) -> None:
    parts = [
        part(name, table_xml(name, [{"MA_LK": "LK-1"}])) if name != "XML0" else part(name, "<A/>") for name in names
    ]

    _comes_back(envelope("".join(parts)))
    _comes_back(envelope(part("XML1", XML1) + "".join(parts)))
