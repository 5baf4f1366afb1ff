"""Code lists of sensitivity: for each label a hit by diagnosis, drug and test, by code and by name, and near misses."""

from __future__ import annotations

import time

import pytest

from ehb.domain.sensitivity import ICD10, SENSITIVITY_LABELS
from ehb.domain.sensitivity_lists import CodeLists, Names, Row
from ehb.formats.sensitivity_lists import code_lists, rows

LISTS = code_lists()
ATC, LOINC, OPERATION = "http://www.whocc.no/atc", "http://loinc.org", "http://hl7.org/fhir/sid/icd-9-cm"
TRADITIONAL = "urn:vn:byt:qd4750:MA_BENH_YHCT"


@pytest.mark.parametrize(
    ("code", "label"),
    [
        *(("A14.9", None), ("A15", "TB"), ("A19.9", "TB"), ("A20", None), ("A31.0", None), ("Z20.1", "TB")),
        *(("A49.9", None), ("A50.0", "STD"), ("A64", "STD"), ("A65", None), ("O98.1", "STD"), ("O98.4", None)),
        *(("B19.9", None), ("B20", "HIV"), ("B24", "HIV"), ("B25", None), ("B18.1", None), ("B97.7", None)),
        *(("Z20.6", "HIV"), ("Z20.5", None), ("Z21", "HIV"), ("Z22.4", "STD"), ("Z22.5", None), ("R75", "HIV")),
        *(("E90", None), ("F00.0", "PSY"), ("F09", "PSY"), ("F10.2", "ETH"), ("F19", "ETH"), ("F20", "PSY")),
        *(("F99", "PSY"), ("G00", None), ("X59", None), ("X60", "PSY"), ("X84.9", "PSY"), ("X85", None)),
        *(("N96", "SEX"), ("N99", None), ("O00", "SEX"), ("O08.9", "SEX"), ("O09", None), ("O20.0", None)),
        *(("Z31.1", "SEX"), ("Z34.0", None), ("Z37.0", None), ("Z37.1", "SEX"), ("Z39.2", None), ("O80.0", None)),
        *(("T73", None), ("T74.1", "SDV"), ("T75", None), ("Z61.6", "SDV"), ("Z61.3", None)),
        *(("Y04", None), ("Y05", "SDV"), ("Y07.9", "SDV"), ("Y08", None)),
        *(("Q90.9", "GDIS"), ("Q89", None), ("D56.1", "GDIS"), ("D59", None), ("E73.9", None), ("E78.2", None)),
        *(("Q56.4", "GENDER"), ("Q55", None), ("E34.4", None)),
        *(("Z52.0", None), ("Z52.4", "ORGAN"), ("Z94.0", "ORGAN"), ("Z95.5", None), ("T86.1", "ORGAN")),
        *(("", None), ("I10", None), ("B", None), ("B2", None), ("F1", None), ("Z52", None)),
    ],
)
def test_a_diagnosis_is_labelled_exactly_inside_its_range(code: str, label: str | None) -> None:
    assert LISTS.of_code(ICD10, code) == (frozenset({label}) if label else frozenset())


@pytest.mark.parametrize("code", ["B20", "b20", " B20 ", "B20.1", "B201", "B20†", "B20.1†", "B20*", "b20.9*", "B20+"])
@pytest.mark.parametrize("system", [ICD10, "urn:vn:ICD10", "http://hl7.org/fhir/sid/icd-10-cm", TRADITIONAL])
def test_the_spelling_of_dots_and_daggers_hides_nothing(system: str, code: str) -> None:
    assert LISTS.of_code(system, code) == {"HIV"}


def test_a_code_that_is_sensitive_twice_has_both_labels() -> None:
    assert LISTS.of_code(ICD10, "F64.0") == {"GENDER", "PSY"}


