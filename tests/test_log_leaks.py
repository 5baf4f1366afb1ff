"""A whole day of everybody leaves nothing of anybody in the log, however much is logged (standards row E5)."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.logs import Written, written
from tests.test_consent import DOCTOR, GIVE, permit, world
from tests.test_emergency import OPEN as OPEN_EMERGENCY
from tests.test_presentation import OPEN as OPEN_PRESENTATION
from tests.test_presentation import START

PATIENT_NAME, REASON, PASSCODE = "Nguyễn Thị Thử", "Bất tỉnh sau tai nạn giao thông", "135790"
OBJECTION, TAKEN_BACK = "Tôi không quen người này", "Nhập nhầm người bệnh"
BOOK = """query Nguyen($p: ID!) { healthBook(patient: $p, purpose: TREATMENT) {
  patient { fullName nationalId phone address } timeline(first: 100) { nodes { __typename id code { text }
    ... on Encounter { reason dischargeDiagnosis } } } } }"""
_WORDS = re.compile(rb">([^<>]{6,})<")


class Day:
    """What somebody did, and what of it nobody may find again."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.secrets: set[str] = {NATIONAL_ID, PATIENT_NAME, REASON, PASSCODE, OBJECTION, TAKEN_BACK, DOCTOR}

    async def ask(self, token: str, query: str, **variables: Any) -> Any:
        self.secrets.add(token)
        answer = await self.house.ask(token, query, variables)
        self.secrets |= {text for text in texts(answer.get("data")) if len(text) > 5 and " " in text}
        return answer.get("data")


def texts(value: Any) -> list[str]:
    """Every text in an answer."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


async def lived(house: House) -> set[str]:
    """Login, submission, reading, consent, presentation, emergency, objection, refusals; the secrets of all that."""
    day = Day(house)
    citizen, doctor, book = await world(house)
    body, facility = visit_file({"MA_LK": "LK-2"}), await house.facility(FACILITY)
    day.secrets |= {text.decode() for text in _WORDS.findall(body) if not text.isascii()}
    tokens = await house.sign_in("leaky", {"SoDinhDanh": "999185900044", "HoVaTen": "Trần Văn Rò"})
    day.secrets |= {"999185900044", "Trần Văn Rò", tokens["access_token"], tokens["refresh_token"], facility, book}
    sent = (await house.submit(facility, body)).json()
    await house.submit(facility, body.replace(b"LK-2", b"LK-3").replace(b"2026", b"2099"))
    day.secrets.add(sent["id"])

    await day.ask(
        citizen, "{ me { name } myHealthBook { patient { fullName address phone } timeline { nodes { id } } } }"
    )
    await day.ask(citizen, GIVE, **permit())
    await day.ask(doctor, BOOK, p=book)
    shown = await day.ask(citizen, START, show={"sections": ["CONDITIONS"], "passcode": PASSCODE})
    code = shown["startPresentation"]["code"]
    day.secrets |= {code, code.rpartition(":")[2]}
    for passcode in ("00000", PASSCODE):
        await day.ask(doctor, OPEN_PRESENTATION, code=code, passcode=passcode)
    await day.ask(doctor, OPEN_EMERGENCY, p=book, reason=REASON)
    await day.ask(doctor, BOOK.replace("TREATMENT", "EMERGENCY_TREATMENT"), p=book)
    await day.ask(tokens["access_token"], BOOK, p=book)
    log = await day.ask(citizen, "{ myAccessLog(first: 1, others: true) { nodes { id } } }")
    line = log["myAccessLog"]["nodes"][0]["id"]
    dispute = "mutation($id: ID!, $why: String!) { disputeAccess(id: $id, reason: $why) { id } }"
    await day.ask(citizen, dispute, id=line, why=OBJECTION)
    retract = "mutation($id: ID!, $why: String!) { retractSubmission(id: $id, reason: $why) { status } }"
    await day.ask(facility, retract, id=sent["id"], why=TAKEN_BACK)
    await day.ask(citizen, f'{{ {NATIONAL_ID[:3]} bookId(number: "{NATIONAL_ID}") }}')
    await day.ask(citizen, f'query Q{NATIONAL_ID} {{ bookId(number: "{NATIONAL_ID}") }}')
    for path in (f"/auth/callback?code={code}&state={PASSCODE}", f"/facility/submissions/{NATIONAL_ID}", f"/{code}"):
        await house.http.get(path, headers={"Authorization": f"Bearer {citizen}", "X-Request-ID": NATIONAL_ID})
    return day.secrets


def leaked(secrets: set[str], out: Written) -> set[str]:
    """Secrets that stand in the log, as they are or as JSON or a URL writes them."""
    log = out.getvalue()
    return {one for one in secrets if any(form in log for form in (one, ascii(one)[1:-1]))}


@pytest.mark.parametrize("libraries", [logging.DEBUG, logging.WARNING])
async def test_a_whole_day_leaves_nothing_of_anybody_in_the_log(house: House, libraries: int) -> None:
    """Row E5."""
    with written("DEBUG", libraries=libraries) as out:
        secrets = await lived(house)

    assert len(secrets) > 20
    assert sum(" " in one for one in secrets) > 10, "names, reasons and clinical words"
    assert len(out.of("request")) > 30
    assert leaked(secrets, out) == set()
    assert not re.search(r"\b[0-9]{9}\b|\b[0-9]{12}\b", out.getvalue())


async def test_a_secret_that_was_written_is_found(house: House) -> None:
    with written("DEBUG") as out:
        logging.getLogger("uvicorn.error").warning(f"opened {PASSCODE[:5]}-{REASON}")

    assert leaked({REASON, NATIONAL_ID}, out) == {REASON}
