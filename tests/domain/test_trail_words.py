"""The access log in plain words: one verb and the right ground for each action, in two languages."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ehb.domain.audit import AuditEvent
from ehb.domain.provision import Action, DenyReason, Ground, Purpose
from ehb.domain.records import Section
from ehb.domain.trail_words import ACTIONS, DETAILS, GROUNDS, REASONS, Who, sentence

EVENT = AuditEvent(
    time=datetime(2026, 12, 1, tzinfo=UTC),
    path="healthBook",
    action=Action.READ.value,
    purpose=Purpose.TREATMENT.value,
    outcome="PERMIT",
    rule=Ground.CONSENT.value,
    agent_kind="CITIZEN",
    agent_session="s",
    agent_patient_id=b"d" * 16,
    agent_facility="99001",
    patient_id=b"p" * 16,
    sections=(),
    agent_licence="L-1",
)
DOCTOR = Who("PRACTITIONER", "Bác sĩ Thử", "Bệnh viện Thử")


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("action", Action)
def test_every_action_has_one_verb_and_every_sentence_an_end(action: Action, language: str) -> None:
    text = sentence(replace(EVENT, action=action.value), DOCTOR, language)

    assert "{" not in text
    assert text.endswith(".")
    verb = ACTIONS[action][language == "en"].split("{what}")[0]
    assert not re.search(r" (hoặc|or) ", verb) or action is Action.WITHDRAW_CONSENT


@pytest.mark.parametrize("detail", DETAILS)
def test_detail_says_more_than_the_action(detail: str) -> None:
    vague, exact = (
        sentence(replace(EVENT, action=Action.PRESENT.value, detail=one), DOCTOR, "vi") for one in (None, detail)
    )

    assert vague != exact


@pytest.mark.parametrize(
    ("action", "rule", "ground"),
    [
        (Action.OPEN_EMERGENCY, Ground.CARE_ROLE, "bảo vệ khẩn cấp tính mạng, sức khỏe"),
        (Action.OPEN_PRESENTATION, Ground.CARE_ROLE, "bạn đã xuất trình"),
        (Action.READ, Ground.EMERGENCY, "bảo vệ khẩn cấp tính mạng, sức khỏe"),
        (Action.READ, Ground.CONSENT, "bạn đã đồng ý"),
        (Action.REVIEW_EMERGENCY, Ground.CARE_ROLE, "người hành nghề có giấy phép còn hiệu lực"),
    ],
)
def test_ground_is_the_one_that_counts(action: Action, rule: Ground, ground: str) -> None:
    text = sentence(replace(EVENT, action=action.value, rule=rule.value), DOCTOR, "vi")

    assert text.endswith(f"Căn cứ: {ground}.")


def test_sentences_read_as_a_person_would_say_them() -> None:
    opened = replace(
        EVENT,
        action=Action.OPEN_EMERGENCY.value,
        purpose=Purpose.EMERGENCY_TREATMENT.value,
        rule=Ground.CARE_ROLE.value,
    )
    read = replace(EVENT, sections=(Section.CONDITIONS, Section.PRESCRIPTIONS))
    own = replace(
        EVENT, purpose=Purpose.PATIENT_REQUEST.value, rule=Ground.OWN_BOOK.value, action=Action.READ_TRAIL.value
    )

    assert sentence(opened, DOCTOR, "vi") == (
        "Bác sĩ Thử (một người hành nghề), Bệnh viện Thử mở sổ sức khỏe trong tình huống khẩn cấp. "
        "Mục đích: cấp cứu. Căn cứ: bảo vệ khẩn cấp tính mạng, sức khỏe."
    )
    assert sentence(read, DOCTOR, "vi") == (
        "Bác sĩ Thử (một người hành nghề), Bệnh viện Thử xem sổ sức khỏe (chẩn đoán, đơn thuốc). "
        "Mục đích: khám bệnh, chữa bệnh. Căn cứ: bạn đã đồng ý."
    )
    assert sentence(own, Who("YOURSELF"), "vi") == "Bạn xem nhật ký truy cập sổ sức khỏe. Căn cứ: đây là sổ của mình."
    assert sentence(replace(read, outcome="DENY", rule=DenyReason.BLOCKED.value), DOCTOR, "en").endswith(
        "was refused; they asked for this: saw the health book (diagnoses, prescriptions). Purpose: treatment. "
        "Refused because: you keep them out."
    )


@pytest.mark.parametrize(
    "table", [ACTIONS, DETAILS, GROUNDS, REASONS], ids=["actions", "details", "grounds", "reasons"]
)
def test_every_entry_has_both_languages(table: dict[object, tuple[str, str]]) -> None:
    assert all(vi and en and vi != en for vi, en in table.values())
