"""What `listen --archive` and `ossicle archive` say to what cannot be: one line, and nothing is lost."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from ossicle.archive import rebuild
from ossicle.archive.coding import Encoder
from ossicle.archive.entry import Entry
from ossicle.archive.key import key_of
from ossicle.archive.settings import load
from ossicle.archive.spool import Spool
from ossicle.archive.store import Store, StoreError
from ossicle.cli.commands import build

RATE = 8000
NOON = 1_790_000_000.0
STREAM = "00000000000000aa"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)


def told(*words: str) -> tuple[int, str, list[str]]:
    """Exit code, what was said on stdout, and the lines on stderr."""
    done = CliRunner().invoke(build([words[0]]), list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr.splitlines()


def second(owner: str = "me", device: str = "kitchen", start: int = 0) -> tuple[Entry, bytes]:
    """One second of audio as an object."""
    encoder = Encoder("flac", RATE)
    encoder.write(np.arange(RATE, dtype=np.int16))
    made: list[Entry] = []

    def entry(pcm_sha256: str) -> Entry:
        time = NOON + start / RATE
        fields = (owner, device, STREAM, start, start + RATE, RATE, 1, "flac", time, 0.001, None, (), ())
        made.append(Entry(*fields, pcm_sha256))
        return made[0]

    data = encoder.finish(entry)
    return made[0], data


def keep(*, spooled: bool = False, **about: str | int) -> str:
    """An object in the archive `kept`, or in its spool. Returns its name in the store."""
    settings = load(url="kept", retention_days=0)
    entry, data = second(**about)  # type: ignore[arg-type]
    sha256 = hashlib.sha256(data).hexdigest()
    key = str(key_of(entry, sha256))
    if spooled:
        Spool(settings.spool_folder, settings.spool_max_mb).put(entry, sha256, data)
    else:
        Store(settings).put(key, data)
    return key


USAGE = [
    (["archive", "rm"], "--owner, --device, --stream, --from or --to; or --all"),
    (["archive", "rm", "--all", "--owner", "me"], "or --all"),
    (["archive", "rm", "--all"], "there is no terminal to ask on"),
    (["archive", "get", "--out", "x.wav", "--start", "5"], "frames of a stream: --stream"),
    (["archive", "ls", "--archive-set", "codec"], "NAME=VALUE is meant"),
    (["archive", "ls", "--archive-set", "secret_access_key=sesame"], "others can read the words"),
    (["archive", "ls", "--archive-set", "session-token=sesame"], "OSSICLE_ARCHIVE_SESSION_TOKEN"),
    (["listen", "--owner", "me"], "are those of an archive: --archive URL"),
    (["listen", "--archive-set", "codec=opus"], "are those of an archive: --archive URL"),
]


@pytest.mark.parametrize(("words", "says"), USAGE, ids=str)
def test_wrong_usage(words: list[str], says: str) -> None:
    code, out, lines = told(*words)
    assert (code, out) == (2, "")
    assert len(lines) == 1
    assert says in lines[0]
    assert "sesame" not in lines[0]


FAILED = [
    (["archive", "ls", "--from", "tomorow"], "'tomorow' is no time; write one such as"),
    (["archive", "get", "--out", "x.wav", "--from", "now", "--to", "-1h"], "the end comes after the start"),
    (["archive", "get", "--out", "x.wav", "--archive", "kept"], "nothing is kept of that"),
    (["archive", "ls", "--archive", "ftp://x/y"], "ftp:// is no archive"),
    (["archive", "ls", "--archive", "s3://me:sesame@x/y"], "a URL has no user, password"),
    (["archive", "ls", "--archive-set", "endpoint=https://me:sesame@x"], "a URL has no user, password"),
    (["archive", "ls", "--archive-config", "nothing.toml"], "nothing.toml: no such file"),
    (["archive", "ls", "--archive-set", "colour=blue"], "'colour' is no setting of an archive"),
    (["archive", "ls", "--archive-set", "codec=mp3"], "codec='mp3'"),
    (["archive", "upload", "--archive-set", "uploads=many"], "uploads='many'"),
    (["listen", "--archive", "kept", "--owner", "../you"], "owner='../you'"),
    (["listen", "--archive", "/dev/null/kept"], "Not a directory"),
    (["listen", "--archive", "kept", "--rate", "32000", "--archive-set", "codec=opus"], "use flac"),
    (["listen", "--archive", "kept", "--archive-set", "keep_s=60"], "at least twice object_s"),
]


@pytest.mark.parametrize(("words", "says"), FAILED, ids=str)
def test_what_cannot_be_done(words: list[str], says: str, tmp_path: Path) -> None:
    code, out, lines = told(*words)
    assert (code, out) == (1, "")
    assert len([line for line in lines if line.startswith("ossicle: ")]) == 1
    assert says.lower() in lines[-1].lower()
    assert "sesame" not in lines[-1]
    assert not (tmp_path / "x.wav").exists()


def test_what_is_ambiguous_names_the_choice(tmp_path: Path) -> None:
    for device in ("kitchen", "attic"):
        keep(device=device)
    keep(owner="you", device="attic", start=RATE)
    (tmp_path / "x.wav").write_text("an older file")
    code, _, lines = told("archive", "get", "--archive", "kept", "--out", "x.wav", "--trim")
    assert (code, lines[-1]) == (1, "ossicle: audio of several: choose with --owner: me, you")
    code, _, lines = told("archive", "get", "--archive", "kept", "--out", "x.wav", "--trim", "--owner", "me")
    assert (code, lines[-1]) == (1, "ossicle: audio of several: choose with --device: attic, kitchen")
    assert (tmp_path / "x.wav").read_text() == "an older file"
    words = ("archive", "get", "--archive", "kept", "--out", "x.wav", "--owner", "you")
    assert told(*words)[0] == 0
    assert soundfile.info(tmp_path / "x.wav").frames == RATE
    assert [path.name for path in tmp_path.glob(".x*")] == []


def test_a_file_that_cannot_be_written_leaves_the_older_one(tmp_path: Path) -> None:
    keep()
    code, _, lines = told("archive", "get", "--archive", "kept", "--out", "x.mp3")
    assert (code, lines) == (1, ["ossicle: x.mp3: a recording ends in .wav or .flac, not .mp3"])
    code, _, lines = told("archive", "get", "--archive", "kept", "--out", "no/x.wav")
    assert code == 1
    assert "No such file or directory" in lines[-1]
    (tmp_path / "folder.wav").mkdir()
    code, _, lines = told("archive", "get", "--archive", "kept", "--out", "folder.wav")
    assert (code, lines) == (1, ["ossicle: folder.wav: Is a directory"])


def test_a_range_that_fits_no_disk(tmp_path: Path) -> None:
    """One second, in half a century of silence."""
    keep()
    words = ("archive", "get", "--archive", "kept", "--from", "1970-01-02", "--to", "2027-01-01")
    code, out, lines = told(*words, "--out", "x.wav")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"ossicle: x.wav: would be 2\d\.\d TB, 100% of it silence, and .*--trim.*", lines[-1])
    assert list(tmp_path.glob("*x.wav")) == []
    code, out, lines = told(*words, "--out", "x.flac")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"ossicle: x.flac: would be .*, and FLAC holds .*--trim", lines[-1])
    assert told(*words, "--out", "x.wav", "--trim")[0] == 0


def test_deleting_leaves_what_was_not_meant() -> None:
    """By owner, device and time; from the store and from this disk's spool."""
    mine, yours = keep(), keep(owner="you")
    keep(start=RATE, spooled=True)
    later = keep(device="attic", start=100 * RATE)
    code, out, _ = told(
        "archive", "rm", "--archive", "kept", "--owner", "me", "--device", "kitchen", "--dry-run"
    )
    assert code == 0
    assert re.fullmatch(
        r"\S+ to \S+  me  kitchen  00000000000000aa\n"
        r"would go: 2 objects, .* kB, 0:00:02 of audio, 1 of them from this disk's spool\n",
        out,
    )
    store = Store(load(url="kept"))
    assert all(map(store.exists, (mine, yours, later)))
    words = ("archive", "rm", "--archive", "kept", "--owner", "me", "--to", f"@{NOON + 50}", "--yes")
    assert told(*words)[1].startswith("deleted: 2 objects")
    assert [store.exists(key) for key in (mine, yours, later)] == [False, True, True]
    assert Spool(load(url="kept").spool_folder, 1).items() == []
    assert len(list(store.list("deleted"))) == 1
    code, out, lines = told("archive", "cleanup", "--archive", "kept", "--days", "0")
    assert (code, out[:18]) == (0, "deleted: 0 objects")
    assert lines == ["audio is kept for ever, and no deletion was broken off"]
    assert told("archive", "cleanup", "--archive", "kept", "--days", "1e5")[2] == [
        "nothing is older than 100000 days, and no deletion was broken off"
    ]
    code, out, _ = told("archive", "cleanup", "--archive", "kept", "--days", "1", "--owner", "you")
    assert out.startswith("deleted: 1 object,")
    assert [store.exists(key) for key in (yours, later)] == [False, True]


