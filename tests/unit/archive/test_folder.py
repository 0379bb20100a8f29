"""An archive in a folder in which others put things, too: whatever lies there, the archive can be used."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from shelves import Shelf, noise

from ossicle.archive import folder as module
from ossicle.archive.entry import ArchiveError
from ossicle.archive.folder import walked
from ossicle.archive.select import Selection
from ossicle.archive.store import Store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="names and links that Windows does not have")
ODD = [
    b"caf\xe9.txt",
    b"a\nb.txt",
    b"\x01\x1b[31m.txt",
    b"100%.txt",
    b"a%2Fb.txt",
    b"a\\b.txt",
    b" a b ",
    b'*?<>|~`[]{}^".txt',
    "\N{GRINNING FACE}.txt".encode(),
    b"note#5",
]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def works(shelf: Shelf, foreign: int = 0) -> None:
    """One object is there; it is found, proven and deleted."""
    with shelf.library() as library:
        assert (library.refresh().foreign_count, len(list(library.find()))) == (foreign, 1)
        assert library.verify().kinds == ({"foreign": foreign} if foreign else {})
        assert library.cleanup(days=0).objects == 0
        assert library.remove(Selection()).objects == 1
    assert not [path for path in shelf.folder.rglob("*.flac")]


def test_a_name_of_any_letters_closes_nothing(shelf: Shelf) -> None:
    shelf.add(noise(80))
    for name in ODD:
        place = os.path.join(os.fsencode(shelf.folder / "audio"), name)
        with open(place, "wb") as file:
            file.write(b"x")
    works(shelf, len(ODD))
    assert len(list((shelf.folder / "audio").iterdir())) == len(ODD)


@pytest.mark.parametrize("lead", ["..", "self", "/nowhere/at/all", "."])
def test_links_that_lead_nowhere_or_round_close_nothing(shelf: Shelf, lead: str) -> None:
    shelf.add(noise(80))
    (shelf.folder / "audio" / "self").symlink_to(lead)
    works(shelf)


def test_what_a_link_leads_to_is_no_object_unless_it_is_called_so(shelf: Shelf, tmp_path: Path) -> None:
    shelf.add(noise(80))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.txt").write_text("x")
    (shelf.folder / "audio" / "out").symlink_to(outside)
    works(shelf, 1)
    assert (outside / "precious.txt").read_text() == "x"


def test_pipes_and_folders_in_the_place_of_objects_are_passed_over(shelf: Shelf) -> None:
    key = shelf.add(noise(80))
    os.mkfifo(shelf.folder / f"{key[:-6]}0.flac")
    (shelf.folder / f"{key[:-6]}1.flac").mkdir()
    with shelf.library() as library:
        assert [row.key for row in library.find()] == [key]
        assert library.verify().problems == 0


def closed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A folder that nobody may read, for root neither, as tests may be."""
    true: Callable[..., object] = os.scandir

    def scandir(place: str) -> object:
        if os.path.basename(place) == name:
            raise PermissionError(13, "Permission denied", place)
        return true(place)

    monkeypatch.setattr(module.os, "scandir", scandir)


def test_a_folder_of_the_system_beside_the_objects_closes_nothing(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.add(noise(80))
    (shelf.folder / "lost+found").mkdir()
    closed(monkeypatch, "lost+found")
    works(shelf)


def test_objects_that_cannot_be_looked_at_are_not_forgotten(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.add(noise(80))
    with shelf.library() as library:
        library.refresh()
        with monkeypatch.context() as patch:
            closed(patch, "ann")
            with pytest.raises(ArchiveError, match="permission denied"):
                library.refresh()
        assert len(list(library.find())) == 1


def test_the_list_is_in_order_and_of_what_is_asked_for(shelf: Shelf) -> None:
    keys = [shelf.add(noise(80), n * 80) for n in range(3)]
    names = [name for name, _, _ in Store(shelf.settings).list()]
    assert names == sorted(keys)
    assert [name for name, _, _ in walked(shelf.folder, keys[1])] == [keys[1]]
    assert [name for name, _, _ in walked(shelf.folder, "deleted")] == []
    assert [name for name, _, _ in walked(shelf.folder, f"{keys[1]}/x")] == []
