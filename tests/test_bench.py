"""The measurements run; how fast they are is for `bench/README.md` and never for a test."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.api import timeline
from bench.asking import Asked, Order, asked
from bench.book_sides import sides
from bench.serving import TREE
from bench.world import world

_QUESTION = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.long
@pytest.mark.timeout(400)
def test_every_usual_measure_runs_in_its_quick_form_and_has_its_rows_in_one_table() -> None:
    done = _bench("--quick", seconds=380)

    table = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    measured = [found[1] for row in table if (found := re.match(r"\| `(\w+)`", row))]
    assert list(dict.fromkeys(measured)) == (
        ["read", "intake", "submit", "memory", "decide", "consent", "refused", "token", "book", "page", "workers"]
    )
    assert done.stdout.splitlines()[-len(table) :] == table
    assert re.search(r"median [0-9.]+, 95th percentile [0-9.]+    reach: 50$", done.stdout, re.M)


@pytest.mark.long
@pytest.mark.timeout(200)
async def test_another_server_is_measured_by_a_graphql_document_or_a_path_without_a_token_in_the_arguments(
    mongo_uri: str, tmp_path: Path
) -> None:
    token, query = tmp_path / "token", tmp_path / "book.graphql"
    query.write_text(timeline(100))
    async with world(mongo_uri, "bench_peer") as there, sides(there, 2) as made:
        token.write_text(made.tokens[0])
        ours, bare = made.servers["ours"].base, made.bare()

        named = ["--peer", f"{ours}/graphql", "--peer-query", str(query), "--peer-token-file", str(token)]
        asked_by_document = await asyncio.to_thread(_bench, "--quick", "book", *named)
        named = ["--peer", bare.base, "--peer-get", bare.questions[0].path]
        asked_by_path = await asyncio.to_thread(_bench, "--quick", "book", *named)

    for done in (asked_by_document, asked_by_path):
        assert re.search(r"^  the peer +[0-9.]+ ", done.stdout, re.M)
        assert re.search(r"^\| `book`, 16: rate, to the peer +\| [0-9]+ a second", done.stdout, re.M)


@pytest.mark.long
def test_growth_reads_and_weighs_each_step_and_compares_it_with_the_smallest() -> None:
    done = _bench("--quick", "growth")

    assert len(re.findall(r"^    a book, (?:cold|warm) +p50 +[0-9.]+ ms", done.stdout, re.M)) == 4
    assert len(re.findall(r"^    a million people: [0-9.]+ GB of data", done.stdout, re.M)) == 2
    assert re.search(r"^\| `growth`, 120 people to 60: p50 warm ", done.stdout, re.M)


@pytest.mark.long
def test_every_way_of_decoding_finds_the_same_and_has_its_line() -> None:
    done = _bench("--quick", "decoding")

    assert len(re.findall(r"^    (?:msgspec|orjson|pydantic).* [0-9.]+ +[0-9.]+$", done.stdout, re.M)) == 5
    assert "| `decoding`: pydantic to msgspec" in done.stdout


@pytest.mark.long
def test_the_profile_of_a_book_says_which_layer_takes_how_much() -> None:
    done = _bench("--quick", "book", "--profile")

    shares = [float(one) for one in re.findall(r"^    \S.* ms +([0-9.]+)%$", done.stdout, re.M)]
    assert sum(shares) == pytest.approx(100, abs=2)
    assert re.search(r"^    driver ", done.stdout, re.M)


async def test_answers_count_when_they_are_whole_however_they_are_framed() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n2\r\n45\r\n0\r\n\r\n"

    for parts in ([whole], [whole[:30], whole[30:]], [chunked], [chunked[:60], chunked[60:]]):
        found = await _asked_of(parts)

        assert len(found.milliseconds) > 2
        assert found.size == 5 * len(found.milliseconds)


@pytest.mark.parametrize(
    "answer",
    [
        b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"errors":[]}',
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n123",
        b"no HTTP at all\r\n\r\n",
    ],
    ids=["errors", "refused", "cut", "something else"],
)
async def test_an_answer_that_is_not_the_good_one_ends_a_measure(answer: bytes) -> None:
    with pytest.raises(RuntimeError, match="bench: "):
        await _asked_of([answer], then_close=True)


async def _asked_of(parts: Sequence[bytes], *, then_close: bool = False) -> Asked:
    async with _answering(parts, then_close) as port:
        return await asked(Order("127.0.0.1", port, [_QUESTION], connections=1, seconds=0.1))


@asynccontextmanager
async def _answering(parts: Sequence[bytes], then_close: bool) -> AsyncIterator[int]:
    """A server that sends these bytes in turns, whatever it is asked, each part in a packet of its own."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                for part in parts:
                    writer.write(part)
                    await asyncio.sleep(0.001)
                if then_close:
                    break
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _bench(*arguments: str, seconds: float = 110) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        check=False,
        cwd=TREE,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.long
@pytest.mark.timeout(300)
def test_killing_the_api_and_its_database_loses_nothing_that_was_acknowledged_and_doubles_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "faults", "--visits", "60", "--seed", "7"],
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
    )

    counted = re.findall(r"(\d+)    reach: 0$", done.stdout, re.M)
    assert done.returncode == 0, done.stdout + done.stderr
    assert counted == ["0"] * 9
    assert re.search(r"receipts listed +60$", done.stdout, re.M)
