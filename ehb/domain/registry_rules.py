"""The words for what can be wrong with a list of the registry: one stable rule, one message in two languages.

The one invariant: no message repeats a cell.
"""

from __future__ import annotations

from dataclasses import dataclass

MESSAGES: dict[str, tuple[str, str]] = {
    "file.encoding": ("Tệp phải là UTF-8 (Excel: CSV UTF-8).", "The file must be UTF-8 (Excel: CSV UTF-8)."),
    "file.header": ("Dòng tiêu đề thiếu cột bắt buộc.", "The header line lacks a required column."),
    "header.unknown": ("Cột này không có trong danh mục.", "There is no such column."),
    "header.repeated": ("Cột này có hai lần.", "The column stands there twice."),
    "row.quoting": ("Dấu ngoặc kép không khớp.", "The quotes of the row do not match."),
    "row.cells": ("Số ô khác với dòng tiêu đề.", "The row has another number of cells than the header line."),
    "row.repeated": ("Mã này đã có ở một dòng trên.", "An earlier row has this code or licence already."),
    "cell.required": ("Ô này không được để trống.", "This cell must not be empty."),
    "cell.length": ("Ô này dài quá 500 ký tự.", "The cell is longer than 500 characters."),
    "cell.control": ("Ô này chứa ký tự điều khiển.", "The cell holds a control character."),
    "code.format": (
        "Mã cơ sở phải có 5 ký tự chữ số hoặc chữ cái; kiểm tra số 0 ở đầu (Excel: định dạng cột là Text).",
        "A facility code has 5 digits or letters; look for lost leading zeros (Excel: format the column as text).",
    ),
    "gln.format": (
        "GLN phải có 13 chữ số, chữ số cuối là số kiểm tra (Excel: định dạng cột là Text).",
        "A GLN has 13 digits, the last one its check digit (Excel: format the column as text).",
    ),
    "province.format": ("Mã tỉnh phải có 2 chữ số.", "A province code has 2 digits."),
    "date.format": (
        "Ngày không tồn tại hoặc không có dạng yyyy-mm-dd, dd/mm/yyyy hoặc yyyymmdd.",
        "The day does not exist, or is not written yyyy-mm-dd, dd/mm/yyyy or yyyymmdd.",
    ),
    "date.order": ("Ngày kết thúc trước ngày bắt đầu.", "The end is before the beginning."),
    "active.format": ("Phải là true hoặc false (có, không, 1, 0).", "Must be true or false (yes, no, 1, 0)."),
    "number.format": (
        "Số định danh cá nhân phải có 12 chữ số (Excel: định dạng cột là Text).",
        "A national identity number has 12 digits (Excel: format the column as text).",
    ),
    "key.unreadable": ("Không phải JWK Set hợp lệ.", "The cell is no JWK set."),
    "key.private": (
        "Có khóa riêng hoặc khóa đối xứng; chỉ gửi khóa công khai.",
        "The set holds a private or a symmetric key; send public ones only.",
    ),
    "key.weak": (
        "Chỉ nhận EC P-256, P-384 hoặc RSA từ 2048 bit.",
        "Only EC P-256, P-384 or RSA of 2048 bits and more.",
    ),
    "key.address": (
        "Phải là địa chỉ https của một JWK Set, không có tên đăng nhập và phần #.",
        "Must be the https address of a JWK set, without a user name and #.",
    ),
    "key.twice": (
        "Chỉ được có một trong hai cột jwks và jwks_uri.",
        "A row has keys in jwks or their address in jwks_uri, not both.",
    ),
    "client.taken": ("client_id này thuộc cơ sở khác.", "This client_id belongs to another facility."),
    "facility.unknown": ("Có mã cơ sở chưa đăng ký.", "A facility code that is not registered."),
    "certificate.name": (
        "Tên tệp phải bắt đầu bằng mã cơ sở, ví dụ 01001.pem hoặc 01001-2026.pem.",
        "The file's name must begin with the facility code, such as 01001.pem or 01001-2026.pem.",
    ),
    "certificate.unreadable": ("Tệp không phải chứng thư số X.509.", "The file is no X.509 certificate."),
    "certificate.weak": (
        "Khóa của chứng thư quá yếu: cần RSA từ 2048 bit hoặc EC P-256, P-384, P-521.",
        "The certificate's key is too weak: RSA of 2048 bits and more, or EC P-256, P-384, P-521.",
    ),
    "complete.refused": (
        "Có dòng bị từ chối nên không kết thúc cơ sở hay người hành nghề nào; sửa rồi nạp lại.",
        "Rows were refused, so nothing was ended: mend them and load again.",
    ),
    "complete.empty": ("Danh sách rỗng nên không kết thúc gì.", "The list is empty, so nothing was ended."),
}


@dataclass(frozen=True, slots=True)
class ListProblem:
    """Why a row, or a file, was refused: the place and the rule."""

    source: str
    line: int | None
    column: str | None
    rule: str
    message_vi: str
    message_en: str


def list_problem(source: str, rule: str, *, line: int | None = None, column: str | None = None) -> ListProblem:
    """The problem of one rule. Raises KeyError for a rule without words."""
    vi, en = MESSAGES[rule]
    return ListProblem(source, line, column, rule, vi, en)
