"""`ehb people`: a steward keeps identities right, on the machine that holds the keys of the deployment.

Numbers come on standard input, never as arguments: arguments are seen by other processes and kept in histories.
The one invariant: everything goes through the custodian, under the steward's name, so the trail says who did it.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar

from tqdm import tqdm

from ehb.app import open_custodian
from ehb.cli.serving import house
from ehb.custodian import Custodian
from ehb.custodian.emergencies import ReviewQueue
from ehb.domain.coding import VIETNAM
from ehb.domain.doubt import DoubtfulBook, OpenDoubt
from ehb.domain.emergency import Verdict
from ehb.domain.guardianship import Appointment
from ehb.domain.identity import Principal, PrincipalKind
from ehb.domain.submission import Receipt, Waiting
from ehb.domain.trail import Dispute
from ehb.errors import BadInput
from ehb.services import emergency, stewardship, trail

T = TypeVar("T")
_PATH = "ehb people"


async def waiting(steward: str, first: int) -> list[Waiting]:
    """What waits for an identity, the oldest first."""
    return await _through(lambda door: stewardship.waiting(door, _principal(steward), first=first, path=_PATH))


async def resolve(steward: str, receipt_id: str) -> Receipt:
    """Put a waiting submission into the book of the number on standard input."""
    [number] = numbers("number of the person: ")
    return await _through(lambda door: stewardship.resolve(door, _principal(steward), receipt_id, number, path=_PATH))


async def doubts(steward: str, first: int) -> list[OpenDoubt]:
    """Doubts about who is who, the oldest first."""
    return await _through(lambda door: stewardship.doubts(door, _principal(steward), first=first, path=_PATH))


async def doubtful(steward: str) -> list[DoubtfulBook]:
    """Books that a file may have joined; progress goes to standard error."""

    async def work(door: Custodian) -> list[DoubtfulBook]:
        found: list[DoubtfulBook] = []
        with tqdm(unit=" books", disable=None) as progress:
            async for one in door.doubtful(_principal(steward), path=_PATH):
                if one is None:
                    progress.update(1_000)
                else:
                    found.append(one)
        return found

    return await _through(work)


async def hand_over(steward: str, visit: str) -> int:
    """Put a visit into the book of the number on standard input."""
    [number] = numbers("number of the person whose visit it is: ")
    key = _key(visit)
    return await _through(lambda door: stewardship.hand_over(door, _principal(steward), key, number, path=_PATH))


async def give_back(steward: str, visit: str) -> None:
    """Leave a visit where it was."""
    key = _key(visit)
    await _through(lambda door: stewardship.give_back(door, _principal(steward), key, path=_PATH))


async def close(steward: str, doubt: str) -> None:
    """Close a doubt."""
    key = _key(doubt)
    await _through(lambda door: door.close_doubt(_principal(steward), key, path=_PATH))


def _key(text: str) -> bytes:
    """The 16 bytes of an id as a list shows it. Raises BadInput."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 16:
        raise BadInput(vi="Không phải mã trong danh sách.", en="This is not an id of the list.")
    return key


async def merge(steward: str, reason: str, *, undo: bool) -> None:
    """Merge the people behind the two numbers on standard input, or part them again."""
    one, other = numbers("number of one: ", "number of the other: ")
    change = stewardship.unmerge if undo else stewardship.merge
    await _through(lambda door: change(door, _principal(steward), one, other, reason, path=_PATH))


async def appoint(steward: str, appointment: Appointment) -> None:
    """Enter a guardianship between the two numbers on standard input: the ward's, then the guardian's.

    Two more lines may say the ward's birth date and name as the paper has them.
    """
    ward, guardian = numbers("number of the one who is represented: ", "number of the guardian: ")
    born, name = optional("birth date on the paper (YYYY-MM-DD), or nothing: ", "name on the paper, or nothing: ")
    appointment = replace(appointment, birth_date=born, name=name)
    await _through(lambda door: stewardship.appoint(door, _principal(steward), ward, guardian, appointment, path=_PATH))


async def end_guardian(steward: str) -> None:
    """End the guardianship between the two numbers on standard input."""
    ward, guardian = numbers("number of the one who is represented: ", "number of the guardian: ")
    await _through(lambda door: stewardship.end_guardian(door, _principal(steward), ward, guardian, path=_PATH))


async def emergencies(steward: str, facility: str) -> ReviewQueue:
    """A facility's emergencies that wait for a review, and how all of them were judged."""
    return await _through(
        lambda door: emergency.reviews(
            door, _principal(steward), facility, waiting=True, first=emergency.MOST_REVIEWS, path=_PATH
        )
    )


async def review(steward: str, place: str, verdict: Verdict) -> None:
    """Judge one. Raises BadInput for what `ehb people emergencies` does not show."""
    try:
        key = bytes.fromhex(place)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise BadInput(vi="Không phải mã lần truy cập khẩn cấp.", en="This is none of those that are listed.")
    await _through(lambda door: emergency.review(door, _principal(steward), key[:16], key[16:], verdict, path=_PATH))


async def disputes(steward: str, first: int) -> list[Dispute]:
    """What people object to, the newest first."""
    return await _through(lambda door: trail.disputes(door, _principal(steward), first, path=_PATH))


def today() -> date:
    """The day in Vietnam."""
    return datetime.now(VIETNAM).date()


def numbers(*prompts: str) -> list[str]:
    """One line of standard input for each prompt; prompts show on a terminal only. Raises BadInput."""
    found: list[str] = []
    for prompt in prompts:
        if sys.stdin.isatty():
            print(prompt, end="", file=sys.stderr, flush=True)
        found.append(sys.stdin.readline().strip())
    if not all(found):
        raise BadInput(
            vi=f"Cần {len(prompts)} số trên đầu vào chuẩn, mỗi dòng một số.",
            en=f"{len(prompts)} number(s) are needed on standard input, one on a line.",
        )
    return found


def optional(*prompts: str) -> list[str | None]:
    """One line of standard input for each prompt; None for an empty or missing one."""
    found: list[str | None] = []
    for prompt in prompts:
        if sys.stdin.isatty():
            print(prompt, end="", file=sys.stderr, flush=True)
        found.append(sys.stdin.readline().strip() or None)
    return found


def _principal(steward: str) -> Principal:
    return Principal(PrincipalKind.STEWARD, client_id="ehb people", session=f"steward:{steward}")


async def _through(work: Callable[[Custodian], Awaitable[T]]) -> T:
    async with open_custodian(*house()) as custodian:
        return await work(custodian)
