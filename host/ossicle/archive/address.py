"""Where an archive is: a folder, or a place in object storage, by its URL.

    /folder, ~/folder, file:///folder    on this computer
    s3://BUCKET/PREFIX                   Amazon S3; with `endpoint` any server that speaks its protocol
    https://HOST/BUCKET/PREFIX           such a server, named in one (R2, MinIO, ...)
    gs://BUCKET/PREFIX                   Google Cloud Storage
    az://CONTAINER/PREFIX                Azure Blob Storage; the account is the setting `access_key_id`
    memory://NAME                        in this process, for tests

The prefix may be missing. A URL holds no credentials: it is shown in listings and logs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from ossicle.archive.entry import ArchiveError

SCHEMES = ("file", "s3", "https", "http", "gs", "az", "memory")
_KIND = {"https": "s3", "http": "s3"}
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<slashes>//)?")
_ELSEWHERE = {".windows.net": "az://CONTAINER/PREFIX", ".googleapis.com": "gs://BUCKET/PREFIX"}


@dataclass(frozen=True, slots=True)
class Address:
    """`kind` is "local", "s3", "gs", "az" or "memory"; a local one has a `folder`, others a `bucket`."""

    kind: str
    bucket: str = ""
    prefix: str = ""
    folder: Path | None = None
    endpoint: str | None = None
    """URL of the server, where it is part of this one."""
    server: str | None = None
    """The same, or what the settings say; None for the provider's own."""

    def __str__(self) -> str:
        if self.folder is not None:
            return str(self.folder)
        scheme = f"{self.endpoint}/" if self.endpoint else f"{self.kind}://"
        return f"{scheme}{self.bucket}{'/' if self.prefix else ''}{self.prefix}"


def parse(url: str) -> Address:
    """The address; a folder is made absolute. Raises ArchiveError, which never shows what may be a secret."""
    found = _SCHEME.match(url)
    if not url or "\0" in url:
        raise ArchiveError("the address of an archive is empty, or no text")
    if found is None or (found["slashes"] is None and found["scheme"].lower() not in SCHEMES):
        return Address("local", folder=Path(url).expanduser().absolute())
    scheme = found["scheme"].lower()
    if scheme not in SCHEMES:
        raise ArchiveError(f"{scheme}:// is no archive; known are a folder and {', '.join(SCHEMES)}")
    try:
        parts = urlsplit(url)
        endpoint = f"{scheme}://{parts.netloc}" if parts.port or parts.netloc else ""
    except ValueError:
        raise ArchiveError(f"{scheme}://...: cannot be read as a URL") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ArchiveError(
            f"{scheme}://...: a URL has no user, password or query here; credentials are other settings"
        )
    if scheme == "file":
        return Address("local", folder=_folder(parts))
    if scheme in _KIND:
        return _at_server(parts, endpoint)
    return Address(scheme, _bucket(parts.netloc, scheme), _prefix(parts.path))


def _folder(parts: SplitResult) -> Path:
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ArchiveError("file://...: write file:///folder, with three slashes, or the folder alone")
    return Path(unquote(parts.path)).absolute()


def _at_server(parts: SplitResult, endpoint: str) -> Address:
    for ending, form in _ELSEWHERE.items():
        if (parts.hostname or "").endswith(ending):
            raise ArchiveError(f"{endpoint}: write {form}")
    if (parts.hostname or "").endswith(".amazonaws.com"):
        raise ArchiveError(f"{endpoint}: write s3://BUCKET/PREFIX, and the setting `region`")
    bucket, _, prefix = parts.path.lstrip("/").partition("/")
    if not parts.hostname:
        raise ArchiveError(f"{parts.scheme}://: names no server; it is {parts.scheme}://HOST/BUCKET/PREFIX")
    return Address("s3", _bucket(bucket, endpoint), _prefix(prefix), endpoint=endpoint, server=endpoint)


def _bucket(name: str, where: str) -> str:
    if not _BUCKET.fullmatch(name):
        what = f"{name!r} is no name of a bucket" if name else "names no bucket"
        raise ArchiveError(f"{where}: {what}")
    return name


def _prefix(path: str) -> str:
    prefix = path.strip("/")
    if prefix and not is_inside(prefix):
        raise ArchiveError(f"prefix {prefix!r}: '.', '..' and empty parts would leave the archive")
    return prefix


def check_endpoint(endpoint: str) -> str:
    """The same, without a "/" at its end. Raises ArchiveError for what is no URL of a server."""
    try:
        parts = urlsplit(endpoint)
        whole = parts.hostname and (parts.port is None or parts.port > 0) and endpoint.isprintable()
    except ValueError:
        whole = False
    if not whole or parts.scheme not in ("http", "https") or " " in endpoint:
        raise ArchiveError("it is no URL of a server: https://HOST, or https://HOST:PORT")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ArchiveError("a URL has no user, password or query here; credentials are other settings")
    return endpoint.rstrip("/")


def is_inside(key: str) -> bool:
    """Whether a name stays within what it is below: no part is empty, "." or "..", and all are printable."""
    parts = key.split("/")
    return key.isprintable() and "\\" not in key and not any(part in ("", ".", "..") for part in parts)
