"""Files that are broken as files: cut off, re-encoded, something else altogether, hostile XML."""

from __future__ import annotations

import base64
import gzip
import re

from tests.builders import SUMMARY, envelope, part, table_xml, visit_file
from tests.intake.cases import Case, refused, taken

GOOD = visit_file()
TEXT = GOOD.decode()
XML1 = table_xml("XML1", [SUMMARY])
_UTF_16 = "<?xml version='1.0' encoding='UTF-16'?>"


def _cut(tenths: int) -> bytes:
    return GOOD[: len(GOOD) * tenths // 10]


def _inside(content: bytes | str) -> bytes:
    """A visit whose XML1 is these bytes, in base64."""
    return envelope(part("XML1", content))


CASES: list[Case] = [
    # Not a file at all
    refused("nothing", b"", "xml.malformed"),
    refused("white space", b" \n\t", "xml.malformed"),
    refused("a byte-order mark", b"\xef\xbb\xbf", "xml.malformed"),
    refused("a UTF-16 byte-order mark", b"\xff\xfe", "xml.malformed"),
    refused("one NUL", b"\0", "xml.malformed"),
    refused("a megabyte of NULs", bytes(1_000_000), "xml.malformed"),
    refused("a word", b"GIAMDINHHS", "xml.malformed"),
    refused("JSON", b'{"MACSKCB": "99001"}', "xml.malformed"),
    refused("CSV", b"MA_LK,STT\nLK-1,1\n", "xml.malformed"),
    refused("a PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "xml.malformed"),
    refused("a zip or a spreadsheet", b"PK\x03\x04" + GOOD, "xml.malformed"),
    refused("the file packed with gzip", gzip.compress(GOOD, mtime=0), "xml.malformed"),
    refused("the file in base64", base64.b64encode(GOOD), "xml.malformed"),
    refused("an error page of a proxy", "<html><head><title>502</title></head></html>", "envelope.root"),
    refused("the file in a SOAP envelope", f"<Envelope><Body>{TEXT}</Body></Envelope>", "envelope.root"),
    refused("the visit without its envelope", XML1, "envelope.root"),
    refused("a letter before the file", b"x" + GOOD, "xml.malformed"),
    refused("a letter after the file", GOOD + b"x", "xml.malformed"),
    refused("two files in one", GOOD + GOOD, "xml.malformed"),
    refused("a declaration in the middle", GOOD + b"<?xml version='1.0'?>", "xml.malformed"),
    # Cut off
    *[refused(f"cut off after {tenths} tenths", _cut(tenths), "xml.malformed") for tenths in range(1, 10)],
    refused("cut off before the last letter", GOOD[:-1], "xml.malformed"),
    refused("the first letter lost", GOOD[1:], "xml.malformed"),
    refused("a block in the middle lost", GOOD[:400] + GOOD[912:], "table.malformed"),
    # Re-encoded
    refused("a table in UTF-16 without saying so", _inside(XML1.encode("utf-16-be")), "table.malformed"),
    refused("a table in the code page of Windows", _inside(XML1.replace("ễ", "e").encode("cp1258", "replace")),
            "table.malformed"),
    refused("a table in Latin-1 without saying so", _inside(XML1.encode("latin-1", "xmlcharrefreplace")
            .replace(b"HO_TEN>", b"HO_TEN>\xea", 1)), "table.malformed"),
    refused("an encoding that there is not", b"<?xml version='1.0' encoding='TCVN3'?>" + GOOD, "xml.malformed"),
    refused("UTF-8 with a lost byte", GOOD.replace(b"20261005", b"2026\xc3", 1), "xml.malformed"),
    refused("UTF-8 for half of a surrogate pair", GOOD.replace(b"20261005", b"\xed\xa0\x80", 1), "xml.malformed"),
    refused("UTF-8 longer than needed", GOOD.replace(b"20261005", b"\xc0\xaf", 1), "xml.malformed"),
    taken("UTF-16 that says UTF-8: the byte-order mark decides",
          ("<?xml version='1.0' encoding='UTF-8'?>" + TEXT).encode("utf-16")),
    taken("UTF-32 with a byte-order mark", TEXT.encode("utf-32")),
    taken("UTF-16 that says so", (_UTF_16 + TEXT).encode("utf-16")),
    taken("UTF-8 that says UTF-16, as a .NET StringWriter does", (_UTF_16 + TEXT).encode()),
    taken("UTF-8 with a byte-order mark", b"\xef\xbb\xbf" + GOOD),
    taken("a table with a byte-order mark", _inside(b"\xef\xbb\xbf" + XML1.encode())),
    taken("a table in UTF-16 that says so", _inside((_UTF_16 + XML1).encode("utf-16"))),
    taken("Windows line ends everywhere", re.sub("><", ">\r\n<", TEXT)),
    taken("base64 in lines of 76 letters", re.sub("([A-Za-z0-9+/]{76})", r"\1\r\n", TEXT)),
    taken("comments and instructions between elements", TEXT.replace("><", "><!-- x --><?y z?><")),
    taken("names in lower case", re.sub("</?[A-Z_0-9]+>", lambda found: found[0].lower(), TEXT)),
    taken("a namespace on the root", TEXT.replace("<GIAMDINHHS>", "<GIAMDINHHS xmlns='urn:x'>")),
    # XML that is none
    refused("a tag never closed", TEXT.replace("</NGAYLAP>", ""), "xml.malformed"),
    refused("tags closed in the wrong order", TEXT.replace("</HOSO></DANHSACHHOSO>", "</DANHSACHHOSO></HOSO>"),
            "xml.malformed"),
    refused("an ampersand as it is", TEXT.replace("99001", "99 & 001", 1), "xml.malformed"),
    refused("a less-than sign as it is", TEXT.replace("99001", "<99001", 1), "xml.malformed"),
    refused("an entity of HTML", TEXT.replace("99001", "99&nbsp;001", 1), "xml.malformed"),
    refused("an attribute twice", TEXT.replace("<HOSO>", "<HOSO a='1' a='2'>"), "xml.malformed"),
    refused("an attribute without quotes", TEXT.replace("<HOSO>", "<HOSO a=1>"), "xml.malformed"),
    refused("a prefix that nobody declared", TEXT.replace("GIAMDINHHS>", "x:GIAMDINHHS>"), "xml.malformed"),
    refused("a comment with two hyphens", TEXT.replace("<HOSO>", "<!-- -- --><HOSO>"), "xml.malformed"),
    refused("a CDATA section never closed", TEXT.replace("<NGAYLAP>", "<NGAYLAP><![CDATA["), "xml.malformed"),
    refused("an escaped NUL", TEXT.replace("99001", "99&#0;001", 1), "xml.malformed"),
    refused("an escaped half of a surrogate pair", TEXT.replace("99001", "99&#xD800;001", 1), "xml.malformed"),
    refused("an escaped character that there is not", TEXT.replace("99001", "&#x110000;", 1), "xml.malformed"),
    refused("a control character", TEXT.replace("99001", "99\x08001", 1), "xml.malformed"),
    refused("a table with an unescaped ampersand", _inside(XML1.replace("Thử", "Thử & Con")), "table.malformed"),
    refused("a table with a control character", _inside(XML1.replace("Thử", "Th\x0b")), "table.malformed"),
    # XML that means harm
    refused("a DOCTYPE", "<!DOCTYPE GIAMDINHHS>" + TEXT, "xml.doctype"),
    refused("a DOCTYPE somewhere else", "<!DOCTYPE GIAMDINHHS SYSTEM 'http://127.0.0.1:9/x.dtd'>" + TEXT,
            "xml.doctype"),
    refused("an entity", "<!DOCTYPE GIAMDINHHS [<!ENTITY x 'y'>]>" + TEXT, "xml.doctype"),
    refused("an entity of this machine", "<!DOCTYPE GIAMDINHHS [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
            + TEXT.replace("<NGAYLAP>", "<NGAYLAP>&x;"), "xml.doctype"),
    refused("a DOCTYPE in a table", _inside("<!DOCTYPE TONG_HOP>" + XML1), "xml.doctype"),
    refused("an entity in a table", _inside("<!DOCTYPE TONG_HOP [<!ENTITY x 'y'>]>" + XML1), "xml.doctype"),
    refused("ten thousand levels", b"<a>" * 10_000 + b"</a>" * 10_000, "xml.malformed"),
    refused("ten thousand levels in a table", _inside("<a>" * 10_000 + "</a>" * 10_000), "table.malformed"),
]  # fmt: skip
