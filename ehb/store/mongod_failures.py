"""What mongod's log says when it does not start, in words that an operator can act upon.

mongod writes one JSON line per event; the sentences below have been stable since 4.4. This file owns
nothing else: it reads text and returns an error.

Invariant: whatever mongod wrote, there is an error, and it carries mongod's own last words.
"""

from __future__ import annotations

import errno
import json
from pathlib import Path

from ehb.errors import EhbError, Misconfigured, Unavailable


def in_use(folder: Path) -> Misconfigured:
    return Misconfigured(
        vi=f"Thư mục dữ liệu {folder} đang được một mongod khác dùng. Hãy dừng nó hoặc chọn thư mục khác.",
        en=f"Another mongod is using the data folder {folder}. Stop it or choose another folder.",
    )


def port_taken(port: int) -> Misconfigured:
    return Misconfigured(
        vi=f"Cổng {port} trên 127.0.0.1 đã có chương trình khác dùng. Hãy chọn cổng khác, hoặc 0 để tự tìm.",
        en=f"Port {port} on 127.0.0.1 is taken. Choose another one, or 0 to let us find one.",
    )


def disk_full(folder: Path) -> Misconfigured:
    return Misconfigured(
        vi=f"Ổ đĩa chứa {folder} đã đầy. Hãy giải phóng chỗ hoặc chọn thư mục trên ổ khác.",
        en=f"The disk of {folder} is full. Free some space or choose a folder on another disk.",
    )


def other_version(folder: Path, version: str) -> Misconfigured:
    return Misconfigured(
        vi=f"Dữ liệu trong {folder} do một phiên bản MongoDB khác (thường là mới hơn) ghi; mongod này là "
        f"{version} và không đọc được. Hãy đặt EHB_MONGOD trỏ tới phiên bản đã ghi, hoặc chọn thư mục khác.",
        en=f"The data in {folder} was written by another, usually newer, version of MongoDB; this mongod is "
        f"{version} and cannot read it. Set EHB_MONGOD to the version that wrote it, or choose another folder.",
    )


def wrong_password(folder: Path) -> Misconfigured:
    return Misconfigured(
        vi=f"Mật khẩu trong {folder} không mở được dữ liệu ở đó. Hãy khôi phục tệp `password` hoặc chọn thư mục khác.",
        en=f"The password in {folder} does not open its data. Restore the file `password` or choose another folder.",
    )


def too_slow(folder: Path, log: str) -> Unavailable:
    return Unavailable(
        vi=f"mongod trong {folder} khởi động quá lâu. {_last_words(log)}",
        en=f"mongod in {folder} took too long to start. {_last_words(log)}",
    )


def unwilling(folder: Path, reason: str) -> Unavailable:
    return Unavailable(
        vi=f"mongod trong {folder} chạy nhưng không nhận lệnh khởi tạo: {reason}",
        en=f"mongod in {folder} runs but refuses to be set up: {reason}",
    )


def from_os_error(error: OSError, folder: Path) -> Misconfigured:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(folder)
    return Misconfigured(
        vi=f"Không ghi được vào thư mục dữ liệu {folder}: {error.strerror}. Hãy sửa quyền hoặc chọn thư mục khác.",
        en=f"The data folder {folder} cannot be written: {error.strerror}. Mend it or choose another folder.",
    )


def from_log(log: str, folder: Path, port: int, version: str) -> EhbError:
    """The reason why mongod has ended. The order matters: a version error also says "Permission denied"."""
    if "DBPathInUse" in log:
        return in_use(folder)
    if "Address already in use" in log:
        return port_taken(port)
    if "No space left on device" in log:
        return disk_full(folder)
    if any(sign in log for sign in _OTHER_VERSION):
        return other_version(folder, version)
    return Unavailable(
        vi=f"mongod trong {folder} dừng ngay khi khởi động. {_last_words(log)}",
        en=f"mongod in {folder} ended while starting. {_last_words(log)}",
    )


_OTHER_VERSION = (
    "Invalid featureCompatibilityVersion",  # one release apart: the data files still open
    "unsupported WiredTiger source file version",  # the file format itself is another one
    "unsupported WiredTiger file version",
    "Version incompatibility detected",
    "under any compatibility version",
)


def _last_words(log: str) -> str:
    """Errors and fatal lines as mongod gave them; lines that are not JSON come from the loader."""
    said = []
    for line in log.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            said.append(line)
            continue
        if event.get("s") in ("E", "F"):
            said.append(f"{event.get('msg', '').strip()} {json.dumps(event.get('attr', {}))}")
    return f"mongod: {' | '.join(said)[-600:]}" if said else "mongod: –"
