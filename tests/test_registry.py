"""The registry as its keeper, a facility and the public meet it: loaded, looked up, and obeyed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey

from ehb import synthetic
from ehb.domain.registry import Report
from ehb.errors import Conflict
from ehb.formats.public_keys import certificates_from
from ehb.formats.registry_csv import read_facilities, read_practitioners
from ehb.services import registry_lists as service
from ehb.services.registry_lists import Wish
from ehb.store import remembered as memory
from ehb.store.mongo import Mongo
from ehb.store.practitioners import Practitioners
from ehb.store.registry import Registry
from ehb.store.vault import Keys, Vault
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.running import ehb

TODAY = date(2026, 11, 1)
TWO = "code,name,province\n99001,Bệnh viện Một,01\n99002,Bệnh viện Hai,79\n"


async def load(mongo: Mongo, text: str, **wish: object) -> Report:
    rows = read_facilities("f.csv", text.encode())
    report, _ = await service.load_facilities(Registry(mongo), "f.csv", rows, Wish(TODAY, **wish))  # type: ignore[arg-type]
    return report


async def staff(mongo: Mongo, text: str, keys: Keys, **wish: object) -> Report:
    rows = read_practitioners("p.csv", text.encode())
    register = Practitioners(mongo, Vault(keys))
    return await service.load_practitioners(register, Registry(mongo), "p.csv", rows, Wish(TODAY, **wish))  # type: ignore[arg-type]


def counts(report: Report) -> Mapping[str, int]:
    return {what: count for what, count in report.counts.items() if count}


async def test_loading_twice_changes_nothing(mongo: Mongo) -> None:
    first = await load(mongo, TWO)
    before = [one async for one in mongo.database["facilities"].find().sort("_id")]

    second = await load(mongo, TWO)

    assert counts(first) == {"added": 2}
    assert counts(second) == {"unchanged": 2}
    assert second.changed_nothing
    assert [one async for one in mongo.database["facilities"].find().sort("_id")] == before


async def test_a_wrong_row_is_refused_alone(mongo: Mongo) -> None:
    report = await load(mongo, TWO + "9900,Bệnh viện Ba,01\n99004,Bệnh viện Bốn,01\n")

    assert counts(report) == {"added": 3, "refused": 1}
    assert [(one.line, one.column, one.rule) for one in report.problems] == [(4, "code", "code.format")]
    assert await mongo.database["facilities"].distinct("_id") == ["99001", "99002", "99004"]


async def test_a_rehearsal_tells_the_same_and_writes_nothing(mongo: Mongo) -> None:
    rehearsed = await load(mongo, TWO, dry_run=True)

    assert await mongo.database["facilities"].count_documents({}) == 0
    assert counts(rehearsed) == counts(await load(mongo, TWO))


async def test_who_vanishes_from_the_list_is_ended_only_when_the_list_is_complete(mongo: Mongo) -> None:
    await load(mongo, TWO)
    one = "code,name\n99001,Bệnh viện Một\n"

    assert counts(await load(mongo, one)) == {"unchanged": 1}
    assert counts(await load(mongo, one, complete=True)) == {"unchanged": 1, "ended": 1}
    assert counts(await load(mongo, one, complete=True)) == {"unchanged": 1}
    ended = await Registry(mongo).facility("99002")
    assert ended is not None
    assert not ended.in_force(TODAY)
    assert ended.in_force(TODAY - timedelta(days=1))


async def test_nobody_is_ended_while_a_row_is_wrong(mongo: Mongo) -> None:
    await load(mongo, TWO)

    report = await load(mongo, "code,name\n99001,Bệnh viện Một\n9902,Bệnh viện Hai\n", complete=True)

    assert report.counts["ended"] == 0
    assert "complete.refused" in {one.rule for one in report.problems}


async def test_an_empty_list_ends_nobody(mongo: Mongo) -> None:
    await load(mongo, TWO)

    report = await load(mongo, "code,name\n", complete=True)

    assert (report.counts["ended"], report.refused) == (0, True)


async def test_a_facility_keeps_the_name_of_each_day(mongo: Mongo) -> None:
    await load(mongo, "code,name,name_since\n99001,Bệnh viện Cũ,\n")
    report = await load(mongo, "code,name,name_since\n99001,Bệnh viện Mới,2026-03-01\n")
    registry = Registry(mongo)

    assert counts(report) == {"changed": 1}
    assert await registry.facility_name("99001", date(2026, 2, 28)) == "Bệnh viện Cũ"
    assert await registry.facility_name("99001", date(2026, 3, 1)) == "Bệnh viện Mới"
    assert await registry.facility_name("99001") == "Bệnh viện Mới"
    assert await registry.facility_name("00000") is None


async def test_a_client_belongs_to_one_facility(mongo: Mongo) -> None:
    jwks = json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}).replace('"', '""')
    rows = f'99001,Một,shared,"{jwks}"\n99002,Hai,shared,"{jwks}"\n'

    report = await load(mongo, "code,name,client_id,jwks\n" + rows)
    again = await load(mongo, "code,name,client_id,jwks\n" + rows.splitlines()[1] + "\n")

    assert [(one.line, one.rule) for one in report.problems] == [(3, "client.taken")]
    assert [(one.line, one.rule) for one in again.problems] == [(2, "client.taken")]
    client = await Registry(mongo).find_client("shared")
    assert client is not None
    assert client.facility == "99001"
    with pytest.raises(Conflict):
        await Registry(mongo).register("99002", "Hai", "shared", [])


async def test_a_practitioner_of_an_unknown_facility_is_refused(mongo: Mongo) -> None:
    await load(mongo, TWO)

    report = await staff(mongo, "licence,name,facilities\n1/X,Một,99001\n2/X,Hai,99001;99009\n", Keys.generate())

    assert counts(report) == {"added": 1, "refused": 1}
    assert [(one.line, one.rule) for one in report.problems] == [(3, "facility.unknown")]


async def test_an_identity_number_is_kept_as_a_blind_index_only(mongo: Mongo) -> None:
    keys = Keys.generate()
    await load(mongo, TWO)
    text = f"licence,name,facilities,national_id\n1/X,Một,99001,{NATIONAL_ID}\n"

    first, second = await staff(mongo, text, keys), await staff(mongo, text, keys)

    kept = await mongo.database["practitioners"].find_one({"_id": "1/X"})
    assert NATIONAL_ID not in repr(kept)
    assert (counts(first), counts(second)) == ({"added": 1}, {"unchanged": 1})
    register = Practitioners(mongo, Vault(keys))
    assert [one.licence for one in await register.find_by_number(NATIONAL_ID)] == ["1/X"]
    assert await register.find_by_number("999185000002") == []
    other = Practitioners(mongo, Vault(Keys.generate()))
    assert await other.find_by_number(NATIONAL_ID) == []


async def test_practitioners_end_when_a_complete_list_leaves_them_out(mongo: Mongo) -> None:
    keys = Keys.generate()
    await load(mongo, TWO)
    await staff(mongo, "licence,name,facilities\n1/X,Một,99001\n2/X,Hai,99001\n", keys)

    report = await staff(mongo, "licence,name,facilities\n1/x,Một,99001\n", keys, complete=True)

    ended = await Practitioners(mongo, Vault(keys)).practitioner("2/X")
    assert report.counts["ended"] == 1
    assert ended is not None
    assert not ended.in_force(TODAY)


def certificate_pem(name: str) -> bytes:
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now).not_valid_after(now + timedelta(days=365))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


async def test_certificates_come_once_and_go_when_the_folder_is_complete(mongo: Mongo) -> None:
    await load(mongo, TWO)
    registry = Registry(mongo)
    one, two = (certificates_from(certificate_pem(name)) for name in ("Một", "Hai"))

    async def put(found: dict[str, tuple[object, ...]], **wish: object) -> Report:
        return await service.load_certificates(registry, "certificates", found, (), Wish(TODAY, **wish))  # type: ignore[arg-type]

    first = await put({"99001": one, "99009": two})
    again = await put({"99001": one})
    replaced = await put({"99001": two}, complete=True)

    assert counts(first) == {"added": 1, "refused": 1}
    assert counts(again) == {"unchanged": 1}
    assert counts(replaced) == {"added": 1, "ended": 1}
    facility = await registry.facility("99001")
    assert facility is not None
    assert [held.signer for held in facility.certificates] == ["Một", "Hai"]
    assert [held.withdrawn for held in facility.certificates] == [TODAY, None]


async def test_what_a_facility_looks_like_is_remembered_for_a_moment(
    mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await load(mongo, TWO)
    registry = Registry(mongo)
    assert await registry.facility("99001")

    await mongo.database["facilities"].update_one({"_id": "99001"}, {"$set": {"active": False}})
    remembered = await registry.facility("99001")
    monkeypatch.setattr(memory, "SECONDS", 0.0)
    fresh = await registry.facility("99001")

    assert remembered is not None
    assert fresh is not None
    assert (remembered.active, fresh.active) == (True, False)


async def test_the_memory_is_bounded(mongo: Mongo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST", 2)
    await load(mongo, TWO + "99003,Bệnh viện Ba,01\n")
    registry = Registry(mongo)

    for code in ("99001", "99002", "99003", "00000"):
        await registry.facility(code)

    assert registry._cache.keys() == ["99002", "99003"]


async def test_a_list_of_many_is_loaded_in_parts(mongo: Mongo) -> None:
    text = "code,name\n" + "".join(f"{number:05d},Trạm {number}\n" for number in range(1_203))

    assert counts(await load(mongo, text)) == {"added": 1_203}
    assert counts(await load(mongo, text)) == {"unchanged": 1_203}


async def suspend(house: House, **how: object) -> None:
    """As another process would: the house learns of it when its memory is over."""
    await house.mongo.database["facilities"].update_one({"_id": FACILITY}, {"$set": how})


@pytest.mark.parametrize("how", [{"active": False}, {"valid_until": "2020-01-01"}, {"valid_from": "2999-01-01"}])
async def test_a_facility_that_is_not_in_force_cannot_submit(house: House, how: dict[str, object]) -> None:
    token = await house.facility(FACILITY)
    await suspend(house, **how)
    denied = house.mongo.database["audit_events"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "SECONDS", 0.0)
        before = await denied.count_documents({"outcome": "DENY"})
        refused = await house.submit(token, visit_file())
        rehearsed = await house.submit(token, visit_file(), dry_run=True)
        after = await denied.count_documents({"outcome": "DENY"})

    assert (refused.status_code, refused.json()["code"]) == (403, "FACILITY_SUSPENDED")
    assert rehearsed.status_code == 403
    assert after - before == 2
    assert await house.mongo.database["records"].count_documents({}) == 0


async def test_a_facility_that_is_not_in_force_gets_no_token(house: House) -> None:
    await suspend(house, active=False)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "SECONDS", 0.0)
        assert (await Registry(house.mongo).find_client(FACILITY)) is not None
        with pytest.raises(KeyError, match="access_token"):
            await house.facility(FACILITY)


async def test_a_record_carries_the_name_of_the_day_of_the_visit(house: House) -> None:
    text = f"code,name,name_since\n{FACILITY},Bệnh viện Đổi tên,2026-10-06\n"
    await load(house.mongo, text)
    before = visit_file({"MA_LK": "LK-5"})
    later = visit_file({"MA_LK": "LK-6", "NGAY_VAO": "202610060800", "NGAY_RA": "202610060900"})
    facility = await house.facility(FACILITY)
    for body in (before, later):
        assert (await house.submit(facility, body)).status_code == 201

    book = await house.data(
        await house.citizen(NATIONAL_ID),
        '{ myHealthBook { timeline(first: 10, kinds: ["Encounter"]) { nodes { provenance { facility { name } } } } } }',
    )

    names = [one["provenance"]["facility"]["name"] for one in book["myHealthBook"]["timeline"]["nodes"]]
    assert names == ["Bệnh viện Đổi tên", f"Bệnh viện Thử {FACILITY}"]


@pytest.fixture
def keeper(mongo: Mongo, mongo_uri: str, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who keeps the registry."""
    Keys.generate().save(tmp_path / "keys.json")
    return {
        "EHB_MONGO_URI": mongo_uri,
        "EHB_DATABASE": mongo.database.name,
        "EHB_KEYS_FILE": str(tmp_path / "keys.json"),
    }


