"""How an archive is set up: one model, from a file, the environment and options.

What is given in a call counts first (options of the command line, arguments), then `OSSICLE_ARCHIVE_NAME` in
the environment, then the file, then the default. The file is TOML with one line a setting:
`$OSSICLE_ARCHIVE_CONFIG`, else `~/.config/ossicle/archive.toml`. One that holds a secret is for its owner's
eyes only. Secrets are never options, which others can read, and are in no text that is shown.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from ossicle.archive.address import Address, check_endpoint, parse
from ossicle.archive.entry import ArchiveError
from ossicle.archive.extra import extra
from ossicle.archive.key import check_owner

with extra():
    from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
    from pydantic_settings import (
        BaseSettings,
        InitSettingsSource,
        PydanticBaseSettingsSource,
        SettingsConfigDict,
    )

ENVIRONMENT = "OSSICLE_ARCHIVE_"
FILE = "OSSICLE_ARCHIVE_CONFIG"
_WORD = re.compile(r"[!-~]{1,8192}")
_T = TypeVar("_T")
_Text = TypeVar("_Text", str | None, SecretStr | None)
_FILE_MAX_BYTES = 1 << 20
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def _value(check: Callable[[str], _T], text: str) -> _T:
    try:
        return check(text)
    except ArchiveError as error:
        raise ValueError(str(error)) from None  # by which pydantic knows a wrong value


def _home(variable: str, usual: str) -> Path:
    return Path(os.environ.get(variable) or usual).expanduser() / "ossicle"


class Settings(BaseSettings):
    """Everything that can be set. `load` makes one, with errors of one line."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT, env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    url: str = Field(
        default_factory=lambda: str(_home("XDG_DATA_HOME", "~/.local/share") / "archive"),
        description="where the archive is: a folder, s3://, gs://, az:// or https://HOST/BUCKET",
    )
    owner: str = Field("default", description="whose audio it is; the first part of each object's name")
    codec: Literal["flac", "opus"] = Field("flac", description="flac (lossless) or opus (smaller, lossy)")
    opus_kbps: int = Field(32, ge=6, le=256, description="kbit/s of each channel with opus")
    object_s: int = Field(60, ge=1, le=120, description="seconds of audio in one object")
    keep_s: int = Field(120, ge=2, le=600, description="seconds of audio kept in memory for each stream")
    memory_mb: float = Field(
        10, ge=1, le=1024, description="MB that one stream's audio and waiting objects may take"
    )
    spool_max_mb: float = Field(
        2048, ge=0, le=1e9, description="MB that may wait on disk while the store fails"
    )
    state: Path = Field(
        default_factory=lambda: _home("XDG_STATE_HOME", "~/.local/state") / "archive",
        description="folder of this computer for the index and for what waits; one in it for each archive",
    )
    retention_days: float = Field(
        30, ge=0, le=1e6, description="days after which audio is deleted; 0 is never"
    )
    timeout_s: float = Field(30, ge=0.001, le=600, description="seconds that one request may take")
    retries: int = Field(3, ge=0, le=100, description="times that a failed upload is tried again from memory")
    retry_first_s: float = Field(1, ge=0.001, le=3600, description="seconds before the first of them")
    retry_max_s: float = Field(60, ge=0.001, le=3600, description="seconds between two attempts at most")
    uploads: int = Field(2, ge=1, le=32, description="uploads at the same time")
    endpoint: str | None = Field(None, description="URL of the server, where it is not the provider's own")
    region: str | None = Field(None, description="region of the bucket (S3)")
    access_key_id: str | None = Field(None, description="id of the key (S3), name of the account (Azure)")
    secret_access_key: SecretStr | None = Field(None, description="the key to it")
    session_token: SecretStr | None = Field(None, description="of temporary credentials (S3)")
    credentials_file: Path | None = Field(None, description="service account's JSON file (Google)")
    allow_http: bool = Field(False, description="allow an endpoint without TLS, such as one on this computer")

    @field_validator("url")
    @classmethod
    def _place(cls, url: str) -> str:
        return str(_value(parse, url))

    @field_validator("owner")
    @classmethod
    def _owner(cls, owner: str) -> str:
        return _value(check_owner, owner)

    @field_validator("endpoint")
    @classmethod
    def _server(cls, endpoint: str | None) -> str | None:
        return None if endpoint is None else _value(check_endpoint, endpoint)

    @field_validator("region", "access_key_id", "secret_access_key", "session_token")
    @classmethod
    def _word(cls, value: _Text) -> _Text:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text is not None and not _WORD.fullmatch(text):  # they become parts of requests as they are
            raise ValueError("it is empty, or has spaces or other signs that are in none")
        return value

    @field_validator("state", "credentials_file")
    @classmethod
    def _expanded(cls, path: Path | None) -> Path | None:
        if path is not None and "\0" in str(path):
            raise ValueError("it is no name of a file")
        return path.expanduser().absolute() if path is not None else None

    @field_validator("keep_s")
    @classmethod
    def _room(cls, keep_s: int, others: ValidationInfo) -> int:
        object_s = others.data.get("object_s", 0)
        if keep_s < 2 * object_s:  # one is encoded while the next comes in
            raise ValueError(f"it has to be at least twice object_s, which is {object_s}")
        return keep_s

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments before the environment before the file."""
        told = cast(InitSettingsSource, init_settings).init_kwargs
        named = told.pop("config", None)
        read, _ = from_file(Path(named) if named else None)
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=read)

    @property
    def address(self) -> Address:
        """The URL taken apart, and the server."""
        address = parse(self.url)
        return replace(address, server=address.endpoint or self.endpoint)

    @property
    def folder(self) -> Path:
        """What this computer keeps for this archive, not beside it: the index and the spool."""
        name = re.sub(r"[^A-Za-z0-9]+", "-", self.url).strip("-")[-40:].strip("-")
        mark = hashlib.sha256(
            f"{self.endpoint or ''} {self.url}".encode(errors="surrogateescape")
        ).hexdigest()
        return self.state / f"{name}-{mark[:8]}"

    @property
    def index_path(self) -> Path:
        """The sqlite file of the index."""
        return self.folder / "index.sqlite"

    @property
    def spool_folder(self) -> Path:
        """Where objects wait for the store."""
        return self.folder / "spool"


SECRETS = frozenset({"secret_access_key", "session_token"})
"""Settings whose values are never shown."""


def usual_path() -> Path:
    """The file of settings unless another is named."""
    named = os.environ.get(FILE)
    return Path(named) if named else _home("XDG_CONFIG_HOME", "~/.config") / "archive.toml"


def from_file(path: Path | None = None) -> tuple[dict[str, Any], Path]:
    """What the file says, of the usual one unless `path` is given, and which it is.

    No file is no settings; one that was named must be there. Raises ArchiveError for one that is no TOML, has
    a setting that is not known, or has a secret and may be read by others.
    """
    place = path or usual_path()
    try:
        with place.open("rb") as file:
            open_to_others = os.name == "posix" and bool(os.fstat(file.fileno()).st_mode & _OTHERS)
            data = file.read(_FILE_MAX_BYTES + 1)
    except FileNotFoundError:
        if path is None and not os.environ.get(FILE):
            return {}, place
        raise ArchiveError(f"{place}: no such file") from None
    except OSError as error:
        raise ArchiveError(f"{place}: {error.strerror or error}") from None
    try:
        if len(data) > _FILE_MAX_BYTES:
            raise ValueError
        told = tomllib.loads(data.decode())
    except (ValueError, RecursionError):  # whose text may be a line of the file
        raise ArchiveError(f"{place}: it is no TOML") from None
    unknown = sorted(told.keys() - Settings.model_fields.keys())
    if unknown:
        raise ArchiveError(f"{place}: {unknown[0]!r} is no setting of an archive (docs/archive.md has all)")
    if open_to_others and SECRETS & told.keys():
        raise ArchiveError(f"{place}: it holds a secret, and others may read it: chmod 600 it")
    return told, place


def load(config: str | os.PathLike[str] | None = None, **given: Any) -> Settings:
    """The settings in force: `given` (None counts as not given), the environment, the file, the defaults.

    `config` names another file. Raises ArchiveError, one line that says where the wrong value came from.
    """
    kept: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    unknown = sorted(kept.keys() - Settings.model_fields.keys())
    if unknown:
        raise ArchiveError(f"{unknown[0]!r} is no setting of an archive (docs/archive.md has all)")
    _check_environment()
    file = Path(config).expanduser() if config is not None else None
    try:
        return Settings(**{**kept, "config": file})
    except ValidationError as error:
        raise ArchiveError(_told(error, kept, file)) from None


def _check_environment() -> None:
    """A misspelt variable would be passed over in silence."""
    known = {ENVIRONMENT + name.upper() for name in Settings.model_fields} | {FILE}
    for name in sorted(os.environ):
        if name.upper().startswith(ENVIRONMENT) and name.upper() not in known:
            raise ArchiveError(f"{name}: no setting of an archive has this name (docs/archive.md has all)")


def _told(error: ValidationError, given: dict[str, Any], file: Path | None) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    source = _source(name, given, file)
    return f"{source}: {reason.removeprefix(name).lstrip()}"


def _source(name: str, given: dict[str, Any], file: Path | None) -> str:
    variable = ENVIRONMENT + name.upper()
    if name in given:
        # A URL that is refused may be so for the password in it.
        hidden = name in SECRETS or set("@?#") & set(str(given[name]))
        return name if hidden else f"{name}={given[name]!r}"
    if variable in {key.upper() for key in os.environ}:
        return variable
    told, place = from_file(file)
    return f"{place}: {name}" if name in told else name
