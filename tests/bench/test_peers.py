"""The packages to measure beside: there, taken only when they are what is known, missing with one line."""

import shutil
import subprocess
import sys

import dev
import pytest

from ossicle.bench import peers
from ossicle.bench.peers import PEERS, PeerMissing

WHEEL = PEERS["cascade-vad"].wheel


@pytest.fixture(scope="module")
def wheel():
    """The real one, fetched on first use; its absence is a failure, not a skip."""
    return peers.fetch(WHEEL, "cascade-vad")


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """An empty cache, and a pip that looks for packages in one folder only; returns that folder."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    monkeypatch.setenv("OSSICLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return shelf


@pytest.mark.parametrize(
    ("name", "ring"), [("cascade-vad", "AudioRingBuffer"), ("numpy_ringbuffer", "RingBuffer")]
)
def test_it_is_there(name, ring):
    path = list(sys.path)
    assert callable(getattr(peers.load(name), ring))
    assert sys.path == path
    assert peers.version(name)[0].isdigit()


def test_the_versions_are_those_that_are_told():
    if peers.installed("cascade-vad") is None:
        assert peers.version("cascade-vad") == "0.1.1"
    assert peers.version("numpy_ringbuffer") == peers.installed("numpy_ringbuffer")


def test_pip_fetches_it_once(empty, wheel, monkeypatch):
    shutil.copy(wheel, empty)
    said = []
    got = peers.fetch(WHEEL, "cascade-vad", said.append)
    assert got.read_bytes() == wheel.read_bytes()
    assert said == [f"Fetching cascade-vad 0.1.1 alone into {got.parent} (once)"]
    assert [path.name for path in got.parent.iterdir()] == [WHEEL.file], "nothing else is left"
    monkeypatch.setattr(subprocess, "run", None)
    assert peers.fetch(WHEEL, "cascade-vad", said.append) == got
    assert len(said) == 1


def test_one_that_was_changed_in_the_cache_is_fetched_anew(empty, wheel):
    shutil.copy(wheel, empty)
    place = peers.fetch(WHEEL, "cascade-vad")
    place.write_bytes(place.read_bytes()[:-1] + b"x")
    assert peers.fetch(WHEEL, "cascade-vad").read_bytes() == wheel.read_bytes()


def test_another_wheel_of_that_name_is_not_taken(empty, wheel):
    (empty / WHEEL.file).write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(PeerMissing, match="is not the wheel that is known here"):
        peers.fetch(WHEEL, "cascade-vad")
    assert not any((empty.parent / "cache" / "peers").iterdir())


@pytest.mark.usefixtures("empty")
def test_offline_it_says_one_line(monkeypatch, capsys):
    monkeypatch.setattr(peers, "installed", lambda name: None)
    with pytest.raises(PeerMissing) as error:
        peers.load("cascade-vad")
    assert str(error.value) == (
        "cascade-vad==0.1.1 could not be fetched: pip cannot reach a package index that has it"
    )
    assert peers.main() == 1
    assert capsys.readouterr().err.splitlines()[1:] == [str(error.value)]


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("WARNING: x\nERROR: no space\nmore", "ERROR: no space"),
        ("Retrying after connection broken by NewConnectionError", "pip cannot reach the package index"),
        ("/usr/bin/python3: No module named pip", "/usr/bin/python3: No module named pip"),
        ("", "pip gave no reason"),
    ],
)
def test_what_pip_says_becomes_one_line(empty, monkeypatch, said, line):
    failed = subprocess.CompletedProcess([], 1, stdout=said)
    monkeypatch.setattr(peers.subprocess, "run", lambda *a, **k: failed)
    with pytest.raises(PeerMissing, match="could not be fetched") as error:
        peers.fetch(WHEEL, "cascade-vad")
    assert str(error.value).endswith(line)


@pytest.mark.usefixtures("empty")
def test_pip_that_hangs_is_given_up(monkeypatch):
    def run(*_, timeout, **__):
        raise subprocess.TimeoutExpired("pip", timeout)

    monkeypatch.setattr(peers.subprocess, "run", run)
    with pytest.raises(PeerMissing, match="within 120 s"):
        peers.fetch(WHEEL, "cascade-vad")


def test_a_cache_that_cannot_be_used(empty, monkeypatch):
    (empty.parent / "cache").write_text("a file")
    with pytest.raises(PeerMissing, match="cannot be used"):
        peers.fetch(WHEEL, "cascade-vad")


@pytest.mark.usefixtures("wheel")
def test_what_it_warns_of_is_not_ours(monkeypatch, recwarn):
    for name in [name for name in sys.modules if name.split(".")[0] == "cascade"]:
        monkeypatch.delitem(sys.modules, name)
    assert "cascade.types" not in sys.modules
    peers.load("cascade-vad")
    assert "cascade.types" in sys.modules
    assert not recwarn.list


@pytest.mark.usefixtures("wheel")
def test_what_it_needs_and_has_not_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] in ("cascade", "pydantic")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(PeerMissing, match=r"cascade-vad cannot be imported \(.*pydantic.*ossicle\[bench\]"):
        peers.load("cascade-vad")
    monkeypatch.setitem(sys.modules, "numpy_ringbuffer", None)
    with pytest.raises(PeerMissing, match=r"numpy_ringbuffer cannot be imported .*ossicle\[bench\]"):
        peers.load("numpy_ringbuffer")


def test_an_installed_one_is_taken(empty, tmp_path, monkeypatch):
    """Another version than the one that is fetched, told as what it is."""
    for name in [name for name in sys.modules if name.split(".")[0] == "cascade"]:
        monkeypatch.delitem(sys.modules, name)
    site = tmp_path / "site"
    (site / "cascade" / "buffer").mkdir(parents=True)
    (site / "cascade" / "__init__.py").touch()
    (site / "cascade" / "buffer" / "__init__.py").touch()
    (site / "cascade" / "buffer" / "ring_buffer.py").write_text("planted = True\n")
    (site / "cascade_vad-9.9.dist-info").mkdir()
    (site / "cascade_vad-9.9.dist-info" / "METADATA").write_text("Name: cascade-vad\nVersion: 9.9\n")
    monkeypatch.syspath_prepend(site)
    try:
        assert peers.load("cascade-vad").planted
        assert peers.version("cascade-vad") == "9.9"
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "cascade"]:
            del sys.modules[name]


def test_main_fetches_what_is_not_there(empty, wheel, capsys):
    shutil.copy(wheel, empty)
    assert peers.main() == 0
    assert peers.main() == 0
    if peers.installed("cascade-vad") is None:
        assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("command", ["test", "setup"])
def test_setting_up_fetches(monkeypatch, command):
    ran = []
    monkeypatch.setattr(dev, "set_up", lambda extras: None)
    monkeypatch.setattr(dev, "find_micropython", lambda: None)
    monkeypatch.setattr(dev, "run", lambda *words: ran.append(words) or 0)
    assert dev.main([command]) == 0
    assert ran[0] == ("-m", "ossicle.bench.peers")
