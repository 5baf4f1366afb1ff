"""Who pays: the money fields of a row, and the totals of the visit.

Amounts are whole numbers of hundredths of a đồng, so nothing is ever rounded.

Invariant: the totals of XML1 are the sums of the rows, and T_BHTT = T_TONGCHI_BH - T_BNCCT everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ehb.synthetic.chart import SUPPLY

FEE_FOR_SERVICE, CAPITATION = 1, 2


@dataclass(frozen=True, slots=True)
class Share:
    """What one row costs (hundredths) and who pays it; `benefit` is the fund's per cent, None outside insurance."""

    group: int
    cost: int
    benefit: int | None
    method: int

    @property
    def insured(self) -> int:
        return 0 if self.benefit is None else self.cost

    @property
    def by_fund(self) -> int:
        return self.insured * (self.benefit or 0) // 100

    def fields(self) -> dict[str, str]:
        """The money fields that XML2 and XML3 have in common."""
        none = money(0)
        return {
            "PHAM_VI": "2" if self.benefit is None else "1",
            "TYLE_TT_BH": "0" if self.benefit is None else "100",
            "MUC_HUONG": str(self.benefit or 0),
            "THANH_TIEN_BV": money(self.cost),
            "THANH_TIEN_BH": money(self.insured),
            "T_NGUONKHAC_NSNN": none,
            "T_NGUONKHAC_VTNN": none,
            "T_NGUONKHAC_VTTN": none,
            "T_NGUONKHAC_CL": none,
            "T_NGUONKHAC": none,
            "T_BNTT": money(self.cost - self.insured),
            "T_BNCCT": money(self.insured - self.by_fund),
            "T_BHTT": money(self.by_fund),
            "MA_PTTT": str(self.method),
        }


def money(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def totals(drugs: Iterable[Share], used: Iterable[Share]) -> dict[str, str]:
    """The totals of XML1 over the rows of XML2 and XML3."""
    drugs, used = list(drugs), list(used)
    rows = drugs + used
    return {
        "T_THUOC": money(sum(one.cost for one in drugs)),
        "T_VTYT": money(sum(one.cost for one in used if one.group == SUPPLY)),
        "T_TONGCHI_BV": money(sum(one.cost for one in rows)),
        "T_TONGCHI_BH": money(sum(one.insured for one in rows)),
        "T_BNTT": money(sum(one.cost - one.insured for one in rows)),
        "T_BNCCT": money(sum(one.insured - one.by_fund for one in rows)),
        "T_BHTT": money(sum(one.by_fund for one in rows)),
        "T_NGUONKHAC": money(0),
        "T_BHTT_GDV": money(sum(one.by_fund for one in rows if one.method == FEE_FOR_SERVICE)),
    }
