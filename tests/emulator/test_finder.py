"""The finder, with a fake apt on a path of its own: what is taken, in which order, and what is said."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ossicle import micropython as finder

ROOT = Path(__file__).resolve().parent.parent.parent

# Stands in for apt-get, apt-cache and dpkg-deb. What the "mirror" has is in mirror.json beside it:
# {"suite architecture": [version, what its program prints]}; each call is a line of the log.
FAKE_APT = """#!{python}
import json, os, re, sys
here = os.path.dirname(os.path.abspath(__file__))
name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
mirror = json.load(open(here + "/mirror.json"))
with open(here + "/log", "a") as log:
    if name == "dpkg-deb":
        root = arguments[2]
        os.makedirs(root + "/usr/bin")
        os.makedirs(root + "/usr/lib/some-linux-gnu")
        says = open(arguments[1]).read()
        for place in ("/usr/bin/micropython", "/usr/lib/some-linux-gnu/ld-linux.so.2"):
            open(root + place, "w").write("#!/bin/sh\\n" + says)
            os.chmod(root + place, 0o755)
        open(root + "/usr/lib/some-linux-gnu/libc.so.6", "w").close()
        sys.exit()
    config = open(arguments[1]).read()
    source = open(re.search('Dir::Etc::sourcelist "(.*)"', config)[1]).read().split("]")[1].split()
    key = source[1] + " " + re.search('APT::Architecture "(.*)"', config)[1]
    log.write(" ".join([name, arguments[3], key, source[0]]) + "\\n")
if mirror.get("offline"):
    print("E: Failed to fetch: Temporary failure resolving 'mirror.example'", file=sys.stderr)
    sys.exit(100)
if key not in mirror:
    print("E: The repository does not have a Release file.", file=sys.stderr)
    sys.exit(100)
if name == "apt-cache":
    print("Package: micropython\\nVersion: 1:" + mirror[key][0] + "+ds-1")
elif "install" in arguments:
    packages = re.search('Dir::Cache "(.*)"', config)[1] + "/archives/"
    open(packages + "micropython.deb", "w").write(mirror[key][1])
"""
RUNS_32 = "echo micropython 1 25 2147483647 8"
RUNS_64 = "echo micropython 1 26 9223372036854775807 8"
BREAKS = "echo 'Exec format error' >&2; exit 126"


class Machine:
    """A machine with a fake apt, an empty cache, and a path with nothing else on it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("apt-get", "apt-cache", "dpkg-deb"):
            self.program(name, FAKE_APT.replace("{python}", sys.executable))
        (folder / "apt/sources.list.d").mkdir(parents=True)
        (folder / "apt/sources.list").write_text("deb http://mirror.example/debian bookworm main\n")
        (folder / "os-release").write_text('ID=debian\nVERSION_CODENAME="bookworm"\n')
        patch.setattr(finder, "OS_RELEASE", folder / "os-release")
        patch.setattr(finder, "ETC_APT", folder / "apt")
        patch.setattr("platform.machine", lambda: "x86_64")
        patch.setenv("OSSICLE_CACHE", str(self.cache))
        patch.setenv("PATH", str(self.bin))
        patch.delenv("OSSICLE_MICROPYTHON", raising=False)

    def program(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def mirror(self, **content: Any) -> None:
        text = json.dumps({key.replace("_", " "): value for key, value in content.items()})
        (self.bin / "mirror.json").write_text(text)

    @property
    def log(self) -> list[str]:
        path = self.bin / "log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path, monkeypatch)
    made.mirror()
    return made


def test_the_variable_comes_first(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.mirror(trixie_i386=["1.25.0", RUNS_32])
    mine = machine.program("mine", f"#!/bin/sh\n{RUNS_64}\n")
    monkeypatch.setenv("OSSICLE_MICROPYTHON", str(mine))
    found = finder.find()
    assert (found.path, found.version, found.bits) == (str(mine), (1, 26), 64)
    assert found.note is not None
    assert "allocates" in found.note
    assert machine.log == []


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (BREAKS, "Exec format error"),
        ("echo micropython 1 23 2147483647 8", "1.24 is needed"),
        ("echo pypy 7 3 9 8", "cannot run"),
    ],
)
def test_a_variable_that_is_wrong_is_not_passed_over(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, says: str, why: str
) -> None:
    machine.mirror(trixie_i386=["1.25.0", RUNS_32])
    monkeypatch.setenv("OSSICLE_MICROPYTHON", str(machine.program("mine", f"#!/bin/sh\n{says}\n")))
    with pytest.raises(finder.MicroPythonMissing, match=why) as caught:
        finder.find()
    assert "OSSICLE_MICROPYTHON" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_fetched_once_then_taken_from_the_cache(machine: Machine) -> None:
    machine.mirror(trixie_i386=["1.25.0", RUNS_32])
    said: list[str] = []
    found = finder.find(report=said.append)
    assert (found.version, found.bits, found.note) == ((1, 25), 32, None)
    assert Path(found.path).is_relative_to(machine.cache)
    assert len(said) == 1
    assert "i386" in said[0]
    calls = len(machine.log)
    assert calls == 3
    assert finder.find().path == found.path
    assert finder.find(fetch=False).path == found.path
    assert len(machine.log) == calls
    assert sorted(p.name for p in (machine.cache / "micropython").iterdir()) == ["i386", "lock"]


