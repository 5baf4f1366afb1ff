"""The end of `ehb submit`: how many of each, which took longest, and what is wrong, by rule.

The one invariant: it keeps counts and a few paths, never one thing for each file.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ehb.client import Failed, Outcome, Remembered, Sent
from ehb.domain.submission import Problem, Status

_SLOWEST = 5
_MOST_RULES = 30
_WORDS = {
    Status.ACCEPTED.value: "đã nhận / accepted",
    Status.UNCHANGED.value: "không đổi / unchanged",
    Status.WAITING_FOR_IDENTITY.value: "chờ định danh / waiting for identity",
    Status.REJECTED.value: "bị từ chối / rejected",
    "FAILED": "không gửi được / failed",
    "NOT_SENT": "chưa gửi / not sent",
}
_BAD = (Status.REJECTED.value, "FAILED", "NOT_SENT")


@dataclass(slots=True)
class Summary:
    """Adds up outcomes."""

    total: int
    counts: Counter[str] = field(default_factory=Counter)
    before: int = 0
    rules: Counter[tuple[str, str]] = field(default_factory=Counter)
    messages: dict[str, str] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    slowest: list[tuple[float, str]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def add(self, outcome: Outcome) -> None:
        """One more file."""
        if isinstance(outcome, Failed):
            self.counts["FAILED"] += 1
            self.errors[outcome.error.code] += 1
            return
        if isinstance(outcome, Remembered):
            self.before += 1
            self.counts[outcome.status.value] += 1
        if isinstance(outcome, Sent):
            self.counts[outcome.receipt.status.value] += 1
            heapq.heappush(self.slowest, (outcome.seconds, str(outcome.path)))
            if len(self.slowest) > _SLOWEST:
                heapq.heappop(self.slowest)
        for problem in outcome.receipt.problems if outcome.receipt else ():
            self.rules[problem.severity.value, problem.rule] += 1
            self.messages.setdefault(problem.rule, f"{problem.message_vi} / {problem.message_en}")

    @property
    def not_sent(self) -> int:
        """Files that were not begun, because the run was stopped or the server was gone."""
        return self.total - sum(self.counts.values())

    @property
    def good(self) -> bool:
        """Every file was taken."""
        return not any(self._counted()[name] for name in _BAD)

    def _counted(self) -> Counter[str]:
        return self.counts + Counter({"NOT_SENT": self.not_sent})

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        counted, seconds = self._counted(), time.monotonic() - self.began
        return {
            "files": self.total,
            "counts": {name: counted[name] for name in _WORDS},
            "sent_before": self.before,
            "seconds": round(seconds, 3),
            "problems": [
                {"severity": severity, "rule": rule, "count": count}
                for (severity, rule), count in self.rules.most_common()
            ],
            "errors": dict(self.errors.most_common()),
            "slowest": [{"path": path, "seconds": round(took, 3)} for took, path in sorted(self.slowest, reverse=True)],
        }

    def in_words(self) -> str:
        """For people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        counted, seconds = self._counted(), time.monotonic() - self.began
        for name, words in _WORDS.items():
            if counted[name]:
                yield f"{counted[name]:>8}  {words}"
        sent = sum(self.counts.values()) - self.before
        if self.before:
            yield f"{self.before:>8}  trong đó đã gửi ở lần chạy trước / of these sent by an earlier run"
        yield f"{self.total:>8}  tệp / files, {seconds:.1f} s, {sent / seconds if seconds else 0:.1f} /s"
        if self.rules:
            yield "\nVấn đề theo quy tắc / problems by rule"
            for (severity, rule), count in self.rules.most_common(_MOST_RULES):
                yield f"{count:>8}  {severity:<8} {rule}: {self.messages[rule]}"
            if len(self.rules) > _MOST_RULES:
                yield f"{len(self.rules) - _MOST_RULES:>8}  quy tắc khác / more rules"
        if self.errors:
            yield "\nLỗi theo mã / failures by code"
            yield from (f"{count:>8}  {code}" for code, count in self.errors.most_common())
        if self.slowest:
            yield "\nLâu nhất / slowest"
            yield from (f"{took:>7.2f}s  {path}" for took, path in sorted(self.slowest, reverse=True))


def problem_lines(problems: Sequence[Problem]) -> Iterator[str]:
    """Each problem, with its place."""
    for problem in problems:
        row = f"#{problem.row}" if problem.row else None
        place = ".".join(part for part in (problem.table, row, problem.field) if part) or "file"
        yield f"  {problem.severity} {place} {problem.rule}: {problem.message_vi} / {problem.message_en}"