def test_the_command_loads_lists_and_says_what_it_did(tmp_path: Path, keeper: dict[str, str]) -> None:
    facilities, practitioners = tmp_path / "f.csv", tmp_path / "p.csv"
    facilities.write_text("\ufeff" + TWO.replace(",", ";"))
    practitioners.write_text(f"licence,name,facilities,national_id\n1/X,Một,99001,{NATIONAL_ID}\n")
    (tmp_path / "certificates").mkdir()
    (tmp_path / "certificates" / "99001-2026.pem").write_bytes(certificate_pem("Một"))
    lists = ("--facilities", facilities, "--practitioners", practitioners, "--certificates", tmp_path / "certificates")

    rehearsed = ehb("registry", "load", *lists, "--dry-run", **keeper)
    first = ehb("registry", "load", *lists, **keeper)
    second = ehb("registry", "load", *lists, **keeper)

    for done in (rehearsed, first):
        assert done.returncode == 0, done.stdout + done.stderr
        assert "f.csv: 2 mới / added" in done.stdout
        assert "p.csv: 1 mới / added" in done.stdout
        assert "certificates: 1 mới / added" in done.stdout
    assert "nothing was written" in rehearsed.stdout
    assert "Nothing changed." in second.stdout
    assert NATIONAL_ID not in first.stdout


