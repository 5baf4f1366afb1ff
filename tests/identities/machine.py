"""The state machine of identities: steps that an honest or a lying world can take, and what must hold after each.

The oracle knows the true world. It allows a person their own records, and a parent those of a child under 18, without
the sensitive ones from 15 on. Nobody else may read anything. A record without a true subject is a lie about its book's
owner and allowed nowhere but with the person whom it describes.

Left out, as docs/who-is-who.md says: twins of one sex whose numbers are swapped before either has logged in, files that
say nothing of a person but a number of somebody else, and an eID that errs.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from ehb.domain.guardianship import Appointment, Relation
from ehb.domain.identity import NATIONAL_ID, Identifier
from ehb.domain.submission import PatientDetails
from tests.identities.system import Quick, System, Visit
from tests.identities.world import Human, Truth, World

PEOPLE = st.integers(0, 8)
ANY = st.integers(0, 40)
"""Somebody, children who were born meanwhile among them."""
FACILITIES = st.sampled_from(["99001", "99002"])
CODES = st.integers(0, 5)
SAID = st.sampled_from(["all", "all", "all", "no birth date", "no name", "year", "mistyped birth date"])
NUMBERED = st.sampled_from(
    ["number", "number", "number", "earlier number", "old number", "card", "nothing", "number and card"]
)


class Identities(RuleBasedStateMachine):
    """Steps on one system."""

    make: Callable[[], System] = Quick
    serials = iter(range(1, 10**9))

    def __init__(self) -> None:
        super().__init__()
        self.world = World(next(self.serials))
        self.system = type(self).make()
        self.readers: dict[int, bytes] = {}
        """Everybody who is logged in, and the key of their book."""
        self.accounts: dict[int, int] = {}
        self.sent: list[tuple[str, str, int]] = []
        self.records = 0
        self.senders: dict[tuple[str, str], set[int]] = {}
        """Whom the files of a visit code were about."""
        self.versions: dict[tuple[str, str], list[str]] = {}
        self.newest_vouched: dict[int, list[str]] = {}

    # Logins

    @rule(who=PEOPLE, fresh=st.booleans(), old=st.booleans())
    def sign_in(self, who: int, fresh: bool, old: bool) -> None:
        human = self.world.humans[who]
        if not human.numbers:
            return
        if fresh:
            self.accounts[who] = self.accounts.get(who, 0) + 1
        identity = self.world.eid(human, account=f"{who}-{self.accounts.get(who, 0)}", old=old)
        self.readers[who] = self.system.sign_in(identity, self.world.now)
        self.newest_vouched[who] = human.numbers[-1:]
        self.judge()

    @rule(who=PEOPLE)
    def reissue(self, who: int) -> None:
        human = self.world.humans[who]
        if 0 < len(human.numbers) < 3:
            human.numbers.append(self.world.issue(human.born, human.sex))

    # Honest files, with the mistakes that desks make

    @rule(who=ANY, facility=FACILITIES, code=CODES, numbered=NUMBERED, said=SAID, sensitive=st.booleans())
    def file(self, who: int, facility: str, code: int, numbered: str, said: str, sensitive: bool) -> None:
        human = self.human(who)
        identifiers, cards = self.keys(human, numbered)
        self.send(facility, f"{human.index}-{code}", human, identifiers, cards, said, sensitive)

    @rule(who=PEOPLE, other=PEOPLE, facility=FACILITIES, code=CODES, numbered=NUMBERED, year=st.booleans())
    def file_with_a_strangers_number(
        self, who: int, other: int, facility: str, code: int, numbered: str, year: bool
    ) -> None:
        human, stranger = self.world.humans[who], self.world.humans[other]
        identifiers, cards = self.keys(stranger, numbered)
        said = "year" if year and stranger.born[:4] != human.born[:4] else "all"
        self.send(facility, f"{human.index}-{code}", human, identifiers, cards, said, False)

    @rule(who=PEOPLE, other=PEOPLE, facility=FACILITIES, code=CODES, sensitive=st.booleans())
    def visit_code_again_for_another(self, who: int, other: int, facility: str, code: int, sensitive: bool) -> None:
        human = self.world.humans[other]
        identifiers, cards = self.keys(human, "number")
        self.send(facility, f"{who}-{code}", human, identifiers, cards, "all", sensitive)

    @precondition(lambda self: bool(self.sent))
    @rule(nth=st.integers(0, 10_000), said=SAID, numbered=NUMBERED, sensitive=st.booleans())
    def correct(self, nth: int, said: str, numbered: str, sensitive: bool) -> None:
        facility, episode, who = self.sent[nth % len(self.sent)]
        human = self.world.humans[who]
        identifiers, cards = self.keys(human, numbered)
        self.send(facility, episode, human, identifiers, cards, said, sensitive)

    # Lies

    @rule(victim=PEOPLE, thief=PEOPLE, system=st.sampled_from(["number", "old number", "card"]), first=st.booleans(),
          described=st.sampled_from(["victim", "victim without birth date", "thief"]), code=CODES)  # fmt: skip
    def trojan(self, victim: int, thief: int, system: str, first: bool, described: str, code: int) -> None:
        """A file that names the keys of two people, and describes one of them."""
        if victim == thief:
            return
        told = self.world.humans[thief if described == "thief" else victim]
        own, cards = self.keys(self.world.humans[victim], "number")
        more, other_cards = self.keys(self.world.humans[thief], system)
        identifiers = (*own, *more) if first else (*more, *own)
        said = "no birth date" if described == "victim without birth date" else "all"
        self.send("99002", f"lie-{code}", told, identifiers, (*cards, *other_cards), said, False)

    @rule(victim=PEOPLE, thief=PEOPLE, described=st.sampled_from(["victim", "victim without birth date"]), code=CODES)
    def steal(self, victim: int, thief: int, described: str, code: int) -> None:
        """The whole attack: the victim is vouched for, a file names the thief's number too, the thief logs in."""
        self.sign_in(victim, False, False)
        self.file(victim, "99001", code, "number", "all", False)
        self.trojan(victim, thief, "number", True, described, code)
        self.sign_in(thief, False, False)

    @rule(child=ANY, born=st.sampled_from(["2000", "2014", "1990-01-01", "2026-11-01"]), code=CODES)
    def lie_about_an_age(self, child: int, born: str, code: int) -> None:
        human = self.human(child)
        identifiers, _ = self.keys(human, "number")
        text = self.record(human, False)
        details = PatientDetails(identifiers, full_name=human.name, birth_date=born, sex=human.sex)
        self.system.submit(Visit("99002", f"age-{human.index}-{code}", details, text, False), self.world.now)
        self.judge()

    # Births

    @rule(mother=st.sampled_from([1, 3]), card=st.booleans(), number=st.booleans(), facility=FACILITIES)
    def bear(self, mother: int, card: bool, number: bool, facility: str) -> None:
        """A newborn whose file may carry the mother's card or, by mistake, the mother's number."""
        if len(self.world.humans) > 13:
            return
        child = self.world.bear(mother)
        parent = self.world.humans[mother]
        own = parent.number if number else None
        cards = tuple(one for one in (self.world.card_of(parent) if card else None,) if one)
        identifiers = (*((own,) if own else ()), self.world.newborn_key(child))
        details = PatientDetails(identifiers, cards, full_name=parent.unnamed, birth_date=child.born, sex=child.sex)
        text = self.record(child, False)
        self.system.submit(Visit(facility, f"birth-{child.index}", details, text, False), self.world.now)
        self.judge()

    @rule(who=st.integers(9, 13), facility=FACILITIES)
    def register(self, who: int, facility: str) -> None:
        """A newborn gets a name and a number."""
        if who >= len(self.world.humans) or self.world.humans[who].numbers:
            return
        child = self.world.humans[who]
        child.numbers.append(self.world.issue(child.born, child.sex))
        identifiers = (*((child.number,) if child.number else ()), self.world.newborn_key(child))
        details = PatientDetails(identifiers, full_name=child.name, birth_date=child.born, sex=child.sex)
        text = self.record(child, False)
        self.system.submit(Visit(facility, f"named-{who}", details, text, False), self.world.now)
        self.judge()

    # Guardians and time

    @rule(child=ANY)
    def appoint(self, child: int) -> None:
        """A steward enters a parent by a birth certificate, which has the child's name and birth date."""
        human = self.human(child)
        if human.parent is None or human.number is None or human.age(self.world.now) >= 18:
            return
        guardian = self.world.humans[human.parent].number
        if guardian is not None:
            paper = Appointment(Relation.PARENT, "giấy khai sinh", date(2020, 1, 1), None, human.born, human.name)
            self.system.appoint(human.number, guardian, paper, self.world.now)
            self.judge()

    @rule(days=st.sampled_from([1, 10, 40, 400]))
    def wait(self, days: int) -> None:
        self.world.now += timedelta(days=days)
        self.judge()

    # What must hold

    @initialize(families=st.booleans(), liar=st.booleans())
    def begin(self, families: bool, liar: bool) -> None:
        """Half of the worlds begin with parents who are logged in and entered as such."""
        for parent in (2, 3) if families else ():
            self.sign_in(parent, False, False)
        for child in (4, 5, 6, 7) if families else ():
            if liar:
                self.lie_about_an_age(child, "2014", 9)
            self.file(child, "99001", 0, "number", "all", True)
            self.appoint(child)

    def judge(self) -> None:
        """Everybody who is logged in reads their own book and all children's; the oracle knows what they may."""
        for who, book in self.readers.items():
            for text in self.system.read(book, book, self.world.now):
                assert self.world.truth[text].subject == who, f"{who} reads {self.world.truth[text]} in the own book"
            for child in self.world.humans:
                if child.parent is None or child.number is None:
                    continue
                there = self.system.book_of(child.number)
                if there is None or there == book:
                    continue
                for text in self.system.read(book, there, self.world.now):
                    self.judge_guardian(who, child, self.world.truth[text])

    def judge_guardian(self, who: int, child: Human, truth: Truth) -> None:
        years = child.age(self.world.now)
        assert child.parent == who, f"{who} reads {truth} of a child of others"
        assert truth.subject == child.index, f"a guardian reads {truth}"
        assert years < 18, f"a guardian reads {truth} of somebody of age"
        assert years < 15 or not truth.sensitive, f"a guardian reads {truth} of a child of {years}"

    # How files are made

    def human(self, who: int) -> Human:
        return self.world.humans[who % len(self.world.humans)]

    def keys(self, human: Human, numbered: str) -> tuple[tuple[Identifier, ...], tuple[Identifier, ...]]:
        """Identifiers and cards of somebody."""
        card = self.world.card_of(human)
        cards = (card,) if card and numbered in ("card", "number and card") else ()
        number, old = human.number, self.world.old(human)
        if numbered == "earlier number" and human.numbers:
            number = Identifier(NATIONAL_ID, human.numbers[0])
        if numbered == "old number":
            return ((old,) if old else ()), cards
        named = number is not None and numbered in ("number", "earlier number", "number and card")
        return ((number,) if named and number else ()), cards

    def record(self, human: Human, sensitive: bool) -> str:
        self.records += 1
        text = f"{self.world.serial}/{self.records}"
        self.world.truth[text] = Truth(human.index, sensitive)
        return text

    def send(
        self,
        facility: str,
        episode: str,
        human: Human,
        identifiers: tuple[Identifier, ...],
        cards: tuple[Identifier, ...],
        said: str,
        sensitive: bool,
    ) -> None:
        """One file about somebody, and the oracle's word on all versions of the visit."""
        born = {"no birth date": None, "year": human.born[:4], "mistyped birth date": "1955-01-01"}.get(
            said, human.born
        )
        name = None if said == "no name" else human.name
        details = PatientDetails(identifiers, cards, full_name=name, birth_date=born, sex=human.sex)
        text = self.record(human, sensitive)
        visit = Visit(facility, episode, details, text, sensitive)
        status = self.system.submit(visit, self.world.now)
        self.senders.setdefault((facility, episode), set()).add(human.index)
        if status == "ACCEPTED":
            self.sent.append((facility, episode, human.index))
            self.relabel(facility, episode, human, text, sensitive)
        only = self.senders[facility, episode] == {human.index}
        self.check_honest(human, identifiers, cards, said if only else "a shared visit code", status)
        self.judge()

    def relabel(self, facility: str, episode: str, human: Human, text: str, sensitive: bool) -> None:
        """Earlier versions of a visit are as sensitive as the newest."""
        versions = self.versions.setdefault((facility, episode), [])
        versions.append(text)
        if sensitive:
            for one in versions:
                if self.world.truth[one].subject == human.index:
                    self.world.truth[one] = Truth(human.index, True)

    def check_honest(
        self,
        human: Human,
        identifiers: tuple[Identifier, ...],
        cards: tuple[Identifier, ...],
        said: str,
        status: str,
    ) -> None:
        """A right file about somebody who has logged in is never refused or left to wait."""
        right = identifiers == ((human.number,) if human.number else ()) and identifiers and not cards and said == "all"
        vouched = human.index in self.readers and self.newest_vouched.get(human.index) == human.numbers[-1:]
        if right and vouched:
            assert status == "ACCEPTED", f"{human.name} is kept out: {status}"
