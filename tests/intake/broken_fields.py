"""Files whose fields are broken, one field at a time: empty, impossible, too long, of the wrong kind.

Which fields the book needs and reads is a decision (`book_fields.csv`); what is written here by hand is which
wrong value breaks which rule, and the few fields where a rule is only a doubt.
"""

from __future__ import annotations

from collections.abc import Iterator

from ehb.formats.field_tables import Field, Need, tables
from tests.builders import EVERYTHING, SUMMARY, visit_file
from tests.formats.rows import A_ROW_OF, ALL_TABLES, check_in_file
from tests.intake.cases import Case, refused, taken, warned

_MAIN = ("XML1", *ALL_TABLES)


def _with(name: str, field: str, value: str) -> bytes:
    """A visit that has this table, with this value in one field."""
    if name == "XML1":
        return visit_file({field: value})
    return visit_file(with_tables={name: [{**A_ROW_OF[name], field: value}]})


def _fields(*needs: Need) -> Iterator[tuple[str, Field]]:
    for name in _MAIN:
        for field in tables()[name].fields.values():
            if field.need in needs:
                yield name, field


def _empty(name: str, field: str) -> bytes:
    """The table with this field empty. MA_LK is the visit's: `visit_file` fills it in, so it is emptied after."""
    if name == "XML1" or field != "MA_LK":
        return _with(name, field, "")
    from tests.builders import envelope, part, table_xml

    row = {**A_ROW_OF[name], "MA_LK": ""}
    return envelope(part("XML1", table_xml("XML1", [SUMMARY])) + part(name, table_xml(name, [row])))


def _essential() -> Iterator[Case]:
    for name, field in _fields(Need.ESSENTIAL):
        yield refused(f"{name}.{field.name} is empty", _empty(name, field.name), "field.required")


def _expected() -> Iterator[Case]:
    for name, field in _fields(Need.EXPECTED):
        yield warned(f"{name}.{field.name} is empty", _empty(name, field.name), "field.expected")


def _dates() -> Iterator[Case]:
    for name, field in _fields(Need.ESSENTIAL, Need.EXPECTED, Need.READ):
        if field.date:
            yield refused(f"{name}.{field.name} is 30 February", _with(name, field.name, "202502300800"), "field.date")


def _numbers() -> Iterator[Case]:
    for name, field in _fields(Need.ESSENTIAL, Need.EXPECTED, Need.READ):
        if field.number and not field.date:
            yield refused(f"{name}.{field.name} has a decimal comma", _with(name, field.name, "1,5"), "field.number")


_WRONG_DATES = {
    "hour 24": "202610052400",
    "minute 60": "202610050860",
    "month 13": "202613050800",
    "day 0": "202610000800",
    "29 February of a common year": "202502290800",
    "the year 0": "000010050800",
    "a year before anybody": "179912310800",
    "a date with slashes": "05/10/2026",
    "a date with hyphens": "2026-10-05",
    "ISO 8601": "2026-10-05T08:00:00+07:00",
    "seconds too": "20261005080000",
    "seven digits": "2026105",
    "a negative number": "-20261005",
    "Arabic digits": "٢٠٢٦١٠٠٥",
    "full-width digits": "２０２６１００５",
    "a space inside": "20261005 0800",
    "a word": "hôm qua",
    "a date of Excel": "46300",
    "a thousand digits": "2" * 1000,
}
_WRONG_NUMBERS = {
    "a word": "mười",
    "a plus sign": "+1",
    "an exponent": "1e3",
    "infinity": "Infinity",
    "not a number": "NaN",
    "hexadecimal": "0x1F",
    "thousands with commas": "1,000",
    "two points": "1.2.3",
    "a point without digits": "1.",
    "digits of another script": "१२",
    "a full-width digit": "５",
    "a minus sign of typography": "−1",
    "a space inside": "1 000",
    "a unit": "30 viên",
}
_WRONG_IDENTIFIERS = {
    "eleven digits": "99918500001",
    "thirteen digits": "9991850000011",
    "eight digits": "99918500",
    "Arabic digits": "٩٩٩٠٨٥٠٠٠٠٠١",
    "a zero-width space inside": "999185\u200b000001",
    "a word": "không có",
    "markup": "<script>",
    "a query": "' OR 1=1 --",
    "an operator of a database": '{"$ne": 1}',
}