def test_the_command_names_place_and_rule_and_never_the_cell(tmp_path: Path, keeper: dict[str, str]) -> None:
    facilities, practitioners = tmp_path / "f.csv", tmp_path / "p.csv"
    facilities.write_text(TWO + "9900X3,Bệnh viện Sai,01\n")
    practitioners.write_text("licence,name,facilities,national_id\n1/X,Một,99001,99918500000\n")
    (tmp_path / "certificates").mkdir()
    (tmp_path / "certificates" / "99001.pem").write_text("nonsense")

    done = ehb(
        "registry", "load", "--facilities", facilities, "--practitioners", practitioners,
        "--certificates", tmp_path / "certificates", **keeper,
    )  # fmt: skip

    assert done.returncode == 1
    assert "f.csv, dòng/line 4, code" in done.stdout
    assert "p.csv, dòng/line 2, national_id" in done.stdout
    assert "certificates/99001.pem" in done.stdout
    assert "9900X3" not in done.stdout
    assert "99918500000" not in done.stdout


def test_practitioners_are_not_loaded_without_the_keys(tmp_path: Path, keeper: dict[str, str]) -> None:
    (tmp_path / "p.csv").write_text("licence,name,facilities\n")
    environment = {name: value for name, value in keeper.items() if name != "EHB_KEYS_FILE"}

    done = ehb("registry", "load", "--practitioners", tmp_path / "p.csv", **environment)

    assert done.returncode == 1
    assert "EHB_KEYS_FILE" in done.stderr


