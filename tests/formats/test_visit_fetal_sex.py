"""Fetal sex in a visit file: gone from every record, named in the receipt, and nothing else is lost."""

from __future__ import annotations

import pytest

from ehb.domain.fetal_sex import WITHHELD
from ehb.domain.submission import Severity, VisitSummary, refused
from ehb.formats.field_tables import Need, tables
from ehb.formats.visit_fetal_sex import _texts
from ehb.formats.visit_xml import READ_TABLES, read
from tests.builders import NOTE, RESULT, SERVICE, visit_file
from tests.formats.rows import A_ROW_OF, BIRTH

SCAN = {**SERVICE, "MA_DICH_VU": "18.0020.0001", "TEN_DICH_VU": "Siêu âm thai qua đường bụng", "MA_NHOM": "2"}
SEEN = {**RESULT, "MA_DICH_VU": "18.0020.0001", "TEN_CHI_SO": "Siêu âm thai", "GIA_TRI": "", "DON_VI_DO": ""}
PREGNANT = {"MA_BENH_CHINH": "Z34.0", "CHAN_DOAN_RV": "Theo dõi thai lần đầu"}


def _places(visit: VisitSummary) -> list[tuple[str | None, int | None, str | None]]:
    assert not refused(visit.problems), visit.problems
    withheld = [one for one in visit.problems if one.rule == "fetal_sex.withheld"]
    assert all(one.severity is Severity.WARNING for one in withheld)
    return [(one.table, one.row, one.field) for one in withheld]


def _scanned(summary: dict[str, str], **seen: str) -> VisitSummary:
    return read(visit_file(summary, with_tables={"XML3": [SCAN], "XML4": [{**SEEN, **seen}]}))


@pytest.mark.parametrize("field", ["GIA_TRI", "MO_TA", "KET_LUAN"])
@pytest.mark.parametrize("summary", [PREGNANT, {}])
def test_a_scan_says_everything_but_the_sex(field: str, summary: dict[str, str]) -> None:
    visit = _scanned(summary, **{field: "Một thai sống, giới tính nam, tim thai 142 lần/phút"})

    assert _places(visit) == [("XML4", 1, field)]
    kept = repr(visit.drafts)
    assert f"Một thai sống, {WITHHELD}, tim thai 142 lần/phút" in kept
    assert "giới tính" not in kept + visit.content.decode()


@pytest.mark.parametrize("value", ["Nam", "nữ", "TRAI", "Gái", "1", "M", "♂"])
def test_an_indicator_that_is_the_sex_loses_its_value_whatever_it_is(value: str) -> None:
    visit = _scanned({}, TEN_CHI_SO="Giới tính thai", GIA_TRI=value, KET_LUAN=value)

    assert _places(visit) == [("XML4", 1, "GIA_TRI"), ("XML4", 1, "KET_LUAN")]
    (report,) = (draft.record for draft in visit.drafts if draft.table == "XML4")
    assert "Giới tính thai" in repr(report)
    assert getattr(report, "conclusion", None) == WITHHELD
    assert [one.text for one in getattr(report, "results", ())] == [WITHHELD]


def test_a_single_word_of_sex_in_a_scan_is_the_fetuss() -> None:
    assert _places(_scanned({}, KET_LUAN="Trai")) == [("XML4", 1, "KET_LUAN")]


@pytest.mark.parametrize(
    ("table", "field"),
    [(table, field) for table in sorted(READ_TABLES - {"XML9"}) for field in _texts(table)],
)
def test_no_field_of_words_in_any_table_carries_it_through(table: str, field: str) -> None:
    text = "Thai 20 tuần, bé trai"
    rows = {name: dict(row) for name, row in A_ROW_OF.items() if name != "XML9"}
    rows["XML1"] |= PREGNANT
    rows[table][field] = text

    visit = read(visit_file(rows.pop("XML1"), with_tables={name: [row] for name, row in rows.items()}))

    assert (table, 1, field) in _places(visit)
    assert "bé trai" not in repr(visit.drafts) + repr(visit.patient) + visit.content.decode()


def test_every_field_of_words_that_the_book_reads_is_looked_at_but_for_people_places_and_codes() -> None:
    left_out = {
        name
        for table in READ_TABLES - {"XML9"}
        for name, one in tables()[table].fields.items()
        if one.need is not Need.UNREAD and one.accepts is None and not one.code_list and name not in _texts(table)
    }

    allowed = ("MA_", "SO_", "HO_TEN", "NGUOI_", "TEN_BS", "DIA_CHI", "DON_VI", "NOI_")
    assert {name for name in left_out if not name.startswith(allowed)} == {
        *("NHOM_MAU", "DIEN_THOAI", "CAN_NANG", "DUONG_DUNG", "MAU_SO"),
    }


def test_the_sex_of_a_born_child_stays_on_the_birth_certificate_and_in_the_story_of_the_birth() -> None:
    note = {**NOTE, "DIEN_BIEN_LS": "Đẻ thường bé trai 3200g, khóc ngay. Siêu âm trước đó: bé trai."}
    delivered = {"MA_BENH_CHINH": "O80.0", "CHAN_DOAN_RV": "Đẻ thường"}

    visit = read(visit_file(delivered, with_tables={"XML5": [note], "XML9": [BIRTH]}))

    assert _places(visit) == [("XML5", 1, "DIEN_BIEN_LS")]
    assert f"Đẻ thường bé trai 3200g, khóc ngay. {WITHHELD}" in repr(visit.drafts)
    assert "'Nam'" in repr([draft.record for draft in visit.drafts if draft.table == "XML9"])


def test_a_childs_own_visit_is_left_alone() -> None:
    note = {**NOTE, "DIEN_BIEN_LS": "Bé trai, thai 39 tuần, bú tốt"}

    visit = read(visit_file({"NGAY_SINH": "202610010830", "MA_BENH_CHINH": "Z38.0"}, with_tables={"XML5": [note]}))

    assert _places(visit) == []
    assert note["DIEN_BIEN_LS"] in repr(visit.drafts)


def test_a_visit_that_has_nothing_to_do_with_a_pregnancy_is_left_alone() -> None:
    note = {**NOTE, "DIEN_BIEN_LS": "Bệnh nhân nam, giới tính nam, đau tinh hoàn"}

    assert _places(read(visit_file(with_tables={"XML5": [note]}))) == []
