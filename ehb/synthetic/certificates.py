"""What a visit certifies besides its papers: HIV care (XML6), birth (XML9), sick leave (XML11), TB care (XML15).

Draws nothing: all of it follows from the person, the visit and the chart, so a new certificate changes no other byte.

Invariant: mother and child of the cast agree on the minute of birth, the sex and the weight.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ehb.synthetic import numbers
from ehb.synthetic.chart import Given
from ehb.synthetic.people import birth_weight
from ehb.synthetic.tables import Episode, Row, minute

_WORKING = (18, 59)
_EMPLOYED = "DN4"
_TREATED = timedelta(days=165)
"""Six monthly visits: the shorter regimen of drug-susceptible tuberculosis."""
_BEFORE = timedelta(days=700)
"""HIV was found that long before the first visit that is told."""


def certificates(episode: Episode) -> dict[str, list[Row]]:
    """The further tables that this visit has."""
    case = episode.visit.case
    found = {
        "xml6": _hiv_care(episode) if case.programme == "hiv" else None,
        "xml9": _birth(episode) if case.delivers else None,
        "xml11": _sick_leave(episode) if case.leave else None,
        "xml15": _tb_care(episode) if case.programme == "tb" else None,
    }
    return {table: episode.numbered([row]) for table, row in found.items() if row}


def _birth(episode: Episode) -> Row:
    person, visit, chart, child = episode.person, episode.visit, episode.chart, episode.child
    born, boy = chart.arrived + timedelta(minutes=90), person.index % 2 == 0
    if child is not None:
        born = datetime.strptime(f"{child.birth_date} {child.birth_time}", "%Y-%m-%d %H%M")
        boy = child.sex == "male"
    surgical = "1" if visit.case.operation.startswith("Phẫu thuật") else "0"
    fields = episode.desk.fields
    return {
        "HO_TEN_NND": fields["HO_TEN"],
        "NGAYSINH_NND": fields["NGAY_SINH"][:8],
        "MA_DANTOC_NND": person.ethnicity,
        "SO_CCCD_NND": fields["SO_CCCD"],
        "NGAYCAP_CCCD_NND": "20220601",
        "NOICAP_CCCD_NND": "Cục Cảnh sát quản lý hành chính về trật tự xã hội",
        "NOI_CU_TRU_NND": fields["DIA_CHI"],
        **{name: fields[name] for name in ("MA_QUOCTICH", "MATINH_CU_TRU", "MAHUYEN_CU_TRU", "MAXA_CU_TRU")},
        "MA_THE_TAM": child.cards[0].number if child and child.cards else numbers.temporary_card(person.index),
        "GIOI_TINH_CON": "1" if boy else "2",
        "SO_CON": "1",
        "LAN_SINH": "1",
        "SO_CON_SONG": "1",
        "CAN_NANG_CON": str(birth_weight(person)),
        "NGAY_SINH_CON": minute(born),
        "NOI_SINH_CON": visit.facility.name,
        "TINH_TRANG_CON": "Trẻ hồng, khóc ngay",
        "SINHCON_PHAUTHUAT": surgical,
        "SINHCON_DUOI32TUAN": "0",
        "GHI_CHU": "Sinh con phải phẫu thuật" if surgical == "1" else "Không",
        "NGUOI_DO_DE": chart.doctor.full_name,
        "NGUOI_GHI_PHIEU": chart.head.full_name,
        "NGAY_CT": f"{chart.left:%Y%m%d}",
        "SO": f"{visit.facility.code}.GCS.{person.index:05d}.{chart.left:%y}",
        "QUYEN_SO": f"{chart.left:%Y}",
        "MA_TTDV": chart.head.licence,
    }


def _sick_leave(episode: Episode) -> Row | None:
    """For people with an employer's card, of an age to work."""
    person, chart, days = episode.person, episode.chart, episode.visit.case.leave
    card = next((one.number for one in episode.desk.cards if one.number.startswith(_EMPLOYED)), None)
    first, last = _WORKING
    if card is None or not first <= person.age_on(episode.visit.day) <= last:
        return None
    return {
        "SO_CT": f"NO{chart.left:%y}/{person.index:06d}{episode.visit.number:02d}",
        "SO_SERI": f"CT07-{person.index:06d}{episode.visit.number:02d}",
        "SO_KCB": f"KCB{chart.left:%y}{person.index:06d}",
        "DON_VI": f"Công ty TNHH Thử Nghiệm {person.index % 40 + 1}",
        "MA_BHXH": card[-10:],
        "MA_THE_BHYT": card,
        "CHAN_DOAN_RV": episode.diagnosis,
        "PP_DIEUTRI": episode.visit.case.plan,
        "SO_NGAY_NGHI": str(days),
        "TU_NGAY": f"{chart.arrived:%Y%m%d}",
        "DEN_NGAY": f"{chart.arrived + timedelta(days=days - 1):%Y%m%d}",
        "MA_TTDV": chart.head.licence,
        "MA_BS": chart.doctor.licence,
        "NGAY_CT": f"{chart.left:%Y%m%d}",
        "MAU_SO": "CT07",
    }


