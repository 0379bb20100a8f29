"""Settings of an archive: where each comes from, what is refused, and that no secret is in any text."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from ossicle.archive.entry import ArchiveError
from ossicle.archive.settings import SECRETS, Settings, load

SECRET = "Zq7-the-key-that-nobody-sees"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("OSSICLE_ARCHIVE")]:
        monkeypatch.delenv(name)
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))


def written(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "config" / "ossicle" / "archive.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_defaults_are_a_folder_of_the_user(tmp_path: Path) -> None:
    settings = load()
    assert settings.url == str(tmp_path / "data/ossicle/archive")
    assert settings.folder.parent == tmp_path / "state/ossicle/archive"
    assert settings.index_path.parent == settings.spool_folder.parent == settings.folder
    assert (settings.codec, settings.object_s, settings.keep_s, settings.memory_mb) == ("flac", 60, 120, 10)
    assert settings.retention_days == 30


def test_an_argument_counts_before_a_variable_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, 'owner = "file"\nuploads = 3\nretries = 4\n')
    monkeypatch.setenv("OSSICLE_ARCHIVE_OWNER", "variable")
    monkeypatch.setenv("OSSICLE_ARCHIVE_UPLOADS", "5")
    settings = load(owner="argument", codec=None)
    assert (settings.owner, settings.uploads, settings.retries, settings.codec) == ("argument", 5, 4, "flac")
    monkeypatch.setenv("OSSICLE_ARCHIVE_UPLOADS", "")
    assert load().uploads == 3


def test_a_named_file_takes_the_place_of_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, 'owner = "usual"')
    other, third = tmp_path / "other.toml", tmp_path / "third.toml"
    other.write_text('owner = "other"')
    third.write_text('owner = "third"')
    monkeypatch.setenv("OSSICLE_ARCHIVE_CONFIG", str(other))
    assert load().owner == "other"
    assert load(third).owner == "third"
    monkeypatch.setenv("OSSICLE_ARCHIVE_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(ArchiveError, match=r"none\.toml: no such file"):
        load()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"object_s": "q"}, "object_s='q': input should be a valid integer"),
        ({"object_s": 100}, "keep_s: it has to be at least twice object_s, which is 100"),
        ({"object_s": 0}, "object_s=0: input should be greater"),
        ({"codec": "mp3"}, "codec='mp3': input should be 'flac' or 'opus'"),
        ({"owner": "../x"}, "owner='../x': .*letters, digits"),
        ({"url": "ftp://x"}, "url='ftp://x': ftp:// is no archive; known are a folder and file, s3"),
        ({"endpoint": "nosuch"}, "endpoint='nosuch': it is no URL of a server"),
        ({"endpoint": "http://h?key=x"}, "no user, password or query"),
        ({"region": "eu west"}, "region='eu west': it is empty, or has spaces"),
        ({"memory_mb": float("inf")}, "memory_mb=inf: input should be less than or equal to 1024"),
        ({"retention_days": float("nan")}, "retention_days=nan: input should be"),
        ({"retention": 3}, "'retention' is no setting of an archive"),
    ],
)
def test_a_wrong_argument_is_named_in_one_line(given: dict[str, object], message: str) -> None:
    with pytest.raises(ArchiveError, match=message) as caught:
        load(**given)
    assert "\n" not in str(caught.value)


def test_a_wrong_variable_or_line_of_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "keep_s = 9000")
    with pytest.raises(ArchiveError, match=f"^{path}: keep_s: input should be less than or equal to 600$"):
        load()
    monkeypatch.setenv("OSSICLE_ARCHIVE_KEEP_S", "long")
    with pytest.raises(ArchiveError, match=r"^OSSICLE_ARCHIVE_KEEP_S: input should be a valid integer"):
        load()
    monkeypatch.setenv("OSSICLE_ARCHIVE_KEPT_S", "9")
    with pytest.raises(ArchiveError, match=r"^OSSICLE_ARCHIVE_KEPT_S: no setting of an archive"):
        load(keep_s=120)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("owner = ", "it is no TOML"),
        ("\xff", "it is no TOML"),
        ("owners = 'x'", "'owners' is no setting of an archive"),
        ("[archive]\nowner = 'x'", "'archive' is no setting"),
        ("[owner]\nx = 1", "owner: input should be a valid string"),
        ("#" * (1 << 20) + "\n", "it is no TOML"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ArchiveError, match=f"^{path}: {message}"):
        load()


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_file_with_a_secret_is_for_its_owner_alone(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, f'{name} = "{SECRET}"', 0o640)
    with pytest.raises(
        ArchiveError, match="it holds a secret, and others may read it: chmod 600 it"
    ) as caught:
        load()
    assert SECRET not in str(caught.value)
    path.chmod(0o600)
    assert getattr(load(), name).get_secret_value() == SECRET
    written(tmp_path, 'owner = "x"', 0o644)
    assert load().owner == "x"


def test_no_text_tells_a_secret() -> None:
    settings = load(secret_access_key=SECRET, session_token=SECRET)
    assert settings.secret_access_key is not None
    assert settings.secret_access_key.get_secret_value() == SECRET
    texts = [repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())]
    assert not [text for text in texts if SECRET in text]
    assert SECRET in pickle.dumps(settings).decode("latin-1")  # the probe finds it where it is


@pytest.mark.parametrize("name", sorted(SECRETS))
@pytest.mark.parametrize("wrong", [f"{SECRET}\n", f"{SECRET} ", [SECRET], ""])
def test_no_error_tells_a_secret(name: str, wrong: object, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArchiveError, match=f"^{name}: ") as caught:
        load(**{name: wrong})
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    if isinstance(wrong, str) and wrong:
        monkeypatch.setenv(f"OSSICLE_ARCHIVE_{name.upper()}", wrong)
        with pytest.raises(ArchiveError, match=f"^OSSICLE_ARCHIVE_{name.upper()}: ") as caught:
            load()
        assert SECRET not in str(caught.value)


def test_the_library_itself_tells_no_secret() -> None:
    """Where somebody makes the model without `load`."""
    with pytest.raises(ValueError, match="secret_access_key") as caught:
        Settings(secret_access_key=[SECRET])  # type: ignore[arg-type]
    assert SECRET not in str(caught.value)


def test_settings_do_not_change() -> None:
    settings = load()
    with pytest.raises(ValueError, match="frozen"):
        settings.owner = "x"  # type: ignore[misc]


def test_each_archive_has_a_state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = load(url="s3://bucket/kept")
    others = [
        load(url="s3://bucket/other"),
        load(url="s3://bucket/kept", endpoint="https://host"),
        load(url="gs://bucket/kept"),
        load(url="https://host/bucket/kept"),
    ]
    folders = {settings.folder for settings in [one, *others]}
    assert len(folders) == 5
    assert load(url="folder").folder == load(url=str(tmp_path / "folder")).folder
    assert load(url="s3://bucket/kept", owner="x", secret_access_key=SECRET).folder == one.folder
    assert one.folder.parent == one.state


def test_every_setting_has_a_meaning_in_the_table() -> None:
    import settings as tool

    rows = tool.table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(Settings.model_fields)
    assert not [row for row in rows if "| None" in row or row.endswith("|  |")]


def test_the_page_has_the_table_of_today() -> None:
    import settings as tool

    page = tool.PAGE.read_text(encoding="utf-8")
    assert page == tool.with_table(page), "python3 tools/settings.py writes it"
    with pytest.raises(ValueError, match="has no place for the table"):
        tool.with_table("# The archive\n")


@pytest.mark.parametrize("name", ["spool_max_mb", "retention_days", "timeout_s", "memory_mb", "retry_max_s"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e300"])
def test_a_number_that_nothing_can_be_set_to_is_refused(name: str, value: str) -> None:
    with pytest.raises(ArchiveError, match=f"{name}="):
        load(**{name: value})


def test_an_empty_variable_names_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("OSSICLE_ARCHIVE_CONFIG", "")
    assert load().owner == "default"
    with pytest.raises(ArchiveError, match="no name of a file"):
        load(state="a\0b")
