"""The scripts that a board runs, on MicroPython, in a folder that plays its file system."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ossicle.board import mpremote
from ossicle.board.plan import MANIFEST, Build, digest, plan
from ossicle.board.survey import Board, parse
from ossicle.board.transfer import scripts

OLD = Build(
    "1", {"ossicle/app.mpy": b"old" * 1500, "boards/same.mpy": bytes(range(256)) * 20}, b"# Ossicle 1\n"
)
NEW = Build("2", {**OLD.files, "ossicle/app.mpy": b"new" * 3000, "ossicle/more.mpy": b""}, b"# Ossicle 2\n")
CONFIG = b'{"ssid": "caf\xc3\xa9"}\n'


class Disk:
    """A folder as the file system of a board, and MicroPython on it."""

    def __init__(self, root: Path, command: str) -> None:
        self.root = root
        self.command = command

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        placed = text.replace('ROOT = ""', f"ROOT = {str(self.root)!r}")
        assert placed != text
        command = [self.command, "-c", placed]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    def survey(self) -> Board:
        done = self.run(mpremote.script("look") + "look()\n")
        assert not done.stderr
        return parse(done.stdout.splitlines(), "/dev/x")

    def install(self, build: Build, config: bytes | None, calls: int = 1 << 20) -> list[str]:
        """Run the first so many calls of an install; all of them unless told."""
        there = self.survey()
        head = mpremote.script("put")
        lines = (
            "".join(scripts(there, plan(there, build, config))).removeprefix(head).splitlines(keepends=True)
        )
        done = self.run(head + "".join(lines[:calls]))
        assert not done.stderr, done.stderr
        return lines

    def holds(self, slot: str, build: Build) -> bool:
        files = {**build.files, MANIFEST: build.manifest}
        folder = self.root / "firmware" / slot
        found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        return found == files

    def read(self, path: str) -> bytes | None:
        place = self.root / path
        return place.read_bytes() if place.exists() else None


@pytest.fixture
def disk(tmp_path: Path, micropython: str) -> Disk:
    return Disk(tmp_path, micropython)


def test_a_first_install_and_the_survey_after_it(disk: Disk) -> None:
    (disk.root / "main.py").write_text("print('mine')\n")
    (disk.root / "ossicle.failed").write_text("2")
    disk.install(OLD, CONFIG)
    assert disk.holds("a", OLD)
    assert disk.read("firmware/slot") == b"a"
    assert disk.read("main.py") == OLD.main
    assert disk.read("main.py.bak") == b"print('mine')\n"
    assert disk.read("ossicle.json") == CONFIG
    assert disk.read("ossicle.failed") is None
    there = disk.survey()
    assert there.slot == "a"
    assert there.ours
    assert there.config == CONFIG
    assert there.main == hashlib.sha256(OLD.main).hexdigest()
    assert plan(there, OLD, CONFIG).nothing


def test_the_next_version_goes_beside_and_takes_what_is_the_same(disk: Disk) -> None:
    disk.install(OLD, None)
    lines = disk.install(NEW, None)
    assert "copy('/firmware/a/boards/same.mpy', '/firmware/b/boards/same.mpy')\n" in lines
    assert disk.holds("a", OLD)
    assert disk.holds("b", NEW)
    assert disk.read("firmware/slot") == b"ab"
    assert disk.read("main.py") == NEW.main
    assert disk.read("main.py.bak") is None


def test_wherever_it_is_cut_off_the_old_one_is_whole_and_the_next_try_ends_well(disk: Disk) -> None:
    disk.install(OLD, None)
    (disk.root / "firmware" / "b" / "left").mkdir(parents=True)
    (disk.root / "firmware" / "b" / "left" / "over.mpy").write_bytes(b"x")
    calls = 1
    while True:
        lines = disk.install(NEW, None, calls)
        assert disk.holds("a", OLD)
        assert disk.read("main.py") in (OLD.main, NEW.main)
        slot = disk.read("firmware/slot")
        assert slot in (b"a", b"ab")
        assert slot == b"a" or disk.holds("b", NEW)
        if slot == b"ab":
            break
        assert len(lines) > calls - 1  # it came nearer to its end
        calls += 2
    assert calls > 5
    assert not (disk.root / "firmware" / "b" / "left").exists()


def test_a_file_that_was_cut_in_its_middle_is_sent_anew(disk: Disk) -> None:
    disk.install(OLD, None)
    place = disk.root / "firmware" / "b" / "ossicle"
    place.mkdir(parents=True)
    (place / "app.mpy").write_bytes(NEW.files["ossicle/app.mpy"][:3072])
    disk.install(NEW, None)
    assert disk.holds("b", NEW)


def test_a_board_that_cannot_undo_the_compression_gets_it_plain(disk: Disk) -> None:
    there = disk.survey()
    assert there.deflate
    plain = replace(there, deflate=False)
    squeezed, unsqueezed = ("".join(scripts(b, plan(b, NEW, CONFIG))) for b in (there, plain))
    assert len(squeezed) < len(unsqueezed)
    assert not disk.run(unsqueezed).stderr
    assert disk.holds("a", NEW)


def test_what_reads_back_otherwise_ends_the_copy(disk: Disk) -> None:
    path = disk.root / "x"
    path.write_bytes(b"other")
    done = disk.run(mpremote.script("put") + f"check('/x', '{digest(b'this')}')\n")
    assert "reads back otherwise" in done.stderr
    done = disk.run(mpremote.script("put") + "put('/x', 3, 'QUJD')\n")
    assert "is not where the file ends" in done.stderr
    assert path.read_bytes() == b"other"


def test_a_survey_changes_nothing_and_tells_a_broken_board(disk: Disk) -> None:
    (disk.root / "firmware").mkdir()
    (disk.root / "firmware" / "slot").write_text("nonsense of some length")
    (disk.root / "ossicle.json").write_bytes(b"\xff{\n")
    (disk.root / "ossicle").mkdir()
    before = sorted(disk.root.rglob("*"))
    there = disk.survey()
    assert sorted(disk.root.rglob("*")) == before
    assert (there.slot, there.config, there.loose) == ("", b"\xff{\n", ("ossicle",))
    assert there.version >= (1, 24)


def test_comments_do_not_travel() -> None:
    for name in ("look", "put"):
        assert "# " not in mpremote.script(name)
        assert len(mpremote.script(name)) < 3000


@pytest.mark.parametrize(
    ("path", "folder"),
    [("main.py", True), ("main.py.bak", True), ("firmware/slot", True), ("firmware", False)],
)
def test_what_is_in_the_way_stays_and_is_named(disk: Disk, path: str, folder: bool) -> None:
    if path == "main.py.bak":
        (disk.root / "main.py").write_text("print('mine')\n")
    place = disk.root / path
    if folder:
        (place / "mine").mkdir(parents=True)
    else:
        place.write_text("mine")
    there = disk.survey()
    done = disk.run("".join(scripts(there, plan(there, NEW, CONFIG))))
    assert f"OSError: /{path}: in the way" in done.stderr
    assert (place / "mine").is_dir() if folder else place.read_text() == "mine"