def _hiv_care(episode: Episode) -> Row:
    chart, facility, fields = episode.chart, episode.visit.facility.code, episode.desk.fields
    begun = episode.begun - _BEFORE
    load = next((one for one in chart.given if one.service.key == "hiv_rna"), None)
    days = max((one.days for one in chart.dispensed), default=30)
    return {
        **{name: fields[name] for name in ("MA_THE_BHYT", "SO_CCCD", "NGAY_SINH", "GIOI_TINH", "DIA_CHI")},
        **{name: fields[name] for name in ("MATINH_CU_TRU", "MAHUYEN_CU_TRU", "MAXA_CU_TRU")},
        "NGAYKD_HIV": f"{begun:%Y%m%d}",
        **dict.fromkeys(("NOI_LAY_MAU_XN", "NOI_XN_KD", "NOI_BDDT_ARV", "MA_CSKCB"), facility),
        "BDDT_ARV": f"{begun + timedelta(days=7):%Y%m%d}",
        **dict.fromkeys(("MA_PHAC_DO_DIEU_TRI_BD", "MA_PHAC_DO_DIEU_TRI"), "KHAC"),
        **dict.fromkeys(("MA_BAC_PHAC_DO_BD", "MA_BAC_PHAC_DO"), "1"),
        "MA_LYDO_DTRI": "3",
        "LOAI_DTRI_LAO": "0",
        "SANG_LOC_LAO": "2",
        "KQ_DTRI_LAO": "7",
        **(_viral_load(load) if load else {}),
        "MA_LOAI_BN": "1",
        "GIAI_DOAN_LAM_SANG": "1",
        "NHOM_DOI_TUONG": "11",
        "MA_TINH_TRANG_DK": "9",
        "MA_XU_TRI": "1",
        "NGAY_BAT_DAU_XU_TRI": f"{chart.left:%Y%m%d}",
        "NGAY_KET_THUC_XU_TRI": f"{chart.left + timedelta(days=days):%Y%m%d}",
        "SO_NGAY_CAP_THUOC_ARV": str(days),
        "NGAY_CHUYEN_PHAC_DO": f"{begun + timedelta(days=300):%Y%m%d}",
        "LY_DO_CHUYEN_PHAC_DO": "5",
    }


def _viral_load(test: Given) -> Row:
    return {
        "MA_LYDO_XNTL_VR": "1",
        "NGAY_XN_TLVR": f"{test.done:%Y%m%d}",
        "KQ_XNTL_VR": "1",
        "NGAY_KQ_XN_TLVR": f"{test.result or test.done:%Y%m%d}",
    }


def _tb_care(episode: Episode) -> Row:
    """New, pulmonary, confirmed, susceptible to the drugs; nobody with HIV."""
    done = episode.visit.day - episode.begun >= _TREATED
    fields = episode.desk.fields
    return {
        **{name: fields[name] for name in ("MA_BN", "HO_TEN", "SO_CCCD")},
        **dict.fromkeys(("PHANLOAI_LAO_VITRI", "PHANLOAI_LAO_TS", "PHANLOAI_LAO_VK", "PHACDO_DTRI_LAO"), "1"),
        **dict.fromkeys(("PHANLOAI_LAO_HIV", "LOAI_DTRI_LAO"), "2"),
        "NGAYBD_DTRI_LAO": f"{episode.begun:%Y%m%d}",
        "NGAYKT_DTRI_LAO": f"{episode.visit.day:%Y%m%d}" if done else "",
        "KET_QUA_DTRI_LAO": "1" if done else "6",
        "MA_CSKCB": episode.visit.facility.code,
    }
