"""The words for every rule of a FHIR bundle, in both languages.

The one invariant: no message is built from a value that was sent; a count is the only thing put into one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ehb.domain.submission import Problem, Severity

_WARNINGS = frozenset(
    {
        "fhir.identifier_placeholder",
        "fhir.subject_name",
        "fhir.billing_not_kept",
        "fhir.not_kept",
        "fhir.entered_in_error",
        "fhir.field_not_kept",
        "fhir.reference_unresolved",
        "fhir.time_assumed",
        "fhir.identifier_unknown",
        "fhir.identifier_missing",
        "fhir.card_format",
    }
)
MESSAGES: dict[str, tuple[str, str]] = {
    "fhir.json": ("Nội dung không phải JSON hợp lệ (UTF-8).", "The body is not valid JSON in UTF-8."),
    "fhir.too_many": ("Nội dung có quá nhiều phần tử.", "The body holds too many elements."),
    "fhir.deep": ("Nội dung lồng nhau quá sâu.", "The body is nested too deeply."),
    "fhir.key_repeated": ("Một tên xuất hiện hai lần trong phần tử này.", "This element names something twice."),
    "fhir.number": ("Số không hợp lệ hoặc quá lớn.", "The number is none, or larger than anything measured."),
    "fhir.text": ("Văn bản có ký tự không hợp lệ.", "The text has characters that no text may have."),
    "fhir.not_bundle": ("Nội dung phải là một Bundle của FHIR R4.", "The body must be a FHIR R4 Bundle."),
    "fhir.bundle_type": (
        "Bundle.type phải là transaction, batch, collection hoặc document.",
        "Bundle.type must be transaction, batch, collection or document.",
    ),
    "fhir.document": (
        "Bundle kiểu document phải bắt đầu bằng một Composition.",
        "A document must begin with a Composition.",
    ),
    "fhir.full_url_repeated": ("fullUrl đã dùng cho một mục khác.", "The fullUrl belongs to another entry already."),
    "fhir.resource_type": ("FHIR R4 không có loại tài nguyên này.", "FHIR R4 has no such resource type."),
    "fhir.field_unknown": (
        "Phần tử này có một tên mà FHIR R4 không có.",
        "This element has a child that FHIR R4 does not know.",
    ),
    "fhir.type": ("Giá trị sai kiểu dữ liệu.", "The value has the wrong data type."),
    "fhir.null": ("FHIR không cho phép null ở đây.", "FHIR allows no null here."),
    "fhir.empty": ("Phần tử không được để trống.", "An element must not be empty."),
    "fhir.required": ("Thiếu phần tử bắt buộc.", "A required element is missing."),
    "fhir.choice": ("Chỉ được dùng một kiểu cho phần tử này.", "Only one type may be given for this element."),
    "fhir.code": ("Mã không có trong danh mục bắt buộc của FHIR.", "The code is not in the list that FHIR requires."),
    "fhir.date": (
        "Ngày giờ không tồn tại hoặc sai định dạng YYYY[-MM[-DD[Thh:mm:ss+07:00]]].",
        "The date does not exist or is not YYYY[-MM[-DD[Thh:mm:ss+07:00]]].",
    ),
    "fhir.modifier": (
        "Phần tử này có thể làm đổi nghĩa và chúng tôi không hiểu nó.",
        "This element may change the meaning, and we do not know it.",
    ),
    "fhir.reference_dangling": (
        "Tham chiếu không dẫn tới mục nào trong Bundle.",
        "The reference leads to nothing in the bundle.",
    ),
    "fhir.reference_unresolved": (
        "{count} tham chiếu dẫn ra ngoài Bundle; chỉ giữ tên đi kèm.",
        "{count} reference{s} lead{v} out of the bundle; only the display is kept.",
    ),
    "fhir.patient_missing": ("Bundle không có Patient.", "The bundle has no Patient."),
    "fhir.patient_count": ("Một Bundle chỉ cho một người bệnh.", "One bundle tells about one patient."),
    "fhir.patient_other": (
        "Tài nguyên này nói về người khác, không phải Patient của Bundle.",
        "This resource is about somebody other than the bundle's Patient.",
    ),
    "fhir.subject_name": (
        "Tên ghi ở đây không phải tên của Patient trong Bundle; hãy kiểm tra tài nguyên này nói về ai.",
        "The name here is not that of the bundle's Patient; check whom this resource is about.",
    ),
    "fhir.identifier_format": (
        "Số định danh không đúng định dạng của hệ thống đã nêu.",
        "The identifier has not the form of its system.",
    ),
    "fhir.identifier_placeholder": (
        "Đây là số điền tạm, không phải số của người bệnh; hãy gửi số thật hoặc bỏ trống.",
        "This is a placeholder and nobody's number; send the real number or none.",
    ),
    "fhir.card_format": ("Số thẻ BHYT không đúng định dạng.", "The insurance card number has no known form."),
    "fhir.identifier_unknown": (
        "{count} số định danh thuộc hệ thống không dùng để nhận ra người bệnh.",
        "{count} identifier{s} {are} of a system that we do not know a person by.",
    ),
    "fhir.identifier_missing": (
        "Patient không có số định danh dùng được, ví dụ của hệ thống http://fhir.ehealth.gov.vn/core/sid/national_id; "
        "hồ sơ chờ xác định danh tính.",
        "The Patient has no identifier that we can use, such as one of the system "
        "http://fhir.ehealth.gov.vn/core/sid/national_id; the submission waits for an identity.",
    ),
    "fhir.time_missing": ("Không có thời điểm nào cho tài nguyên này.", "Nothing says when this happened."),
    "fhir.time_assumed": (
        "{count} tài nguyên không ghi thời điểm; xếp theo lượt khám hoặc ngày của giấy.",
        "{count} resource{s} say{v} no time: placed by the encounter or the document's date.",
    ),
    "fhir.billing_not_kept": (
        "{count} tài nguyên thanh toán không được lưu trong sổ sức khỏe.",
        "{count} billing resource{s} {are} not kept in the health book.",
    ),
    "fhir.not_kept": (
        "{count} tài nguyên loại này không được lưu trong sổ sức khỏe.",
        "{count} resource{s} of this type {are} not kept in the health book.",
    ),
    "fhir.entered_in_error": (
        "{count} tài nguyên được đánh dấu nhập nhầm nên không hiển thị.",
        "{count} resource{s} {are} marked as entered in error and not shown.",
    ),
    "fhir.field_not_kept": (
        "Sổ không có chỗ cho phần tử này; gặp ở {count} tài nguyên.",
        "The book has no place for this element; found in {count} resource{s}.",
    ),
}


_MOST_REPORTED = 10_000
"""Of each severity: bounds the memory that one bundle can take. What a receipt lists is cut by the domain."""


class Enough(Exception):
    """More is wrong with a bundle than anybody mends at once; looking on would only cost time."""


@dataclass(slots=True)
class Found:
    """The problems of one bundle, in the order they were found."""

    problems: list[Problem] = field(default_factory=list)
    reported: Counter[Severity] = field(default_factory=Counter)

    def report(self, rule: str, path: str | None) -> None:
        """A fault at one place."""
        self._add(problem(rule, field=path))

    def count(self, rule: str, kind: str, count: int, path: str | None = None) -> None:
        """Something that holds for several resources of one type."""
        self._add(problem(rule, table=kind, field=path, count=count))

    def _add(self, found: Problem) -> None:
        self.reported[found.severity] += 1
        if self.reported[found.severity] <= _MOST_REPORTED:
            self.problems.append(found)
        elif found.severity is Severity.ERROR:
            raise Enough


def problem(rule: str, *, table: str | None = None, field: str | None = None, count: int = 1) -> Problem:
    """The problem of one rule, as grave as the rule is. Raises KeyError for a rule without words."""
    vi, en = MESSAGES[rule]
    severity = Severity.WARNING if rule in _WARNINGS else Severity.ERROR
    return Problem(severity, rule, vi.format(count=count), _counted(en, count), table=table, field=field)


def _counted(words: str, count: int) -> str:
    """English words about one or several: `{s}` of a noun, `{v}` of its verb."""
    one = count == 1
    return words.format(count=count, s="" if one else "s", v="s" if one else "", are="is" if one else "are")
