"""The check-in file: what it becomes before the visit is finished, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from ehb.domain.identity import NATIONAL_ID, Identifier
from ehb.domain.records import LegalStatus
from ehb.domain.submission import Severity, refused
from ehb.formats.field_tables import CHECK_IN, Need, tables
from ehb.formats.visit_xml import read
from tests.builders import FACILITY, visit_file
from tests.builders import NATIONAL_ID as NUMBER
from tests.formats.rows import check_in_file

SERVICE = {"MA_DICH_VU": "02.1897", "TEN_DICH_VU": "Khám Nội", "NGAY_YL": "202610050815"}
DRUG = {"MA_THUOC": "40.512", "TEN_THUOC": "Amlodipin", "NGAY_YL": "202610050820"}
SUPPLY = {"MA_VAT_TU": "N04", "TEN_VAT_TU": "Stent", "NGAY_YL": "202610050825"}


def _records(*rows: dict[str, str]) -> list[Any]:
    visit = read(check_in_file(*rows))
    assert not refused(visit.problems), visit.problems
    return [draft.record for draft in visit.drafts]


def test_a_check_in_is_the_same_episode_as_the_visit_that_it_begins() -> None:
    visit, finished = read(check_in_file()), read(visit_file())

    assert (visit.facility, visit.episode, visit.source, visit.problems) == (FACILITY, "LK-1", "QD4750", ())
    assert (visit.episode, visit.source, visit.patient) == (finished.episode, finished.source, finished.patient)
    assert visit.patient.identifiers == (Identifier(NATIONAL_ID, NUMBER),)
    assert (visit.preliminary, finished.preliminary) == (True, False)
    assert visit.drafts[0].identity == finished.drafts[0].identity


def test_somebody_who_has_arrived_has_a_visit_that_goes_on() -> None:
    (encounter,) = _records({})

    assert (encounter.status, encounter.time) == ("arrived", "2026-10-05T08:00:00+07:00")
    assert (encounter.period.start, encounter.period.end) == (encounter.time, None)
    assert encounter.category.code == "01"


def test_ordering_treatment_makes_the_visit_one_in_progress_with_its_orders() -> None:
    encounter, service, drug, supply = _records(
        {"NGAY_VAO_NOI_TRU": "202610050810", "LY_DO_VNT": "Sốt cao", **SERVICE}, DRUG, SUPPLY
    )

    assert (encounter.status, encounter.admission_reason) == ("in-progress", "Sốt cao")
    assert encounter.admission == "2026-10-05T08:10:00+07:00"
    assert (service.status, service.code.text, service.ordered) == (
        *("preparation", "Khám Nội"),
        "2026-10-05T08:15:00+07:00",
    )
    assert (drug.status, drug.code.coding[0].code) == ("active", "40.512")
    assert supply.used.coding[0].code == "N04"


@pytest.mark.parametrize(
    ("rows", "rule", "place"),
    [
        (({}, {"MA_LK": "LK-2"}), "checkin.many", ("XML0", 2, "MA_LK")),
        (({}, {"SO_CCCD": "999185000002"}), "checkin.many", ("XML0", 2, "SO_CCCD")),
        (({}, {"MA_CSKCB": "99002"}), "checkin.many", ("XML0", 2, "MA_CSKCB")),
        (({"MA_LK": ""},), "field.required", ("XML0", 1, "MA_LK")),
        (({"NGAY_VAO": "20261301"},), "field.date", ("XML0", 1, "NGAY_VAO")),
        (({"SO_CCCD": "9991850000012"},), "identifier.format", ("XML0", 1, "SO_CCCD")),
    ],
)
def test_a_check_in_that_tells_of_no_one_visit_is_refused(
    rows: tuple[dict[str, str], ...], rule: str, place: tuple[str, int, str]
) -> None:
    problems = read(check_in_file(*rows)).problems

    assert (rule, Severity.ERROR, *place) in [
        (one.rule, one.severity, one.table, one.row, one.field) for one in problems
    ]


def test_a_check_in_without_a_row_is_refused() -> None:
    visit = read(b"<CHI_TIEU_TRANG_THAI_KCB><DSACH_TRANG_THAI_KCB/></CHI_TIEU_TRANG_THAI_KCB>")

    assert [(one.rule, one.severity) for one in visit.problems] == [("checkin.empty", Severity.ERROR)]


@pytest.mark.parametrize(
    ("rows", "rule", "place"),
    [
        (({"STT": "2"},), "row.order", ("XML0", 1, "STT")),
        (({"MA_LOAI_KCB": "77"},), "field.code", ("XML0", 1, "MA_LOAI_KCB")),
    ],
)
def test_what_is_only_odd_in_a_check_in_warns(
    rows: tuple[dict[str, str], ...], rule: str, place: tuple[str, int, str]
) -> None:
    (found,) = read(check_in_file(*rows)).problems

    assert (found.rule, found.severity, found.table, found.row, found.field) == (rule, Severity.WARNING, *place)


def test_a_check_in_says_whether_it_carries_a_signature() -> None:
    assert read(check_in_file()).signature is LegalStatus.UNSIGNED
    assert read(check_in_file(signature="x")).signature is LegalStatus.SIGNATURE_UNVERIFIED


_READ = [one for one in tables()[CHECK_IN].fields.values() if one.need is not Need.UNREAD]


@pytest.mark.parametrize("name", [one.name for one in _READ if one.name != "MA_CSKCB"])
def test_every_field_that_the_book_says_it_reads_of_a_check_in_changes_what_is_read(name: str) -> None:
    known = tables()[CHECK_IN].fields[name]
    values = ("20261004", "20261003") if known.date else ("1", "2")
    if name == "SO_CCCD":
        values = (NUMBER, "999185000002")
    if name == "MA_THE_BHYT":
        values = ("GD4019990000001", "GD4019990000002")

    first, second = (read(check_in_file({**SERVICE, **DRUG, **SUPPLY, name: value})) for value in values)

    assert (first.drafts, first.patient, first.episode) != (second.drafts, second.patient, second.episode)
    assert first.content != second.content
