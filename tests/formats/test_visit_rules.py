"""What each rule of the national visit file says, and what breaks none of them."""

from __future__ import annotations

import pytest

from ehb.domain.submission import Problem, Severity, VisitSummary, refused
from ehb.formats.field_tables import tables
from ehb.formats.problems import MESSAGES
from ehb.formats.visit_xml import READ_TABLES, read
from tests.builders import DRUG, EVERYTHING, NOTE, RESULT, SERVICE, SUMMARY, envelope, part, table_xml, visit_file
from tests.formats.rows import ASSESSMENT, BIRTH, REFERRAL, SICK_LEAVE, SLIP, check_in_file

ERROR, WARNING = Severity.ERROR, Severity.WARNING
XML1 = table_xml("XML1", [SUMMARY])


def _places(visit: VisitSummary) -> list[tuple[str, str | None, int | None, str | None]]:
    return [(one.rule, one.table, one.row, one.field) for one in visit.problems]


def _one_table(name: str, row: dict[str, str], **summary: str) -> bytes:
    return visit_file(summary, with_tables={name: [row]}, without=[other for other in EVERYTHING if other != name])


def _inline(content: str) -> str:
    return f"<FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>{content}</NOIDUNGFILE></FILEHOSO>"


def _with(**summary: str) -> bytes:
    return visit_file(summary)


def _without(name: str) -> bytes:
    return visit_file({name: ""})


_TOTALS = {
    "T_TONGCHI_BV": "60000",
    "T_TONGCHI_BH": "60000.00",
    "T_BNCCT": "12000",
    "T_BHTT": "48000",
    "T_BHTT_GDV": "48000",
}


def _billed(row: dict[str, str], totals: dict[str, str] | None = None) -> bytes:
    """A visit of one drug whose money adds up, but for what is given."""
    sources = dict.fromkeys(("T_NGUONKHAC_NSNN", "T_NGUONKHAC_VTNN", "T_NGUONKHAC_VTTN", "T_NGUONKHAC_CL"), "0")
    drug = {**DRUG, "DON_GIA": "2000", "THANH_TIEN_BV": "60000.00", "THANH_TIEN_BH": "60000", "MA_PTTT": "1"}
    money = {"T_BNTT": "0", "T_BNCCT": "12000", "T_BHTT": "48000", "T_NGUONKHAC": "0", **sources}
    return _one_table("XML2", {**drug, **money, **row}, **{**_TOTALS, **(totals or {})})