_FORGIVEN_IDENTIFIERS = {
    "spaces between the digits": "999 085 000 001",
    "points between the digits": "999.085.000.001",
    "full-width digits": "９９９０８５０００００１",
    "a letter O for a zero, which is a passport number by its form": "99918500000O",
}

CASES: list[Case] = [
    *_essential(),
    *_expected(),
    *_dates(),
    *_numbers(),
    *[refused(f"arrival: {how}", visit_file({"NGAY_VAO": value}), "field.date") for how, value in _WRONG_DATES.items()],
    *[refused(f"a drug's quantity: {how}", _with("XML2", "SO_LUONG", value), "field.number")
      for how, value in _WRONG_NUMBERS.items()],
    *[refused(f"the number of the person: {how}", visit_file({"SO_CCCD": value}), "identifier.format")
      for how, value in _WRONG_IDENTIFIERS.items()],
    *[taken(f"the number of the person: {how}", visit_file({"SO_CCCD": value}))
      for how, value in _FORGIVEN_IDENTIFIERS.items()],
    refused("a number of a thousand digits", _with("XML2", "SO_LUONG", "9" * 1000), "field.length"),
    refused("a number that is longer than its field by one", _with("XML2", "SO_LUONG", "1" * 11), "field.length"),
    refused("an episode code of a million letters", visit_file({"MA_LK": "x" * 1_000_000}), "field.length"),
    refused("a drug's name longer than its field", _with("XML2", "TEN_THUOC", "x" * 2_000), "field.length"),
    warned("an insurance card that is none", visit_file({"MA_THE_BHYT": "12345"}), "identifier.card"),
    warned("one insurance card of two that is none", visit_file({"MA_THE_BHYT": "GD4019990000001;x"}),
           "identifier.card"),
    warned("money that is a word", visit_file({"T_TONGCHI_BV": "nhiều"}), "field.number"),
    warned("a field that no table has", _with("XML2", "MA_LA", "1"), "field.unknown"),
    warned("a care type that is in no list", visit_file({"MA_LOAI_KCB": "77"}), "field.code"),
    warned("a sex that is in no list", visit_file({"GIOI_TINH": "9"}), "field.code"),
    # Text that is unusual and no fault
    *[taken(f"text: {how}", _with("XML8", "QT_BENHLY", value)) for how, value in {
        "decomposed accents": "Nguye\u0302\u0303n",
        "a zero-width joiner": "a\u200db",
        "written from right to left": "\u202etset",
        "an emoji of several": "👩🏽‍⚕️",
        "a letter with a hundred accents": "e" + "\u0301" * 100,
        "letters beyond the basic plane": "𠀀𝒳",
        "a private-use letter": "\ue000",
        "a replacement character": "\ufffd",
        "markup": "<script>alert(1)</script>",
        "the end of a CDATA section": "]]>",
        "a formula": "=1+1",
        "a percent sign and braces": "%s {0} ${x} {{y}}",
        "a backslash": "\\0 \\n",
        "an operator of a database": '{"$where": "1"}',
    }.items()],
    # A check-in
    refused("a check-in without a row", "<CHI_TIEU_TRANG_THAI_KCB><DSACH_TRANG_THAI_KCB/></CHI_TIEU_TRANG_THAI_KCB>",
            "checkin.empty"),
    refused("a check-in of two visits", check_in_file({}, {"MA_LK": "LK-2"}), "checkin.many"),
    refused("a check-in of two people", check_in_file({}, {"SO_CCCD": "999185000002"}), "checkin.many"),
    refused("a check-in of two facilities", check_in_file({}, {"MA_CSKCB": "99002"}), "checkin.many"),
    refused("a check-in without an episode", check_in_file({"MA_LK": ""}), "field.required"),
    refused("a check-in on 30 February", check_in_file({"NGAY_VAO": "202502300800"}), "field.date"),
    refused("a check-in of a number that is none", check_in_file({"SO_CCCD": "12"}), "identifier.format"),
    refused("a check-in in the year 2999", check_in_file({"NGAY_VAO": "299901010000"}), "time.future"),
    warned("a check-in that counts from two", check_in_file({"STT": "2"}), "row.order"),
]  # fmt: skip

assert set(EVERYTHING) <= set(ALL_TABLES)
