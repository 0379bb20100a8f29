"""What the pages say is so: commands and options exist and are told, code runs, links lead somewhere."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from ossicle.board._schema import KEYS
from ossicle.cli.commands import app

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND_LINE = (ROOT / "docs" / "commandline.md").read_text(encoding="utf-8")
GUIDE = "\n".join(
    [
        README,
        COMMAND_LINE,
        *(
            (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
            for name in ("archive", "board", "install", "time", "wifi")
        ),
    ]
)
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "tests" / "README.md",
    *sorted((ROOT / "shared_spec").glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
COMMON = {"--help", "--json"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def commands() -> dict[str, set[str]]:
    """Each command of the program with its options, long and short, --help left out; `archive ls` is one."""
    found = {}
    for name, command in typer.main.get_command(app).commands.items():
        below = {f"{name} {word}": sub for word, sub in getattr(command, "commands", {}).items()}
        for words, one in (below or {name: command}).items():
            opts = (opt for param in one.params for opt in (*param.opts, *param.secondary_opts))
            found[words] = {opt for opt in opts if opt[0] == "-"}
    return found


def command_of(words: list[str], real: dict[str, set[str]]) -> str:
    """What the words after `ossicle` name: a command, or one below a command."""
    both = " ".join(words[:2])
    return both if both in real else words[0]


def lines_of_the_program() -> Iterator[list[str]]:
    for block in blocks("sh"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == "ossicle":
                yield words


def told_options() -> dict[str, set[str]]:
    """The options of each command as the table of commands tells them."""
    real = commands()
    rows = re.findall(r"^\| `ossicle ([^`]*)` \| (.*) \|$", GUIDE, re.MULTILINE)
    return {command_of(words.split(), real): set(re.findall(r"`(--[\w-]+)", cell)) for words, cell in rows}


def test_every_option_is_told_and_exists() -> None:
    real = commands()
    told = told_options()
    assert set(told) == set(real)
    for name, options in real.items():
        assert {opt for opt in options if opt.startswith("--")} - COMMON == told[name], name


@pytest.mark.parametrize("words", list(lines_of_the_program()), ids=" ".join)
def test_the_command_lines_shown_exist(words: list[str]) -> None:
    real = commands()
    name = command_of(words[1:], real)
    assert name in real
    used = {word for word in words if word.startswith("--")}
    assert used <= real[name] | COMMON


def test_options_named_in_the_text_exist() -> None:
    every = set().union(*commands().values()) | {"--help", "--version"}
    outside_code = re.sub(r"^```.*?^```", "", GUIDE, flags=re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`(--[\w-]+)", outside_code)) <= every


def test_every_command_has_json() -> None:
    assert all("--json" in options for options in commands().values())


HEARD = [code for code in blocks("python") if "ossicle.open(" in code]
"""The others have tests of their own: they need an archive."""


@pytest.mark.parametrize("number", range(len(HEARD)))
def test_the_python_shown_runs(
    number: int,
    speech: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = HEARD[number]
    assert '"auto"' in code
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    emulated = code.replace('open("auto"', f'open("emulator:{speech}?speed=max"')
    assert emulated != code
    exec(compile(emulated, f"README.md python {number}", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.strip()


def test_the_json_shown_is_json() -> None:
    assert blocks("json")
    for block in blocks("json"):
        for line in block.splitlines():
            json.loads(line)


def events_in_the_code() -> dict[str, set[str]]:
    """Each event that a command may tell in JSON, with its fields, read from the calls that tell it."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "host" / "ossicle" / "cli").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "event":
                name = node.args[0]
                if isinstance(name, ast.Constant):
                    fields = {keyword.arg for keyword in node.keywords if keyword.arg}
                    found.setdefault(name.value, set()).update(fields)
    return found


def test_every_json_event_is_told_with_its_fields() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [\w, ]+ \| (.*) \|$", COMMAND_LINE, re.MULTILINE)
    told = {name: set(re.findall(r"`([a-z][a-z0-9_]*)`", cell)) - {"null"} for name, cell in rows}
    assert told.pop("event") == set()  # the head of the table
    assert told.pop("note") == {"text"}
    assert told == events_in_the_code()


def test_every_key_of_the_configuration_is_told_with_its_default() -> None:
    page = (ROOT / "docs" / "board.md").read_text(encoding="utf-8")
    told = {}
    for names, defaults in re.findall(r"^\| (`.*?) \| (.*?) \|", page, re.MULTILINE):
        keys = re.findall(r"`(\w+)`", names)
        # One default for all of them, or one each.
        values = defaults.split(", ") if len(keys) > 1 and ", " in defaults else [defaults] * len(keys)
        told.update(zip(keys, values, strict=True))
    assert told.keys() == KEYS.keys()
    for name, key in KEYS.items():
        if key.default == "":
            assert re.fullmatch("none|the chip's id", told[name]), name
        else:
            plain = str(key.default).lower() if key.kind == "bool" else str(key.default)
            assert re.split(r"[ ;]", told[name].replace("`", "").replace('"', ""))[0] == plain, name
        assert key.wifi is None or str(key.wifi) in told[name], name


def test_messages_name_only_commands_that_exist() -> None:
    named = set()
    for path in (ROOT / "host").rglob("*.py"):
        named |= set(re.findall(r"[(`:] ?ossicle (\w+)[)`\" ]", path.read_text(encoding="utf-8")))
    assert {"demo", "record"} <= named <= {name.split()[0] for name in commands()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert missing == []


def test_files_named_in_code_blocks_exist() -> None:
    named = re.findall(r"(?<![/\w])((?:firmware|tools|host|tests|shared_spec)/[\w./-]+)", GUIDE)
    assert named
    assert [name for name in named if not (ROOT / name.rstrip(".")).exists()] == []


def test_changelog_has_the_headings() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in text
    assert "### Wire format" in text
    from ossicle import __version__

    assert f"## [{__version__}]" in text
