"""A folder of invented lives: what `ehb synth` leaves behind.

    DIR/people.json        who the people are, with their numbers and what is special about them
    DIR/facilities.json    the facilities and their clinicians
    DIR/facilities.csv     the same as lists for `ehb registry load`
    DIR/practitioners.csv
    DIR/visits/*.xml       the visit files

Invariant: the same count and seed leave the same bytes, and fewer people leave a part of what more would.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from ehb.synthetic.people import TODAY, Person, people
from ehb.synthetic.places import clinicians, facilities
from ehb.synthetic.registry import facilities_csv, practitioners_csv
from ehb.synthetic.visit_file import visit_files


def write(out: Path, count: int, seed: int, *, today: date = TODAY) -> Iterator[tuple[Person, int]]:
    """Write everything, and yield each person with the number of files once they are on disk."""
    visits = out / "visits"
    visits.mkdir(parents=True, exist_ok=True)
    everybody = list(people(count, seed, today=today))
    _write_json(out / "people.json", [_known(person) for person in everybody])
    _write_json(out / "facilities.json", [_staffed(asdict(facility)) for facility in facilities()])
    (out / "facilities.csv").write_text(facilities_csv(), encoding="utf-8")
    (out / "practitioners.csv").write_text(practitioners_csv(), encoding="utf-8")
    for person in everybody:
        files = list(visit_files(person, seed, today=today))
        for file in files:
            (visits / file.name).write_bytes(file.content)
        yield person, len(files)


def _known(person: Person) -> dict[str, Any]:
    """What the stand-in eID provider and a presenter need of a person."""
    keys = ("sub", "role", "full_name", "birth_date", "sex", "national_id", "old_number", "passport", "nationality")
    return {key: getattr(person, key) for key in keys}


def _staffed(facility: dict[str, Any]) -> dict[str, Any]:
    return facility | {"clinicians": [asdict(one) for one in clinicians() if one.facility == facility["code"]]}


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
