"""`ossicle install`, `config` and `logs` as a user meets them, on a board that is a folder.

In mpremote's place stands a program that has MicroPython run the scripts there; tests/chip has the real one.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from commandline import Run, rows, run_in

from ossicle import keys
from ossicle.board.settings import HIDDEN

PORT = "/dev/ttyUSB0"
SECRET = "correct horse battery"
DEVICE = "0123456789ab"

STAND_IN = """
import os, subprocess, sys
words = sys.argv[1:]
with open(os.environ["BOARD_WORDS"], "a") as file:
    file.write(" ".join(words) + "\\n")
texts = [open(words[n + 1]).read() for n, word in enumerate(words) if word == "run"]
text = "".join(texts).replace('ROOT = ""', "ROOT = %r" % os.environ["BOARD_ROOT"])
text = text.replace("sys.platform", repr(os.environ.get("BOARD_PLATFORM", "esp32")))
text = text.replace('chip_id(),', '"0123456789ab",')
text = text.replace('"i2s": i2s(),', '"i2s": True,')
done = subprocess.run([os.environ["BOARD_MICROPYTHON"], "-c", text], capture_output=True, text=True)
print(done.stdout, done.stderr)
sys.exit(done.returncode)
"""


class Board:
    """The folder, the command line, and what was given to mpremote."""

    def __init__(self, root: Path, run: Run, words: Path) -> None:
        self.root = root
        self.run = run
        self._words = words

    @property
    def words(self) -> str:
        return self._words.read_text()

    @property
    def settings(self) -> dict[str, Any]:
        found = json.loads((self.root / "ossicle.json").read_text())
        assert isinstance(found, dict)
        return found

    def told(self, *words: str) -> list[dict[str, Any]]:
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return rows(done)


@pytest.fixture
def board(tmp_path: Path, micropython: str, monkeypatch: pytest.MonkeyPatch) -> Board:
    for name in ("root", "tools", "work"):
        (tmp_path / name).mkdir()
    (tmp_path / "tools" / "mpremote.py").write_text(STAND_IN)
    for name, value in {
        "PYTHONPATH": tmp_path / "tools",
        "BOARD_ROOT": tmp_path / "root",
        "BOARD_WORDS": tmp_path / "words",
        "BOARD_MICROPYTHON": micropython,
        "OSSICLE_KEYS": tmp_path / "keys.toml",
    }.items():
        monkeypatch.setenv(name, str(value))
    return Board(tmp_path / "root", run_in(tmp_path / "work"), tmp_path / "words")


def event(told: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(row for row in told if row["event"] == name)


class TestInstall:
    def test_the_whole_way_and_nothing_the_second_time(self, board: Board) -> None:
        (board.root / "main.py").write_text("print('mine')\n")
        plan = event(board.told("install", PORT, "--dry-run"), "plan")
        assert plan["backup"]
        assert not (board.root / "firmware").exists()
        told = board.told("install", PORT, "--no-wait")
        assert event(told, "found")["device"] == DEVICE
        assert event(told, "plan") == plan
        done = event(told, "installed")
        assert done["slot"] == "a"
        assert done["files"] == len(plan["files"]) > 10
        assert done["bytes"] == plan["bytes"] < 90_000
        assert (board.root / "firmware" / "slot").read_text() == "a"
        assert (board.root / "main.py.bak").read_text() == "print('mine')\n"
        assert "unix" not in "".join(plan["files"])
        again = event(board.told("install", PORT, "--no-wait"), "installed")
        assert (again["files"], again["bytes"]) == (0, 0)
        assert "reset" in board.words.splitlines()[-1]
        forced = event(board.told("install", PORT, "--no-wait", "--force"), "installed")
        assert (forced["slot"], forced["files"]) == ("b", done["files"])
        assert (board.root / "firmware" / "slot").read_text() == "ab"

    def test_the_text_for_people(self, board: Board) -> None:
        done = board.run("install", PORT, "--no-wait", "--set", "sck=4")
        assert done.returncode == 0, done.stderr
        assert "/ossicle.json: sck is 4" in done.stdout
        assert done.stdout.splitlines()[-1] == f"listen with: ossicle listen {PORT}"

    def test_wifi(self, board: Board, tmp_path: Path) -> None:
        words = ("install", PORT, "--wifi", "home", "--host", "10.0.0.2", "--no-wait", "--stdin")
        done = board.run(*words, "--json", stdin=SECRET + "\n")
        assert done.returncode == 0, done.stderr
        key = board.settings.pop("key")
        assert board.settings == {
            "link": "udp", "ssid": "home", "host": "10.0.0.2", "password": SECRET, "key": key
        }  # fmt: skip
        assert keys.load(tmp_path / "keys.toml")(DEVICE) == bytes.fromhex(key)
        assert event(rows(done), "installed")["url"] == "udp://0.0.0.0:4747"
        for secret in (SECRET, key):
            assert secret not in done.stdout + done.stderr + board.words
        again = board.run(*words, "--json", stdin="\n")
        assert event(rows(again), "installed")["bytes"] == 0
        assert board.settings["password"] == SECRET

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("--set", "port=0"), "port: 0 cannot be; it has to be 1 to 65535"),
            (("--set", "sick=1"), 'no key "sick"; is sck meant?'),
            (("--set", "sck"), "KEY=VALUE is meant"),
            (("--set", f"password={SECRET}"), "password is a secret, and others can read"),
            (("--wifi", "home"), "--stdin reads it from standard input"),
            (("--link", "ws"), "ws needs ssid, too"),
            (("--image", "none.bin"), "none.bin: No such file"),
        ],
    )
    def test_what_cannot_be_changes_nothing(self, board: Board, words: tuple[str, ...], told: str) -> None:
        done = board.run("install", PORT, "--no-wait", *words)
        assert done.returncode == 1
        assert told in done.stderr
        assert done.stderr.count("\nossicle: ") + done.stderr.startswith("ossicle: ") == 1
        assert SECRET not in done.stderr
        assert list(board.root.iterdir()) == []

    def test_another_chip_is_refused(self, board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOARD_PLATFORM", "rp2")
        done = board.run("install", PORT)
        assert (done.returncode, list(board.root.iterdir())) == (1, [])
        assert "the firmware is for ESP32 boards" in done.stderr

    def test_a_broken_configuration_stays_and_is_told(self, board: Board) -> None:
        (board.root / "ossicle.json").write_text('{"sck": 4,\n"ws": }')
        done = board.run("install", PORT, "--no-wait")
        assert done.returncode == 0
        assert "/ossicle.json on the board, line 2: this is no JSON" in done.stderr
        assert (board.root / "ossicle.json").read_text() == '{"sck": 4,\n"ws": }'
        done = board.run("install", PORT, "--no-wait", "--set", "sd=6")
        assert done.returncode == 1
        assert f"mend it with: ossicle config {PORT} edit" in done.stderr


class TestConfig:
    def test_it_shows_what_holds_and_no_secret(self, board: Board) -> None:
        (board.root / "ossicle.json").write_text(json.dumps({"sck": 4, "password": SECRET}))
        told = {row["key"]: row for row in board.told("config", PORT) if row["event"] == "setting"}
        assert (told["sck"]["value"], told["sck"]["default"]) == (4, False)
        assert (told["ws"]["value"], told["ws"]["default"]) == (15, True)
        assert told["password"]["value"] == HIDDEN
        assert told["key"]["value"] == ""
        done = board.run("config", PORT, "get", "sck", "password")
        assert done.stdout.splitlines() == ["sck = 4", f"password = {HIDDEN}"]
        assert SECRET not in done.stdout + done.stderr

    def test_it_tells_what_is_wrong_with_line_and_reason(self, board: Board) -> None:
        (board.root / "ossicle.json").write_text('{"sck": 4,\n "port": 0}')
        done = board.run("config", PORT)
        assert done.returncode == 1
        assert "/ossicle.json on the board, line 2: port: 0 cannot be" in done.stderr
        assert "sck = 4" in done.stdout

    def test_set_changes_takes_out_and_asks(self, board: Board) -> None:
        (board.root / "ossicle.json").write_text('{"sck": 4, "ws": 5}')
        words = ("config", PORT, "set", "sd=6", "sck=", "password", "--stdin", "--no-wait", "--json")
        done = board.run(*words, stdin=SECRET + "\n")
        assert done.returncode == 0, done.stderr
        assert board.settings == {"ws": 5, "sd": 6, "password": SECRET}
        assert event(rows(done), "changed")["keys"] == ["password", "sck", "sd"]
        assert SECRET not in done.stdout + done.stderr + board.words
        assert board.words.splitlines()[-1].endswith("reset")

    def test_a_new_key_is_on_both_sides(self, board: Board, tmp_path: Path) -> None:
        done = board.run("config", PORT, "set", "key=new", "device=kitchen", "--no-wait")
        assert done.returncode == 0, done.stderr
        key = keys.load(tmp_path / "keys.toml")("kitchen")
        assert key is not None
        assert board.settings == {"device": "kitchen", "key": key.hex()}
        assert key.hex() not in done.stdout + done.stderr + board.words

    def test_a_board_without_firmware_is_not_waited_for(self, board: Board) -> None:
        done = board.run("config", PORT, "set", "sck=4")
        assert (done.returncode, done.stdout) == (0, "sck = 4\n")
        assert f"no firmware on the board yet: ossicle install {PORT}" in done.stderr
        assert board.settings == {"sck": 4}

    def test_what_cannot_be_is_not_written(self, board: Board) -> None:
        (board.root / "ossicle.json").write_text('{"sck": 4}')
        for words in (("link=udp",), ("sck=50",), (f"key={SECRET}",)):
            done = board.run("config", PORT, "set", *words, "--no-wait")
            assert done.returncode == 1
            assert SECRET not in done.stderr
            assert board.settings == {"sck": 4}
        assert board.run("config", PORT, "set").returncode == 2
        assert board.run("config", PORT, "edit", "sck=4").returncode == 2

    def editor(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
        seen = tmp_path / "seen"
        path = tmp_path / "editor.py"
        path.write_text(
            "import os, sys\npath = sys.argv[1]\ntext = open(path).read()\n"
            "mode = oct(os.stat(os.path.dirname(path)).st_mode & 0o777)\n"
            f"open({str(seen)!r}, 'w').write(mode + text)\n{body}\nopen(path, 'w').write(text)"
        )
        monkeypatch.setenv("VISUAL", f"{sys.executable} {path}")
        return seen

    def test_edit(self, board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (board.root / "ossicle.json").write_text(json.dumps({"sck": 4, "password": SECRET}))
        seen = self.editor(tmp_path, monkeypatch, "text = text.replace('4', '5')")
        done = board.run("config", PORT, "edit", "--no-wait")
        assert done.returncode == 0, done.stderr
        assert board.settings == {"sck": 5, "password": SECRET}
        assert seen.read_text().startswith("0o700")
        assert SECRET not in seen.read_text() + done.stdout

    def test_an_editor_may_put_a_mark_of_utf_8_in_front(
        self, board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (board.root / "ossicle.json").write_text('{"sck": 4}')
        self.editor(tmp_path, monkeypatch, r"text = '\ufeff' + text.replace('4', '5')")
        done = board.run("config", PORT, "edit", "--no-wait")
        assert done.returncode == 0, done.stderr
        assert board.settings == {"sck": 5}

    def test_an_edit_that_is_wrong_changes_nothing(
        self, board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (board.root / "ossicle.json").write_text('{"sck": 4}')
        self.editor(tmp_path, monkeypatch, "text = text.replace('4', '400')")
        done = board.run("config", PORT, "edit", "--no-wait")
        assert done.returncode == 1
        assert "line 2: sck: 400 cannot be; it has to be 0 to 48" in done.stderr
        self.editor(tmp_path, monkeypatch, "sys.exit(3)")
        assert "ended with 3; nothing was changed" in board.run("config", PORT, "edit").stderr
        assert board.settings == {"sck": 4}


def test_logs(board: Board) -> None:
    assert "has noted nothing" in board.run("logs", PORT).stderr
    (board.root / "ossicle.log").write_text("first\nOSError: no I2S \x1b[2J\n")
    assert event(board.told("logs", PORT), "log")["reason"] == "first"
    assert board.run("logs", PORT).stdout.splitlines() == ["first", "OSError: no I2S ?[2J"]
    assert board.words.splitlines()[-1].endswith("reset")


def test_the_file_of_keys_is_its_owners(board: Board, tmp_path: Path) -> None:
    board.run("config", PORT, "set", "key=new", "--no-wait")
    assert stat.S_IMODE(os.stat(tmp_path / "keys.toml").st_mode) == 0o600
