"""`ehb people`: its arguments. What it does is in `stewarding`, so that `ehb --help` stays quick."""

from __future__ import annotations

import argparse
import asyncio
from datetime import date
from typing import Any

from ehb.domain.emergency import Verdict
from ehb.domain.guardianship import Appointment, Relation


def add_commands(commands: Any) -> None:
    """`ehb people …`."""
    people = _command(commands, "people", "for stewards: waiting visits, people who are one, guardians, emergencies")
    done = people.add_subparsers(dest="action", required=True, metavar="ACTION")
    waiting = _command(done, "waiting", "list the submissions that wait for an identity, the oldest first")
    waiting.add_argument("--first", type=_count, default=100, help="how many (100)")
    waiting.set_defaults(run=_waiting)
    resolve = _command(done, "resolve", "say whose a waiting submission is; the number is read from stdin")
    resolve.add_argument("receipt", metavar="RECEIPT", help="id of the receipt, as `ehb people waiting` shows it")
    resolve.set_defaults(run=_resolve)
    for name, undo, summary in (
        ("merge", False, "let the people behind two numbers share a book; the numbers are read from stdin"),
        ("unmerge", True, "part two people again; everybody keeps what came under their own numbers"),
    ):
        change = _command(done, name, summary)
        change.set_defaults(run=_merge, undo=undo)
        change.add_argument("--reason", required=True, help="why, kept sealed; no name and no number in it")
    _add_doubts(done)
    disputes = _command(done, "disputes", "lines of the access log that people object to, the newest first")
    disputes.add_argument("--first", type=_count, default=100, help="how many (100)")
    disputes.set_defaults(run=_disputes)
    _add_guardians(done)
    _add_emergencies(done)
    for action in done.choices.values():
        action.add_argument("--steward", required=True, help="your name in the trail, such as a staff code")


def _add_doubts(done: Any) -> None:
    doubts = _command(done, "doubts", "who may not be who they seem: logins that do not fit, visits called another's")
    doubts.add_argument("--first", type=_count, default=100, help="how many (100)")
    doubts.set_defaults(run=_doubts)
    _command(done, "doubtful", "books that a file may have joined before; looks at every book").set_defaults(
        run=_doubtful
    )
    over = _command(done, "hand-over", "put a visit into the book of another person, whose number is read from stdin")
    back = _command(done, "give-back", "leave a visit that its person called another's where it was")
    for command, run in ((over, _hand_over), (back, _give_back)):
        command.add_argument("visit", metavar="VISIT", help="as `ehb people doubts` shows it")
        command.set_defaults(run=run)
    close = _command(done, "close", "close a doubt: nothing has to be done")
    close.add_argument("doubt", metavar="DOUBT", help="as `ehb people doubts` shows it")
    close.set_defaults(run=_close)


def _add_guardians(done: Any) -> None:
    stdin = "read from stdin: the number of the one who is represented, then the guardian's"
    paper = (
        "then, as the paper has them, the represented person's birth date (YYYY-MM-DD) and name: both may be left out"
    )
    add = _command(done, "guardian", f"enter a guardianship that was proven; {stdin}; {paper}")
    add.add_argument("--relation", type=Relation, choices=list(Relation), required=True, help="what the guardian is")
    add.add_argument("--proof", required=True, help="the paper it was proven by, such as a birth certificate; sealed")
    add.add_argument("--since", type=date.fromisoformat, help="first day, YYYY-MM-DD (today)")
    add.add_argument("--until", type=date.fromisoformat, help="last day, when the paper names one")
    add.set_defaults(run=_guardian)
    _command(done, "end-guardian", f"end a guardianship; {stdin}").set_defaults(run=_end_guardian)


def _add_emergencies(done: Any) -> None:
    listed = _command(done, "emergencies", "how a facility's emergencies were judged, and those that wait for it")
    listed.add_argument("--facility", required=True, help="code of the facility")
    listed.set_defaults(run=_emergencies)
    review = _command(done, "review", "judge an emergency that nobody at the facility can")
    review.add_argument("emergency", metavar="EMERGENCY", help="as `ehb people emergencies` shows it")
    review.add_argument("--verdict", type=Verdict, choices=list(Verdict), required=True)
    review.set_defaults(run=_review)


