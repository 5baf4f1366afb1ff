"""The rows of the tables that every kind of visit has: summary, drugs, services, results, notes (XML1 to XML5).

Rows hold only the fields that have a value; `visit_file` adds the empty ones and puts all in order.

Invariant: every row carries the MA_LK of its visit and is counted from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ehb.synthetic import catalogue
from ehb.synthetic.bill import CAPITATION, FEE_FOR_SERVICE, Share, totals
from ehb.synthetic.chart import BED, DRUG, IMAGING, LABORATORY, PERFORMED, SUPPLY, SURGERY, Chart, Dispensed, Given
from ehb.synthetic.lives import Visit
from ehb.synthetic.people import Person, birth_weight
from ehb.synthetic.registration import Registration

Row = dict[str, str]

_FREE_AT_COMMUNE = 100
"""Care at a commune station is paid in full (Law on health insurance Art 22)."""
_TENDER = "QD999.2025;G1;N2"


@dataclass(frozen=True, slots=True)
class Episode:
    """One visit with everything that the tables need; `key` is its MA_LK.

    `begun` is the first day of the programme of care that the visit belongs to, `child` the person whom the mother of
    the cast bears in it.
    """

    key: str
    person: Person
    visit: Visit
    chart: Chart
    desk: Registration
    begun: date
    child: Person | None

    @property
    def slip_for(self) -> datetime | None:
        """The day of the next appointment, never a Sunday; none for who is referred on."""
        case, left = self.visit.case, self.chart.left
        if not case.revisit or self.visit.referred_to:
            return None
        back = left.replace(hour=7, minute=30) + timedelta(days=case.revisit)
        return back + timedelta(days=back.weekday() == 6)

    @property
    def diagnosis(self) -> str:
        names = [catalogue.diagnoses()[code] for code in self.chart.diagnoses]
        traditional = self.visit.case.traditional_name
        return "; ".join([*names, f"[YHCT] {traditional}"] if traditional else names)

    @property
    def arrival(self) -> str:
        return self.visit.case.arrival or catalogue.diagnoses()[self.visit.case.icd]

    @property
    def discharge(self) -> str:
        """MA_LOAI_RV."""
        return "2" if self.visit.referred_to else "1"

    def share(self, group: int, cost: int) -> Share:
        at_commune = self.visit.facility.tier == "commune"
        benefit = self.desk.benefit
        method = CAPITATION if at_commune else FEE_FOR_SERVICE
        return Share(group, cost * 100, _FREE_AT_COMMUNE if at_commune and benefit else benefit, method)

    def numbered(self, rows: Iterable[Row]) -> list[Row]:
        return [{"MA_LK": self.key, "STT": str(number), **row} for number, row in enumerate(rows, start=1)]


def minute(moment: datetime | None) -> str:
    return f"{moment:%Y%m%d%H%M}" if moment else ""


def common_tables(episode: Episode) -> dict[str, list[Row]]:
    """XML1 to XML5, in order; a table without rows is left out."""
    chart = episode.chart
    drug_shares = [episode.share(DRUG, one.drug.price * one.quantity) for one in chart.dispensed]
    used_shares = [episode.share(one.service.group, one.service.price * one.quantity) for one in chart.given]
    tables = {
        "xml1": [_summary(episode) | totals(drug_shares, used_shares)],
        "xml2": [_drug(episode, *one) for one in zip(chart.dispensed, drug_shares, strict=True)],
        "xml3": [_service(episode, *one) for one in zip(chart.given, used_shares, strict=True)],
        "xml4": _results(episode),
        "xml5": _notes(episode),
    }
    return {table: episode.numbered(rows) for table, rows in tables.items() if rows}


def _summary(episode: Episode) -> Row:
    person, visit, chart, case = episode.person, episode.visit, episode.chart, episode.visit.case
    slip = episode.slip_for
    with_icd9 = [one.service.icd9 for one in chart.given if one.service.icd9]
    return {
        **episode.desk.fields,
        "LY_DO_VV": chart.reason,
        "LY_DO_VNT": case.admission if chart.admitted else "",
        "CHAN_DOAN_VAO": episode.arrival,
        "CHAN_DOAN_RV": episode.diagnosis,
        "MA_BENH_CHINH": chart.diagnoses[0],
        "MA_BENH_KT": ";".join(chart.diagnoses[1:]),
        "MA_BENH_YHCT": case.traditional,
        "MA_PTTT_QT": ";".join(dict.fromkeys(with_icd9)),
        "MA_NOI_DI": visit.referred_from.code if visit.referred_from else "",
        "MA_NOI_DEN": visit.referred_to.code if visit.referred_to else "",
        "MA_TAI_NAN": str(case.accident or ""),
        "NGAY_VAO": minute(chart.arrived),
        "NGAY_VAO_NOI_TRU": minute(chart.admitted),
        "NGAY_RA": minute(chart.left),
        "GIAY_CHUYEN_TUYEN": referral_number(episode) if visit.referred_from else "",
        "SO_NGAY_DTRI": str(_treatment_days(episode)),
        "PP_DIEU_TRI": case.plan,
        "KET_QUA_DTRI": str(case.outcome),
        "MA_LOAI_RV": episode.discharge,
        "NGAY_TTOAN": minute(chart.left),
        "NAM_QT": f"{chart.left:%Y}",
        "THANG_QT": f"{chart.left:%m}",
        "MA_LOAI_KCB": case.care,
        "MA_KHOA": case.department,
        "MA_CSKCB": visit.facility.code,
        "CAN_NANG_CON": str(birth_weight(person)) if case.delivers else "",
        "NGAY_TAI_KHAM": f"{slip:%Y%m%d}" if slip else "",
        "MA_HSBA": f"HS{chart.arrived:%y}.{person.index:06d}.{visit.number:02d}",
        "MA_TTDV": chart.head.licence,
    }


def referral_number(episode: Episode) -> str:
    """The number of the referral paper: the same on the paper and in the visit that it leads to."""
    return f"{episode.person.index:06d}/GCT-{episode.visit.day:%y%m%d}"


def _treatment_days(episode: Episode) -> int:
    """SO_NGAY_DTRI by the type of care (xml1.csv)."""
    chart = episode.chart
    match episode.visit.case.care:
        case "02" | "03" | "04":
            return (chart.left.date() - chart.arrived.date()).days + 1
        case "05":
            return max((one.days for one in chart.dispensed), default=1)
        case "08":
            return 1
        case _:
            return 0


def _drug(episode: Episode, one: Dispensed, share: Share) -> Row:
    drug = one.drug
    return {
        "MA_THUOC": drug.code,
        "MA_NHOM": str(DRUG),
        "TEN_THUOC": drug.name,
        "DON_VI_TINH": drug.unit,
        "HAM_LUONG": drug.strength,
        "DUONG_DUNG": drug.route,
        "DANG_BAO_CHE": drug.form,
        "LIEU_DUNG": one.dose,
        "CACH_DUNG": one.how,
        "SO_DANG_KY": drug.registration,
        "TT_THAU": _TENDER,
        "SO_LUONG": str(one.quantity),
        "DON_GIA": str(drug.price),
        **share.fields(),
        "MA_KHOA": episode.visit.case.department,
        "MA_BAC_SI": episode.chart.doctor.licence,
        "NGAY_YL": minute(one.ordered),
        "NGAY_TH_YL": minute(one.ordered),
        "NGUON_CTRA": "4" if share.benefit is None else "1",
    }


def _service(episode: Episode, one: Given, share: Share) -> Row:
    service, performed = one.service, one.service.group in PERFORMED
    supply, price = service.group == SUPPLY, str(service.price)
    machine = {LABORATORY: "XN", IMAGING: "HA"}.get(service.group)
    facility = episode.visit.facility.code
    anaesthesia = episode.visit.case.anaesthesia if service.group == SURGERY else None
    return {
        "MA_VAT_TU" if supply else "MA_DICH_VU": service.code,
        "TEN_VAT_TU" if supply else "TEN_DICH_VU": service.name,
        "MA_PTTT_QT": service.icd9,
        "MA_NHOM": str(service.group),
        "DON_VI_TINH": service.unit,
        "SO_LUONG": str(one.quantity),
        "DON_GIA_BV": price,
        "DON_GIA_BH": price if share.insured else "0",
        "TT_THAU": _TENDER if supply else "",
        "TYLE_TT_DV": "100",
        **share.fields(),
        "MA_KHOA": episode.visit.case.department,
        "MA_GIUONG": f"H{episode.person.index % 40 + 1:03d}" if service.group == BED else "",
        "MA_BAC_SI": episode.chart.doctor.licence,
        "NGUOI_THUC_HIEN": one.performer.licence if performed else "",
        "MA_BENH": ";".join(episode.chart.diagnoses),
        "MA_BENH_YHCT": episode.visit.case.traditional,
        "NGAY_YL": minute(one.ordered),
        "NGAY_TH_YL": minute(one.done),
        "NGAY_KQ": minute(one.result),
        "PP_VO_CAM": str(anaesthesia or ""),
        "MA_MAY": f"{machine}.1.{facility}.{len(service.key):04d}" if machine else "",
    }


def _results(episode: Episode) -> list[Row]:
    return [
        {
            "MA_DICH_VU": one.service.code,
            "TEN_CHI_SO": one.name,
            "GIA_TRI": one.value,
            "DON_VI_DO": one.unit,
            "MO_TA": one.description,
            "KET_LUAN": one.conclusion,
            "NGAY_KQ": minute(one.at),
            "MA_BS_DOC_KQ": one.reader.licence,
        }
        for one in episode.chart.results
    ]


def _notes(episode: Episode) -> list[Row]:
    return [
        {
            "DIEN_BIEN_LS": one.text,
            "PHAU_THUAT": one.operation,
            "THOI_DIEM_DBLS": minute(one.at),
            "NGUOI_THUC_HIEN": episode.chart.doctor.licence,
        }
        for one in episode.chart.notes
    ]


def shared_with_papers(episode: Episode) -> Mapping[str, str]:
    """The fields of XML1 that the papers (XML7, 8, 13, 14) repeat, by the same names."""
    return {"MA_LK": episode.key, **_summary(episode)}
