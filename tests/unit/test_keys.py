"""The file of keys, and `ossicle key`: what is refused, and that no key is ever shown."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from commandline import Run, rows, run_in

from ossicle import keys
from ossicle.errors import KeyFileError

KEY = "0f" * 20


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "somewhere" / "keys.toml"
    monkeypatch.setenv("OSSICLE_KEYS", str(path))
    return path


@pytest.fixture
def run(tmp_path: Path, place: Path) -> Run:
    return run_in(tmp_path)


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_where_they_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OSSICLE_KEYS", "/x/y.toml")
    assert keys.usual_path() == Path("/x/y.toml")
    monkeypatch.delenv("OSSICLE_KEYS")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert keys.usual_path() == tmp_path / "ossicle" / "keys.toml"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert keys.usual_path() == tmp_path / ".config" / "ossicle" / "keys.toml"


def test_a_key_for_each_device(place: Path) -> None:
    assert len(keys.load()) == 0
    assert keys.new("kitchen") == place
    first = keys.load()("kitchen")
    keys.new("büro 2")
    ring = keys.load()
    assert list(ring) == ["büro 2", "kitchen"]
    assert ring("kitchen") == first
    assert ring("büro 2") != first
    assert ring("nobody") is None
    assert first is not None
    assert len(first) == keys.KEY_BYTES
    assert keys.load(place)("kitchen") == first


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_only_its_owner_reads_it(place: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keys.new("kitchen", config=tmp_path / "ossicle.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "ossicle.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_may_use_is_refused(place: Path, mode: int) -> None:
    written(place, f'[keys]\na = "{KEY}"\n', mode)
    with pytest.raises(KeyFileError, match="chmod 600") as caught:
        keys.load()
    assert KEY not in str(caught.value)
    with pytest.raises(KeyFileError):
        keys.new("b")
    assert place.read_text() == f'[keys]\na = "{KEY}"\n'


@pytest.mark.parametrize(
    "text",
    [
        f"[keys\na = {KEY}",
        f'keys = "{KEY}"',
        f'[keys]\na = "{KEY}0"',
        f'[keys]\na = "{"ab" * 15}"',
        f'[keys]\na = "{"ab" * 33}"',
        f'[keys]\na = ["{KEY}"]',
        '[keys]\na = "zz"',
        f'[keys]\n[keys.a]\nb = "{KEY}"',
        "\x00" * 10 + KEY,
        f'[keys]\n"{KEY}" = "a"',
        "[keys]\na = " + "[" * 5000 + "]" * 5000,
    ],
    ids=range(11),
)
def test_what_is_no_file_of_keys(place: Path, text: str) -> None:
    written(place, text)
    with pytest.raises(KeyFileError) as caught:
        keys.load()
    said = str(caught.value)
    assert "\n" not in said
    assert KEY[:8] not in said
    assert "ab" * 8 not in said
    assert str(place) in said


def test_a_file_without_end_is_refused(place: Path) -> None:
    written(place, "#" * ((1 << 20) + 1))
    with pytest.raises(KeyFileError):
        keys.load()


def test_a_named_file_must_be_there(place: Path, tmp_path: Path) -> None:
    assert list(keys.load()) == []
    with pytest.raises(KeyFileError, match="no such file"):
        keys.load(place)
    with pytest.raises(KeyFileError):
        keys.load(tmp_path)


@pytest.mark.parametrize("device", ["", 'a"b', "a\\b", "a\nb", "x" * 256, "\x7f", "\ud800"])
def test_names_that_no_device_has(place: Path, device: str) -> None:
    with pytest.raises(KeyFileError):
        keys.new(device)
    assert not place.exists()


def test_no_second_key_unless_asked(place: Path) -> None:
    keys.new("kitchen")
    first = keys.load()("kitchen")
    with pytest.raises(KeyFileError, match="--replace"):
        keys.new("kitchen")
    assert keys.load()("kitchen") == first
    keys.new("kitchen", replace=True)
    assert keys.load()("kitchen") != first


def test_a_configuration_keeps_the_rest(place: Path, tmp_path: Path) -> None:
    config = tmp_path / "ossicle.json"
    config.write_text('{"link": "udp", "ssid": "büro", "key": "old"}')
    keys.new("kitchen", config=config)
    said = json.loads(config.read_text())
    key = keys.load()("kitchen")
    assert key is not None
    assert said == {"link": "udp", "ssid": "büro", "key": key.hex()}


@pytest.mark.parametrize("text", ["[]", "{", "\xff"])
def test_a_configuration_that_is_none_changes_nothing(place: Path, tmp_path: Path, text: str) -> None:
    config = tmp_path / "ossicle.json"
    config.write_bytes(text.encode("latin-1"))
    with pytest.raises(KeyFileError, match="JSON"):
        keys.new("kitchen", config=config)
    assert config.read_bytes() == text.encode("latin-1")
    assert not place.exists()


def test_both_files_change_or_neither(place: Path, tmp_path: Path) -> None:
    """The board still has the old key when its configuration cannot be written."""
    keys.new("kitchen")
    before = place.read_bytes()
    blocked = tmp_path / "file" / "ossicle.json"
    blocked.parent.touch()
    for config in (blocked, tmp_path, Path("/proc/ossicle.json"), place):
        with pytest.raises(KeyFileError):
            keys.new("kitchen", config=config, replace=True)
        assert place.read_bytes() == before
    assert list(place.parent.iterdir()) == [place]


def test_many_at_once_forget_no_key(place: Path) -> None:
    names = [f"board {number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keys.new, names))
    assert sorted(keys.load()) == sorted(names)


@pytest.mark.skipif(os.name != "posix", reason="links need a right elsewhere")
def test_a_link_stays_one(place: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.toml"
    place.parent.mkdir()
    place.symlink_to(kept)
    keys.new("kitchen")
    keys.new("attic")
    assert place.is_symlink()
    assert list(keys.load(kept)) == ["attic", "kitchen"]


def test_a_ring_shows_no_key(place: Path) -> None:
    keys.new("kitchen")
    ring = keys.load()
    key = ring("kitchen")
    assert key is not None
    assert key.hex() not in repr(ring)
    assert repr(key)[2:-1] not in repr(ring)
    assert "1 keys" in repr(ring)


def test_the_command(run: Run, place: Path, tmp_path: Path) -> None:
    done = run("key", "list", "--json")
    assert rows(done) == [{"event": "note", "text": f"no keys in {place}"}]
    made = run("key", "new", "kitchen", "--config", "ossicle.json", "--json")
    assert rows(made) == [{"event": "key", "device": "kitchen", "file": str(place), "config": "ossicle.json"}]
    again = run("key", "new", "kitchen")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.count("\n") == 1
    other = run("key", "new", "cellar", "--keys", "other.toml")
    listed = run("key", "list")
    assert listed.stdout == "kitchen\n"
    assert run("key", "list", "--keys", "other.toml").stdout == "cellar\n"
    key = keys.load()("kitchen")
    assert key is not None
    assert json.loads((tmp_path / "ossicle.json").read_text())["key"] == key.hex()
    for said in (done, made, again, other, listed):
        assert key.hex() not in said.stdout + said.stderr


@pytest.mark.parametrize(
    "words", [["new"], ["list", "kitchen"], ["list", "--replace"], ["list", "--config", "x"], ["show", "k"]]
)
def test_the_command_misused(run: Run, place: Path, words: list[str]) -> None:
    done = run("key", *words)
    assert done.returncode == 2
    assert not place.exists()
