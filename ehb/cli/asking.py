"""`ehb ask`: one GraphQL question, as a person, as a facility, or as nobody."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2

from ehb.client import FacilityClient, SigningKey
from ehb.errors import Misconfigured, Unavailable


def ask(
    url: str,
    query: str,
    *,
    variables: str,
    language: str,
    token_file: Path | None,
    facility: str | None,
    key_file: Path | None,
) -> dict[str, Any]:
    """The whole answer. Raises Misconfigured for unreadable arguments, Unavailable when nobody answers."""
    headers = {"Accept-Language": language}
    try:
        if token_file is not None:
            headers["Authorization"] = f"Bearer {token_file.read_text().strip()}"
        asked = {"query": query, "variables": json.loads(variables)}
    except (OSError, ValueError) as error:
        raise Misconfigured(
            vi="Không đọc được --token-file hoặc --variables.", en="Cannot read --token-file or --variables."
        ) from error
    if facility is not None:
        if key_file is None:
            raise Misconfigured(vi="--facility cần --key.", en="--facility needs --key.")
        headers["Authorization"] = f"Bearer {asyncio.run(_facility_token(url, facility, SigningKey.load(key_file)))}"
    try:
        answer: dict[str, Any] = httpx2.post(f"{url}/graphql", json=asked, headers=headers, timeout=30).json()
    except (httpx2.HTTPError, ValueError) as error:
        raise Unavailable(vi=f"Không kết nối được {url}.", en=f"{url} does not answer.") from error
    return answer


async def _facility_token(url: str, client_id: str, key: SigningKey) -> str:
    async with FacilityClient(url, client_id, key) as client:
        return await client.access_token()
