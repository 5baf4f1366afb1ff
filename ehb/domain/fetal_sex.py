"""Fetal sex: never in a readable record, whoever sends it (Vietnamese law since 2026-07-01; domain facts §4.5).

Owns the rule on texts. What a text says of the sex of somebody unborn is replaced by a mark; the rest of the text
stays as it was written. The rule is conservative: in a visit about a pregnancy it rather withholds a clause too many
(an older child, the mother's own karyotype) than one too few. A child that was born with the visit has a sex like
everybody else. What was sent stays sealed beside the receipt and is no readable record.

The one invariant: a text comes back changed only with the mark in it, so nothing disappears unseen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

WITHHELD = "[nội dung không được lưu theo quy định]"
RULE = "fetal_sex.withheld"
MESSAGE_VI = "Nội dung cho biết giới tính thai nhi không được lưu; phần còn lại được giữ nguyên."
MESSAGE_EN = "What tells the sex of a fetus is not kept; the rest stays as it was sent."

SEX_RESULTS = frozenset({("http://loinc.org", "11882-8")})
"""Codes of results that are nothing but the sex of a fetus."""

_PREGNANCY = (("O00", "O99"), ("P00", "P00"), ("Z32", "Z36"))
_DELIVERY = (("O80", "O84"), ("Z37", "Z39"))
_HINTS = (b"thai", b"fet", b"foet", b"pregnan", b"gravid", *(code.encode() for _, code in sorted(SEX_RESULTS)))

# Written with accents and lower case; texts without any accent are compared with the same words without accents.
_SEX = r"\b(?:trai|gái|nam|nữ|male|female|boy|girl|xx|xy)\b|[♂♀]"
_UNBORN = (
    r"(?:thai(?: nhi)?|bào thai|phôi|em bé|bé|con|cháu|trẻ|baby|fo?etus)"
    r"(?:\s*(?:thứ\s*)?(?:[0-9ab]\b|một|hai|ba|nhất))?"
)
_LINK = r"\W{0,3}(?:(?:này|đang|mang|có|giới tính|giới|phái|là|is|a)\W{1,3}){0,4}"
_TELLS = "|".join(
    (
        rf"{_UNBORN}{_LINK}(?:trai|gái|nam|nữ|male|female|boy|girl)\b",
        r"giới tính|phái tính|\bgiới\s*[:=]|\bgt\s*[:=(]?\s*(?:nam|nữ|trai|gái)\b|\bgender\b|\bsex\b",
        r"\b(?:[0-9]|một|hai|ba|cả hai|đều)\s*(?:là\s*)?(?:trai|gái|boys?|girls?)\b",
        r"(?:fo?etus|fo?etal|baby|infant)\b.{0,20}\b(?:male|female)\b|\b(?:male|female)\s+(?:fo?etus|baby|infant)\b",
        r"\b4[4-9]\s*,?\s*x[xyo]*\b|nhiễm sắc thể (?:giới tính|x|y)\b|\bsry\b|\by chromosome|\bchromosome y",
        r"\bx[xy]\b|[♂♀]|hoàng tử|công chúa|giống (?:bố|cha|mẹ)\b",
        r"dương vật|\bbìu\b|tinh hoàn|\bpenis|\bscrot",
    )
)
_TELLS_IN_A_SCAN = "|".join((_TELLS, _SEX, r"môi lớn|âm vật|(?:cơ quan|bộ phận) sinh dục|\blabia|\bclitor"))
_GROWN = "|".join(
    (
        r"phụ nữ|nữ hộ sinh|nữ (?:bác sĩ|điều dưỡng|công nhân|giáo viên)|nữ khoa",
        r"(?:bệnh nhân|bn|sản phụ|thai phụ|người bệnh)(?:\W{1,3}(?:là|có|giới tính|giới))*\W{1,3}nữ\b",
        r"\bnữ\W{0,3}[1-9][0-9]\s*(?:tuổi|t\b|ts\b)|\bfemale patient|\byear[- ]old (?:fe)?male",
        r"(?:việt|miền|quảng|hà|đông|tây|phía) nam\b|\bnam định\b|\bgai đôi",
    )
)
"""The mother and the map: said of them, the same words tell nothing."""
_BORN = "|".join(
    (
        r"\bđẻ\b|\bsinh (?:thường|mổ|ra|được|con|lúc|một|đôi)|mổ (?:lấy|bắt)|\b(?:lấy|sổ) thai|chào đời|khóc ngay",
        r"\bapgar\b|\b[0-9]{3,4}\s*(?:g|gr|gram)\b|\b[0-9][.,][0-9]+\s*kg\b|\bborn\b|\bdelivered\b",
    )
)
_FORETOLD = r"\bdự |siêu âm|tiên lượng|\bước|ultrasound|expected|nipt"
_ASKED = r"giới tính|phái tính|\bgender\b|\bsex\b|\bgiới\s*(?:[:=]|thai|$)"
_OBSTETRIC = r"\bthai\b|thai nhi|\bsản\b|nước ối|chọc ối|nipt|obstet|fo?etal|fo?etus|pregnan|antenatal|prenatal"

_MARKS = (
    *("trai", "gái", "nam", "nữ", "giới", "phái", "male", "boy", "girl", "gender", "sex", "♂", "♀"),
    *("xx", "xy", "xo", ",x", ", x", "sry", "chromosome", "nhiễm sắc", "hoàng tử", "công chúa", "giống"),
    *("dương vật", "bìu", "tinh hoàn", "penis", "scrot", "môi lớn", "âm vật", "sinh dục", "labia", "clitor"),
)
"""A text with none of these tells nothing; looking for them takes a hundredth of the time of the patterns."""


@dataclass(frozen=True, slots=True)
class _Words:
    marks: tuple[str, ...]
    tells: re.Pattern[str]
    tells_in_a_scan: re.Pattern[str]
    sex: re.Pattern[str]
    grown: re.Pattern[str]
    born: re.Pattern[str]
    foretold: re.Pattern[str]
    asked: re.Pattern[str]
    obstetric: re.Pattern[str]


def _bare(text: str) -> str:
    """Without accents, as old software writes."""
    decomposed = unicodedata.normalize("NFD", text.replace("đ", "d"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


_SOURCES = (_TELLS, _TELLS_IN_A_SCAN, _SEX, _GROWN, _BORN, _FORETOLD, _ASKED, _OBSTETRIC)
_ACCENTED = _Words(_MARKS, *(re.compile(source) for source in _SOURCES))
_PLAIN = _Words(tuple(map(_bare, _MARKS)), *(re.compile(_bare(source)) for source in _SOURCES))
_SENTENCE = re.compile(r"(?<=[.;!?])\s+|\s*[\r\n]+\s*")
_CLAUSE = re.compile(r"(,\s+)")


@dataclass(frozen=True, slots=True)
class Pregnancy:
    """What is known of a visit's pregnancy before its texts are read."""

    certain: bool
    """A diagnosis or a paper says that it is one; else each text must speak of it."""
    delivered: bool

    @classmethod
    def of(cls, codes: Iterable[str], *, paper: bool = False, birth: bool = False) -> Pregnancy:
        """By ICD-10 codes; `paper` is a pregnancy paper, `birth` a birth in the visit."""
        categories = {code.strip().upper()[:3] for code in codes}
        delivered = birth or any(_within(one, _DELIVERY) for one in categories)
        return cls(delivered or paper or any(_within(one, _PREGNANCY) for one in categories), delivered)