def test_what_was_left_on_this_disk_is_uploaded() -> None:
    key = keep(spooled=True)
    assert f"{key}, waits on this disk" in told("archive", "ls", "--archive", "kept", "--objects")[1]
    assert told("archive", "ls", "--archive", "kept")[1].endswith(", 1 object of 1 on this disk yet\n")
    words = ("archive", "upload", "--archive", "kept", "--archive-set", "retention_days=0")
    code, out, lines = told(*words)
    assert (code, lines) == (0, [])
    assert out.startswith("1 object, ")
    assert Store(load(url="kept")).exists(key)
    assert "this disk" not in told("archive", "ls", "--archive", "kept")[1]
    assert "waiting" not in told("archive", "stats", "--archive", "kept")[1]


def test_what_waits_is_told_though_the_store_was_never_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what lists; what gives audio out would give too little, and says nothing of it."""

    def away(*_: object, **__: object) -> None:
        raise StoreError("the server is not reached", transient=True)

    key = keep(spooled=True)
    monkeypatch.setattr(rebuild, "compare", away)
    code, out, lines = told("archive", "ls", "--archive", "kept", "--objects")
    assert (code, key in out) == (0, True)
    assert "the server is not reached; what this computer knows is told" in lines
    code, out, lines = told("archive", "ls", "--archive", "kept", "--owner", "you")
    assert (code, out, len(lines)) == (1, "", 2)
    assert "waiting on this disk: 1 object" in told("archive", "stats", "--archive", "kept")[1]
    for words in (["ls", "--refresh"], ["get", "--out", "x.wav"], ["export", "x"], ["verify"]):
        code, out, lines = told("archive", *words, "--archive", "kept")
        assert (code, out, lines[-1]) == (1, "", "ossicle: the server is not reached")


def test_an_index_is_made_from_the_store() -> None:
    key = keep()
    Path("kept/notes.txt").write_text("of somebody else")
    code, out, lines = told("archive", "ls", "--archive", "kept")
    assert (code, len(lines)) == (0, 1)
    assert "no index" in lines[0]
    assert STREAM in out
    later = keep(start=RATE)
    assert later not in told("archive", "ls", "--archive", "kept", "--objects")[1]
    assert later in told("archive", "ls", "--archive", "kept", "--objects", "--refresh")[1]
    code, out, _ = told("archive", "rebuild", "--archive", "kept")
    assert (code, out.splitlines()[0][:9]) == (0, "foreign  ")
    assert "2 objects" in out
    Path("kept", key).unlink()
    code, out, _ = told("archive", "verify", "--archive", "kept", "--quick")
    assert code == 1
    assert f"missing  {key}" in out
    assert "foreign  notes.txt" in out


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Misspelt, or on a disk that is away: told, and what the index knows of it stays."""
    code, out, lines = told("archive", "ls", "--archive", "kept")
    assert (code, out) == (0, "")
    assert lines == [f"{tmp_path / 'kept'}: there is no such folder yet", "nothing is kept there"]
    keep()
    known = told("archive", "ls", "--archive", "kept", "--refresh")
    assert STREAM in known[1]
    (tmp_path / "kept").rename(tmp_path / "away")
    for words in (["ls", "--refresh"], ["cleanup"], ["rebuild"], ["verify"], ["rm", "--all", "--yes"]):
        code, out, lines = told("archive", *words, "--archive", "kept")
        assert (code, out) == (1, "")
        assert "there is no such folder, and it had objects" in lines[-1]
    assert not (tmp_path / "kept").exists()
    (tmp_path / "away").rename(tmp_path / "kept")
    assert told("archive", "ls", "--archive", "kept") == known


def test_the_page_reads_in_python(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep()
    page = (Path(__file__).resolve().parents[2] / "docs" / "archive.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(from ossicle.*?)```", page, re.DOTALL)
    exec(compile(code, "docs/archive.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == f"1.0 s from {NOON} on, 0 gaps\n"
    assert soundfile.info(tmp_path / "again.wav").frames == RATE


WITHOUT = """
import sys
for name in ("obstore", "tenacity", "pydantic_settings"):
    sys.modules[name] = None
from ossicle.cli import main
main()
"""


def test_without_the_packages_of_an_archive(speech: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", WITHOUT, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    done = run("listen", "--archive", "kept")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "pip install 'ossicle[archive]'" in done.stderr
    assert run("listen", f"emulator:{speech}?speed=max", "--vad", "energy").returncode == 0
