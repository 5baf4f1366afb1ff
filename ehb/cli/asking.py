"""`ehb ask`: one GraphQL question, as a person, as a facility, or as nobody; a subscription for a while."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from ehb.errors import Misconfigured, Unavailable

_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and as whom."""

    url: str
    query: str
    variables: str = "{}"
    language: str = "vi"
    token_file: Path | None = None
    facility: str | None = None
    key_file: Path | None = None

    def request(self, accept: str) -> dict[str, Any]:
        """Arguments for an HTTP client. Raises Misconfigured for what cannot be read."""
        headers = {"Accept-Language": self.language, "Accept": accept}
        if self.token_file is not None:
            headers["Authorization"] = f"Bearer {_token_in(self.token_file)}"
        asked = {"query": self.query, "variables": _variables(self.variables)}
        if self.facility is not None:
            if self.key_file is None:
                raise Misconfigured(vi="--facility cần --key.", en="--facility needs --key.")
            token = asyncio.run(_facility_token(self.url, self.facility, self.key_file))
            headers["Authorization"] = f"Bearer {token}"
        return {"url": f"{self.url}/graphql", "json": asked, "headers": headers}


def _token_in(file: Path) -> str:
    """The token that a file holds. Raises Misconfigured."""
    try:
        token = file.read_text().strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text"
        raise Misconfigured(
            vi=f"--token-file: không đọc được {file} ({why}).", en=f"--token-file: cannot read {file} ({why})."
        ) from error
    if not token or not token.isascii() or len(token.split()) > 1:  # such as the message of a login that failed
        raise Misconfigured(
            vi=f"--token-file: {file} không chứa token; đăng nhập lại: ehb login NAME > {file}",
            en=f"--token-file: {file} holds no token; sign in again: ehb login NAME > {file}",
        )
    return token


def _variables(text: str) -> dict[str, Any]:
    """Variables as a JSON object. Raises Misconfigured and says where it breaks off."""
    try:
        given = json.loads(text)
    except ValueError as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Misconfigured(
            vi=f"--variables: không phải JSON{where}.", en=f"--variables: this is not JSON{where}."
        ) from error
    if not isinstance(given, dict):
        raise Misconfigured(vi="--variables: cần một đối tượng JSON.", en="--variables: a JSON object is needed.")
    return given


def ask(question: Question) -> dict[str, Any]:
    """The whole answer. Raises Misconfigured for unreadable arguments, Unavailable when nobody answers."""
    request = question.request("application/json")
    try:
        answer: dict[str, Any] = httpx2.post(**request, timeout=_PATIENCE).json()
    except (httpx2.HTTPError, ValueError) as error:
        raise _silent(question) from error
    return answer


def follow(question: Question, seconds: float) -> Iterator[dict[str, Any]]:
    """The answers of a subscription as they come (server-sent events), for so long at most. Raises as `ask` does."""
    until = time.monotonic() + seconds
    try:
        with httpx2.stream("POST", **question.request("text/event-stream"), timeout=_PATIENCE) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                yield json.loads(response.read())
                return
            for line in response.iter_lines():  # a heartbeat every second or two, so the end is seen in time
                if line.startswith("data: {"):
                    yield json.loads(line.removeprefix("data: "))
                if time.monotonic() > until:
                    return
    except (httpx2.HTTPError, ValueError) as error:
        raise _silent(question) from error


def _silent(question: Question) -> Unavailable:
    return Unavailable(vi=f"Không kết nối được {question.url}.", en=f"{question.url} does not answer.")


async def _facility_token(url: str, client_id: str, key_file: Path) -> str:
    from ehb.client import FacilityClient, SigningKey

    async with FacilityClient(url, client_id, SigningKey.load(key_file)) as client:
        return await client.access_token()
