"""What the kept text of a consent says is what holds: read back by its grammar, it gives the terms again.

The grammar here is written on its own; it shares the tables of words with the code that makes the text, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ehb.domain.coding import VIETNAM
from ehb.domain.consent import GranteeKind
from ehb.domain.consent_terms import Terms, block_purposes
from ehb.domain.consent_vocabulary import ACTIONS, FIELDS, KINDS, PURPOSES, SECTIONS, label_word
from ehb.domain.consent_words import in_seconds, is_sayable, quoted, text_of
from ehb.domain.provision import Action, Purpose
from ehb.domain.records import KIND_OF, RECORD_TYPES, Section
from ehb.domain.selection import WITHHOLDABLE, Selection
from ehb.domain.sensitivity import SENSITIVITY_LABELS, SENT_LABELS

LABELS = (*SENSITIVITY_LABELS, *SENT_LABELS)
FACILITIES = {"99001": "Bệnh viện Thử", "99005": "A, không bao gồm: B. Mục đích: cấp cứu", "99009": "«C»; D"}
NAME = "Trạm y tế: «E»; chỉ F. Có hiệu lực"


# The grammar


@dataclass
class Reader:
    """Reads one text in one language; names in quotation marks are taken out first."""

    text: str
    en: bool

    def __post_init__(self) -> None:
        self.names: list[str] = []
        self.text = re.sub(r"«([^«»]*)»", self._name, self.text)

    def _name(self, found: re.Match[str]) -> str:
        self.names.append(found.group(1))
        return f"#{len(self.names) - 1}#"

    def word(self, table: dict[object, tuple[str, str]], text: str) -> object:
        [found] = [one for one, words in table.items() if words[self.en] == text]
        return found

    def words(self, table: object, text: str) -> frozenset[object]:
        return frozenset(self.word(table, one) for one in text.split("; "))  # type: ignore[arg-type]

    def labels(self, text: str) -> frozenset[str]:
        return frozenset(one for part in text.split("; ") for one in LABELS if label_word(one, en=self.en) == part)

    def moment(self, text: str, *, end: bool) -> datetime:
        """`from 14:30:00 on 01/02/2026`, `until the end of 29/06/2027` and their like."""
        found = re.fullmatch(r"(?:.*?(\d\d):(\d\d):(\d\d) (?:on|ngày) )?(?:.*?)(\d\d)/(\d\d)/(\d{4})", text)
        assert found, text
        hour, minute, second, day, month, year = found.groups()
        date = datetime(int(year), int(month), int(day), tzinfo=VIETNAM)
        if hour is not None:
            return date + timedelta(hours=int(hour), minutes=int(minute), seconds=int(second))
        return date + timedelta(days=1) if end else date

    def selection(self, text: str) -> Selection:
        only = "of these only " if self.en else "trong đó chỉ "
        first = "only " if self.en else "chỉ "
        if text.startswith(first):
            text = f"{'everything' if self.en else 'toàn bộ'}, {only}{text.removeprefix(first)}"
        whole = "of all these only " if self.en else "trong tất cả các mục này chỉ "
        base, *clauses = re.split(f", (?:{only}|{whole})", text)
        assert (f", {whole}" in text) is ("; " in base and len(clauses) > 0)
        everything = "everything" if self.en else "toàn bộ"
        found = Selection(sections=None if base == everything else self.words(SECTIONS, base))  # type: ignore[arg-type]
        for clause in clauses:
            found = replace(found, **self.clause(clause))  # type: ignore[arg-type]
        return found

    def clause(self, text: str) -> dict[str, object]:
        starts: dict[tuple[str, str], Callable[[str], dict[str, object]]] = {
            ("the kinds: ", "loại: "): lambda rest: {"kinds": self.words(KINDS, rest)},
            ("what is about: ", "thông tin nhạy cảm về: "): lambda rest: {"labels": self.labels(rest)},
            ("what was sent by ", "hồ sơ do "): lambda rest: {"facilities": self.codes(rest)},
        }
        for (english, vietnamese), read in starts.items():
            start = english if self.en else vietnamese
            if text.startswith(start):
                return read(text.removeprefix(start))
        if found := re.fullmatch(r"(\d+) (?:chosen record\(s\)|bản ghi đã chọn)", text):
            return {"records": frozenset(number.to_bytes(12, "big") for number in range(int(found.group(1))))}
        rest = text if self.en else text.removeprefix("hồ sơ ")
        if rest.startswith(("from ", "từ ")):
            return {"since": self.moment(rest, end=False)}
        assert rest.startswith(("before ", "until ", "trước ", "đến hết ")), text
        return {"until": self.moment(rest, end=True)}

    def codes(self, text: str) -> frozenset[str]:
        names = [self.names[int(one)] for one in re.findall(r"#(\d+)#", text)]
        return frozenset(re.fullmatch(r".*\((\w+)\)", one).group(1) for one in names)  # type: ignore[union-attr]

    def terms(self) -> dict[str, object]:
        """Everything that the text says."""
        sentences = re.split(r"\. |\.$", self.text)
        first = re.fullmatch(
            r"You (permit|do not permit) (.*?) to (.*) in (your health book|the health book of the person whom you "
            r"represent): (.*)"
            if self.en
            else r"Bạn (cho phép|không cho phép) (.*?) ((?:xem|tải về|chia sẻ tiếp).*) trong (sổ sức khỏe của bạn|"
            r"sổ sức khỏe của người mà bạn đại diện): (.*)",
            sentences[0],
        )
        assert first, sentences[0]
        details = "the details named below, of " if self.en else "các chi tiết nêu dưới đây của "
        said: dict[str, object] = {
            "permit": first.group(1) in ("permit", "cho phép"),
            "actions": self.words(ACTIONS, first.group(3)),
            "own": first.group(4) in ("your health book", "sổ sức khỏe của bạn"),
            "select": self.selection(first.group(5).removeprefix(details)),
            "closes_fields_alone": first.group(5).startswith(details),
            "exceptions": [],
            "labels": frozenset(),
            "without": frozenset(),
            "valid_from": None,
            "valid_until": None,
            "max_uses": None,
        }
        for sentence in filter(None, sentences[1:]):
            self.sentence(sentence, said)
        return said

    def sentence(self, text: str, said: dict[str, object]) -> None:
        if found := re.fullmatch(r"(?:Purpose|Mục đích): (.*)", text):
            said["purposes"] = self.words(PURPOSES, found.group(1))
        elif found := re.fullmatch(r"(?:Not included|Không bao gồm): (.*)", text):
            said["exceptions"] = [*said["exceptions"], self.selection(found.group(1))]  # type: ignore[misc]
        elif found := re.fullmatch(
            r"(?:These details stay closed|Các chi tiết sau được giữ kín): (.*)"
            if said["permit"]
            else r"(?:Of these records, only these details are closed|"
            r"Trong các hồ sơ này, chỉ các chi tiết sau bị giữ kín): (.*)",
            text,
        ):
            said["without"] = self.words(FIELDS, found.group(1))
        elif found := re.fullmatch(
            r"(?:Sensitive records are open too, about|Bao gồm cả thông tin nhạy cảm về): (.*)", text
        ):
            said["labels"] = self.labels(found.group(1))
        elif found := re.fullmatch(r"(?:It holds|Có hiệu lực) ((?:from|từ).*)", text):
            said["valid_from"] = self.moment(found.group(1), end=False)
        elif found := re.fullmatch(r"(?:It holds|Có hiệu lực) ((?:until|before|đến|trước).*)", text):
            said["valid_until"] = self.moment(found.group(1), end=True)
        elif found := re.fullmatch(r"(?:It may be opened at most (\d+) time\(s\)|Tối đa (\d+) lần mở)", text):
            said["max_uses"] = int(found.group(1) or found.group(2))
        elif text in ("It stays closed in an emergency, too", "Cả khi cấp cứu cũng không được mở"):
            said["emergency"] = False
        elif text in ("In an emergency it can still be opened", "Khi cấp cứu, phần này vẫn có thể được mở"):
            said["emergency"] = True
        else:
            assert text in (
                "Sensitive records stay closed",
                "Thông tin nhạy cảm vẫn được giữ kín",
                "You can withdraw this at any time; what was seen before stays lawful",
                "Bạn có thể rút lại bất cứ lúc nào; những gì đã xem trước đó vẫn hợp pháp",
            ), text


# The property

MOMENTS = st.one_of(
    st.datetimes(datetime(1950, 1, 2), datetime(2150, 1, 1)).map(lambda one: one.replace(microsecond=0)),
    st.dates(datetime(1950, 1, 2).date(), datetime(2150, 1, 1).date()).map(
        lambda day: datetime(day.year, day.month, day.day)
    ),
).map(lambda one: one.replace(tzinfo=VIETNAM))


def some(values: object) -> st.SearchStrategy[frozenset[object] | None]:
    return st.one_of(st.none(), st.frozensets(st.sampled_from(list(values)), min_size=1, max_size=4))  # type: ignore[call-overload]


SELECTIONS = st.builds(
    Selection,
    sections=some(Section),
    kinds=some(KINDS),
    records=st.one_of(
        st.none(), st.integers(1, 5).map(lambda count: frozenset(one.to_bytes(12, "big") for one in range(count)))
    ),
    facilities=some(FACILITIES),
    since=st.one_of(st.none(), MOMENTS),
    until=st.one_of(st.none(), MOMENTS),
    labels=some(LABELS),
)


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    permit = draw(st.booleans())
    return Terms(
        permit=permit,
        grantee_kind=draw(
            st.sampled_from([kind for kind in GranteeKind if permit is False or kind is not GranteeKind.ANYBODY])
        ),
        purposes=draw(st.frozensets(st.sampled_from(Purpose), min_size=1)),
        actions=frozenset({Action.READ}) if permit else draw(st.frozensets(st.sampled_from([*ACTIONS]), min_size=1)),
        select=draw(SELECTIONS),
        exceptions=tuple(draw(st.lists(SELECTIONS, max_size=3))) if permit else (),
        labels=draw(st.frozensets(st.sampled_from(LABELS), max_size=3)) if permit else frozenset(),
        without=draw(st.frozensets(st.sampled_from([*FIELDS]), max_size=3)),
        valid_from=draw(st.one_of(st.none(), MOMENTS)),
        valid_until=draw(st.one_of(st.none(), MOMENTS)),
        max_uses=draw(st.one_of(st.none(), st.integers(1, 10_000))),
    )


@given(terms(), st.sampled_from(["vi", "en"]), st.booleans())
def test_text_read_back_gives_the_terms(given_terms: Terms, language: str, own: bool) -> None:
    text = text_of(given_terms, language, grantee_name=NAME, facilities=FACILITIES, own=own)

    reader = Reader(text, language == "en")
    said = reader.terms()

    assert is_sayable(given_terms)
    assert said.pop("own") is own
    assert said.pop("closes_fields_alone") is (bool(given_terms.without) and not given_terms.permit)
    emergency = said.pop("emergency", None)
    assert emergency is (None if given_terms.permit else Purpose.EMERGENCY_TREATMENT not in given_terms.purposes)
    said["exceptions"] = tuple(said["exceptions"])  # type: ignore[arg-type]
    assert said == {name: getattr(given_terms, name) for name in said}
    assert given_terms.grantee_kind is GranteeKind.ANYBODY or quoted(NAME)[1:-1] in reader.names


@pytest.mark.parametrize("table", [SECTIONS, KINDS, FIELDS, PURPOSES, ACTIONS], ids=len)
def test_no_two_entries_of_a_table_have_one_word(table: dict[object, tuple[str, str]]) -> None:
    for en in (False, True):
        words = [one[en] for one in table.values()]
        assert len({*words}) == len(words)
        assert not any(mark in one for one in words for mark in ("; ", "«", "»", ". "))
        assert table is not SECTIONS or not any(one.startswith(("chỉ ", "only ")) for one in words)


def test_there_is_a_word_for_everything_that_can_be_named() -> None:
    assert {*KINDS} == {kind.__name__ for kind in RECORD_TYPES}
    assert {*FIELDS} == frozenset().union(*WITHHOLDABLE.values())
    assert {*SECTIONS} == {*Section} == {*KIND_OF}
    assert {*PURPOSES} == {*Purpose}
    for en in (False, True):
        assert len({label_word(one, en=en) for one in LABELS}) == len(LABELS)


def test_what_narrows_is_said_as_narrowing() -> None:
    narrowed = Selection(sections=frozenset({Section.PRESCRIPTIONS}), labels=frozenset({"HIV"}))
    permit = Terms(
        permit=True,
        grantee_kind=GranteeKind.FACILITY,
        purposes=frozenset({Purpose.TREATMENT}),
        exceptions=(narrowed,),
        valid_until=datetime(2027, 6, 30, tzinfo=VIETNAM),
    )

    text = text_of(permit, "vi", grantee_name="Bệnh viện Thử (99001)", facilities={})

    assert "Không bao gồm: đơn thuốc, trong đó chỉ thông tin nhạy cảm về: HIV/AIDS" in text
    assert "Có hiệu lực đến hết ngày 29/06/2027." in text


def test_block_says_that_an_emergency_still_opens() -> None:
    block = Terms(permit=False, grantee_kind=GranteeKind.FACILITY, purposes=block_purposes())

    assert "Khi cấp cứu, phần này vẫn có thể được mở." in text_of(block, "vi", grantee_name="x", facilities={})
    assert "Condition" not in text_of(
        replace(block, select=Selection(kinds=frozenset({"Condition"}))), "vi", grantee_name="x", facilities={}
    )


def test_moments_are_cut_to_what_can_be_said() -> None:
    moment = datetime(2026, 12, 1, 8, 30, 15, 999_999, tzinfo=VIETNAM)
    fine = Terms(
        permit=False,
        grantee_kind=GranteeKind.ANYBODY,
        purposes=frozenset({Purpose.TREATMENT}),
        select=Selection(since=moment),
        valid_until=moment,
    )

    cut = in_seconds(fine)

    assert cut.select.since == cut.valid_until == moment.replace(microsecond=0)


def test_name_with_control_characters_stays_one_line() -> None:
    assert quoted("Bệnh viện\n\u202eThử «A»") == "«Bệnh viện  Thử ‹A›»"