Place = tuple[str | None, int | None, str | None]
RULES: list[tuple[str, Severity, Place, bytes]] = [
    ("xml.malformed", ERROR, (None, None, None), b"this is no XML"),
    ("xml.doctype", ERROR, (None, None, None), b"<!DOCTYPE GIAMDINHHS><GIAMDINHHS/>"),
    ("xml.too_many", ERROR, (None, None, None), b"<GIAMDINHHS>" + b"<a/>" * 600_000 + b"</GIAMDINHHS>"),
    (
        "xml.doctype",
        ERROR,
        ("XML1", None, None),
        envelope(part("XML1", "<!DOCTYPE TONG_HOP [<!ENTITY a 'b'>]>" + XML1)),
    ),
    ("envelope.root", ERROR, (None, None, None), b"<TONG_HOP/>"),
    ("envelope.facility", ERROR, (None, None, "MACSKCB"), envelope(part("XML1", XML1), facility=" ")),
    (
        "envelope.count",
        ERROR,
        (None, None, "SOLUONGHOSO"),
        visit_file().replace(b"<SOLUONGHOSO>1<", b"<SOLUONGHOSO>2<"),
    ),
    ("envelope.count", ERROR, (None, None, "SOLUONGHOSO"), visit_file().replace(b"</HOSO>", b"</HOSO><HOSO></HOSO>")),
    ("envelope.date", WARNING, (None, None, "NGAYLAP"), visit_file().replace(b">20261005<", b">2026-10-05<")),
    ("table.unknown", ERROR, (None, None, "LOAIHOSO"), envelope(part("XML1", XML1) + part("XML16", "<A/>"))),
    ("table.later", WARNING, ("XML12", None, None), envelope(part("XML1", XML1) + part("XML12", "<A/>"))),
    ("table.later", WARNING, ("XML0", None, None), envelope(part("XML1", XML1) + part("XML0", "<A/>"))),
    ("table.base64", ERROR, ("XML1", None, "NOIDUNGFILE"), envelope(_inline("not base64!"))),
    ("table.base64", ERROR, ("XML1", None, "NOIDUNGFILE"), envelope(_inline(""))),
    ("table.malformed", ERROR, ("XML1", None, None), envelope(part("XML1", "garbage"))),
    ("table.malformed", ERROR, ("XML1", None, None), envelope(part("XML1", XML1[:-5]))),
    ("table.malformed", ERROR, ("XML1", None, None), envelope(part("XML1", XML1.replace("Đau", "\x00")))),
    ("table.root", ERROR, ("XML1", None, None), envelope(part("XML1", table_xml("XML2", [DRUG])))),
    ("table.missing", ERROR, ("XML1", None, None), envelope(part("XML2", table_xml("XML2", [DRUG])))),
    ("table.repeated", ERROR, ("XML1", None, None), envelope(part("XML1", XML1) * 2)),
    (
        "episode.mismatch",
        ERROR,
        ("XML2", 1, "MA_LK"),
        envelope(part("XML1", XML1) + part("XML2", table_xml("XML2", [{**DRUG, "MA_LK": "LK-2"}]))),
    ),
    (
        "person.mismatch",
        ERROR,
        ("XML12", 1, "SO_CCCD"),
        _one_table("XML12", {**ASSESSMENT, "SO_CCCD": "999185000002"}),
    ),
    ("facility.mismatch", ERROR, ("XML1", 1, "MA_CSKCB"), _with(MA_CSKCB="99002")),
    (
        "field.required",
        ERROR,
        ("XML1", 1, "MA_LK"),
        envelope(part("XML1", table_xml("XML1", [{**SUMMARY, "MA_LK": ""}]))),
    ),
    ("field.required", ERROR, ("XML1", 1, "NGAY_VAO"), _without("NGAY_VAO")),
    ("field.required", ERROR, ("XML1", 1, "MA_CSKCB"), _without("MA_CSKCB")),
    ("field.required", ERROR, ("XML2", 1, "TEN_THUOC"), _one_table("XML2", {**DRUG, "TEN_THUOC": ""})),
    ("field.required", ERROR, ("XML14", 1, "NGAY_HEN_KL"), _one_table("XML14", {**SLIP, "NGAY_HEN_KL": ""})),
    ("field.expected", WARNING, ("XML1", 1, "HO_TEN"), _without("HO_TEN")),
    ("field.unknown", WARNING, ("XML1", 1, None), _with(KHONG_CO="x")),
    ("field.length", ERROR, ("XML1", 1, "HO_TEN"), _with(HO_TEN="x" * 256)),
    ("field.length", ERROR, ("XML1", 1, "SO_CCCD"), _with(SO_CCCD="9" * 16)),
    ("field.number", ERROR, ("XML2", 1, "SO_LUONG"), _one_table("XML2", {**DRUG, "SO_LUONG": "30,5"})),
    ("field.number", WARNING, ("XML2", 1, "DON_GIA"), _one_table("XML2", {**DRUG, "DON_GIA": "một nghìn"})),
    ("field.date", ERROR, ("XML1", 1, "NGAY_VAO"), _with(NGAY_VAO="20250230")),
    ("field.date", ERROR, ("XML1", 1, "NGAY_RA"), _with(NGAY_RA="202610052500")),
    ("field.date", ERROR, ("XML1", 1, "NGAY_SINH"), _with(NGAY_SINH="000001010000")),
    ("field.date", ERROR, ("XML1", 1, "NGAY_TAI_KHAM"), _with(NGAY_TAI_KHAM="20261105;20261305")),
    ("field.date", WARNING, ("XML1", 1, "NGAY_TTOAN"), _with(NGAY_TTOAN="hôm qua")),
    ("field.code", WARNING, ("XML1", 1, "MA_LOAI_KCB"), _with(MA_LOAI_KCB="77")),
    ("field.code", WARNING, ("XML1", 1, "MATINH_CU_TRU"), _with(MATINH_CU_TRU="03")),
    ("field.code", WARNING, ("XML12", 1, "MA_DOI_TUONG"), _one_table("XML12", {**ASSESSMENT, "MA_DOI_TUONG": "BNN;X"})),
    ("field.code_not_in_force", WARNING, ("XML1", 1, "MATINH_CU_TRU"), _with(MATINH_CU_TRU="02")),
    (
        "field.code_not_in_force",
        WARNING,
        ("XML1", 1, "MA_LOAI_KCB"),
        _with(MA_LOAI_KCB="12", NGAY_VAO="202607310800", NGAY_RA="202607311100"),
    ),
    ("identifier.format", ERROR, ("XML1", 1, "SO_CCCD"), _with(SO_CCCD="9991850000012")),
    ("identifier.placeholder", WARNING, ("XML1", 1, "SO_CCCD"), _with(SO_CCCD="000000000000")),
    (
        "field.repeated",
        ERROR,
        ("XML1", 1, "SO_CCCD"),
        envelope(
            part(
                "XML1",
                table_xml("XML1", [SUMMARY]).replace("</TONG_HOP>", "<SO_CCCD>999185000099</SO_CCCD></TONG_HOP>"),
            )
        ),
    ),
    ("identifier.card", WARNING, ("XML1", 1, "MA_THE_BHYT"), _with(MA_THE_BHYT="GD4")),
    ("row.order", WARNING, ("XML2", 1, "STT"), _one_table("XML2", {**DRUG, "STT": "2"})),
    (
        "row.service",
        WARNING,
        ("XML4", 1, "MA_DICH_VU"),
        _one_table("XML4", {**RESULT, "MA_DICH_VU": "not ordered"}),
    ),
    (
        "service.code",
        ERROR,
        ("XML3", 1, "MA_DICH_VU"),
        _one_table("XML3", {**SERVICE, "MA_DICH_VU": ""}),
    ),
    ("referral.missing", WARNING, ("XML13", None, "MA_NOI_DEN"), _with(MA_LOAI_RV="2", MA_NOI_DEN="99002")),
    (
        "referral.missing",
        WARNING,
        ("XML13", None, "MA_NOI_DEN"),
        visit_file({"MA_LOAI_RV": "5"}, with_tables={"XML13": [REFERRAL]}),
    ),
    ("outcome.died_with_leave", WARNING, ("XML11", 1, "TU_NGAY"), _one_table("XML11", SICK_LEAVE, KET_QUA_DTRI="5")),
    ("birth.children", WARNING, ("XML9", 1, "SO_CON"), _one_table("XML9", {**BIRTH, "SO_CON": "2"})),
    ("birth.children", WARNING, ("XML1", 1, "CAN_NANG_CON"), _one_table("XML9", BIRTH, CAN_NANG_CON="3200;2900")),
    ("time.admission", WARNING, ("XML1", 1, "NGAY_VAO_NOI_TRU"), _with(NGAY_VAO_NOI_TRU="202610050759")),
    ("time.admission", WARNING, ("XML1", 1, "NGAY_VAO_NOI_TRU"), _with(NGAY_VAO_NOI_TRU="202610051101")),
    ("time.outside_visit", WARNING, ("XML2", 1, "NGAY_YL"), _one_table("XML2", {**DRUG, "NGAY_YL": "202610050759"})),
    ("time.outside_visit", WARNING, ("XML3", 1, "NGAY_YL"), _one_table("XML3", {**SERVICE, "NGAY_YL": "20261006"})),
    ("time.sequence", WARNING, ("XML2", 1, "NGAY_TH_YL"), _one_table("XML2", {**DRUG, "NGAY_TH_YL": "202610050859"})),
    ("time.sequence", WARNING, ("XML3", 1, "NGAY_KQ"), _one_table("XML3", {**SERVICE, "NGAY_KQ": "202610050814"})),
    ("card.lists", WARNING, ("XML1", 1, "MA_DKBD"), _with(MA_THE_BHYT="GD4019990000001;", MA_DKBD="99001;99002")),
    ("card.lists", WARNING, ("XML1", 1, "GT_THE_TU"), _with(GT_THE_TU="20260101")),
    (
        "card.outside_insurance",
        WARNING,
        ("XML1", 1, "MA_THE_BHYT"),
        _with(MA_THE_BHYT="GD4019990000001", MA_DOITUONG_KCB="9"),
    ),
    ("days.care_type", WARNING, ("XML1", 1, "SO_NGAY_DTRI"), _with(SO_NGAY_DTRI="1")),
    ("days.care_type", WARNING, ("XML1", 1, "SO_NGAY_DTRI"), _with(MA_LOAI_KCB="03", SO_NGAY_DTRI="2")),
    (
        "fetal_sex.withheld",
        WARNING,
        ("XML5", 1, "DIEN_BIEN_LS"),
        _one_table("XML5", {**NOTE, "DIEN_BIEN_LS": "Thai 20 tuần, bé trai"}, MA_BENH_CHINH="Z34.0"),
    ),
    ("checkin.many", ERROR, ("XML0", 2, "MA_LK"), check_in_file({}, {"MA_LK": "LK-2"})),
    ("checkin.empty", ERROR, ("XML0", None, None), b"<CHI_TIEU_TRANG_THAI_KCB/>"),
    ("money.amount", WARNING, ("XML2", 1, "THANH_TIEN_BV"), _billed({"THANH_TIEN_BV": "60001.01"})),
    ("money.other_sources", WARNING, ("XML2", 1, "T_NGUONKHAC"), _billed({"T_NGUONKHAC": "2000"})),
    *(
        ("money.total", WARNING, ("XML1", 1, total), _billed({}, {total: "1"}))
        for total in ("T_TONGCHI_BV", "T_TONGCHI_BH", "T_BNCCT", "T_BHTT", "T_BHTT_GDV")
    ),
]