def test_the_cache_may_be_moved(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.mirror(trixie_i386=["1.25.0", RUNS_32])
    finder.find()
    moved = machine.folder / "with a space"
    machine.cache.rename(moved)
    monkeypatch.setenv("OSSICLE_CACHE", str(moved))
    assert Path(finder.find(fetch=False).path).is_relative_to(moved)


def test_suites_are_tried_until_one_is_new_enough_and_runs(machine: Machine) -> None:
    machine.mirror(trixie_i386=["1.22.9", RUNS_32], sid_i386=["1.26.1", RUNS_32])
    finder.find()
    suites = list(dict.fromkeys(line.split()[2] for line in machine.log))
    assert suites == ["trixie", "forky", "sid"]


def test_64_bits_where_32_do_not_run(machine: Machine) -> None:
    machine.mirror(trixie_i386=["1.25.0", BREAKS], trixie_amd64=["1.25.0", RUNS_64])
    found = finder.find()
    assert found.bits == 64
    assert found.note is not None
    assert finder.find(fetch=False).bits == 64


def test_a_broken_cache_is_fetched_again(machine: Machine) -> None:
    machine.mirror(trixie_i386=["1.25.0", RUNS_32])
    found = finder.find()
    Path(found.path).with_name("root").joinpath("usr/lib/some-linux-gnu/ld-linux.so.2").write_text("")
    (machine.cache / "micropython/fetch-killed").mkdir()
    assert finder.find().path == found.path
    assert [line.split()[1] for line in machine.log].count("--yes") == 2
    assert sorted(p.name for p in (machine.cache / "micropython").iterdir()) == ["i386", "lock"]


def test_offline_is_one_line_that_names_the_cache(machine: Machine) -> None:
    machine.mirror(offline=True)
    with pytest.raises(finder.MicroPythonMissing) as caught:
        finder.find()
    line = str(caught.value)
    assert str(machine.cache) in line
    assert "Temporary failure" in line
    assert "\n" not in line
    assert len(machine.log) == 1, "when one mirror cannot be reached the others are not waited for"


def test_offline_the_one_on_the_path_serves(machine: Machine) -> None:
    machine.mirror(offline=True)
    own = machine.program("micropython", f"#!/bin/sh\n{RUNS_64}\n")
    assert finder.find().path == str(own)
    machine.program("micropython", "#!/bin/sh\necho micropython 1 19 9223372036854775807 8\n")
    with pytest.raises(finder.MicroPythonMissing, match=r"1\.24 is needed"):
        finder.find()


def test_no_apt_and_no_suite(machine: Machine) -> None:
    with pytest.raises(finder.MicroPythonMissing, match="Release file"):
        finder.find()
    (machine.folder / "apt/sources.list").write_text("deb http://mirror.example/debian other main\n")
    with pytest.raises(finder.MicroPythonMissing, match="name no mirror"):
        finder.find()
    (machine.bin / "apt-get").unlink()
    with pytest.raises(finder.MicroPythonMissing, match="no apt"):
        finder.find()
    with pytest.raises(finder.MicroPythonMissing, match="not allowed"):
        finder.find(fetch=False)


def test_a_cache_that_cannot_be_written(machine: Machine) -> None:
    machine.cache.write_text("a file where the folder should be")
    with pytest.raises(finder.MicroPythonMissing, match="cannot be used"):
        finder.find()


def test_two_at_once_fetch_once(machine: Machine) -> None:
    machine.mirror(trixie_i386=["1.25.0", RUNS_32])
    found: list[finder.MicroPython] = []
    threads = [threading.Thread(target=lambda: found.append(finder.find())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({one.path for one in found}) == 1
    assert len(found) == 4
    assert [line.split()[1] for line in machine.log].count("--yes") == 1


SOURCES = [
    ("list", "deb http://a.example/debian bookworm main\n", [("http://a.example/debian", "", "")]),
    ("list", "deb-src http://a.example/debian bookworm main\n# deb http://b.example x y\n", []),
    ("list", "deb http://a.example/security bookworm-security main\n", []),
    (
        "list",
        "deb [arch=amd64 signed-by=/k.gpg trusted=yes] mirror+file:/etc/m.txt stable main # why\n",
        [("mirror+file:/etc/m.txt", "/k.gpg", "yes")],
    ),
    ("list", "deb cdrom:[Debian 12]/ bookworm main\n", []),
    (
        "sources",
        "Types: deb deb-src\nURIs: http://a.example/d http://b.example/d\nSuites: bookworm bookworm-updates\n"
        "# a comment\nSigned-By: /k.gpg\n\nTypes: deb\nURIs: http://s.example\nSuites: bookworm-security\n",
        [("http://a.example/d", "/k.gpg", ""), ("http://b.example/d", "/k.gpg", "")],
    ),
    ("sources", "Enabled: no\nTypes: deb\nURIs: http://a.example\nSuites: bookworm\n", []),
    (
        "sources",
        "Types: deb\nURIs: http://a.example\nSuites: bookworm\nSigned-By:\n -----BEGIN PGP\n .\n abc\n",
        [("http://a.example", "\n-----BEGIN PGP\n\nabc", "")],
    ),
]


@pytest.mark.parametrize(("style", "text", "expected"), SOURCES)
def test_both_styles_of_sources(
    tmp_path: Path, style: str, text: str, expected: list[tuple[str, str, str]]
) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / f"sources.list.d/x.{style}").write_text(text)
    (tmp_path / "sources.list.d/x.list.disabled").write_text("deb http://no.example bookworm main\n")
    found = finder.mirrors(tmp_path, {"bookworm"} | finder.ALIASES)
    assert [(one.uri, one.signed_by, one.trusted) for one in found] == expected


@pytest.mark.parametrize(
    ("text", "family", "names"),
    [
        ("ID=debian\nVERSION_CODENAME=trixie\n", "debian", {"trixie"}),
        ('ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME="noble"\nUBUNTU_CODENAME=noble\n', "ubuntu", {"noble"}),
        (
            'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=zara\nUBUNTU_CODENAME=noble\n',
            "ubuntu",
            {"zara", "noble"},
        ),
    ],
)
def test_the_distribution_is_known(tmp_path: Path, text: str, family: str, names: set[str]) -> None:
    (tmp_path / "os-release").write_text(text)
    assert finder.distribution(tmp_path / "os-release") == (family, names)


def test_what_is_found_here_runs(micropython: str) -> None:
    found, why = finder.probe(micropython, "here")
    assert found is not None, why
    assert found.version >= finder.OLDEST
