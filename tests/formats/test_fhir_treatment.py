"""Drugs, procedures, devices and plans of a bundle."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ehb.domain.coding import Quantity
from ehb.domain.records import (
    CarePlan,
    MedicationRequest,
    Procedure,
)
from tests.fhir import (
    ABOUT,
    clean_record_of,
    code,
    record_of,
    resource,
)


def _named(url: str) -> dict[str, Any]:
    return {"reference": url}


def test_a_prescription_keeps_dose_route_and_advice() -> None:
    dosage = {
        "text": "1 viên sáng",
        "route": {"text": "uống"},
        "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mg"}}],
        "patientInstruction": "sau ăn",
        "asNeededBoolean": True,
    }
    drug = clean_record_of(
        resource(
            "MedicationRequest",
            dosageInstruction=[dosage],
            dispenseRequest={"quantity": {"value": 30, "unit": "viên"}, "numberOfRepeatsAllowed": 2},
            reasonCode=[{"text": "tăng huyết áp"}],
            requester={"display": "BS. Thử"},
        )
    )

    assert isinstance(drug, MedicationRequest)
    assert drug.dosage == "1 viên sáng, 5 mg, 2 lần mỗi 1 ngày, khi cần"
    assert (drug.route, drug.quantity) == ("uống", Quantity(Decimal(30), "viên"))
    assert drug.instructions == "sau ăn\nĐược cấp lại 2 lần\nLý do: tăng huyết áp"
    assert drug.provenance.author is not None
    assert drug.provenance.author.name == "BS. Thử"


def test_a_drug_by_reference_brings_its_name_form_and_strength() -> None:
    held = {
        "_url": "urn:uuid:drug",
        "resourceType": "Medication",
        "code": code("Anastrozole"),
        "form": {"text": "viên"},
        "ingredient": [
            {
                "itemCodeableConcept": {"text": "anastrozole"},
                "strength": {"numerator": {"value": 1, "unit": "mg"}, "denominator": {"value": 1, "unit": "viên"}},
            }
        ],
    }
    taken = resource("MedicationStatement", medicationReference=_named("urn:uuid:drug"))
    del taken["medicationCodeableConcept"]

    drug = clean_record_of(taken, held)

    assert isinstance(drug, MedicationRequest)
    assert drug.code is not None
    assert drug.code.coding[0].display == "Anastrozole"
    assert (drug.form, drug.strength) == ("viên", "anastrozole 1 mg / 1 viên")
    assert "không phải đơn thuốc" in (drug.instructions or "")


def test_a_procedure_keeps_its_codes_reasons_and_end() -> None:
    content = resource(
        "Procedure",
        performedPeriod={"start": "2026-10-05", "end": "2026-10-06"},
        reasonCode=[code("Sỏi thận", "N20", "http://hl7.org/fhir/sid/icd-10")],
        bodySite=[{"text": "thận phải"}],
        outcome={"text": "tốt"},
    )
    del content["performedDateTime"]

    procedure = clean_record_of(content)

    assert isinstance(procedure, Procedure)
    assert (procedure.time, procedure.body_site) == ("2026-10-05", "thận phải")
    assert [one.code for one in procedure.reason] == ["N20"]
    assert procedure.note == "Kết thúc: 2026-10-06\nKết quả: tốt"


def test_a_device_in_use_is_kept_with_what_it_is() -> None:
    pump = {"_url": "urn:uuid:pump", "resourceType": "Device", "type": code("Máy tạo nhịp")}

    used = record_of(resource("DeviceUseStatement", device=_named("urn:uuid:pump")), pump)

    assert isinstance(used, Procedure)
    assert used.code is not None
    assert used.code.coding[0].display == "Máy tạo nhịp"


def test_a_care_plan_keeps_its_goals_and_activities() -> None:
    goal = {
        "_url": "urn:uuid:goal",
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "subject": ABOUT,
        "description": {"text": "HbA1c dưới 7"},
    }
    plan = resource(
        "CarePlan",
        title="Đái tháo đường",
        goal=[_named("urn:uuid:goal")],
        activity=[{"detail": {"status": "in-progress", "code": {"text": "Ăn kiêng"}}}],
    )

    record = clean_record_of(plan, goal)

    assert isinstance(record, CarePlan)
    assert (record.title, record.goals) == ("Đái tháo đường", ("HbA1c dưới 7 (active)",))
    assert record.activities == ("Ăn kiêng (in-progress)",)
