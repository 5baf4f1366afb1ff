"""Lists of the registry as Excel and registries write them, and everything that can be wrong with them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from ehb.cli.registry import FACILITY_COLUMNS, PRACTITIONER_COLUMNS
from ehb.domain.registry import Entry, Refused
from ehb.domain.registry_rules import MESSAGES
from ehb.formats import registry_csv
from ehb.formats.registry_csv import read_facilities, read_practitioners

KEY = ECKey.generate_key("P-256")
GLN = "4006381333931"


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def facilities(text: str) -> list[Entry | Refused]:
    return list(read_facilities("f.csv", text.encode()))


def practitioners(text: str) -> list[Entry | Refused]:
    return list(read_practitioners("p.csv", text.encode()))


def entry(found: list[Entry | Refused], place: int = 0) -> Entry:
    one = found[place]
    assert isinstance(one, Entry), one
    return one


def faults(found: list[Entry | Refused]) -> list[tuple[int | None, str | None, str]]:
    refused = [one for one in found if isinstance(one, Refused)]
    return [(one.line, one.column, one.rule) for row in refused for one in row.problems]


def one_cell(column: str, cell: str) -> list[tuple[int | None, str | None, str]]:
    """What is wrong with one cell of a row that is otherwise right."""
    columns = {"code": "99001", "name": "Thử"} if column in registry_csv.FACILITY_COLUMNS else {}
    columns = columns or {"licence": "1/X", "name": "Thử", "facilities": "99001"}
    columns[column] = cell
    text = ",".join(columns) + "\n" + ",".join(quoted(one) for one in columns.values()) + "\n"
    return faults(facilities(text) if "code" in columns else practitioners(text))


def test_a_row_is_read_with_all_its_columns() -> None:
    found = facilities(
        "code,name,name_since,gln,province,type,active,valid_from,valid_until\n"
        f"99001,Bệnh viện Thử,2024-07-01,{GLN},01,hospital,false,01/02/2020,20261231\n"
    )

    assert entry(found) == Entry(
        2,
        "99001",
        {
            "name": "Bệnh viện Thử",
            "name_since": date(2024, 7, 1),
            "gln": GLN,
            "province": "01",
            "type": "hospital",
            "active": False,
            "valid_from": date(2020, 2, 1),
            "valid_until": date(2026, 12, 31),
        },
    )


def test_a_column_that_is_not_there_says_nothing_and_an_empty_cell_says_none() -> None:
    assert dict(entry(facilities("code,name,gln\n99001,Thử,\n")).values) == {"name": "Thử", "gln": None}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_what_excel_writes_is_read(mark: str, delimiter: str, newline: str) -> None:
    rows = [["Code", " NAME "], ['="01001"', '"Bệnh viện ""Thử"", cơ sở; 2"'], ["'01002", "Hai"], ["", ""]]

    found = facilities(mark + newline.join(delimiter.join(row) for row in rows))

    assert [entry(found, place).key for place in range(len(found))] == ["01001", "01002"]
    assert entry(found).values["name"] == 'Bệnh viện "Thử", cơ sở; 2'


def test_a_quoted_excel_formula_around_a_code_is_read() -> None:
    assert entry(facilities('code,name\n"=""01001""",Thử\n')).key == "01001"


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    found = facilities('code,name\n99001,"Hai\ndòng"\n9,Sai\n')

    assert entry(found).values["name"] == "Hai dòng"
    assert faults(found) == [(4, "code", "code.format")]


def test_decomposed_letters_are_composed() -> None:
    assert entry(facilities("code,name\n99001,Thu\u031b\u0309\n")).values["name"] == "Thử"


def test_a_wrong_row_is_refused_alone_and_with_all_its_faults() -> None:
    found = facilities("code,name,gln,valid_from\n99001,Một,,\n9,,123,31/02/2026\n99003,Ba,,\n")

    assert [one.key for one in found if isinstance(one, Entry)] == ["99001", "99003"]
    assert faults(found) == [
        (3, "code", "code.format"),
        (3, "name", "cell.required"),
        (3, "gln", "gln.format"),
        (3, "valid_from", "date.format"),
    ]


@pytest.mark.parametrize(
    ("column", "cell", "rule"),
    [
        ("code", "1001", "code.format"),
        ("code", "990011", "code.format"),
        ("gln", "8.93E+12", "gln.format"),
        ("gln", "4006381333932", "gln.format"),
        ("province", "1", "province.format"),
        ("active", "maybe", "active.format"),
        ("valid_from", "2026-02-30", "date.format"),
        ("valid_from", "02.03.2026", "date.format"),
        ("name", "a" * 501, "cell.length"),
        ("name", "a\x00b", "cell.control"),
        ("jwks", "{}", "key.unreadable"),
        ("jwks", "[[[[", "key.unreadable"),
        ("jwks", '{"keys": []}', "key.unreadable"),
        ("jwks", '{"keys": [7]}', "key.unreadable"),
        ("jwks", json.dumps({"keys": [KEY.as_dict(private=True)]}), "key.private"),
        ("jwks", json.dumps({"keys": [{"kty": "oct", "k": "A" * 43}]}), "key.private"),
        ("jwks", json.dumps({"keys": [ECKey.generate_key("secp256k1").as_dict(private=False)]}), "key.weak"),
        ("jwks", json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}), "key.weak"),
        ("jwks_uri", "http://keys.example.vn/jwks.json", "key.address"),
        ("jwks_uri", "https://user@keys.example.vn/jwks.json", "key.address"),
        ("jwks_uri", "https://keys.example.vn/a b", "key.address"),
        ("jwks_uri", "keys.example.vn", "key.address"),
        ("facilities", "99001;9", "code.format"),
        ("national_id", "12345", "number.format"),
        ("national_id", "123456789", "number.format"),
        ("national_id", "9,99085E+11", "number.format"),
    ],
)
def test_a_cell_that_breaks_a_rule_is_named(column: str, cell: str, rule: str) -> None:
    assert one_cell(column, cell) == [(2, column, rule)]