@pytest.mark.parametrize(
    ("rule", "severity", "place", "body"), RULES, ids=[f"{number}-{case[0]}" for number, case in enumerate(RULES)]
)
def test_a_rule_says_where_it_was_broken_in_both_languages(
    rule: str, severity: Severity, place: Place, body: bytes
) -> None:
    found = [one for one in read(body).problems if one.rule == rule]

    vi, en = MESSAGES[rule]
    assert Problem(severity, rule, vi, en, *place) in found


def test_every_rule_with_words_is_broken_by_one_of_these_files() -> None:
    assert {rule for rule, *_ in RULES} == set(MESSAGES)


@pytest.mark.parametrize("rule", MESSAGES)
def test_every_rule_speaks_vietnamese_and_english(rule: str) -> None:
    vi, en = MESSAGES[rule]

    assert vi != en
    assert vi.endswith(".")
    assert en.isascii()


def test_a_sound_file_breaks_no_rule_on_the_boundary() -> None:
    boundary = visit_file(
        {"HO_TEN": "x" * 255, "MA_LOAI_RV": "2", "MA_NOI_DEN": "99002", "MA_LK": "x" * 100},
        with_tables={"XML2": [{**DRUG, "STT": "1"}, {**DRUG, "STT": "2"}], "XML13": [REFERRAL]},
    )

    assert read(boundary).problems == ()


