"""The papers of a visit: discharge (XML7), record summary (XML8), referral (XML13), re-examination slip (XML14).

Invariant: what a paper repeats from XML1 it repeats to the letter; `visit_file` keeps the fields a table has.
"""

from __future__ import annotations

from ehb.synthetic.chart import BED, EXAMINATION, SUPPLY
from ehb.synthetic.tables import Episode, Row, minute, referral_number, shared_with_papers

_WARD = "03"
_MOST_RESULTS = 8


def papers(episode: Episode) -> dict[str, list[Row]]:
    """The papers that this visit has, in order; the record summary always."""
    shared = {**shared_with_papers(episode), "NGAY_CT": f"{episode.chart.left:%Y%m%d}"}
    found = {
        "xml7": _discharge(episode) if episode.visit.case.care == _WARD else None,
        "xml8": _record_summary(episode),
        "xml13": _referral(episode) if episode.visit.referred_to else None,
        "xml14": _slip(episode),
    }
    return {table: [shared | row] for table, row in found.items() if row}


def _parents(episode: Episode) -> Row:
    person = episode.person
    return {
        "HO_TEN_CHA": person.father,
        "HO_TEN_ME": person.mother,
        "NGUOI_GIAM_HO": person.mother,
        "MA_THE_TAM": episode.desk.temporary_card,
    }


def _discharge(episode: Episode) -> Row:
    case, chart = episode.visit.case, episode.chart
    row = {
        **_parents(episode),
        "SO_LUU_TRU": f"LT{chart.left:%y}/{episode.person.index:06d}{episode.visit.number:02d}",
        "MA_YTE": f"{episode.visit.facility.code}.{chart.left:%y}.{episode.person.index:06d}",
        "MA_KHOA_RV": case.department,
        "PP_DIEUTRI": case.plan,
        "MA_BS": chart.doctor.licence,
        "TEN_BS": chart.doctor.full_name,
    }
    if case.loss:
        row |= {
            "MA_DINH_CHI_THAI": "1",
            "NGUYENNHAN_DINHCHI": case.loss.cause,
            "THOIGIAN_DINHCHI": minute(chart.admitted),
            "TUOI_THAI": str(case.loss.weeks),
        }
    return row


def _record_summary(episode: Episode) -> Row:
    return {
        **_parents(episode),
        "QT_BENHLY": episode.chart.course,
        "TOMTAT_KQ": _results_in_brief(episode),
        "PP_DIEUTRI": episode.visit.case.plan,
    }


def _results_in_brief(episode: Episode) -> str:
    """The first values and all conclusions, in one line as doctors write them."""
    results = episode.chart.results
    values = [f"{one.name} {one.value} {one.unit}".strip() for one in results if one.value]
    conclusions = [f"{one.name}: {one.conclusion}" for one in results if one.conclusion]
    brief = "; ".join(values[:_MOST_RESULTS] + conclusions)
    return brief or f"Không làm xét nghiệm. Khám: {episode.chart.signs}"


def _referral(episode: Episode) -> Row:
    case, chart, visit = episode.visit.case, episode.chart, episode.visit
    done = [one.service.name for one in chart.given if one.service.group not in (EXAMINATION, SUPPLY, BED)]
    number = referral_number(episode)
    return {
        "SO_HOSO": f"HSCT-{number}",
        "SO_CHUYENTUYEN": f"{chart.left:%Y}/{episode.person.index:06d}",
        "GIAY_CHUYEN_TUYEN": number,
        "MA_NOI_DI": visit.facility.code,
        "DAU_HIEU_LS": f"Tỉnh, tiếp xúc được. {chart.signs}",
        "QT_BENHLY": chart.course,
        "TOMTAT_KQ": _results_in_brief(episode),
        "PP_DIEUTRI": case.plan,
        "TEN_DICH_VU": "; ".join(done),
        "TEN_THUOC": "; ".join(one.drug.name for one in chart.dispensed),
        "MA_LYDO_CT": "2",
        "HUONG_DIEU_TRI": case.refer,
        "PHUONGTIEN_VC": case.transport,
        "HOTEN_NGUOI_HT": chart.doctor.full_name,
        "CHUCDANH_NGUOI_HT": "Bác sĩ",
        "MA_BAC_SI": chart.doctor.licence,
    }


def _slip(episode: Episode) -> Row | None:
    if not (day := episode.slip_for):
        return None
    return {
        "SO_GIAYHEN_KL": f"HKL{episode.chart.left:%y}-{episode.person.index:06d}{episode.visit.number:02d}",
        "NGAY_HEN_KL": minute(day),
        "MA_BAC_SI": episode.chart.doctor.licence,
    }
