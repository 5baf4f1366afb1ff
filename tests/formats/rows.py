"""One believable row for each table of the national visit file that `tests.builders` has none for."""

from __future__ import annotations

from collections.abc import Mapping

from tests.builders import (
    DRUG,
    FACILITY,
    NATIONAL_ID,
    NOTE,
    RECORD_SUMMARY,
    RESULT,
    SERVICE,
    SUMMARY,
    Rows,
    table_xml,
)

DISCHARGE = {"MA_LK": "LK-1", "SO_LUU_TRU": "RV-1", "NGAY_RA": "202610051100", "CHAN_DOAN_RV": "Tăng huyết áp"}
REFERRAL = {"MA_LK": "LK-1", "SO_CHUYENTUYEN": "CT-1", "MA_NOI_DEN": "99002"}
SLIP = {"MA_LK": "LK-1", "SO_GIAYHEN_KL": "HK-1", "NGAY_HEN_KL": "202611050800"}
HIV_CARE = {
    "MA_LK": "LK-1",
    "SO_CCCD": NATIONAL_ID,
    "NGAYKD_HIV": "20200101",
    "NOI_XN_KD": "99002",
    "BDDT_ARV": "20200110",
    "MA_LYDO_DTRI": "3",
    "KQ_XNTL_VR": "1",
    "MA_LYDO_XNTL_VR": "1",
    "NGAY_XN_TLVR": "20261001",
    "NGAY_KQ_XN_TLVR": "20261004",
    "MA_LOAI_BN": "1",
    "GIAI_DOAN_LAM_SANG": "1",
    "NHOM_DOI_TUONG": "11",
    "MA_TINH_TRANG_DK": "9",
    "MA_XU_TRI": "1;4",
    "NGAY_BAT_DAU_XU_TRI": "20261005",
    "MA_PHAC_DO_DIEU_TRI": "1g",
    "SO_NGAY_CAP_THUOC_ARV": "30",
}
BIRTH = {
    "MA_LK": "LK-1",
    "HO_TEN_NND": "Nguyễn Thị Thử",
    "SO_CCCD_NND": NATIONAL_ID,
    "HO_TEN_CHA": "Trần Văn Thử",
    "HO_TEN_CON": "Trần Thử Nhỏ",
    "GIOI_TINH_CON": "1",
    "SO_CON": "1",
    "CAN_NANG_CON": "3200",
    "NGAY_SINH_CON": "202610051030",
    "NOI_SINH_CON": "Bệnh viện Thử",
    "TINH_TRANG_CON": "Khỏe",
    "GHI_CHU": "Không",
    "NGUOI_DO_DE": "Hộ sinh Thử",
    "NGAY_CT": "20261005",
    "SO": "99001.GCS.00001.26",
    "MA_TTDV": "900009",
}
PREGNANCY_LEAVE = {
    "MA_LK": "LK-1",
    "SO_SERI": "ND-1",
    "SO_CT": "1",
    "SO_NGAY": "7",
    "DON_VI": "Công ty Thử",
    "CHAN_DOAN_RV": "Dọa sẩy thai",
    "TU_NGAY": "20261005",
    "DEN_NGAY": "20261012",
    "MA_BS": "900004",
    "TEN_BS": "BS Thử",
    "NGAY_CT": "20261005",
}
SICK_LEAVE = {
    "MA_LK": "LK-1",
    "SO_CT": "2",
    "SO_SERI": "NO-1",
    "DON_VI": "Công ty Thử",
    "CHAN_DOAN_RV": "Viêm phổi",
    "PP_DIEUTRI": "Kháng sinh",
    "SO_NGAY_NGHI": "3",
    "TU_NGAY": "20261005",
    "DEN_NGAY": "20261007",
    "MA_BS": "900004",
    "NGAY_CT": "20261005",
}
ASSESSMENT = {
    "NGUOI_CHU_TRI": "Giám định viên Thử",
    "CHUC_VU": "1",
    "NGAY_HOP": "20261005",
    "SO_CCCD": NATIONAL_ID,
    "MA_DOI_TUONG": "BNN;TNLĐ",
    "KHAM_GIAM_DINH": "1",
    "SO_BIEN_BAN": "GD-1",
    "TYLE_TTCT_MOI": "21",
    "TONG_TYLE_TTCT": "31",
    "KET_QUA_KHAM": "Giảm chức năng hô hấp nhẹ",
    "DE_NGHI": "Khám lại sau hai năm",
}
TB_CARE = {
    "MA_LK": "LK-1",
    "STT": "1",
    "PHANLOAI_LAO_VITRI": "1",
    "PHANLOAI_LAO_TS": "1",
    "PHANLOAI_LAO_HIV": "2",
    "LOAI_DTRI_LAO": "2",
    "NGAYBD_DTRI_LAO": "20261005",
    "PHACDO_DTRI_LAO": "1",
}
CHECK_IN = {
    "MA_LK": "LK-1",
    "STT": "1",
    "HO_TEN": "Nguyễn Thị Thử",
    "SO_CCCD": NATIONAL_ID,
    "NGAY_SINH": "198503070000",
    "GIOI_TINH": "2",
    "NGAY_VAO": "202610050800",
    "MA_LOAI_KCB": "01",
    "MA_CSKCB": FACILITY,
}


def check_in_file(*rows: Mapping[str, str], signature: str = "") -> bytes:
    """A check-in of some rows, each given by what differs from the usual one."""
    numbered = [{**CHECK_IN, "STT": str(number), **row} for number, row in enumerate(rows or ({},), start=1)]
    body = table_xml("XML0", numbered)
    end = "</CHI_TIEU_TRANG_THAI_KCB>"
    return body.replace(end, f"<CHUKYDONVI>{signature}</CHUKYDONVI>{end}").encode()


LATER_TABLES: dict[str, Rows] = {
    "XML6": [HIV_CARE],
    "XML9": [BIRTH],
    "XML10": [PREGNANCY_LEAVE],
    "XML11": [SICK_LEAVE],
    "XML12": [ASSESSMENT],
    "XML15": [TB_CARE],
}
ALL_TABLES: dict[str, Rows] = {
    "XML2": [DRUG],
    "XML3": [SERVICE],
    "XML4": [RESULT],
    "XML5": [NOTE],
    "XML6": [HIV_CARE],
    "XML7": [DISCHARGE],
    "XML8": [RECORD_SUMMARY],
    "XML9": [BIRTH],
    "XML10": [PREGNANCY_LEAVE],
    "XML11": [SICK_LEAVE],
    "XML12": [ASSESSMENT],
    "XML13": [REFERRAL],
    "XML14": [SLIP],
    "XML15": [TB_CARE],
}
"""Every table but the summary, in order."""
A_ROW_OF: dict[str, dict[str, str]] = {
    "XML1": dict(SUMMARY),
    **{name: dict(rows[0]) for name, rows in ALL_TABLES.items()},
}
