"""The facility's client, in front of the whole app: faults on the way, outcomes, the example of its docstring."""

from __future__ import annotations

import asyncio
import inspect
import textwrap
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey

import ehb.client
from ehb.client import FacilityClient, Failed, Outcome, Refused, Sent, SigningKey
from ehb.client.patience import Patience, asked_pause
from ehb.client.visit_files import FHIR, XML, content_type_of, episode_of, visit_files
from ehb.domain.submission import Status
from ehb.errors import Misconfigured, Unavailable
from ehb.store.registry import Registry
from tests.builders import FACILITY, visit_file
from tests.house import BASE, House

QUICK = Patience(seconds=2, first_contact=2, shortest=0.001, longest=0.01)
SUBMISSIONS = "/facility/submissions"
GONE, LOST = "gone", "lost"
"""Nobody answers; the request arrives, and its answer does not."""
Fault = str | int | httpx2.Response


class Unreliable(httpx2.AsyncBaseTransport):
    """A way to the app on which the given faults happen to submissions, one after the other."""

    def __init__(self, house: House, faults: Sequence[Fault], path: str) -> None:
        self._inner = httpx2.ASGITransport(house.app)
        self._faults = list(faults)
        self._path = path
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url.path)
        fault = self._faults.pop(0) if self._faults and request.url.path.startswith(self._path) else None
        if fault == GONE:
            raise httpx2.ConnectError("nobody", request=request)
        if isinstance(fault, httpx2.Response):
            return fault
        if isinstance(fault, int):
            return httpx2.Response(fault, text="from a proxy")
        answer = await self._inner.handle_async_request(request)
        if fault == LOST:
            raise httpx2.ReadError("cut", request=request)
        return answer


@dataclass(frozen=True)
class Machine:
    """The facility's machine, registered with a key of its own, and the house that it talks to."""

    house: House
    key: SigningKey

    def client(self, *faults: Fault, patience: Patience = QUICK, path: str = SUBMISSIONS) -> FacilityClient:
        """A client on whose way these faults happen to requests of this path."""
        transport = Unreliable(self.house, faults, path)
        return FacilityClient(BASE, "machine", self.key, patience=patience, transport=transport)

    async def submissions(self) -> int:
        return await self.house.mongo.database["submissions"].count_documents({})


@pytest.fixture
async def machine(house: House) -> Machine:
    key = SigningKey(ECKey.generate_key("P-256"), "ES256")
    await Registry(house.mongo).register(FACILITY, "Bệnh viện Thử", "machine", [key.public_jwk])
    return Machine(house, key)


def files(folder: Path, count: int) -> list[Path]:
    for number in range(count):
        (folder / f"{number:02d}.xml").write_bytes(visit_file({"MA_LK": f"LK-{number:02d}"}))
    return list(visit_files([folder]))


async def outcomes(sending: FacilityClient, paths: Sequence[Path], **how: Any) -> list[Outcome]:
    return [outcome async for outcome in sending.submit_many(paths, **how)]


@pytest.mark.parametrize(
    "faults",
    [
        (GONE,),
        (LOST,),
        (GONE, 503, GONE, 502, 504),
        (httpx2.Response(429, headers={"Retry-After": "0"}),),
        (httpx2.Response(503, headers={"Retry-After": "nonsense"}),),
        (409,),
    ],
)
async def test_what_passes_is_tried_again_and_the_visit_is_stored_once(
    machine: Machine, faults: Sequence[Fault]
) -> None:
    async with machine.client(*faults) as sending:
        receipt = await sending.submit(visit_file())

    assert receipt.status is (Status.UNCHANGED if LOST in faults else Status.ACCEPTED)
    assert receipt.version == 1
    assert await machine.submissions() == 1


async def test_a_server_that_asks_to_wait_is_waited_for(machine: Machine) -> None:
    start = time.monotonic()

    async with machine.client(httpx2.Response(429, headers={"Retry-After": "0.3"})) as sending:
        await sending.submit(visit_file())

    assert time.monotonic() - start >= 0.3


