"""The scan for advisories: what it finds fails, what was looked at passes, and a service that is silent is said."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPORT = {
    "dependencies": [
        {"name": "good", "version": "1.0", "vulns": []},
        {"name": "bad", "version": "2.0", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.1"]}]},
    ]
}


@pytest.fixture
def audit() -> ModuleType:
    path = Path(__file__).parents[1] / ".ci" / "audit.py"
    spec = importlib.util.spec_from_file_location("audit", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stand_in(folder: Path, text: str, status: int) -> list[str]:
    """A program that answers as pip-audit would."""
    program = folder / "pip_audit.py"
    program.write_text(f"import sys\nprint({text!r})\nprint('no route', file=sys.stderr)\nsys.exit({status})\n")
    return [sys.executable, str(program)]


@pytest.mark.parametrize(("looked_at", "found"), [(set(), 1), ({"PYSEC-1"}, 0), ({"CVE-1"}, 0), ({"CVE-2"}, 1)])
def test_advisory_fails_until_somebody_has_looked_at_it(audit: ModuleType, looked_at: set[str], found: int) -> None:
    assert len(audit.judge(json.dumps(REPORT), looked_at)) == found


def test_advisory_ends_with_1(audit: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(stand_in(tmp_path, json.dumps(REPORT), 1)) == 1
    assert "bad 2.0: PYSEC-1 (mended in 2.1)" in capsys.readouterr().out


def test_silent_service_is_said_and_passes(
    audit: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(stand_in(tmp_path, "", 1)) == 0
    assert "audit skipped" in capsys.readouterr().out


def test_line_without_a_reason_is_an_error(audit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "advisories.txt"
    listed.write_text("PYSEC-1 2026-12-01\n")
    monkeypatch.setattr(audit, "KNOWN", listed)

    with pytest.raises(SystemExit):
        audit.known()
