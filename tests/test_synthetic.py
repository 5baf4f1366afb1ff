"""Invented lives obey the published rules of the exchange format, hold every special case, and identify nobody."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path

import pytest
from lxml import etree

from ehb.formats import visit_xml
from ehb.synthetic import Person, VisitFile, clinicians, facilities, people, visit_files, write

Row = Mapping[str, str]

SEED = 7
MANY = 50
CODE_LISTS = {
    "GIOI_TINH": "codes_gioi_tinh",
    "MA_DANTOC": "codes_ethnicity",
    "MA_DOITUONG_KCB": "codes_ma_doituong_kcb",
    "MA_TAI_NAN": "codes_ma_tai_nan",
    "KET_QUA_DTRI": "codes_ket_qua_dtri",
    "MA_LOAI_RV": "codes_ma_loai_rv",
    "MA_LOAI_KCB": "codes_ma_loai_kcb",
    "MA_NHOM": "codes_ma_nhom",
    "MA_PTTT": "codes_ma_pttt",
    "PHAM_VI": "codes_pham_vi",
    "NGUON_CTRA": "codes_nguon_ctra",
    "PP_VO_CAM": "codes_pp_vo_cam",
    "MA_LYDO_CT": "codes_ma_lydo_ct",
    "MATINH_CU_TRU": "codes_province_2025",
    "MAXA_CU_TRU": "codes_commune_2025",
}
TIMES = re.compile(r"(NGAY|THOI_DIEM|THOIGIAN)_\w+")
NOT_TIMES = ("SO_NGAY_DTRI", "NGAY_SINH", "NGAY_TAI_KHAM")


@dataclass(frozen=True)
class Read:
    """A visit file, read here and not by the code under test."""

    file: VisitFile
    person: Person
    envelope: etree._Element
    tables: Mapping[str, list[Row]]

    @property
    def summary(self) -> Row:
        return self.tables["XML1"][0]

    @property
    def orders(self) -> list[Row]:
        return self.tables.get("XML2", []) + self.tables.get("XML3", [])


def listed(name: str) -> list[dict[str, str]]:
    text = files("ehb.formats").joinpath("qd4750", f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def codes(name: str) -> frozenset[str]:
    return frozenset(row["code"] for row in listed(name))


@cache
def fields(table: str) -> list[dict[str, str]]:
    return listed(table.lower())


def read(file: VisitFile, person: Person) -> Read:
    envelope = etree.fromstring(file.content)
    tables: dict[str, list[Row]] = {}
    for part in envelope.iter("FILEHOSO"):
        name = part.findtext("LOAIHOSO", "")
        shape = next(row for row in listed("tables") if row["loaihoso"] == name)
        root = etree.fromstring(base64.b64decode(part.findtext("NOIDUNGFILE", "")))
        assert root.tag == shape["root_element"]
        under = root.findall(f"{shape['list_element']}/{shape['row_element']}") if shape["list_element"] else [root]
        assert [[child.tag for child in row] for row in under] == [[f["field"] for f in fields(name)]] * len(under)
        tables[name] = [{child.tag: child.text or "" for child in row} for row in under]
    return Read(file, person, envelope, tables)


@pytest.fixture(scope="module")
def everybody() -> list[Person]:
    return list(people(MANY, SEED))


@pytest.fixture(scope="module")
def visits(everybody: list[Person]) -> list[Read]:
    return [read(file, person) for person in everybody for file in visit_files(person, SEED)]


def digest(count: int, seed: int) -> str:
    contents = (file.content for person in people(count, seed) for file in visit_files(person, seed))
    return hashlib.sha256(b"".join(contents)).hexdigest()


def rows(visits: list[Read]) -> Iterator[tuple[str, Row]]:
    for visit in visits:
        for table, found in visit.tables.items():
            for row in found:
                yield table, row


# Determinism


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() -> None:
    assert digest(20, 1) == digest(20, 1)
    assert digest(20, 1) != digest(20, 2)


def test_a_person_does_not_depend_on_how_many_there_are() -> None:
    assert list(people(5, SEED)) == list(islice(people(30, SEED), 5))


def test_nothing_happens_after_today_or_before_birth() -> None:
    today = date(2025, 3, 1)

    for person in people(MANY, SEED, today=today):
        for file in visit_files(person, SEED, today=today):
            visit = read(file, person).summary
            assert visit["NGAY_RA"][:8] < f"{today:%Y%m%d}"
            assert visit["NGAY_VAO"] >= visit["NGAY_SINH"]


def test_a_folder_holds_the_people_the_facilities_and_every_visit(tmp_path: Path) -> None:
    written = list(write(tmp_path, 4, SEED))

    known = json.loads((tmp_path / "people.json").read_text(encoding="utf-8"))
    assert [one["sub"] for one in known] == [person.sub for person, _ in written]
    assert sum(count for _, count in written) == len(list((tmp_path / "visits").iterdir()))
    assert len(json.loads((tmp_path / "facilities.json").read_text(encoding="utf-8"))) == len(facilities())


# Nobody can be meant


def test_no_number_belongs_to_a_known_province(everybody: list[Person]) -> None:
    numbers = [person.national_id for person in everybody if person.national_id]
    numbers += [clinician.national_id for clinician in clinicians()]

    assert all(re.fullmatch(r"999[0-3][0-9]{8}", number) for number in numbers)
    assert not {number[:3] for number in numbers} & codes("codes_birth_province")
    assert not {facility.code[:2] for facility in facilities()} & codes("codes_province_2025")
    assert len(numbers) == len(set(numbers))


def test_passports_cards_and_old_numbers_are_obviously_fake(visits: list[Read]) -> None:
    for visit in visits:
        number, cards = visit.summary["SO_CCCD"], visit.summary["MA_THE_BHYT"]
        assert re.fullmatch(r"|999[0-9]{6}|999[0-9]{9}|ZZ[0-9]{7}", number)
        for card in filter(None, cards.split(";")):
            assert re.fullmatch(r"[A-Z]{2}[1-5]99(9999[0-9]{6}|KT[0-9]{8})|9999[0-9]{6}", card)


def test_no_file_name_carries_a_number_or_a_name(visits: list[Read]) -> None:
    for visit in visits:
        name, person = visit.file.name, visit.person
        assert re.fullmatch(r"99[0-9]{3}-LK[0-9]{4}-[0-9]{8}\.xml", name)
        secrets = (person.national_id, person.old_number, person.passport, *(card.number for card in person.cards))
        assert not any(secret in name for secret in secrets if secret)
    assert len({visit.file.name for visit in visits}) == len(visits)


# Every special case, whatever the seed


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fifty_people_hold_every_special_case(seed: int) -> None:
    cast = list(people(MANY, seed))
    visits = [read(file, person) for person in cast for file in visit_files(person, seed)]
    summaries = [visit.summary for visit in visits]
    diseases = {row["MA_BENH_CHINH"] for row in summaries}
    names: dict[str, set[str]] = {}
    for visit in visits:
        names.setdefault(visit.person.sub, set()).add(visit.summary["HO_TEN"])

    assert {"I10", "E11.9", "I21.4", "J44.9", "J45.9", "K29.7", "A97.1", "J18.9", "B18.1"} <= diseases
    assert {"F32.1", "B20", "O80.0", "O02.1", "S52.4", "S06.0", "J06.9", "P59.9", "M54.5"} <= diseases
    assert any(row["NGAY_SINH"].endswith("00000000") for row in summaries)
    assert any(len(found) == 2 for found in names.values())
    assert all(len({unicodedata.normalize("NFC", name) for name in found}) == 1 for found in names.values())
    assert any(person.national_id is None and not row["SO_CCCD"] for person, row in _with(cast, visits))
    assert any(len(row["SO_CCCD"]) == 9 and person.national_id for person, row in _with(cast, visits))
    assert any(row["SO_CCCD"].startswith("ZZ") for row in summaries)
    assert any(row["MA_QUOCTICH"] != "000" and len(row["SO_CCCD"]) == 12 for row in summaries)
    assert any(not person.cards for person in cast)
    assert any(";" in row["MA_THE_BHYT"] for row in summaries)
    assert any(row["MA_TAI_NAN"] == "1" for row in summaries)
    assert any(row["MA_BENH_YHCT"] for row in summaries)
    assert any(row["MA_DANTOC"] not in ("01", "55") for row in summaries)
    assert max(person.age_on(date(2026, 11, 1)) for person in cast) >= 100
    assert any(row["MA_DINH_CHI_THAI"] == "1" for visit in visits for row in visit.tables.get("XML7", []))
    tables = {table for visit in visits for table in visit.tables}
    assert {"XML6", "XML7", "XML9", "XML13", "XML14", "XML15"} <= tables
    assert "A15.0" in diseases
    results = {row["GIA_TRI"] for visit in visits for row in visit.tables.get("XML4", [])}
    assert {"Âm tính", "Dương tính", "<20"} <= results


def _with(cast: list[Person], visits: list[Read]) -> list[tuple[Person, Row]]:
    return [(visit.person, visit.summary) for visit in visits]


def test_the_first_person_has_a_rich_life(visits: list[Read]) -> None:
    first = [visit for visit in visits if visit.person.index == 1]

    assert len(first) >= 10
    assert len({visit.file.facility for visit in first}) >= 3
    assert any("XML13" in visit.tables for visit in first)


def test_the_newborn_is_the_child_of_the_mother_before(visits: list[Read]) -> None:
    birth = next(visit for visit in visits if visit.summary["MA_BENH_CHINH"] == "Z38.0")
    mother = next(one for one in visits if one.person.index == birth.person.index - 1 and one.summary["CAN_NANG_CON"])

    assert mother.summary["HO_TEN"] == birth.tables["XML7"][0]["HO_TEN_ME"]
    (certificate,) = mother.tables["XML9"]
    assert certificate["NGAY_SINH_CON"] == birth.summary["NGAY_SINH"]
    assert certificate["GIOI_TINH_CON"] == birth.summary["GIOI_TINH"]
    assert certificate["CAN_NANG_CON"] == mother.summary["CAN_NANG_CON"]
    assert mother.summary["NGAY_VAO"][:8] == birth.summary["NGAY_SINH"][:8]
    assert f"{int(mother.summary['CAN_NANG_CON']) / 1000:.2f}" == birth.summary["CAN_NANG"]


def test_sick_leave_is_for_those_who_work_and_holds_the_day_of_the_visit() -> None:
    many = (read(file, person) for person in people(60, SEED) for file in visit_files(person, SEED))
    papers = [(visit, row) for visit in many for row in visit.tables.get("XML11", [])]

    assert papers
    for visit, row in papers:
        assert 18 <= visit.person.age_on(date.fromisoformat(row["TU_NGAY"])) <= 59
        assert row["MA_BHXH"] in visit.summary["MA_THE_BHYT"]
        assert row["TU_NGAY"] == visit.summary["NGAY_VAO"][:8] <= row["DEN_NGAY"]


def test_tuberculosis_is_treated_from_the_first_visit_to_the_last(visits: list[Read]) -> None:
    rows = [row for visit in visits for row in visit.tables.get("XML15", [])]

    assert len(rows) == 7
    assert len({row["NGAYBD_DTRI_LAO"] for row in rows}) == 1
    assert [bool(row["NGAYKT_DTRI_LAO"]) for row in rows] == [False] * 6 + [True]


def test_visits_are_neither_few_nor_endless(visits: list[Read]) -> None:
    per_person = [sum(visit.person.index == index for visit in visits) for index in range(1, MANY + 1)]

    assert min(per_person) >= 1
    assert max(per_person) <= 25
    assert 4.5 <= len(visits) / MANY <= 7.5
    assert all(3 <= sum(map(len, visit.tables.values())) <= 42 for visit in visits)


# The rules of envelope.md


def test_the_envelope_names_the_facility_and_counts_one_record(visits: list[Read]) -> None:
    for visit in visits:
        envelope = visit.envelope
        assert envelope.findtext(".//MACSKCB") == visit.summary["MA_CSKCB"] == visit.file.facility
        assert envelope.findtext(".//SOLUONGHOSO") == "1" == str(len(envelope.findall(".//HOSO")))
        assert re.fullmatch(r"[0-9]{8}", envelope.findtext(".//NGAYLAP", ""))
        assert envelope[-1].tag == "CHUKYDONVI"
        assert {"XML1", "XML8"} <= set(visit.tables)


_ASKED_OF_EVERYBODY = {
    "XML6": {"SO_CCCD"},
    "XML15": {"PHANLOAI_LAO_KT", "BDDT_ARV", "NGAY_BAT_DAU_DT_CTX"},
}
"""The portal marks them as required though only some people have them: a resistance, a drug against HIV."""


def test_required_fields_are_filled(visits: list[Read]) -> None:
    for visit in visits:
        for table, row in ((table, row) for table, found in visit.tables.items() for row in found):
            required = {field["field"] for field in fields(table) if field["required"] == "yes"}
            empty = {name for name in required if not row[name]} - _ASKED_OF_EVERYBODY.get(table, set())
            if visit.summary["NGAY_VAO"] >= "20250701":
                empty.discard("MAHUYEN_CU_TRU")  # districts were abolished
            assert not empty, (table, empty)


def test_no_value_is_longer_than_its_field(visits: list[Read]) -> None:
    for table, row in rows(visits):
        for field in fields(table):
            value = unicodedata.normalize("NFC", row[field["field"]])
            assert not field["max_length"] or len(value) <= int(field["max_length"]), (table, field["field"], value)


def test_numbers_are_numbers_and_codes_are_listed(visits: list[Read]) -> None:
    for table, row in rows(visits):
        for field in fields(table):
            name, value = field["field"], row[field["field"]]
            if value and field["type"] == "number":
                assert re.fullmatch(r"[0-9]+(\.[0-9]{1,3})?", value), (table, name, value)
            if value and name in CODE_LISTS:
                assert value in codes(CODE_LISTS[name]), (table, name, value)


def test_times_are_times(visits: list[Read]) -> None:
    for table, row in rows(visits):
        for name, value in row.items():
            if value and TIMES.fullmatch(name) and name not in NOT_TIMES:
                datetime.strptime(value, "%Y%m%d%H%M" if len(value) == 12 else "%Y%m%d")
                assert len(value) in (8, 12), (table, name)


def test_rows_share_the_episode_and_count_from_one(visits: list[Read]) -> None:
    for visit in visits:
        for table, found in visit.tables.items():
            assert {row["MA_LK"] for row in found} == {visit.summary["MA_LK"]}
            if "STT" in found[0]:
                assert [row["STT"] for row in found] == [str(n) for n in range(1, len(found) + 1)], table


def test_times_are_in_order(visits: list[Read]) -> None:
    for visit in visits:
        one = visit.summary
        assert one["NGAY_VAO"] <= (one["NGAY_VAO_NOI_TRU"] or one["NGAY_VAO"]) <= one["NGAY_RA"] <= one["NGAY_TTOAN"]
        for row in visit.orders:
            done = row["NGAY_TH_YL"]
            assert one["NGAY_VAO"] <= row["NGAY_YL"] <= done <= (row.get("NGAY_KQ") or done)
            assert row["NGAY_YL"] <= one["NGAY_RA"]
        for note in visit.tables.get("XML5", []):
            assert one["NGAY_VAO"] <= note["THOI_DIEM_DBLS"] <= one["NGAY_RA"]


def test_results_belong_to_a_service_of_the_visit(visits: list[Read]) -> None:
    for visit in visits:
        services = {row["MA_DICH_VU"] for row in visit.tables["XML3"]}
        for row in visit.tables.get("XML4", []):
            assert row["MA_DICH_VU"] in services
            assert row["GIA_TRI"] or row["KET_LUAN"]


def test_orders_carry_what_their_group_asks(visits: list[Read]) -> None:
    for visit in visits:
        for row in visit.tables["XML3"]:
            assert bool(row["MA_DICH_VU"]) != bool(row["MA_VAT_TU"])
            assert bool(row["TEN_DICH_VU"]) == bool(row["MA_DICH_VU"])
            assert bool(row["TT_THAU"]) == (row["MA_NHOM"] == "10")
            assert row["NGUOI_THUC_HIEN"] or row["MA_NHOM"] not in ("1", "2", "3", "8", "18")


def test_money_adds_up(visits: list[Read]) -> None:
    def total(found: list[Row], field: str) -> Decimal:
        return sum((Decimal(row[field]) for row in found), Decimal(0))

    for visit in visits:
        one, orders = visit.summary, visit.orders
        for row in orders:
            price = Decimal(row.get("DON_GIA") or row["DON_GIA_BV"])
            assert Decimal(row["THANH_TIEN_BV"]) == Decimal(row["SO_LUONG"]) * price
            assert Decimal(row["T_BHTT"]) == Decimal(row["THANH_TIEN_BH"]) - Decimal(row["T_BNCCT"])
        assert Decimal(one["T_THUOC"]) == total(visit.tables.get("XML2", []), "THANH_TIEN_BV")
        assert Decimal(one["T_VTYT"]) == total([row for row in orders if row["MA_NHOM"] == "10"], "THANH_TIEN_BV")
        assert Decimal(one["T_TONGCHI_BV"]) == total(orders, "THANH_TIEN_BV")
        assert Decimal(one["T_TONGCHI_BH"]) == total(orders, "THANH_TIEN_BH")
        assert Decimal(one["T_BNTT"]) == total(orders, "T_BNTT")
        assert Decimal(one["T_BHTT"]) == Decimal(one["T_TONGCHI_BH"]) - Decimal(one["T_BNCCT"])
        assert Decimal(one["T_BHTT_GDV"]) == total([row for row in orders if row["MA_PTTT"] == "1"], "T_BHTT")


def test_the_book_takes_every_visit_without_a_warning_that_is_not_meant(visits: list[Read]) -> None:
    meant = {"identifier.card"}  # the temporary card of a newborn is none that the book knows

    assert {one.rule for visit in visits for one in visit_xml.read(visit.file.content).problems} <= meant


def test_papers_are_there_when_they_must_be(visits: list[Read]) -> None:
    for visit in visits:
        one = visit.summary
        assert (one["MA_LOAI_RV"] == "2") == bool(one["MA_NOI_DEN"]) == ("XML13" in visit.tables)
        assert bool(one["NGAY_TAI_KHAM"]) == ("XML14" in visit.tables)
        assert (one["MA_LOAI_KCB"] == "03") == ("XML7" in visit.tables)
        assert ("XML5" in visit.tables) == (one["MA_LOAI_KCB"] in ("02", "03", "04", "05", "08"))


def test_card_lists_have_equal_length_and_are_empty_outside_insurance(visits: list[Read]) -> None:
    for visit in visits:
        lists = [visit.summary[name] for name in ("MA_THE_BHYT", "MA_DKBD", "GT_THE_TU", "GT_THE_DEN")]
        assert len({one.count(";") for one in lists}) == 1
        assert (visit.summary["MA_DOITUONG_KCB"] == "9") == (not any(lists))
        assert any(lists) == all(lists)


def test_notes_embed_vital_signs(visits: list[Read]) -> None:
    signs = re.compile(r"CSST<M\d+_T\d+(\.\d)?_HA\d+/\d+_NT\d+_SP\d+_HL[123]>")

    for visit in visits:
        assert all(signs.search(row["DIEN_BIEN_LS"]) for row in visit.tables.get("XML5", []))