def _command(commands: Any, name: str, summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    return command


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _waiting(given: argparse.Namespace) -> None:
    from ehb.cli import stewarding

    for one in asyncio.run(stewarding.waiting(given.steward, given.first)):
        print("  ".join((one.receipt, one.facility, one.source, one.received_at, *one.rules)))


def _doubts(given: argparse.Namespace) -> None:
    from ehb.cli import stewarding

    for one in asyncio.run(stewarding.doubts(given.steward, given.first)):
        visit = f"  visit {one.episode.hex()} of {one.facility}" if one.episode is not None else ""
        print(f"{one.id.hex()}  {one.kind}  {one.at:%Y-%m-%d %H:%M}{visit}")
        for side in one.sides:
            print(f"    {_side(side)}")


def _doubtful(given: argparse.Namespace) -> None:
    from ehb.cli import stewarding

    for one in asyncio.run(stewarding.doubtful(given.steward)):
        print(f"{one.side.person.hex()}  {_side(one.side)}")
        print(f"    {'; '.join(one.why)}")


def _side(side: Any) -> str:
    from ehb.domain.doubt import endings

    vouched = "vouched by the eID" if side.vouched else "known from files"
    return f"{side.name or '-'}, {side.birth_date or '-'}, {side.sex or '-'}, {vouched}; numbers {endings(side) or '-'}"


def _hand_over(given: argparse.Namespace) -> None:
    from ehb.cli import stewarding

    print(f"{asyncio.run(stewarding.hand_over(given.steward, given.visit))} records moved")


def _give_back(given: argparse.Namespace) -> None:
    from ehb.cli import stewarding

    asyncio.run(stewarding.give_back(given.steward, given.visit))
    print("given back")


def _close(given: argparse.Namespace) -> None:
    from ehb.cli import stewarding

    asyncio.run(stewarding.close(given.steward, given.doubt))
    print("closed")


def _resolve(given: argparse.Namespace) -> None:
    from ehb.cli import stewarding

    receipt = asyncio.run(stewarding.resolve(given.steward, given.receipt))
    print(f"{receipt.id}: {receipt.status}, {receipt.records} records")


def _merge(given: argparse.Namespace) -> None:
    from ehb.cli import stewarding

    asyncio.run(stewarding.merge(given.steward, given.reason, undo=given.undo))
    print("parted" if given.undo else "merged")


def _disputes(given: argparse.Namespace) -> None:
    from ehb.cli import stewarding

    for one in asyncio.run(stewarding.disputes(given.steward, given.first)):
        line = one.event
        who = " ".join(part for part in (line.agent_licence, line.agent_facility) if part) or line.agent_kind
        print(f"{one.line.hex()}  {line.time:%Y-%m-%d %H:%M}  {line.action} {line.outcome} {line.rule}  {who}")
        print(f"    {one.reason}")


def _guardian(given: argparse.Namespace) -> None:
    from ehb.cli import stewarding

    since = given.since or stewarding.today()
    asyncio.run(stewarding.appoint(given.steward, Appointment(given.relation, given.proof, since, given.until)))
    print("entered")


def _end_guardian(given: argparse.Namespace) -> None:
    from ehb.cli import stewarding

    asyncio.run(stewarding.end_guardian(given.steward))
    print("ended")


def _emergencies(given: argparse.Namespace) -> None:
    from ehb.cli import stewarding

    queue = asyncio.run(stewarding.emergencies(given.steward, given.facility))
    for patient_id, held in queue.emergencies:
        one = held.emergency
        place = (patient_id + one.id).hex()
        print(f"{place}  {one.holder.licence}  opened {one.opened_at:%Y-%m-%d %H:%M}  due {held.review_by:%Y-%m-%d}")
    counts = queue.counts
    print(
        f"{given.facility}: {counts.total} emergencies, {counts.proper} proper, {counts.misuse} misuse, "
        f"{counts.waiting} waiting ({counts.overdue} overdue)"
        + (f", {counts.unconfirmed} to confirm" if counts.unconfirmed else "")
    )
    if queue.rate.is_alarming:
        print(f"ALARM: {queue.rate.today} in the last day, usually {queue.rate.usual:.1f} a day")


def _review(given: argparse.Namespace) -> None:
    from ehb.cli import stewarding

    asyncio.run(stewarding.review(given.steward, given.emergency, given.verdict))
    print(f"reviewed: {given.verdict}")