def test_a_short_rsa_key_is_refused() -> None:
    with pytest.warns(Warning, match="2048"):
        short = RSAKey.generate_key(1024)

    assert one_cell("jwks", json.dumps({"keys": [short.as_dict(private=False)]})) == [(2, "jwks", "key.weak")]


def test_a_client_without_keys_is_refused() -> None:
    assert one_cell("client_id", "other") == [(2, "jwks", "cell.required")]


@pytest.mark.parametrize(("client_id", "registered"), [("", "99001"), ("his", "his")])
def test_keys_come_under_the_client_of_the_row(client_id: str, registered: str) -> None:
    jwks = json.dumps({"keys": [KEY.as_dict(private=False)]})

    client = entry(facilities(f"code,name,client_id,jwks\n99001,Thử,{client_id},{quoted(jwks)}\n")).values["client"]

    assert (client.client_id, client.facility) == (registered, "99001")
    assert client.jwks[0]["x"] == KEY.as_dict(private=False)["x"]
    assert client.jwks[0]["kid"]


def test_a_client_may_publish_its_keys_instead() -> None:
    """Row A5."""
    uri = "https://keys.example.vn/jwks.json"

    client = entry(facilities(f"code,name,jwks_uri\n99001,Thử,{uri}\n")).values["client"]

    assert (client.client_id, client.jwks, client.jwks_uri) == ("99001", (), uri)


def test_keys_and_their_address_together_are_refused() -> None:
    jwks = quoted(json.dumps({"keys": [KEY.as_dict(private=False)]}))

    found = facilities(f"code,name,jwks,jwks_uri\n99001,Thử,{jwks},https://keys.example.vn/\n")

    assert faults(found) == [(2, "jwks_uri", "key.twice")]


def test_the_end_must_not_be_before_the_beginning() -> None:
    found = facilities("code,name,valid_from,valid_until\n99001,Thử,2026-02-02,2026-02-01\n")

    assert faults(found) == [(2, "valid_until", "date.order")]


def test_a_code_that_comes_twice_is_refused_the_second_time() -> None:
    assert faults(facilities("code,name\n99001,Một\n99001,Hai\n")) == [(3, "code", "row.repeated")]
    found = practitioners("licence,name,facilities\n1/x,Một,99001\n 1/X ,Hai,99001\n")
    assert faults(found) == [(3, "licence", "row.repeated")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", (1, "code", "file.header")),
        ("code\n99001\n", (1, "name", "file.header")),
        ("code,name,nmae\n99001,Thử,x\n", (1, "#3", "header.unknown")),
        ("code,name,name\n99001,Thử,x\n", (1, "name", "header.repeated")),
        ("code,name\n99001\n", (2, None, "row.cells")),
        ("code,name\n99001,Thử,x\n", (2, None, "row.cells")),
        ('code,name\n99001,"Thử\n', (2, None, "row.quoting")),
    ],
)
def test_a_file_of_another_shape_is_refused(text: str, fault: tuple[int | None, str | None, str]) -> None:
    found = facilities(text)

    assert fault in faults(found)
    assert not any(isinstance(one, Entry) for one in found)


def test_a_file_that_is_not_utf_8_is_refused() -> None:
    assert faults(list(read_facilities("f.csv", "code,name\n99001,Bệnh viện".encode("utf-16")))) == [
        (None, None, "file.encoding")
    ]


def test_a_practitioner_has_facilities_and_a_number() -> None:
    row = entry(
        practitioners(
            "licence;name;facilities;scope;national_id;valid_until\n"
            '  000123/hno-cchn ;Nguyễn Thị Thử;"99001; 99002";Nội khoa;999185000001;31/12/2030\n'
        )
    )

    assert row.key == "000123/HNO-CCHN"
    assert dict(row.values) == {
        "licence": "000123/hno-cchn",
        "name": "Nguyễn Thị Thử",
        "facilities": ("99001", "99002"),
        "scope": "Nội khoa",
        "number": "999185000001",
        "valid_until": date(2030, 12, 31),
    }


def test_the_command_names_the_columns_that_there_are() -> None:
    assert set(FACILITY_COLUMNS.split(", ")) == set(registry_csv.FACILITY_COLUMNS)
    assert set(PRACTITIONER_COLUMNS.split(", ")) == set(registry_csv.PRACTITIONER_COLUMNS)


def test_every_rule_has_words_in_both_languages() -> None:
    assert all(vi and en and vi != en for vi, en in MESSAGES.values())


@given(st.binary(max_size=400) | st.text(alphabet='ab019,;"\r\n=\ufeff\x00đ', max_size=200).map(str.encode))
def test_nothing_in_a_file_makes_reading_raise(noise: bytes) -> None:
    def read(content: bytes) -> list[Any]:
        return [*read_facilities("f", content), *read_practitioners("p", content)]

    assert all(isinstance(one, Entry | Refused) for one in read(noise) + read(b"code,name\n" + noise))
