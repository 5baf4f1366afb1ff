"""Builders: valid things with sensible defaults; a test names only what matters to it.

All people are invented: province code 999 does not exist (TT 07/2016/TT-BCA annex 1).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from ehb.formats.field_tables import tables

NOW = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
NATIONAL_ID = "999185000001"
FACILITY = "99001"

Rows = Sequence[Mapping[str, str]]

SUMMARY = {
    "MA_LK": "LK-1",
    "STT": "1",
    "MA_BN": "BN-1",
    "HO_TEN": "Nguyễn Thị Thử",
    "SO_CCCD": NATIONAL_ID,
    "NGAY_SINH": "198503070000",
    "GIOI_TINH": "2",
    "LY_DO_VV": "Đau đầu",
    "CHAN_DOAN_VAO": "Theo dõi tăng huyết áp",
    "CHAN_DOAN_RV": "Tăng huyết áp nguyên phát",
    "MA_BENH_CHINH": "I10",
    "NGAY_VAO": "202610050800",
    "NGAY_RA": "202610051100",
    "KET_QUA_DTRI": "2",
    "MA_LOAI_RV": "1",
    "MA_LOAI_KCB": "01",
    "MA_CSKCB": FACILITY,
}
DRUG = {
    "MA_LK": "LK-1",
    "STT": "1",
    "MA_THUOC": "40.512",
    "TEN_THUOC": "Amlodipin 5mg",
    "HAM_LUONG": "5mg",
    "DON_VI_TINH": "Viên",
    "LIEU_DUNG": "1 viên * 1 lần * 30 ngày [1 viên/ngày]",
    "SO_LUONG": "30",
    "MA_BAC_SI": "900001/DEMO-CCHN",
    "NGAY_YL": "202610050900",
}
SERVICE = {
    "MA_LK": "LK-1",
    "STT": "1",
    "MA_DICH_VU": "23.0075.1494",
    "TEN_DICH_VU": "Định lượng Glucose [Máu]",
    "MA_NHOM": "1",
    "SO_LUONG": "1",
    "DON_VI_TINH": "Lần",
    "NGAY_YL": "202610050815",
    "NGAY_KQ": "202610050930",
}
RESULT = {
    "MA_LK": "LK-1",
    "STT": "1",
    "MA_DICH_VU": "23.0075.1494",
    "TEN_CHI_SO": "Glucose",
    "GIA_TRI": "5.60",
    "DON_VI_DO": "mmol/L",
    "NGAY_KQ": "202610050930",
}
NOTE = {
    "MA_LK": "LK-1",
    "STT": "1",
    "DIEN_BIEN_LS": "Tỉnh, tiếp xúc tốt. CSST<M75_T37.5_HA120/70_NT18_SP98_HL2>",
    "THOI_DIEM_DBLS": "202610050830",
    "NGUOI_THUC_HIEN": "900001/DEMO-CCHN",
}
RECORD_SUMMARY = {
    "MA_LK": "LK-1",
    "CHAN_DOAN_RV": "Tăng huyết áp nguyên phát",
    "QT_BENHLY": "Đau đầu ba ngày",
    "NGAY_RA": "202610051100",
}
EVERYTHING: dict[str, Rows] = {
    "XML2": [DRUG],
    "XML3": [SERVICE],
    "XML4": [RESULT],
    "XML5": [NOTE],
    "XML8": [RECORD_SUMMARY],
}


def table_xml(name: str, rows: Rows) -> str:
    """The XML document of one table."""
    table = tables()[name]
    bodies = ["".join(f"<{field}>{escape(value)}</{field}>" for field, value in row.items()) for row in rows]
    root = table.root or name
    if table.row is None:
        return "".join(f"<{root}>{body}</{root}>" for body in bodies)
    inner = "".join(f"<{table.row}>{body}</{table.row}>" for body in bodies)
    return f"<{root}><DSACH>{inner}</DSACH></{root}>"


def part(name: str, content: str | bytes) -> str:
    """One FILEHOSO, its content in base64."""
    body = content.encode() if isinstance(content, str) else content
    return (
        f"<FILEHOSO><LOAIHOSO>{name}</LOAIHOSO><NOIDUNGFILE>{base64.b64encode(body).decode()}</NOIDUNGFILE></FILEHOSO>"
    )


def envelope(parts: str, *, facility: str = FACILITY, signature: str = "") -> bytes:
    """A visit file around its parts."""
    return (
        f"<GIAMDINHHS><THONGTINDONVI><MACSKCB>{facility}</MACSKCB></THONGTINDONVI>"
        "<THONGTINHOSO><NGAYLAP>20261005</NGAYLAP><SOLUONGHOSO>1</SOLUONGHOSO>"
        f"<DANHSACHHOSO><HOSO>{parts}</HOSO></DANHSACHHOSO></THONGTINHOSO>"
        f"<CHUKYDONVI>{signature}</CHUKYDONVI></GIAMDINHHS>"
    ).encode()


def visit_file(
    summary: Mapping[str, str] | None = None,
    *,
    facility: str = FACILITY,
    with_tables: Mapping[str, Rows] | None = None,
    without: Sequence[str] = (),
) -> bytes:
    """A whole visit; `summary` overrides fields of XML1 (an empty value leaves the field empty)."""
    first = {**SUMMARY, "MA_CSKCB": facility, **(summary or {})}
    episode = first["MA_LK"]
    rest = {**EVERYTHING, **(with_tables or {})}
    parts = [part("XML1", table_xml("XML1", [first]))]
    for name, rows in rest.items():
        if name not in without:
            own = {"MA_LK": episode} if "MA_LK" in tables()[name].fields else {}
            parts.append(part(name, table_xml(name, [{**row, **own} for row in rows])))
    return envelope("".join(parts), facility=facility)
