"""Files whose envelope or parts are broken: counts, names, tables that are missing, repeated or unreadable."""

from __future__ import annotations

import base64

from tests.builders import DRUG, SUMMARY, envelope, part, table_xml, visit_file
from tests.formats.rows import ALL_TABLES
from tests.intake.cases import Case, refused, taken, warned

GOOD = visit_file()
TEXT = GOOD.decode()
XML1 = table_xml("XML1", [SUMMARY])
FIRST = part("XML1", XML1)
_COUNT, _FACILITY = "<SOLUONGHOSO>1</SOLUONGHOSO>", "<MACSKCB>99001</MACSKCB>"
_KNOWN_ROOTS = [name for name in ALL_TABLES if name not in ("XML6", "XML12", "XML15")]
"""Tables whose root element is published with certainty."""


def _counted(text: str) -> str:
    return TEXT.replace(_COUNT, f"<SOLUONGHOSO>{text}</SOLUONGHOSO>")


def _named(name: str) -> bytes:
    """XML1, and a part that calls itself so."""
    return envelope(FIRST + part(name, table_xml("XML2", [DRUG])))


def _content(text: str) -> bytes:
    """A visit whose XML1 has this for its NOIDUNGFILE."""
    return envelope(f"<FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>{text}</NOIDUNGFILE></FILEHOSO>")


CASES: list[Case] = [
    # The envelope
    refused("the root and nothing else", "<GIAMDINHHS/>", "envelope.facility", "envelope.count", "table.missing"),
    refused("another root", TEXT.replace("GIAMDINHHS", "GIAMDINH"), "envelope.root"),
    refused("no facility", TEXT.replace(_FACILITY, ""), "envelope.facility"),
    refused("an empty facility", TEXT.replace(_FACILITY, "<MACSKCB> </MACSKCB>"), "envelope.facility"),
    refused("the count is 0", _counted("0"), "envelope.count"),
    refused("the count is 2", _counted("2"), "envelope.count"),
    refused("the count is -1", _counted("-1"), "envelope.count"),
    refused("the count is 1.0", _counted("1.0"), "envelope.count"),
    refused("the count is a word", _counted("một"), "envelope.count"),
    refused("the count is a full-width 1", _counted("１"), "envelope.count"),
    refused("the count has a thousand digits", _counted("1" * 1000), "envelope.count"),
    refused("two visits", TEXT.replace("</HOSO>", "</HOSO><HOSO/>"), "envelope.count"),
    refused("a visit inside the visit", TEXT.replace("</HOSO>", "<HOSO/></HOSO>"), "envelope.count", "table.unknown"),
    refused("no visit", envelope("").replace(b"<HOSO></HOSO>", b""), "envelope.count", "table.missing"),
    refused("an empty visit", envelope(""), "table.missing"),
    warned("no date", TEXT.replace("<NGAYLAP>20261005</NGAYLAP>", ""), "envelope.date"),
    warned("a date with slashes", TEXT.replace("<NGAYLAP>20261005", "<NGAYLAP>05/10/2026"), "envelope.date"),
    warned("a date in words", TEXT.replace("<NGAYLAP>20261005", "<NGAYLAP>hôm nay"), "envelope.date"),
    warned("a date in Arabic digits", TEXT.replace("<NGAYLAP>20261005", "<NGAYLAP>٢٠٢٦١٠٠٥"), "envelope.date"),
    warned("a signature that is a word", envelope(FIRST, signature="đã ký"), "signature.unverified"),
    warned("a signature that is an empty element", envelope(FIRST, signature="<Signature/>"), "signature.unverified"),
    taken("no count", TEXT.replace(_COUNT, "")),
    taken("the count is 01", _counted("01")),
    taken("elements that nobody knows beside the visit", TEXT.replace("<HOSO>", "<GHICHU>x</GHICHU><HOSO>")),
    # Parts
    refused("an empty part", envelope(FIRST + "<FILEHOSO/>"), "table.unknown"),
    refused("a part without a name", envelope(FIRST + "<FILEHOSO><NOIDUNGFILE>eA==</NOIDUNGFILE></FILEHOSO>"),
            "table.unknown"),
    *[refused(f"a part called {name!r}", _named(name), "table.unknown")
      for name in ("", "XML", "XML16", "XML-1", "XML 1", "XML1.0", "XMLI", "CHECKIN", "XML１", "XML" + "9" * 1000)],
    refused("a part without content", envelope("<FILEHOSO><LOAIHOSO>XML1</LOAIHOSO></FILEHOSO>"), "table.base64"),
    refused("empty content", _content(""), "table.base64"),
    refused("content of spaces", _content("  \n "), "table.base64"),
    refused("an asterisk in the base64", _content("*" + base64.b64encode(XML1.encode()).decode()), "table.base64"),
    refused("base64 with a letter too many", _content(base64.b64encode(XML1.encode() + b"  ").decode() + "A"),
            "table.base64"),
    refused("base64 of the URL alphabet", _content(base64.urlsafe_b64encode("<ÿþ?>ÿÿÿ".encode() * 9).decode()),
            "table.base64"),
    refused("hexadecimal instead of base64", _content(XML1.encode().hex()), "table.base64"),
    refused("base64 of base64", _content(base64.b64encode(base64.b64encode(XML1.encode())).decode()),
            "table.malformed"),
    refused("base64 of JSON", _content(base64.b64encode(b'{"MA_LK": "LK-1"}').decode()), "table.malformed"),
    refused("base64 of half a table", _content(base64.b64encode(XML1.encode()[:200]).decode()), "table.malformed"),
    refused("base64 of spaces", _content(base64.b64encode(b"   ").decode()), "table.malformed"),
    refused("base64 of two tables", _content(base64.b64encode(XML1.encode() * 2).decode()), "table.malformed"),
    refused("base64 of a whole visit file", _content(base64.b64encode(GOOD).decode()), "table.root"),
    refused("no XML1", visit_file().replace(b">XML1<", b">XML8<"), "table.missing", "table.root"),
    refused("XML1 twice", envelope(FIRST + FIRST), "table.repeated"),
    refused("XML1 under the name of XML2", envelope(part("XML2", XML1)), "table.root", "table.missing"),
    *[refused(f"the root of {name} is another table's", envelope(FIRST + part(name, XML1)), "table.root")
      for name in _KNOWN_ROOTS],
    *[refused(f"{name} cut off", envelope(FIRST + part(name, table_xml(name, rows)[:60])), "table.malformed")
      for name, rows in ALL_TABLES.items()],
    taken("names of parts in lower case", visit_file().replace(b">XML", b">xml")),
    taken("tables as XML instead of base64", _content(XML1)),
    taken("tables as text instead of base64", _content(f"<![CDATA[{XML1}]]>")),
    taken("parts in the other order", envelope(part("XML2", table_xml("XML2", [DRUG])) + FIRST)),
]  # fmt: skip
