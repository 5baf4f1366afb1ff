"""Every command of the README's tour is run, in order, against a running demo, as a newcomer types it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningDemo

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SECURITY = (ROOT / "SECURITY.md").read_text()
BLOCKS = [(kind.strip(), text) for kind, text in re.findall(r"^```sh([^\n]*)\n(.*?)^```$", README, re.M | re.S)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    folder = tmp_path_factory.mktemp("tour")
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "examples").symlink_to(ROOT / "examples")
    with RunningDemo(folder, "--people", "16") as running:
        yield running


def walk(demo: RunningDemo, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-eu", "-c", text.replace("http://127.0.0.1:8000", demo.base)],
        cwd=demo.folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "EHB_URL": demo.base},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.long
def test_the_tour_works_as_it_is_written(demo: RunningDemo) -> None:
    said: list[str] = []

    for kind, text in BLOCKS:
        if kind == "operator":
            continue
        done = walk(demo, text)
        assert (done.returncode != 0) == (kind == "fails"), f"{text}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout + done.stderr)

    told = "\n".join(said)
    assert "Nguyễn Trọng Tám" in told
    assert "ACCEPTED" in told
    assert "UNCHANGED" in told
    assert "Tái khám tăng huyết áp" in told
    assert "identifier.format" in told
    assert "FORBIDDEN" in told
    assert "Bạn cho phép người hành nghề của cơ sở «Bệnh viện Trung ương Lạc Hồng" in told
    assert "mở phần được xuất trình của sổ sức khỏe (chẩn đoán, đơn thuốc)" in told
    assert "Bị từ chối vì: không có căn cứ nào cho phép" in told
    assert "Tôi không quen người này" in told
    assert "NOT_MINE" in told
    assert "99005: 1 emergencies" in told
    assert "sealed lines, 0 findings" in told
    assert "Traceback" not in told


def test_every_command_and_option_that_the_readme_names_exists() -> None:
    commands = set(re.findall(r"(?:^|`|/)ehb ([a-z]+)", README, re.M))

    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "ehb", command, "--help"], capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert done.returncode == 0, command
    assert {"demo", "login", "ask", "submit", "serve", "migrate", "keys", "facility", "schema"} <= commands


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", README))))
def test_what_the_readme_points_to_is_there(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:tests|ehb|\.ci)/[\w./-]+)`", SECURITY))))
def test_what_the_security_page_points_to_is_there(path: str) -> None:
    assert (ROOT / path).exists()