async def test_patience_ends(machine: Machine) -> None:
    short = Patience(seconds=0.2, first_contact=0.2, shortest=0.01, longest=0.02)

    async with machine.client(*[GONE] * 1000, patience=short) as sending:
        with pytest.raises(Unavailable):
            await sending.submit(visit_file())
    async with machine.client(*[503] * 1000, patience=short) as sending:
        with pytest.raises(Refused) as refused:
            await sending.submit(visit_file())

    assert refused.value.code == "UNAVAILABLE"


async def test_a_sign_in_that_is_cut_off_is_begun_again_with_another_assertion(machine: Machine) -> None:
    async with machine.client(LOST, path="/auth/token") as sending:
        assert (await sending.submit(visit_file())).status is Status.ACCEPTED


async def test_a_token_that_the_server_forgot_is_renewed(machine: Machine) -> None:
    async with machine.client() as sending:
        await sending.submit(visit_file())
        for name in ("sessions", "access_tokens"):
            await machine.house.mongo.database[name].delete_many({})

        again = await sending.submit(visit_file())

    assert again.status is Status.UNCHANGED


async def test_a_no_is_said_in_both_languages_with_its_code_and_not_tried_again(machine: Machine) -> None:
    async with machine.client() as sending:
        with pytest.raises(Refused) as refused:
            await sending.submit(visit_file(facility="99002"))

    assert refused.value.code == "OTHER_FACILITY"
    assert refused.value.vi.startswith("Tệp mang mã")
    assert refused.value.en.startswith("The file carries")


@pytest.mark.parametrize("answer", ["<html>Welcome</html>", "[]", "{}", '"text"'])
async def test_another_kind_of_server_is_said_to_be_one(machine: Machine, answer: str) -> None:
    async with machine.client(httpx2.Response(200, text=answer)) as sending:
        with pytest.raises(Misconfigured, match="not an address of this service"):
            await sending.submit(visit_file())


@pytest.mark.parametrize("url", ["127.0.0.1:1", "ftp://127.0.0.1", "http://[::1", "nonsense"])
async def test_an_address_that_is_none_is_said_at_once(url: str) -> None:
    key = SigningKey(ECKey.generate_key("P-256"), "ES256")

    with pytest.raises(Misconfigured, match="not an address"):
        async with FacilityClient(url, FACILITY, key) as sending:
            await sending.submit(visit_file())


async def test_each_file_has_one_outcome_and_at_most_so_many_are_on_their_way(machine: Machine, tmp_path: Path) -> None:
    paths = files(tmp_path, 12)
    paths.insert(3, tmp_path / "missing.xml")

    async with machine.client() as sending:
        found = await outcomes(sending, paths, parallel=3)

    assert sorted(outcome.path for outcome in found) == sorted(paths)
    assert {outcome.receipt.status for outcome in found if isinstance(outcome, Sent)} == {Status.ACCEPTED}
    assert [outcome.error.code for outcome in found if isinstance(outcome, Failed)] == ["UNREADABLE_FILE"]


async def test_the_paths_are_taken_one_by_one_as_there_is_room(machine: Machine, tmp_path: Path) -> None:
    taken = 0

    def lazily() -> Any:
        nonlocal taken
        for path in files(tmp_path, 8):
            taken += 1
            yield path

    async with machine.client() as sending:
        ahead = [taken - number async for number, _ in _numbered(sending.submit_many(lazily(), parallel=2))]

    assert max(ahead) <= 4


async def _numbered(found: Any) -> Any:
    number = 0
    async for outcome in found:
        yield number, outcome
        number += 1


async def test_a_server_that_is_gone_ends_the_run(machine: Machine, tmp_path: Path) -> None:
    short = Patience(seconds=0.1, first_contact=0.1, shortest=0.01, longest=0.02)

    async with machine.client(*[GONE] * 1000, patience=short) as sending:
        found = await outcomes(sending, files(tmp_path, 20), parallel=2)

    assert 1 <= len(found) <= 3
    assert all(isinstance(outcome, Failed) for outcome in found)