def _bare(**summary: str) -> bytes:
    return visit_file(summary, without=list(EVERYTHING))


SOUND: dict[str, bytes] = {
    "money that adds up": _billed({}),
    "money rounded row by row": _billed({"THANH_TIEN_BV": "60000.90"}),
    "a visit outside insurance, XML1 and XML8 alone": visit_file(
        {"MA_DOITUONG_KCB": "9"}, without=["XML2", "XML3", "XML4", "XML5"]
    ),
    "a card without an end": _with(MA_THE_BHYT="GD4019990000001;9990000002", MA_DKBD="99001;99002;", GT_THE_DEN=""),
    "a result after discharge": visit_file(with_tables={"XML3": [{**SERVICE, "NGAY_KQ": "202610071100"}]}),
    "orders at the first and at the last minute": visit_file(
        with_tables={
            "XML2": [{**DRUG, "NGAY_YL": "202610050800"}, {**DRUG, "STT": "2", "NGAY_YL": "202610051100"}],
        }
    ),
    "an order that only knows its day": visit_file(with_tables={"XML2": [{**DRUG, "NGAY_YL": "20261005"}]}),
    "a stay counted from arrival": _with(MA_LOAI_KCB="03", SO_NGAY_DTRI="3", NGAY_RA="202610070800"),
    "a stay counted from admission": _with(
        MA_LOAI_KCB="03", SO_NGAY_DTRI="2", NGAY_RA="202610070800", NGAY_VAO_NOI_TRU="202610060800"
    ),
    "twins": visit_file(
        {"CAN_NANG_CON": "3200;2900"},
        with_tables={"XML9": [{**BIRTH, "SO_CON": "2"}, {**BIRTH, "SO": "99001.GCS.00002.26", "SO_CON": "2"}]},
    ),
    "an old province in an old visit": _bare(MATINH_CU_TRU="02", NGAY_VAO="202506300800", NGAY_RA="202506301100"),
    "an old commune in an old visit": _bare(MAXA_CU_TRU="99999", NGAY_VAO="202506300800", NGAY_RA="202506301100"),
    "a new type of care on its first day": _bare(MA_LOAI_KCB="12", NGAY_VAO="202607310800", NGAY_RA="202608010800"),
}