def test_practitioners_are_not_loaded_with_the_keys_of_another_database(tmp_path: Path, keeper: dict[str, str]) -> None:
    (tmp_path / "p.csv").write_text("licence,name,facilities\n")
    ehb("registry", "load", "--practitioners", tmp_path / "p.csv", **keeper)
    Keys.generate().save(tmp_path / "other.json")

    other = {**keeper, "EHB_KEYS_FILE": str(tmp_path / "other.json")}
    done = ehb("registry", "load", "--practitioners", tmp_path / "p.csv", **other)

    assert done.returncode == 1
    assert "other keys" in done.stderr


def test_nothing_to_load_and_files_that_are_not_there_are_said_in_words(tmp_path: Path, keeper: dict[str, str]) -> None:
    for given in ((), ("--facilities", tmp_path / "none.csv"), ("--certificates", tmp_path / "none")):
        done = ehb("registry", "load", *given, **keeper)

        assert done.returncode == 1
        assert "Traceback" not in done.stderr


async def test_the_invented_lists_are_loaded_whole(mongo: Mongo) -> None:
    listed = await load(mongo, synthetic.facilities_csv())
    staffed = await staff(mongo, synthetic.practitioners_csv(), Keys.generate())

    assert counts(listed) == {"added": len(synthetic.facilities())}
    assert counts(staffed) == {"added": len(synthetic.clinicians())}