async def test_a_stop_waits_for_what_is_on_its_way_and_begins_nothing_more(machine: Machine, tmp_path: Path) -> None:
    found: list[Outcome] = []

    async with machine.client() as sending:
        async for outcome in sending.submit_many(files(tmp_path, 10), parallel=2):
            found.append(outcome)
            sending.stop()

    assert 1 <= len(found) <= 3
    assert all(isinstance(outcome, Sent) for outcome in found)
    assert await machine.submissions() == len(found)


async def test_a_stop_ends_a_pause_at_once(machine: Machine) -> None:
    patient = Patience(seconds=60, first_contact=60, shortest=30, longest=30)
    async with machine.client(*[GONE] * 9, patience=patient) as sending:
        asking = asyncio.create_task(sending.submit(visit_file()))
        await asyncio.sleep(0.2)

        sending.stop()

        with pytest.raises(Unavailable):
            await asyncio.wait_for(asking, 5)


async def test_the_example_of_the_docstring_runs(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "exports").mkdir()
    files(tmp_path / "exports", 2)
    (tmp_path / "99001.pem").write_bytes(machine.key.key.as_pem(private=True))
    example = inspect.cleandoc(FacilityClient.__doc__ or "").partition("::\n")[2]
    reach = {**vars(ehb.client), "url": BASE, "Path": Path, "visit_files": visit_files}
    reach["FacilityClient"] = lambda url, _, key: FacilityClient(
        url, "machine", key, transport=httpx2.ASGITransport(machine.house.app)
    )
    monkeypatch.chdir(tmp_path)

    exec(f"async def example():\n{textwrap.indent(textwrap.dedent(example), '    ')}", reach)  # noqa: S102
    await reach["example"]()

    assert sorted(capsys.readouterr().out.splitlines()) == ["00.xml ACCEPTED 6 []", "01.xml ACCEPTED 6 []"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"resourceType": "Bundle"}', FHIR),
        (b"\xef\xbb\xbf\r\n {}", FHIR),
        (b"[]", FHIR),
        (b"<GIAMDINHHS/>", XML),
        (b"\xff\xfe<\x00", XML),
        (b"", XML),
    ],
)
def test_the_content_says_as_what_a_file_is_sent(body: bytes, kind: str) -> None:
    assert content_type_of(body) == kind


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, 0.0),
        ("7", 7.0),
        ("-3", 0.0),
        ("1e9", 300.0),
        ("nan", 0.0),
        ("soon", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_and_never_believed_without_end(said: str | None, seconds: float) -> None:
    assert asked_pause(said) == seconds


def test_retry_after_may_be_a_date() -> None:
    assert 50 < asked_pause(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)) <= 60


async def test_versions_of_one_visit_arrive_in_the_order_of_the_files_however_many_go_at_once(
    machine: Machine, tmp_path: Path
) -> None:
    reasons = ["Sốt", "Ho", "Mệt", "Sốt và ho", "Đau đầu", "Khỏe"]
    paths = [tmp_path / f"{number}.xml" for number in range(len(reasons))]
    for path, reason in zip(paths, reasons, strict=True):
        path.write_bytes(visit_file({"LY_DO_VV": reason}))

    async with machine.client(503) as client:
        outcomes = [outcome async for outcome in client.submit_many(paths, parallel=6)]

    versions = {outcome.path: outcome.receipt.version for outcome in outcomes if isinstance(outcome, Sent)}
    assert [versions[path] for path in paths] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (visit_file({"MA_LK": "LK-7"}), b"LK-7"),
        (b"<X><MA_LK> <![CDATA[ LK-8 ]]></MA_LK></X>", b"LK-8"),
        (b"<NOIDUNGFILE>%s</NOIDUNGFILE>" % b64encode(b"<TONG_HOP><MA_LK>LK-9</MA_LK>"), b"LK-9"),
        (b"<NOIDUNGFILE>no base64 at all!</NOIDUNGFILE>", None),
        (b"{}", None),
        (b"", None),
    ],
)
def test_the_visit_of_a_file_is_found_at_a_glance(body: bytes, code: bytes | None) -> None:
    assert episode_of(body) == code
