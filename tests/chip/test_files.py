"""mpremote's commands on files, at the REPL."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from onchip import Remote


def test_files_go_there_and_back(remote: Remote, files: Path, tmp_path: Path) -> None:
    data = os.urandom(3000)
    (tmp_path / "a.bin").write_bytes(data)
    here = str(tmp_path / "back.bin")
    listed = remote(
        *("fs", "mkdir", ":d", "+", "fs", "cp", str(tmp_path / "a.bin"), ":d/a.bin", "+"),
        *("fs", "cp", ":d/a.bin", here, "+", "fs", "ls", ":d", "+", "fs", "sha256sum", ":d/a.bin"),
    )
    assert (files / "d/a.bin").read_bytes() == Path(here).read_bytes() == data
    assert "        3000 a.bin" in listed.splitlines()
    assert hashlib.sha256(data).hexdigest() in listed


def test_folders_are_copied_shown_and_removed(remote: Remote, files: Path, tmp_path: Path) -> None:
    for name in ("p/a.py", "p/q/b.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{name}\n")
    shown = remote(
        "fs", "cp", "-r", str(tmp_path / "p"), ":", "+", "fs", "tree", "+", "fs", "cat", ":p/q/b.py"
    )
    assert (files / "p/q/b.py").read_text() == "p/q/b.py\n"
    assert "└── q" in shown
    assert shown.splitlines()[-1] == "p/q/b.py"
    remote("fs", "rm", "-r", ":p", "+", "fs", "touch", ":z")
    assert sorted(path.name for path in files.iterdir()) == ["boot.py", "z"]


def test_errors_are_those_of_a_chip(remote: Remote) -> None:
    done = remote.run("fs", "cat", ":none")
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr


@pytest.mark.parametrize("path", ["..", "/..", "../../etc/hostname", "/../../../../etc/hostname"])
def test_nothing_outside_the_folder_can_be_named(remote: Remote, path: str) -> None:
    said = remote(
        "exec",
        "import os\n"
        f"try:\n print(sorted(os.listdir({path!r})) == ['boot.py'])\nexcept OSError as e:\n print(e.errno)\n"
        f"os.chdir('/')\nprint(os.getcwd())",
    )
    assert said.split() in (["True", "/"], ["2", "/"])


def test_space_is_told(remote: Remote, files: Path) -> None:
    ask = "import os\ns = os.statvfs('/')\nprint(s[0], s[2], s[3])"
    size, blocks, free = (int(n) for n in remote("exec", ask).split())
    assert (size, blocks) == (4096, 512)
    (files / "big").write_bytes(b"x" * (4096 * 3 + 1))
    assert int(remote("exec", ask).split()[2]) == free - 4