@pytest.mark.parametrize("habit", SOUND)
def test_a_sound_visit_is_taken_without_noise(habit: str) -> None:
    visit = read(SOUND[habit])

    assert visit.problems == ()


def test_all_problems_of_a_file_come_together() -> None:
    worst = visit_file(
        {"NGAY_VAO": "20250230", "SO_CCCD": "9991850000012", "HO_TEN": "", "MA_CSKCB": "99002"},
        with_tables={
            "XML2": [{**DRUG, "TEN_THUOC": ""}, {**DRUG, "STT": "2", "NGAY_YL": "x", "SO_LUONG": "y"}],
            "XML4": [{**RESULT, "NGAY_KQ": "20261340"}],
        },
    )

    places = _places(read(worst))

    assert set(places) >= {
        ("field.date", "XML1", 1, "NGAY_VAO"),
        ("identifier.format", "XML1", 1, "SO_CCCD"),
        ("field.expected", "XML1", 1, "HO_TEN"),
        ("facility.mismatch", "XML1", 1, "MA_CSKCB"),
        ("field.required", "XML2", 1, "TEN_THUOC"),
        ("field.date", "XML2", 2, "NGAY_YL"),
        ("field.number", "XML2", 2, "SO_LUONG"),
        ("field.date", "XML4", 1, "NGAY_KQ"),
    }
    assert len(places) == len(set(places))


def test_a_faulty_field_is_reported_once_and_not_also_as_missing() -> None:
    places = _places(read(_with(NGAY_VAO="20250230")))

    assert [place for place in places if place[3] == "NGAY_VAO"] == [("field.date", "XML1", 1, "NGAY_VAO")]


def test_a_fault_in_a_field_that_the_book_does_not_read_costs_no_record() -> None:
    visit = read(_with(NGAY_TTOAN="hôm qua", T_BHTT="một nghìn"))

    assert not refused(visit.problems)
    assert len(visit.problems) == 2
    assert visit.drafts == read(visit_file()).drafts


CANARY = "K4N4RY"


@pytest.mark.parametrize("value", [CANARY, f"{CANARY};{CANARY}", f"2026{CANARY}", f"{CANARY * 400}"])
def test_no_problem_repeats_a_value_that_was_sent(value: str) -> None:
    everywhere = {name: table_xml(name, [dict.fromkeys(tables()[name].fields, value)]) for name in sorted(READ_TABLES)}
    body = envelope(
        "".join(part(name, xml) for name, xml in everywhere.items())
        + part("XML1", f"<{CANARY}/>")
        + part(CANARY, CANARY)
        + part("XML9", f"<{CANARY}>{CANARY}")
        + _inline(f"{CANARY}!"),
        facility=CANARY,
    ).replace(b">20261005<", f">{CANARY}<".encode())

    visit = read(body)

    assert len(visit.problems) > 50
    assert CANARY not in repr(visit.problems)


def test_no_problem_repeats_the_name_of_an_element_that_somebody_made_up() -> None:
    visit = read(_with(**{f"HO_TEN_{CANARY}": "x"}))

    assert [one.rule for one in visit.problems] == ["field.unknown"]
    assert CANARY not in repr(visit.problems)


def test_an_error_after_a_flood_of_warnings_still_refuses_the_visit() -> None:
    flood = part("XML1", XML1.replace("</TONG_HOP>", "<X>1</X>" * 50_000 + "</TONG_HOP>"))

    visit = read(envelope(flood + part("XML16", "<A/>")))

    assert refused(visit.problems)