def _within(category: str, ranges: tuple[tuple[str, str], ...]) -> bool:
    return any(first <= category <= last for first, last in ranges)


def may_tell(content: bytes, pregnancy: Pregnancy) -> bool:
    """Whether a look at the texts of a visit is worth the time."""
    if pregnancy.certain:
        return True
    lowered = content.lower()
    return any(hint in lowered for hint in _HINTS)


def is_obstetric(name: str) -> bool:
    """Whether a service of this name looks at a pregnancy."""
    text, words = _prepared(name)
    return words.obstetric.search(text) is not None


def asks_for_fetal_sex(name: str) -> bool:
    """Whether an indicator of this name, in a visit about a pregnancy, is the sex of the fetus."""
    text, words = _prepared(name)
    return words.asked.search(text) is not None


def without_fetal_sex(text: str, pregnancy: Pregnancy, *, scan: bool = False, name: bool = False) -> str:
    """The text with what tells the sex of a fetus replaced by the mark; the very same text when nothing does.

    `scan` says that it is a result of an obstetric service, where any word of sex is the fetus's; `name` that it is
    what a service, a drug or an indicator is called, which may ask for a sex as long as it does not answer.
    """
    whole, words = _prepared(text)
    tells = words.tells_in_a_scan if scan else words.tells
    if not any(mark in whole for mark in words.marks):
        return text
    if name and words.sex.search(_heard(whole, words)) is None:
        return text
    if tells.search(whole) is None or not (scan or pregnancy.certain or words.obstetric.search(whole)):
        return text
    parts: list[str] = []
    end = 0
    composed = unicodedata.normalize("NFC", text)
    for gap in (*_SENTENCE.finditer(composed), None):
        sentence = composed[end : gap.start() if gap else len(composed)]
        parts.append(_sentence(sentence, tells, words, born=pregnancy.delivered and not scan))
        if gap:
            parts.append(gap[0])
            end = gap.end()
    cleaned = "".join(parts)
    return text if cleaned == composed else cleaned


def _sentence(sentence: str, tells: re.Pattern[str], words: _Words, *, born: bool) -> str:
    heard = _heard(sentence, words)
    if tells.search(heard) is None:
        return sentence
    if born and words.born.search(heard) and not words.foretold.search(heard):
        return sentence
    clauses = _CLAUSE.split(sentence)
    said = [tells.search(_heard(clause, words)) is not None for clause in clauses]
    told = [
        words.sex.search(_heard(clause, words)) is not None for clause, bad in zip(clauses, said, strict=True) if bad
    ]
    if not told or not all(told):  # asked here and answered there: no clause can be trusted alone
        return WITHHELD
    return "".join(WITHHELD if bad else clause for clause, bad in zip(clauses, said, strict=True))


def _heard(text: str, words: _Words) -> str:
    return words.grown.sub(" ", text.lower())


def _prepared(text: str) -> tuple[str, _Words]:
    lowered = unicodedata.normalize("NFC", text).lower()
    return lowered, _PLAIN if lowered.isascii() else _ACCENTED
