"""Files of which each field is good, and which cannot be true: rules that span fields, tables and time."""

from __future__ import annotations

from tests.builders import DRUG, NATIONAL_ID, NOTE, RESULT, SERVICE, SUMMARY, envelope, part, table_xml, visit_file
from tests.formats.rows import ALL_TABLES, ASSESSMENT, BIRTH, PREGNANCY_LEAVE, REFERRAL, SICK_LEAVE, SLIP
from tests.intake.cases import Case, refused, taken, warned

FIRST = part("XML1", table_xml("XML1", [SUMMARY]))
CARD = "GD4019990000001"


def _rows(name: str, *rows: dict[str, str]) -> bytes:
    return visit_file(with_tables={name: rows})


def _foreign(name: str) -> bytes:
    """A row of another episode in this table."""
    row = {**ALL_TABLES[name][0], "MA_LK": "LK-2"}
    return envelope(FIRST + part(name, table_xml(name, [row])))


CASES: list[Case] = [
    # One visit of one facility
    *[refused(f"{name} is of another visit", _foreign(name), "episode.mismatch") for name in ALL_TABLES
      if "MA_LK" in ALL_TABLES[name][0]],
    refused("XML1 is of another facility than the file", visit_file({"MA_CSKCB": "99002"}), "facility.mismatch"),
    refused("XML12 is of another person", _rows("XML12", {**ASSESSMENT, "SO_CCCD": "999185000002"}), "person.mismatch"),
    refused("a service without a code", _rows("XML3", {**SERVICE, "MA_DICH_VU": ""}), "service.code"),
    refused("two summaries in XML1", envelope(part("XML1", table_xml("XML1", [SUMMARY]).replace(
        "</TONG_HOP>", "</TONG_HOP><TONG_HOP/>"))), "table.malformed"),
    # Things of the future
    refused("arrival in the year 2999", visit_file({"NGAY_VAO": "299901010000", "NGAY_RA": "299901020000"}),
            "time.future"),
    refused("a result of the year 2999", _rows("XML4", {**RESULT, "NGAY_KQ": "299901010000"}), "time.future"),
    refused("a note of the year 9999", _rows("XML5", {**NOTE, "THOI_DIEM_DBLS": "999912312359"}), "time.future"),
    refused("a drug ordered in the year 2999", _rows("XML2", {**DRUG, "NGAY_YL": "299901010000"}), "time.future"),
    # Things that may be so, and are said
    warned("the visit ends before it starts", visit_file({"NGAY_RA": "202610040800"}), "time.order"),
    warned("the visit is before the birth", visit_file({"NGAY_SINH": "202611010000"}), "time.before_birth"),
    warned("admission before arrival", visit_file({"NGAY_VAO_NOI_TRU": "202610040800"}), "time.admission"),
    warned("admission after the end", visit_file({"NGAY_VAO_NOI_TRU": "202610060800"}), "time.admission"),
    warned("an order before the visit", _rows("XML2", {**DRUG, "NGAY_YL": "202609010900"}), "time.outside_visit"),
    warned("a result before its order", _rows("XML3", {**SERVICE, "NGAY_KQ": "202610050801"}), "time.sequence"),
    warned("a referral without its paper", visit_file({"MA_LOAI_RV": "2"}), "referral.missing"),
    warned("a referral to nowhere", visit_file({"MA_LOAI_RV": "2"}, with_tables={"XML13": [REFERRAL]}),
           "referral.missing"),
    warned("who died has an appointment", visit_file({"KET_QUA_DTRI": "5"}, with_tables={"XML14": [SLIP]}),
           "outcome.died_with_appointment"),
    warned("who died is on leave", visit_file({"KET_QUA_DTRI": "5"}, with_tables={"XML11": [SICK_LEAVE]}),
           "outcome.died_with_leave"),
    warned("who died is on leave for a pregnancy", visit_file({"KET_QUA_DTRI": "8"}, with_tables={
        "XML10": [PREGNANCY_LEAVE]}), "outcome.died_with_leave"),
    warned("one certificate for two children", _rows("XML9", {**BIRTH, "SO_CON": "2"}), "birth.children"),
    warned("two weights for one child", visit_file({"CAN_NANG_CON": "3200;3100"}, with_tables={"XML9": [BIRTH]}),
           "birth.children"),
    warned("a result of a service that was not given", _rows("XML4", {**RESULT, "MA_DICH_VU": "1.1"}), "row.service"),
    warned("rows counted from 0", _rows("XML2", {**DRUG, "STT": "0"}), "row.order"),
    warned("rows counted backwards", _rows("XML2", {**DRUG, "STT": "2"}, {**DRUG, "STT": "1"}), "row.order"),
    warned("rows all called 1", _rows("XML2", DRUG, DRUG), "row.order"),
    warned("two cards and one validity", visit_file({"MA_THE_BHYT": f"{CARD};{CARD}", "GT_THE_TU": "20260101"}),
           "card.lists"),
    warned("a card of who has no insurance", visit_file({"MA_THE_BHYT": CARD, "MA_DOITUONG_KCB": "9"}),
           "card.outside_insurance"),
    # Not wrong at all
    taken("a visit outside insurance: XML1 and XML8 only", visit_file(without=["XML2", "XML3", "XML4", "XML5"])),
    taken("the same drug a thousand times", _rows("XML2", *[{**DRUG, "STT": str(n)} for n in range(1, 1001)])),
    taken("a person without a number, who waits", visit_file({"SO_CCCD": ""})),
    taken("a person who gave an old number", visit_file({"SO_CCCD": "099000001"})),
    taken("a birth year only", visit_file({"NGAY_SINH": "198500000000"})),
    taken("a person of that very number with spaces around it", visit_file({"SO_CCCD": f"  {NATIONAL_ID} "})),
]  # fmt: skip
