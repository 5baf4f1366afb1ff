"""Fetal sex is withheld from texts, and nothing else is."""

from __future__ import annotations

import unicodedata

import pytest

from ehb.domain.fetal_sex import (
    WITHHELD,
    Pregnancy,
    asks_for_fetal_sex,
    is_obstetric,
    may_tell,
    without_fetal_sex,
)

CERTAIN = Pregnancy.of(["Z34.0"])
NONE_KNOWN = Pregnancy.of(["I10"])
DELIVERED = Pregnancy.of(["O80.0", "Z37.0"])

TELLING = [
    "Thai nam",
    "thai nhi: nữ",
    "Một thai sống, giới tính nam",
    "Giới tính thai nhi: nữ",
    "GIỚI TÍNH: NAM",
    "Đã xác định được giới tính, kết quả nữ",
    "GT: nam",
    "Song thai: một trai một gái",
    "thai 1: nam; thai 2: nữ",
    "Khả năng là bé trai",
    "em bé là con gái",
    "Thấy rõ dương vật và bìu",
    "Karyotype 46,XY",
    "46 XX, không bất thường",
    "Phát hiện nhiễm sắc thể Y",
    "Fetal sex: male",
    "It is a male fetus",
    "The fetus is a girl",
    "Be trai, phat trien tot",
    "Gioi tinh: nu",
    "Dự kiến sinh bé trai",
    "NIPT nguy cơ thấp, XY",
    "Thai ♀",
    "Sắp có công chúa",
    unicodedata.normalize("NFD", "Giới tính thai nhi: nữ"),
]
HARMLESS = [
    "Bệnh nhân nữ, thai 20 tuần, đau bụng âm ỉ",
    "Sản phụ nữ 28 tuổi, thai 32 tuần",
    "Nữ, 31 tuổi, mang thai lần 2",
    "Thai phụ giới tính nữ, con so",
    "Phụ nữ mang thai, tiêm uốn ván mũi 2",
    "Nữ hộ sinh đã tư vấn nuôi con bằng sữa mẹ",
    "Một thai sống ngôi đầu, tim thai 142 lần/phút, ối 14.5 cm",
    "Cột sống không có gai đôi",
    "Tiền sử mổ lấy thai năm 2019",
    "Bệnh viện Đa khoa Hà Nam, Việt Nam",
    "Thai máy tốt, con so, em bé đạp nhiều",
    "",
]
BORN = [
    "Đẻ thường bé trai 3200g, khóc ngay",
    "Mổ lấy thai được bé gái, Apgar 9 điểm",
    "Sinh con gái nặng 2.9 kg",
]


@pytest.mark.parametrize("text", TELLING)
@pytest.mark.parametrize("scan", [True, False])
def test_what_tells_the_sex_of_a_fetus_is_withheld(text: str, scan: bool) -> None:
    cleaned = without_fetal_sex(text, CERTAIN, scan=scan)

    assert WITHHELD in cleaned
    left = unicodedata.normalize("NFC", cleaned.replace(WITHHELD, "")).lower()
    assert not any(
        word in left for word in ("nam", "nữ", "trai", "gái", "male", "girl", "xx", "xy", " nu", "bìu", "♀", "chúa")
    )


@pytest.mark.parametrize("text", HARMLESS)
@pytest.mark.parametrize("pregnancy", [CERTAIN, NONE_KNOWN, DELIVERED])
def test_what_tells_nothing_of_a_fetus_stays_as_it_was_written(text: str, pregnancy: Pregnancy) -> None:
    assert without_fetal_sex(text, pregnancy) == text
    assert without_fetal_sex(text, pregnancy, scan=True) == text


@pytest.mark.parametrize("text", BORN)
def test_a_born_child_has_a_sex_and_an_unborn_one_has_none(text: str) -> None:
    assert without_fetal_sex(text, DELIVERED) == text
    assert WITHHELD in without_fetal_sex(text, CERTAIN)
    assert WITHHELD in without_fetal_sex(text, DELIVERED, scan=True)


@pytest.mark.parametrize("text", ["Siêu âm trước đẻ: bé gái", "Dự sinh bé trai ngày 5", "Ước 3200g, con trai"])
def test_what_was_foretold_before_a_birth_is_withheld_after_it_too(text: str) -> None:
    assert WITHHELD in without_fetal_sex(text, DELIVERED)


def test_only_the_clause_that_tells_is_lost() -> None:
    text = "Một thai sống, ngôi đầu, giới tính nam, tim thai 142 lần/phút. Nước ối bình thường.\nHẹn khám lại."

    assert without_fetal_sex(text, CERTAIN) == (
        f"Một thai sống, ngôi đầu, {WITHHELD}, tim thai 142 lần/phút. Nước ối bình thường.\nHẹn khám lại."
    )


def test_a_sentence_that_asks_here_and_answers_there_is_lost_as_a_whole() -> None:
    assert without_fetal_sex("Thấy rõ giới tính, là nữ. Ối đủ.", CERTAIN) == f"{WITHHELD} Ối đủ."


@pytest.mark.parametrize("text", ["Bé trai 3 tuổi, sốt", "Giới tính: nam", "Có 2 con gái", "Đau tinh hoàn"])
def test_without_a_pregnancy_a_sex_is_just_a_sex(text: str) -> None:
    assert without_fetal_sex(text, NONE_KNOWN) == text


def test_a_text_that_speaks_of_a_fetus_is_enough_where_no_code_says_so() -> None:
    assert WITHHELD in without_fetal_sex("Siêu âm thai 20 tuần: bé trai", NONE_KNOWN)


def test_cleaning_twice_changes_nothing_more() -> None:
    for text in (*TELLING, *HARMLESS):
        once = without_fetal_sex(text, CERTAIN, scan=True)
        assert without_fetal_sex(once, CERTAIN, scan=True) == once


@pytest.mark.parametrize(
    ("codes", "certain", "delivered"),
    [
        (["O09"], True, False),
        (["o80.1"], True, True),
        (["I10", "Z34"], True, False),
        (["Z37.0"], True, True),
        (["Z31.9"], False, False),
        (["Z38.0"], True, True),
        ([], False, False),
    ],
)
def test_a_pregnancy_is_known_by_its_codes(codes: list[str], certain: bool, delivered: bool) -> None:
    assert Pregnancy.of(codes) == Pregnancy(certain, delivered)


def test_names_of_services_and_indicators_say_what_they_look_at() -> None:
    assert is_obstetric("Siêu âm thai qua đường bụng")
    assert is_obstetric("Sieu am thai")
    assert not is_obstetric("Siêu âm ổ bụng")
    assert not is_obstetric("Xét nghiệm Thalassemia, Thái Bình")
    assert asks_for_fetal_sex("Giới tính thai")
    assert not asks_for_fetal_sex("Tim thai")


def test_a_name_may_ask_for_a_sex_but_not_answer() -> None:
    assert without_fetal_sex("Xác định giới tính thai", CERTAIN, name=True) == "Xác định giới tính thai"
    assert WITHHELD in without_fetal_sex("Giới tính thai: nam", CERTAIN, name=True)


def test_a_visit_without_a_hint_is_not_looked_at() -> None:
    assert not may_tell("Thái Bình, đau đầu".encode(), NONE_KNOWN)
    assert may_tell(b"THAI 20 tuan", NONE_KNOWN)
    assert may_tell(b"", CERTAIN)
