"""The words for what terms of a consent name: sections, kinds, fields, purposes, actions, sensitivity labels.

Each table is Vietnamese first, English second. Invariant: within a table no two entries have the same word, and no word
holds a semicolon or a quotation mark, so that a text can be read back (`tests/domain/test_consent_text.py`).
"""

from __future__ import annotations

from ehb.domain.provision import Action, Purpose
from ehb.domain.records import Section
from ehb.domain.sensitivity import SENSITIVITY_LABELS

SECTIONS: dict[Section, tuple[str, str]] = {
    Section.IMMUNIZATIONS: ("tiêm chủng", "vaccinations"),
    Section.SCREENINGS: ("sàng lọc", "screenings"),
    Section.HEALTH_CHECKS: ("khám sức khỏe", "health checks"),
    Section.RISK_FACTORS: ("yếu tố nguy cơ", "risk factors"),
    Section.ENCOUNTERS: ("lượt khám", "visits"),
    Section.CONDITIONS: ("chẩn đoán", "diagnoses"),
    Section.ALLERGIES: ("dị ứng", "allergies"),
    Section.PROCEDURES: ("phẫu thuật, thủ thuật", "procedures"),
    Section.PRESCRIPTIONS: ("đơn thuốc", "prescriptions"),
    Section.LABORATORY_RESULTS: ("kết quả xét nghiệm", "laboratory results"),
    Section.IMAGING_RESULTS: ("chẩn đoán hình ảnh", "imaging results"),
    Section.CLINICAL_NOTES: ("diễn biến lâm sàng", "clinical notes"),
    Section.DISCHARGE_PAPERS: ("giấy ra viện và chứng nhận", "discharge papers"),
    Section.RECORD_SUMMARIES: ("tóm tắt hồ sơ bệnh án", "record summaries"),
    Section.REFERRALS: ("giấy chuyển cơ sở", "referrals"),
    Section.REEXAMINATION_APPOINTMENTS: ("giấy hẹn khám lại", "re-examination appointments"),
    Section.CARE_PLANS: ("kế hoạch chăm sóc", "care plans"),
    Section.HOME_READINGS: ("số đo tại nhà", "home readings"),
    Section.MATERNAL_AND_CHILD_CARE: ("sức khỏe bà mẹ và trẻ em", "maternal and child care"),
    Section.REHABILITATION: ("phục hồi chức năng", "rehabilitation"),
}
PURPOSES: dict[Purpose, tuple[str, str]] = {
    Purpose.PATIENT_REQUEST: ("việc của chính bạn", "your own matters"),
    Purpose.FAMILY_REQUEST: ("theo yêu cầu của người thân", "a family member's request"),
    Purpose.TREATMENT: ("khám bệnh, chữa bệnh", "treatment"),
    Purpose.EMERGENCY_TREATMENT: ("cấp cứu", "emergency treatment"),
    Purpose.PUBLIC_HEALTH: ("y tế công cộng", "public health"),
    Purpose.RESEARCH: ("nghiên cứu", "research"),
    Purpose.PAYMENT: ("thanh toán", "payment"),
    Purpose.ADMINISTRATION: ("quản lý", "administration"),
}
ACTIONS: dict[Action, tuple[str, str]] = {
    Action.READ: ("xem", "see"),
    Action.DOWNLOAD: ("tải về", "download"),
    Action.RESHARE: ("chia sẻ tiếp", "pass on"),
}
KINDS: dict[str, tuple[str, str]] = {
    "Encounter": ("lượt khám", "visits"),
    "Condition": ("chẩn đoán", "diagnoses"),
    "AllergyIntolerance": ("dị ứng", "allergies"),
    "Procedure": ("thủ thuật và dịch vụ", "procedures and services"),
    "MedicationRequest": ("thuốc được kê", "prescribed drugs"),
    "DiagnosticReport": ("phiếu kết quả", "diagnostic reports"),
    "Observation": ("chỉ số đo", "observations"),
    "ClinicalImpression": ("ghi chép diễn biến", "clinical notes"),
    "Composition": ("giấy tờ", "documents"),
    "ServiceRequest": ("phiếu chuyển và chỉ định", "referrals and orders"),
    "Appointment": ("lịch hẹn", "appointments"),
    "Immunization": ("mũi tiêm", "vaccine doses"),
    "CarePlan": ("kế hoạch chăm sóc", "care plans"),
}
FIELDS: dict[str, tuple[str, str]] = {
    "accident": ("tai nạn", "accident"),
    "activities": ("hoạt động chăm sóc", "activities"),
    "admission": ("ngày giờ nhập viện", "time of admission"),
    "admission_diagnosis": ("chẩn đoán vào viện", "admission diagnosis"),
    "admission_reason": ("lý do nhập viện", "reason for admission"),
    "anaesthesia": ("phương pháp vô cảm", "anaesthesia"),
    "birth_weights": ("cân nặng con khi sinh", "birth weights"),
    "blood_group": ("nhóm máu", "blood group"),
    "body_site": ("vị trí trên cơ thể", "body site"),
    "category": ("phân loại", "category"),
    "clinical_signs": ("dấu hiệu lâm sàng", "clinical signs"),
    "clinical_status": ("tình trạng lâm sàng", "clinical status"),
    "components": ("thành phần", "components"),
    "conclusion": ("kết luận", "conclusion"),
    "consultation": ("hội chẩn", "consultation"),
    "course": ("diễn biến", "course"),
    "criticality": ("mức độ nguy hiểm", "criticality"),
    "department": ("khoa", "department"),
    "description": ("mô tả", "description"),
    "details": ("chi tiết khác", "other details"),
    "diagnosis": ("nội dung chẩn đoán", "diagnosis as written"),
    "discharge": ("ra viện", "discharge"),
    "discharge_diagnosis": ("chẩn đoán ra viện", "discharge diagnosis"),
    "document_date": ("ngày của giấy", "date of the document"),
    "document_number": ("số của giấy", "number of the document"),
    "dosage": ("liều dùng", "dosage"),
    "dose_number": ("mũi thứ mấy", "dose number"),
    "form": ("dạng bào chế", "form"),
    "gestational_age_weeks": ("tuần thai", "gestational age"),
    "given": ("đã dùng", "given"),
    "goals": ("mục tiêu", "goals"),
    "instructions": ("hướng dẫn", "instructions"),
    "issued": ("ngày giờ trả kết quả", "time of issue"),
    "leave": ("nghỉ việc", "sick leave"),
    "lot_number": ("số lô", "lot number"),
    "manufacturer": ("nhà sản xuất", "manufacturer"),
    "medications": ("thuốc đã dùng", "medications"),
    "note": ("ghi chú", "note"),
    "operation": ("phẫu thuật", "operation"),
    "ordered": ("ngày giờ chỉ định", "time of the order"),
    "outcome": ("kết quả điều trị", "outcome"),
    "period": ("thời gian", "period"),
    "plan": ("kế hoạch", "plan"),
    "pregnancy_end_cause": ("lý do đình chỉ thai", "cause of the end of pregnancy"),
    "pregnancy_end_time": ("thời điểm đình chỉ thai", "time of the end of pregnancy"),
    "pregnancy_ended": ("đình chỉ thai", "end of pregnancy"),
    "quantity": ("số lượng", "quantity"),
    "reaction": ("phản ứng", "reaction"),
    "reason": ("lý do", "reason"),
    "record_number": ("số hồ sơ", "record number"),
    "referred_from": ("chuyển từ", "referred from"),
    "referred_to": ("chuyển đến", "referred to"),
    "registration_number": ("số đăng ký", "registration number"),
    "results": ("các kết quả", "results"),
    "results_summary": ("tóm tắt kết quả", "summary of results"),
    "role": ("vai trò", "role"),
    "route": ("đường dùng", "route"),
    "services": ("dịch vụ", "services"),
    "site": ("vị trí tiêm", "site"),
    "stage": ("giai đoạn", "stage"),
    "status": ("trạng thái", "status"),
    "strength": ("hàm lượng", "strength"),
    "text": ("nội dung", "text"),
    "title": ("tiêu đề", "title"),
    "transport": ("phương tiện vận chuyển", "transport"),
    "treatment": ("điều trị", "treatment"),
    "treatment_days": ("số ngày điều trị", "days of treatment"),
    "used": ("vật tư đã dùng", "used material"),
    "value": ("giá trị", "value"),
    "vital_signs": ("dấu hiệu sinh tồn", "vital signs"),
    "weight": ("cân nặng", "weight"),
}


def label_word(label: str, *, en: bool) -> str:
    """The name of a sensitivity label; a narrower code of a sender is its own name."""
    known = SENSITIVITY_LABELS.get(label)
    return label if known is None else known.en if en else known.vi
