"""Who speaks for the invented children: their mother when she is invented too, else somebody of a parent's age."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from ehb.synthetic.people import Person

_OF_AGE = 18
_OLDER = range(20, 46)
"""Years that a guardian is older than the child."""


def families(people: Sequence[Person], today: date) -> Iterator[tuple[Person, Person]]:
    """Each child with a number, and its guardian; a child for whose age there is nobody is left out.

    Not somebody whose visits say an old number: who has the new one is known when they have logged in.
    """
    known = [one for one in people if one.national_id is not None and one.old_number is None]
    adults = [one for one in known if today.year - _born(one) > _OF_AGE]
    for child in people:
        if child.national_id is None or today.year - _born(child) >= _OF_AGE:
            continue
        mother = next((one for one in adults if child.mother and one.full_name == child.mother), None)
        guardian = mother or next((one for one in adults if _born(child) - _born(one) in _OLDER), None)
        if guardian is not None:
            yield child, guardian


def _born(person: Person) -> int:
    return int(person.birth_date[:4])
