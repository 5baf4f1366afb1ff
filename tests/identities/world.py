"""The true world of the identity tests: invented people, what is true of them, and who may read about whom.

Only the generator knows this world. The system under test sees files, logins and a steward's papers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from ehb.domain.identity import (
    INSURANCE,
    NATIONAL_ID,
    NEWBORN,
    OLD_NATIONAL_ID,
    PASSPORT,
    ElectronicIdentity,
    Identifier,
)

START = datetime(2026, 11, 20, 3, tzinfo=UTC)
ISSUER = "https://eid.example"


@dataclass
class Human:
    """One person as they are in truth."""

    index: int
    name: str
    born: str
    sex: str
    numbers: list[str] = field(default_factory=list)
    """National numbers, the newest last; empty for a newborn."""
    old_number: str | None = None
    card: str | None = None
    parent: int | None = None
    passport: str | None = None
    """An account code, for a child who has no national number."""
    wrong_digits: bool = False
    """The civil register gave a number whose digits contradict sex or year."""

    @property
    def number(self) -> Identifier | None:
        if self.numbers:
            return Identifier(NATIONAL_ID, self.numbers[-1])
        return Identifier(PASSPORT, self.passport) if self.passport else None

    @property
    def unnamed(self) -> str:
        return f"Con bà {self.name}"

    def age(self, now: datetime) -> int:
        born, today = date.fromisoformat(self.born), now.date()
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


@dataclass(frozen=True)
class Truth:
    """What is true of one record: whom it is about, and whether its visit is sensitive as it stands now."""

    subject: int
    sensitive: bool


class World:
    """Humans, time, and the truth about every record that was ever sent."""

    def __init__(self, serial: int = 0) -> None:
        self.now = START
        self.serial = serial
        self.truth: dict[str, Truth] = {}
        """By the text that a record carries."""
        year = START.year
        self._issued = 0
        self.humans: list[Human] = []
        self._human("Lê Văn An", "1960-02-02", "male", old="1", card="1")
        self._human("Trần Thị Bình", "1971-03-03", "female", old="1", card="2")
        self._human("Phạm Văn Cường", "1985-05-05", "male", old="2", card="3")
        self._human("Vũ Thị Dung", "1985-05-05", "female", card="4")
        self._human("Phạm Văn Em", f"{year - 15}-12-01", "male", parent=2)  # 14, and 15 in days
        self._human("Phạm Thị Giang", f"{year - 18}-12-05", "female", parent=2, card="5")  # 17, and 18 in days
        self._human("Vũ Văn Hải", f"{year - 18}-11-25", "male", parent=3, wrong="female")
        self._human("Phạm Văn Khoa", f"{year - 16}-03-03", "male", parent=2, passport="K")
        self._human("Kẻ Thứ Trộm", "1985-09-09", "male", card="6")

    def _human(
        self,
        name: str,
        born: str,
        sex: str,
        *,
        old: str | None = None,
        card: str | None = None,
        parent: int | None = None,
        wrong: str | None = None,
        passport: str | None = None,
    ) -> None:
        human = Human(len(self.humans), name, born, sex, parent=parent, wrong_digits=wrong is not None)
        if passport is None:
            human.numbers.append(self.issue(born, wrong or sex))
        else:
            human.passport = f"{passport}{self.serial:07d}"
        human.old_number = f"99{self.serial:06d}{old}"[-9:] if old else None
        human.card = f"99{self.serial:07d}{card}"[-10:] if card else None
        self.humans.append(human)

    def issue(self, born: str, sex: str) -> str:
        """A number that nobody had; its digits say sex and year."""
        self._issued += 1
        century = (int(born[:4]) - 1900) // 100 * 2 + (sex == "female")
        return f"999{century}{born[2:4]}{(self.serial * 50 + self._issued) % 1_000_000:06d}"

    def bear(self, mother: int) -> Human:
        """A child without a number, born now."""
        local = self.now + timedelta(hours=7)
        child = Human(
            len(self.humans), f"Vũ Văn Bé {len(self.humans)}", local.date().isoformat(), "male", parent=mother
        )
        self.humans.append(child)
        return child

    def newborn_key(self, child: Human) -> Identifier:
        mother = self.humans[child.parent or 0]
        return Identifier(NEWBORN, f"{mother.card or '9900000000'} {child.born}T03:{child.index:02d}:00+07:00")

    def eid(self, human: Human, *, account: str, old: bool) -> ElectronicIdentity:
        """What the eID says of somebody: always the truth."""
        return ElectronicIdentity(
            ISSUER,
            f"{self.serial}-{account}",
            human.numbers[-1],
            human.name,
            human.born,
            3,
            self.now,
            old_national_id=human.old_number if old else None,
        )

    def old(self, human: Human) -> Identifier | None:
        return Identifier(OLD_NATIONAL_ID, human.old_number) if human.old_number else None

    def card_of(self, human: Human) -> Identifier | None:
        return Identifier(INSURANCE, human.card) if human.card else None
