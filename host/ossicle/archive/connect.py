"""From settings to what `obstore` makes of them: a folder, or a client of S3, Google or Azure.

Nothing is sent here. The clients try each request once and wait for no answer longer than they are told. What
the settings do not say they look for where the provider's own tools do, in the environment.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

from ossicle.archive.entry import ArchiveError
from ossicle.archive.extra import extra
from ossicle.archive.settings import Settings
from ossicle.archive.trouble import StoreError, told

with extra():
    from obstore.store import AzureStore, GCSStore, LocalStore, MemoryStore, S3Store

Objects: TypeAlias = "S3Store | GCSStore | AzureStore | LocalStore | MemoryStore"
_CONNECT_S = 5.0
_REGION = "us-east-1"
_memories: dict[str, MemoryStore] = {}


def in_folder(folder: Path) -> LocalStore:
    """A folder, made for its owner alone where there is none. Folders in it go with their last object."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return LocalStore(folder, automatic_cleanup=True)


def connected(settings: Settings, timeout_s: float) -> Objects:
    """A client of what the settings name, no folder. A request takes at most `timeout_s` seconds.

    Raises ArchiveError where the settings cannot be right; it quotes nothing that may be a secret.
    """
    address = settings.address
    if (address.server or "").startswith("http:") and not settings.allow_http:
        raise ArchiveError(
            f"{address.server}: audio would go there unsealed; the setting allow_http=true allows it"
        )
    file = settings.credentials_file
    if file is not None and not file.is_file():
        raise StoreError(f"{file}: there is no such file of credentials", transient=False)
    try:
        return _made(settings, timeout_s)
    except Exception as error:
        known = told(error, address)
        if not known.transient:
            raise known from None
        why = "its credentials or its endpoint are not of the form that they have"
        raise StoreError(f"{address}: {why}", transient=False) from None


def _made(settings: Settings, timeout_s: float) -> Objects:
    address = settings.address
    if address.kind == "memory":
        return _memories.setdefault(address.bucket, MemoryStore())
    common: dict[str, Any] = {
        "prefix": address.prefix or None,
        "client_options": {
            "timeout": timedelta(seconds=timeout_s),
            "connect_timeout": timedelta(seconds=min(_CONNECT_S, timeout_s)),
            "allow_http": settings.allow_http,
        },
        "retry_config": {"max_retries": 0, "retry_timeout": timedelta(seconds=timeout_s)},
    }
    secret = settings.secret_access_key.get_secret_value() if settings.secret_access_key else None
    if address.kind == "s3":
        token = settings.session_token.get_secret_value() if settings.session_token else None
        own = {
            "endpoint": address.server,
            "region": settings.region or _region(),
            "access_key_id": settings.access_key_id,
            "secret_access_key": secret,
            "session_token": token,
        }
        return S3Store(address.bucket, **_given(own), **common)
    if address.kind == "gs":
        file = settings.credentials_file
        own = {"service_account": str(file) if file else None, "base_url": address.server}
        return GCSStore(address.bucket, **_given(own), **common)
    own = {"account_name": settings.access_key_id, "account_key": secret, "endpoint": address.server}
    return AzureStore(address.bucket, **_given(own), **common)


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _REGION


def _given(settings: dict[str, str | None]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}
