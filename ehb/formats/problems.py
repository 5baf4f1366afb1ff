"""The words for what can be wrong with a visit file: one stable rule, one message in two languages.

The one invariant: no message is built from a value that was sent.
"""

from __future__ import annotations

from ehb.domain.fetal_sex import MESSAGE_EN, MESSAGE_VI, RULE
from ehb.domain.submission import Problem, Severity

MESSAGES: dict[str, tuple[str, str]] = {
    "xml.malformed": ("Tệp không phải XML hợp lệ.", "The file is not well-formed XML."),
    "xml.too_many": (
        "Tệp có quá nhiều phần tử XML (tối đa khoảng 300.000).",
        "The file has too many XML elements (about 300,000 at most).",
    ),
    "xml.doctype": ("Không chấp nhận DOCTYPE hay thực thể trong XML.", "A DOCTYPE or entities are not accepted."),
    "envelope.root": ("Phần tử gốc phải là GIAMDINHHS.", "The root element must be GIAMDINHHS."),
    "envelope.facility": ("Thiếu MACSKCB trong THONGTINDONVI.", "MACSKCB is missing from THONGTINDONVI."),
    "envelope.count": (
        "SOLUONGHOSO phải là 1 và bằng số HOSO: một tệp cho một lượt khám.",
        "SOLUONGHOSO must be 1 and equal the number of HOSO: one file for one visit.",
    ),
    "envelope.date": ("NGAYLAP không đúng định dạng yyyyMMdd.", "NGAYLAP is not yyyyMMdd."),
    "table.unknown": ("LOAIHOSO không có trong danh mục XML1–XML15.", "LOAIHOSO is not one of XML1 to XML15."),
    "table.later": (
        "Bảng này được lưu nguyên bản nhưng chưa hiển thị trong sổ.",
        "This table is kept as sent but not yet shown in the book.",
    ),
    "table.base64": ("NOIDUNGFILE không phải base64 hợp lệ.", "NOIDUNGFILE is not valid base64."),
    "table.malformed": ("Nội dung bảng không phải XML hợp lệ.", "The table's content is not well-formed XML."),
    "table.root": ("Phần tử gốc của bảng không đúng.", "The table's root element is not the expected one."),
    "table.missing": ("Thiếu bảng XML1.", "Table XML1 is missing."),
    "table.repeated": ("Bảng XML1 chỉ được có một TONG_HOP.", "XML1 must hold exactly one TONG_HOP."),
    "episode.mismatch": ("MA_LK khác với MA_LK của XML1.", "MA_LK differs from the one in XML1."),
    "person.mismatch": (
        "SO_CCCD của bảng này khác SO_CCCD của XML1.",
        "SO_CCCD of this table differs from SO_CCCD of XML1.",
    ),
    "facility.mismatch": ("MA_CSKCB của XML1 khác MACSKCB của tệp.", "MA_CSKCB of XML1 differs from MACSKCB."),
    "field.required": ("Thiếu trường bắt buộc.", "A required field is empty."),
    "field.expected": ("Thiếu trường nên có.", "A field that should be filled is empty."),
    "field.unknown": ("Trường không có trong bảng.", "The table has no such field."),
    "field.repeated": (
        "Trường này xuất hiện hai lần với giá trị khác nhau; hãy gửi một giá trị.",
        "This field stands twice with different values; send one value.",
    ),
    "field.length": ("Giá trị dài quá quy định.", "The value is longer than allowed."),
    "field.number": (
        "Giá trị phải là số, dấu thập phân là dấu chấm.",
        "The value must be a number with a decimal point.",
    ),
    "field.date": (
        "Ngày giờ không tồn tại hoặc sai định dạng yyyyMMdd[HHmm].",
        "The date does not exist or is not yyyyMMdd[HHmm].",
    ),
    "field.code": ("Mã không có trong danh mục; giữ nguyên như đã gửi.", "The code is not in its list; kept as sent."),
    "field.code_not_in_force": (
        "Mã không có hiệu lực vào ngày khám; giữ nguyên như đã gửi.",
        "The code is not in force on the day of the visit; kept as sent.",
    ),
    "identifier.format": (
        "SO_CCCD phải là 12 số, 9 số, số hộ chiếu hoặc mã tài khoản.",
        "SO_CCCD must be a 12-digit number, a 9-digit number, a passport number or an account code.",
    ),
    "identifier.placeholder": (
        "SO_CCCD là số điền tạm, không phải số của người bệnh; hãy gửi số thật hoặc để trống.",
        "SO_CCCD is a placeholder and nobody's number; send the real number or leave it empty.",
    ),
    "identifier.card": ("Số thẻ BHYT không đúng định dạng.", "The insurance card number has no known form."),
    "row.order": ("STT phải liên tục từ 1.", "STT must count from 1 without gaps."),
    "row.service": ("MA_DICH_VU của kết quả không có trong XML3.", "The result's MA_DICH_VU is not in XML3."),
    "service.code": ("Thiếu cả MA_DICH_VU và MA_VAT_TU.", "Both MA_DICH_VU and MA_VAT_TU are empty."),
    "referral.missing": (
        "MA_LOAI_RV là chuyển tuyến nhưng thiếu XML13 hoặc MA_NOI_DEN.",
        "MA_LOAI_RV says referral, but XML13 or MA_NOI_DEN is missing.",
    ),
    RULE: (MESSAGE_VI, MESSAGE_EN),
    "checkin.empty": ("Tệp check-in không có dòng nào.", "The check-in file has no row."),
    "checkin.many": (
        "Một tệp check-in chỉ được nói về một lượt khám của một người.",
        "A check-in file must tell of one visit of one person.",
    ),
    "outcome.died_with_leave": (
        "Người bệnh đã tử vong nhưng có giấy nghỉ.",
        "The patient died, yet has a certificate of leave.",
    ),
    "birth.children": (
        "Số con không khớp với số giấy chứng sinh.",
        "The number of children does not match the birth certificates.",
    ),
    "time.admission": (
        "NGAY_VAO_NOI_TRU phải từ NGAY_VAO đến NGAY_RA.",
        "NGAY_VAO_NOI_TRU must lie between NGAY_VAO and NGAY_RA.",
    ),
    "time.outside_visit": (
        "Thời điểm y lệnh nằm ngoài lượt khám.",
        "The order was given outside the time of the visit.",
    ),
    "time.sequence": (
        "Thứ tự phải là NGAY_YL, NGAY_TH_YL, NGAY_KQ.",
        "The order of times must be NGAY_YL, NGAY_TH_YL, NGAY_KQ.",
    ),
    "card.lists": (
        "Số phần tử khác với MA_THE_BHYT.",
        "The list has another number of items than MA_THE_BHYT.",
    ),
    "card.outside_insurance": (
        "MA_DOITUONG_KCB là 9 (không BHYT) nhưng có thẻ BHYT.",
        "MA_DOITUONG_KCB says 9 (no insurance), yet a card is given.",
    ),
    "days.care_type": (
        "SO_NGAY_DTRI không khớp với MA_LOAI_KCB và ngày vào, ngày ra.",
        "SO_NGAY_DTRI does not fit MA_LOAI_KCB and the days of the visit.",
    ),
    "money.amount": (
        "THANH_TIEN_BV khác SO_LUONG nhân đơn giá.",
        "THANH_TIEN_BV is not SO_LUONG times the unit price.",
    ),
    "money.other_sources": (
        "T_NGUONKHAC khác tổng bốn nguồn khác.",
        "T_NGUONKHAC is not the sum of its four sources.",
    ),
    "money.total": (
        "Tổng tiền không khớp với các dòng chi tiết.",
        "The total does not match the rows.",
    ),
}


def problem(
    rule: str,
    *,
    table: str | None = None,
    row: int | None = None,
    field: str | None = None,
    severity: Severity = Severity.ERROR,
) -> Problem:
    """The problem of one rule. Raises KeyError for a rule without words."""
    vi, en = MESSAGES[rule]
    return Problem(severity, rule, vi, en, table=table, row=row, field=field)


def warning(rule: str, *, table: str | None = None, row: int | None = None, field: str | None = None) -> Problem:
    """The same, as a warning."""
    return problem(rule, table=table, row=row, field=field, severity=Severity.WARNING)