@pytest.mark.parametrize(
    ("system", "code", "label"),
    [
        *((ATC, "J05AR10", "HIV"), (ATC, "J05AF07", "HIV"), (ATC, "J05AF10", None), (ATC, "J05AE30", None)),
        *((ATC, "J05AE10", "HIV"), (ATC, "J05AE11", None), (ATC, "J05AG03", "HIV"), (ATC, "J05AH02", None)),
        *((ATC, "J04AM06", "TB"), (ATC, "J04AK05", "TB"), (ATC, "J04AB03", None), (ATC, "J04BA02", None)),
        *((ATC, "N05AN01", "PSY"), (ATC, "N05AX08", "PSY"), (ATC, "N05AD08", None), (ATC, "N05AB04", None)),
        *((ATC, "N06AB06", "PSY"), (ATC, "N05BA01", None), (ATC, "N06DA02", None), (ATC, "N07BC02", "ETH")),
        *((ATC, "N07BB03", "ETH"), (ATC, "N07BA01", None), (ATC, "N07CA01", None), (ATC, "G03GB02", "SEX")),
        *((ATC, "G03CA03", None), (ATC, "G02AD06", None), (ATC, "A10BA02", None), (ATC, "J05", None)),
        *((LOINC, "20447-9", "HIV"), (LOINC, "24467-3", "HIV"), (LOINC, "20507-0", "STD"), (LOINC, "3879-4", "ETH")),
        *((LOINC, "38379-4", "TB"), (LOINC, "29770-5", "GDIS"), (LOINC, "14334-7", "PSY")),
        (LOINC, "76690-7", "GENDER"),
        *((LOINC, "718-7", None), (LOINC, "4548-4", None), (LOINC, "20447", None), (LOINC, "", None)),
        *((OPERATION, "55.69", "ORGAN"), (OPERATION, "55.61", None), (OPERATION, "69.01", "SEX")),
        *((OPERATION, "69.02", None), (OPERATION, "64.5", "GENDER"), (OPERATION, "645.1", None)),
        (OPERATION, "74.1", None),
        *((OPERATION, "94.27", "PSY"), (OPERATION, "94.61", "ETH"), ("", "B20", None), ("urn:x", "J05AR10", None)),
    ],
)  # fmt: skip
def test_a_drug_a_test_and_an_operation_are_labelled_by_code(system: str, code: str, label: str | None) -> None:
    assert LISTS.of_code(system, code) == (frozenset({label}) if label else frozenset())


@pytest.mark.parametrize(
    ("name", "label"),
    [
        *(("Efavirenz 600mg", "HIV"), ("Tenofovir 300mg + lamivudin 300mg + dolutegravir 50mg", "HIV")),
        *(("Lopinavir/ritonavir 200mg/50mg", "HIV"), ("ZIDOVUDINE", "HIV"), ("Nevirapin", "HIV"), ("TLD", "HIV")),
        *(("Tenofovir disoproxil fumarat 300mg", "HIV"), ("Lamivudin 100mg", "HIV"), ("Entecavir 0,5mg", None)),
        *(("Nirmatrelvir 150mg + ritonavir 100mg", None), ("Aciclovir 800mg", None), ("Oseltamivir 75mg", None)),
        ("Rifampicin 150mg + isoniazid 75mg + pyrazinamid 400mg + ethambutol 275mg", "TB"),
        *(("Bedaquilin 100mg", "TB"), ("Rifamycin natri nhỏ tai", None), ("Streptomycin 1g", None)),
        *(("Methadon hydroclorid 10mg/ml", "ETH"), ("Naltrexone", "ETH"), ("Morphin hydroclorid 10mg/ml", None)),
        *(("Ketamin 500mg/10ml", None), ("Ethanol tuyệt đối", None), ("Nicotin miếng dán", None)),
        *(("Sertralin 50mg", "PSY"), ("Lithi carbonat 300mg", "PSY"), ("Clorpromazin hydroclorid 25mg", "PSY")),
        *(("Diazepam 5mg", None), ("Natri valproat 200mg", None), ("Droperidol", None), ("Promethazin", None)),
        *(("Clomifen citrat 50mg", "SEX"), ("Mifepriston 200mg", "SEX"), ("Misoprostol 200mcg", None)),
        *(("Oxytocin 5IU/ml", None), ("Progesteron 200mg", None), ("Metformin hydroclorid 850mg", None)),
        *(("Tacrolimus 1mg", None), ("Insulin người trộn 30/70", None), ("Levothyroxin", None), ("", None)),
    ],
)
def test_a_drug_is_labelled_by_its_name(name: str, label: str | None) -> None:
    assert LISTS.of_names(Names(drugs=(name,))) == (frozenset({label}) if label else frozenset())


