"""Loading the registry's lists and registering single facilities: files in, reports out.

The one invariant: what is told names places and rules, never a cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ehb.app import connected
from ehb.domain.coding import VIETNAM
from ehb.domain.registry import Certificate, Entry, Refused, Report
from ehb.domain.registry_rules import MESSAGES, list_problem
from ehb.errors import Misconfigured
from ehb.formats.public_keys import UnusableKey, certificates_from, key_set_address, public_jwk
from ehb.formats.registry_csv import read_facilities, read_practitioners
from ehb.services import registry_lists as service
from ehb.settings import from_environment
from ehb.store.migrations import bind, migrate
from ehb.store.practitioners import Practitioners
from ehb.store.registry import Registry
from ehb.store.vault import Keys, Vault

_CERTIFICATES = frozenset({".pem", ".crt", ".cer", ".der"})
_WORDS = (
    ("added", "mới", "added"),
    ("changed", "thay đổi", "changed"),
    ("unchanged", "giữ nguyên", "unchanged"),
    ("ended", "kết thúc", "ended"),
    ("refused", "bị từ chối", "refused"),
)


async def register_facility(
    code: str, name: str, client_id: str, key_file: Path | None, jwks_uri: str | None = None
) -> None:
    """Register a facility and the public key of its client, or the address of its keys.

    Raises Misconfigured for a file that is no public key, and for an address that is not https.
    """
    jwks = [_public_jwk(key_file)] if key_file is not None else []
    uri = _address(jwks_uri) if jwks_uri is not None else None
    mongo = connected(from_environment())
    try:
        await migrate(mongo)
        await Registry(mongo).register(code, name, client_id, jwks, uri)
    finally:
        await mongo.close()


def _address(text: str) -> str:
    try:
        return key_set_address(text)
    except UnusableKey as unusable:
        vi, en = MESSAGES[unusable.rule]
        raise Misconfigured(vi=f"--jwks-uri: {vi}", en=f"--jwks-uri: {en}") from None


def _public_jwk(path: Path) -> dict[str, Any]:
    try:
        return public_jwk(_content(path))
    except UnusableKey as unusable:
        if unusable.rule == "key.private":
            raise Misconfigured(
                vi=f"{path} là khóa riêng; cơ sở chỉ gửi khóa công khai.",
                en=f"{path} is a private key. Facilities keep it; register the public one.",
            ) from None
        raise Misconfigured(
            vi=f"{path} không phải khóa công khai EC (P-256, P-384) hoặc RSA (từ 2048 bit) dạng PEM.",
            en=f"{path} is not a PEM public key: EC (P-256, P-384) or RSA of 2048 bits and more.",
        ) from None


async def load_lists(
    *, facilities: Path | None, practitioners: Path | None, certificates: Path | None, dry_run: bool, complete: bool
) -> list[Report]:
    """Load the lists that are given, in this order; one report for each. Raises Misconfigured."""
    if not (facilities or practitioners or certificates):
        raise Misconfigured(
            vi="Cần --facilities, --practitioners hoặc --certificates.",
            en="Nothing to load: name --facilities, --practitioners or --certificates.",
        )
    wish = service.Wish(datetime.now(UTC).astimezone(VIETNAM).date(), dry_run, complete)
    reports: list[Report] = []
    known: frozenset[str] = frozenset()
    keys = _keys() if practitioners else None
    mongo = connected(from_environment())
    try:
        if not dry_run:
            await migrate(mongo)
            if keys is not None:
                await bind(mongo, keys)
        registry = Registry(mongo)
        if facilities:
            rows = _shown(read_facilities(facilities.name, _content(facilities)))
            report, known = await service.load_facilities(registry, facilities.name, rows, wish)
            reports.append(report)
        if practitioners and keys is not None:
            source = practitioners.name
            rows = _shown(read_practitioners(source, _content(practitioners)))
            licences = Practitioners(mongo, Vault(keys))
            reports.append(await service.load_practitioners(licences, registry, source, rows, wish, known=known))
        if certificates:
            found, refused = certificates_in(certificates)
            source = certificates.name
            reports.append(await service.load_certificates(registry, source, found, refused, wish, known=known))
    finally:
        await mongo.close()
    return reports


def _shown(rows: Iterator[Entry | Refused]) -> Iterable[Entry | Refused]:
    """The rows, with progress where somebody looks on."""
    return tqdm(rows, unit=" rows", mininterval=0.5, leave=False, disable=None)


def certificates_in(folder: Path) -> tuple[dict[str, list[Certificate]], list[Refused]]:
    """The certificates of a folder by facility code, and the files that are refused. Raises Misconfigured."""
    found: dict[str, list[Certificate]] = {}
    refused: list[Refused] = []
    for path in _files(folder):
        code = path.stem.partition("-")[0].upper()
        if not (len(code) == 5 and code.isascii() and code.isalnum()):
            refused.append(Refused((list_problem(f"{folder.name}/{path.name}", "certificate.name"),)))
            continue
        try:
            found.setdefault(code, []).extend(certificates_from(_content(path)))
        except UnusableKey as unusable:
            refused.append(Refused((list_problem(f"{folder.name}/{path.name}", unusable.rule),)))
    return found, refused


def _files(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(path for path in folder.iterdir() if path.suffix.lower() in _CERTIFICATES)
    except OSError as error:
        raise Misconfigured(vi=f"Không đọc được {folder}.", en=f"Cannot read {folder}: {error.strerror}.") from error


def _keys() -> Keys:
    settings = from_environment()
    if settings.keys_file is None:
        raise Misconfigured(
            vi="Thiếu EHB_KEYS_FILE: số định danh của người hành nghề chỉ được lưu dạng chỉ mục mù.",
            en="EHB_KEYS_FILE is not set: practitioners' identity numbers are kept as a keyed blind index only.",
        )
    return Keys.load(settings.keys_file)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(vi=f"Không đọc được {path}.", en=f"Cannot read {path}: {error.strerror}.") from error


def told(reports: Sequence[Report], *, dry_run: bool) -> str:
    """The reports in words."""
    lines: list[str] = []
    for report in reports:
        lines.append(f"{report.source}: " + ", ".join(f"{report.counts[what]} {vi} / {en}" for what, vi, en in _WORDS))
        for one in report.problems:
            where = (one.source, f"dòng/line {one.line}" if one.line else "", one.column or "")
            lines.append(f"  {', '.join(part for part in where if part)}: {one.message_vi}")
            lines.append(f"    {one.message_en}  [{one.rule}]")
    if dry_run:
        lines += ["Chạy thử: không ghi gì.", "A rehearsal: nothing was written."]
    elif all(report.changed_nothing for report in reports):
        lines += ["Không có gì thay đổi.", "Nothing changed."]
    return "\n".join(lines)
