"""Documents, notes, referrals and appointments of a bundle: no text is lost."""

from __future__ import annotations

import base64

from ehb.domain.records import (
    Appointment,
    ClinicalImpression,
    Composition,
    Section,
    ServiceRequest,
)
from tests.fhir import (
    LOINC,
    bundle,
    clean_record_of,
    code,
    document,
    places,
    resource,
    visit_of,
)


def test_the_text_of_every_section_is_kept_and_why_one_is_empty() -> None:
    said = document(
        {
            "title": "Tóm tắt",
            "section": [
                {
                    "title": "Thuốc",
                    "text": {
                        "status": "generated",
                        "div": "<div><table><tr><td>Amlodipin</td><td>5&#160;mg</td></tr></table>"
                        "<p>Hết &amp; đủ</p></div>",
                    },
                    "section": [{"title": "Bên trong", "text": {"status": "generated", "div": "<div>lời trong</div>"}}],
                },
                {"title": "Dị ứng", "emptyReason": {"text": "không hỏi được"}},
            ],
        }
    )

    (draft,) = visit_of(said).drafts

    assert isinstance(draft.record, Composition)
    assert draft.record.section is Section.RECORD_SUMMARIES
    assert draft.record.note is not None
    assert draft.record.note.splitlines() == [
        "# Thuốc",
        "Amlodipin | 5 mg",
        "Hết & đủ",
        "## Bên trong",
        "lời trong",
        "# Dị ứng",
        "(không hỏi được)",
    ]


def test_a_narrative_that_says_more_than_its_resource_is_kept() -> None:
    more = {"status": "additional", "div": "<div><script>alert(1)</script><p>Lời thêm</p></div>"}
    same = {"status": "generated", "div": "<div>Lời máy</div>"}

    assert clean_record_of(resource("Condition", text=more)).note == "Lời thêm"
    assert clean_record_of(resource("Condition", text=same)).note is None


def test_a_document_of_text_is_kept_as_text_and_another_file_is_named() -> None:
    text = base64.b64encode("Bệnh nhân ổn định".encode()).decode()
    attachments = [
        {"attachment": {"contentType": "text/plain; charset=utf-8", "data": text, "title": "Ghi chú"}},
        {"attachment": {"contentType": "application/pdf", "data": "JVBERg=="}},
    ]

    visit = visit_of(bundle(resource("DocumentReference", content=attachments, type=code("Ra viện", "18842-5", LOINC))))

    (draft,) = visit.drafts
    assert isinstance(draft.record, Composition)
    assert draft.record.section is Section.DISCHARGE_PAPERS
    assert (draft.record.title, draft.record.note) == ("Ghi chú", "Bệnh nhân ổn định")
    assert places(visit, "fhir.field_not_kept") == [("DocumentReference", "content.attachment")]


def test_a_clinical_impression_keeps_its_words() -> None:
    record = clean_record_of(resource("ClinicalImpression", summary="Tỉnh, tiếp xúc tốt", finding=[{"basis": "khám"}]))

    assert isinstance(record, ClinicalImpression)
    assert record.description == "Tỉnh, tiếp xúc tốt\nkhám"


def test_a_referral_keeps_to_whom_and_why() -> None:
    record = clean_record_of(
        resource(
            "ServiceRequest",
            code=code("Khám chuyên khoa"),
            performer=[{"display": "Bệnh viện Tuyến trên"}],
            reasonCode=[code("Suy tim", "I50", "http://hl7.org/fhir/sid/icd-10")],
            requisition={"value": "GC-1"},
            note=[{"text": "đi trong tuần"}],
        )
    )

    assert isinstance(record, ServiceRequest)
    assert (record.referred_to, record.document_number) == ("Bệnh viện Tuyến trên", "GC-1")
    assert record.reason is not None
    assert record.reason.code == "I50"
    assert record.plan == "Ghi chú: đi trong tuần"


def test_an_appointment_keeps_its_time_and_its_reason() -> None:
    record = clean_record_of(
        resource("Appointment", start="2030-01-02T08:00:00+07:00", reasonCode=[{"text": "tái khám"}])
    )

    assert isinstance(record, Appointment)
    assert (record.time, record.diagnosis) == ("2030-01-02T08:00:00+07:00", "tái khám")