@pytest.mark.parametrize(
    ("name", "label"),
    [
        *(("HIV đo tải lượng Real-time PCR", "HIV"), ("TẢI LƯỢNG HIV", "HIV"), ("tai luong hiv", "HIV")),
        *(("HIV–1 RNA", "HIV"), ("Anti-HIV", "HIV"), ("HIV Ag/Ab combo", "HIV"), ("HIV_Ab", "HIV")),
        *(("Đếm số lượng tế bào lympho T CD4", "HIV"), ("CD3/CD4/CD8", "HIV"), ("CD45", None), ("CD34+", None)),
        *(("Archivhive", None), ("Shivering scale", None), ("Hearing aids check", None), ("HBV đo tải lượng", None)),
        *(("Treponema pallidum TPHA định tính", "STD"), ("RPR", "STD"), ("Chlamydia test nhanh", "STD")),
        *(("Chlamydia pneumoniae IgM", None), ("Soi tươi dịch âm đạo", None), ("đã lâu, bệnh lâu ngày", None)),
        *(("AFB trực tiếp nhuộm Ziehl-Neelsen", "TB"), ("Xpert MTB/RIF Ultra", "TB"), ("Mantoux", "TB")),
        *(("AFP", None), ("Tai nạn lao động", None), ("Lão khoa", None), ("Thuốc lào", None)),
        *(("Chống lão hóa da", None), ("Thuốc chống lao", "TB"), ("Hoa lan", None), ("SARS-CoV-2 Xpress", None)),
        *(("Morphin/Heroin (nước tiểu)", "ETH"), ("Amphetamin [niệu]", "ETH"), ("Nồng độ cồn trong máu", "ETH")),
        *(("Định lượng Lithium [Máu]", "PSY"), ("Thang đánh giá trầm cảm Hamilton", "PSY"), ("Điện não đồ", None)),
        *(("Nhiễm sắc thể đồ", "GDIS"), ("NIPT", "GDIS"), ("Đột biến gen EGFR", None), ("HLA-B27", None)),
        *(("Double test", None), ("Kháng sinh đồ", None), ("Siêu âm thai, túi noãn hoàng", None)),
        *(("Chuyển phôi đông lạnh", "SEX"), ("Tinh dịch đồ", "SEX"), ("Định lượng bHCG [Máu]", None)),
        *(("Phẫu thuật ghép thận", "ORGAN"), ("Ghép da tự thân", None), ("Ghép xương", None), ("Siêu âm thận", None)),
        *(("Phẫu thuật chuyển đổi giới tính", "GENDER"), ("Định lượng hormon giới tính", None)),
        *(("Khám nạn nhân bạo lực gia đình", "SDV"), ("Bạo bệnh", None)),
        *(("Hemoglobin (HGB)", None), ("TSH", None), ("HbA1c", None), ("Tổng phân tích nước tiểu", None)),
    ],
)  # fmt: skip
def test_a_test_and_a_service_are_labelled_by_their_name(name: str, label: str | None) -> None:
    assert LISTS.of_names(Names(tests=(name,))) == (frozenset({label}) if label else frozenset())


@pytest.mark.parametrize(
    ("name", "label"),
    [
        *(("Nhiễm HIV giai đoạn 1", "HIV"), ("Viêm gan virus B mạn", None), ("Lao phổi AFB (+)", "TB")),
        *(("Sẩy thai sớm", "SEX"), ("Dọa sẩy thai", None), ("Doạ sảy thai 8 tuần", None), ("Thai lưu", "SEX")),
        *(("Giai đoạn trầm cảm vừa", "PSY"), ("Tâm phế mạn", None), ("Nghiện ma tuý", "ETH"), ("Nghiên cứu", None)),
        *(("Giang mai kín", "STD"), ("Bệnh mạn tính", None), ("Hội chứng Down", "GDIS"), ("Mổ ruột thừa", None)),
        *(("HI", None), ("V", None), ("Số lượng giới hạn", None)),
    ],
)
def test_a_diagnosis_is_labelled_by_its_words(name: str, label: str | None) -> None:
    assert LISTS.of_names(Names(others=(name,))) == (frozenset({label}) if label else frozenset())


def test_words_of_two_names_are_no_phrase() -> None:
    assert LISTS.of_names(Names(others=("Gãy xương, không lao", "động phổi"))) == frozenset()
    assert LISTS.of_names(Names(others=("Khám lao", "phổi trong"))) == frozenset()


def test_every_label_that_intake_puts_on_has_a_diagnosis_and_a_name() -> None:
    systems: dict[str, set[str]] = {label: set() for label in SENSITIVITY_LABELS if label not in ("R", "V")}
    for row in rows():
        if row.label in systems:
            systems[row.label].add(row.system)

    assert all({"icd10", "words"} <= found for found in systems.values()), systems


@pytest.mark.parametrize(("first", "last"), [("A19", "A15"), ("A15", "B19"), ("15", "19"), ("", "")])
def test_a_range_that_cannot_be_meant_is_not_read(first: str, last: str) -> None:
    with pytest.raises(ValueError, match="is no range"):
        CodeLists([Row("icd10", first, last, "TB")])


def test_forty_names_and_codes_are_judged_far_inside_the_budget_of_a_visit() -> None:
    names = Names(
        drugs=tuple(f"Amoxicilin {n}mg + acid clavulanic" for n in range(15)),
        tests=tuple(f"Định lượng chỉ số số {n} [Máu]" for n in range(25)),
    )
    best = min(_seconds(names) for _ in range(20))

    assert best < 0.001, f"{best * 1e6:.0f} µs; 200 are meant, on a machine with time"


def _seconds(names: Names) -> float:
    began = time.perf_counter()
    LISTS.of_names(names)
    for number in range(40):
        LISTS.of_code(ICD10, f"I{number:02}")
    return time.perf_counter() - began
