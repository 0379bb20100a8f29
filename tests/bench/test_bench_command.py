"""The command `bench`: which tables it makes, how it tells them, the page it writes, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commandline import Run, rows
from typer.testing import CliRunner

from ossicle.bench import suite
from ossicle.bench.figures import Column, Effort, Limit, Row, Table
from ossicle.bench.report import cells, page
from ossicle.bench.source import BenchmarkError
from ossicle.cli.commands import app

README = Path(__file__).resolve().parent.parent.parent / "README.md"


def table(name: str, holds: bool = True) -> Table:
    columns = (Column("int16_ratio", "time", "x", 2), Column("count", "blocks"))
    found = (Row("AudioRing", {"int16_ratio": 0.5, "count": 1234}), Row("a|b", {"int16_ratio": None}))
    limit = Limit("the ring takes", 0.5, 0.6 if holds else 0.4)
    return Table(name, "A title", columns, found, ("how it was measured",), (limit,))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has every benchmark give a table at once."""

    def make(holds: bool = True, fails: str = "") -> None:
        def find(name: str) -> Callable[[Effort], Table]:
            def run(effort: Effort) -> Table:
                if name == fails:
                    raise BenchmarkError("it did not do its work")
                return table(name, holds)

            return run

        monkeypatch.setattr(suite, "find", find)

    return make


def told(*arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    done = CliRunner().invoke(app, ["bench", "--json", *arguments])
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_all_of_them_in_their_order(made: Callable[..., None]) -> None:
    made()
    code, lines, _ = told()
    assert code == 0
    assert [line["benchmark"] for line in lines if line["event"] == "table"] == list(suite.NAMES)
    assert lines[-1]["event"] == "done"
    assert lines[-1]["broken"] == []
    assert {"processor", "cores", "python"} <= set(lines[-1]["machine"])


def test_only_those_named_in_the_order_of_the_suite(made: Callable[..., None]) -> None:
    made()
    _, lines, _ = told("threads", "ring")
    assert [line["benchmark"] for line in lines[:-1]] == ["ring", "threads"]
    assert lines[0]["rows"][0] == {"name": "AudioRing", "int16_ratio": 0.5, "count": 1234}
    assert lines[0]["limits"][0]["holds"] is True


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nothing"], "there are ring"),
        (["vad_noise"], "with --vad"),
        (["--vad", "ring"], "without --vad"),
        (["--recordings", "/nowhere", "--vad"], "no folder"),
        (["--recordings", "."], "--vad"),
    ],
)
def test_wrong_usage(ossicle: Run, arguments: list[str], word: str) -> None:
    done = ossicle("bench", *arguments)
    assert done.returncode == 2
    assert word in " ".join(done.stderr.replace("│", " ").split())


def test_a_bound_that_does_not_hold_fails_only_when_asked(made: Callable[..., None]) -> None:
    made(holds=False)
    assert told("ring")[0] == 0
    code, lines, _ = told("ring", "--check")
    assert code == 1
    assert lines[-1]["broken"] == ["the ring takes: 0.5, at most 0.4: DOES NOT HOLD"]


def test_one_that_fails_is_told_and_the_others_go_on(made: Callable[..., None]) -> None:
    made(fails="ring")
    code, lines, stderr = told("ring", "threads")
    assert code == 1
    assert [line["benchmark"] for line in lines[:-1]] == ["threads"]
    assert "ring: it did not do its work" in stderr


def test_the_page(made: Callable[..., None], tmp_path: Path) -> None:
    made()
    code, lines, _ = told("ring", "loop", "--out", str(tmp_path))
    assert code == 0
    assert lines[-1]["page"] == str(tmp_path / "cost.md")
    text = (tmp_path / "cost.md").read_text()
    assert "ossicle bench" in text.splitlines()[2]
    assert "processor" in text
    assert "| AudioRing | 0.50 | 1,234 |" in text
    assert "| a\\|b | – | – |" in text
    assert "the ring takes: 0.5, at most 0.6: holds" in text
    assert "![ring](ring.png)" in text
    assert (tmp_path / "ring.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "loop.png").exists()


def test_a_page_that_has_no_place_is_told_before_anything_is_measured(ossicle: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    done = ossicle("bench", "ring", "--quick", "--out", "taken")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ossicle: taken: File exists\n"


@pytest.mark.parametrize("columns", ["wide", "-1", "", "99999999"])
def test_any_width(made: Callable[..., None], monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    made()
    monkeypatch.setenv("COLUMNS", columns)
    done = CliRunner().invoke(app, ["bench", "ring"])
    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) <= 1000


def test_a_page_that_cannot_be_written_costs_no_figure(made: Callable[..., None], tmp_path: Path) -> None:
    made()
    (tmp_path / "cost.md").mkdir()
    code, lines, stderr = told("ring", "--out", str(tmp_path))
    assert code == 1
    assert [line["event"] for line in lines] == ["table", "done"]
    assert lines[-1]["page"] is None
    assert "cost.md" in stderr


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    found = Table("x", "t", (Column("a", "a"),), (Row("\x1b[31mred", {"a": "b\nc"}),), ("n\x07",))
    assert cells(found, found.rows[0]) == ["?[31mred", "b c"]
    assert "\x1b" not in page("p", "c", {}, [found], [])
    assert "\x07" not in page("p", "c", {}, [found], [])


def test_for_people(made: Callable[..., None]) -> None:
    made(holds=False)
    done = CliRunner().invoke(app, ["bench", "ring"])
    assert "A title (ring)" in done.stdout
    assert "0.50" in done.stdout
    assert "how it was measured" in done.stdout
    assert done.stdout.rstrip().endswith("the ring takes: 0.5, at most 0.4: DOES NOT HOLD")


def test_voices_for_real(ossicle: Run, tmp_path: Path) -> None:
    """The charts of the real tables, the whole way through a process."""
    done = ossicle("bench", "--vad", "--quick", "vad", "vad_noise", "--out", "page", "--json")
    assert done.returncode == 0, done.stderr
    found = rows(done)
    assert [line["event"] for line in found] == ["table", "table", "done"]
    assert {"webrtc", "silero", "energy"} <= {row["engine"] for row in found[0]["rows"]}
    text = (tmp_path / "page" / "voice.md").read_text()
    assert "`ossicle bench --vad --quick vad vad_noise --out page --json`" in text
    for name in ("vad.png", "vad_noise.png"):
        assert f"({name})" in text
        assert (tmp_path / "page" / name).stat().st_size > 5000
