"""What a store's errors mean, in one line each, and whether they pass by themselves.

The library's texts run over many lines and quote the server's whole answer. Only the status of HTTP and the
name of the error in it are taken from them, so that nothing the server was told can come back in a log.
"""

from __future__ import annotations

import errno
import os
import re

from ossicle.archive.address import Address
from ossicle.archive.entry import ArchiveError

_STATUS = re.compile(r"status code: (\d{3})\b")
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,64})</Code>")
_METADATA = (
    "169.254.169.254",
    "/latest/api/token",
    "/latest/meta-data/",
    "computeMetadata",
    "/metadata/identity",
)
_LATER = (408, 425, 429)
_PASSING = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.EAGAIN,
    errno.EINTR,
}
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_CREDENTIALS = {
    "s3": "OSSICLE_ARCHIVE_ACCESS_KEY_ID and OSSICLE_ARCHIVE_SECRET_ACCESS_KEY, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY",
    "gs": "OSSICLE_ARCHIVE_CREDENTIALS_FILE, or GOOGLE_SERVICE_ACCOUNT",
    "az": "OSSICLE_ARCHIVE_ACCESS_KEY_ID (the account) and OSSICLE_ARCHIVE_SECRET_ACCESS_KEY",
}
_BY_CODE = {
    "NoSuchBucket": "there is no such bucket",
    "ContainerNotFound": "there is no such container",
    "InvalidBucketName": "this is no name of a bucket",
    "InvalidAccessKeyId": "the server does not know this access key",
    "SignatureDoesNotMatch": "the secret access key is wrong",
    "ExpiredToken": "the credentials have expired",
    "InvalidToken": "the session token is wrong",
    "AuthenticationFailed": "the credentials are wrong",
    "AuthorizationHeaderMalformed": "the bucket is in another region, or the key is malformed: set `region`",
    "PermanentRedirect": "the bucket is in another region: set `region`",
    "AccessDenied": "these credentials may not do this",
    "RequestTimeTooSkewed": "this computer's clock is wrong",
    "QuotaExceeded": "the store is full",
}
_PASSING_CODES = {"RequestTimeTooSkewed", "SlowDown", "RequestTimeout", "QuotaExceeded"}


class StoreError(ArchiveError):
    """The store did not do what was asked; `transient` where it may do it later, nothing changed here."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


class MissingError(StoreError):
    """There is no such object."""

    def __init__(self, message: str) -> None:
        super().__init__(message, transient=False)


def told(error: Exception, address: Address, key: str = "") -> StoreError:
    """The same as one line. `key` is the object that it was about, "" where it was the store itself."""
    where = f"{address}: {key}" if key else str(address)
    text = str(error)
    status = _STATUS.search(text)
    if any(mark in text for mark in _METADATA) or "MissingAccount" in text or "MissingAccessKey" in text:
        return StoreError(
            f"{address}: no credentials: set {_CREDENTIALS.get(address.kind, '')}", transient=False
        )
    code = _CODE.search(text)
    if code is not None and code[1] in _BY_CODE:
        return StoreError(f"{address}: {_BY_CODE[code[1]]} ({code[1]})", transient=code[1] in _PASSING_CODES)
    if address.folder is not None:
        return _of_a_folder(error, where, bool(key))
    if isinstance(error, FileNotFoundError) or (status is not None and status[1] == "404"):
        return _not_found(where, key, code[1] if code else "")
    if status is not None:
        return _by_status(int(status[1]), where, address, code[1] if code else "")
    return _without_answer(error, text, where, address)


def is_empty(error: Exception) -> bool:
    """Whether a range was refused because the object has nothing in it."""
    text = str(error)
    return "status code: 416" in text or "StartTooLarge" in text


def _not_found(where: str, key: str, code: str) -> StoreError:
    if not key:
        return StoreError(f"{where}: there is no such bucket", transient=False)
    return MissingError(f"{where}: there is no such object{f' ({code})' if code else ''}")


def _of_a_folder(error: Exception, where: str, is_object: bool) -> StoreError:
    """The library's errors have the system's number in their text only."""
    found = _OS_ERROR.search(str(error))
    number = getattr(error, "errno", None) or (int(found[1]) if found else None)
    if is_object and isinstance(error, FileNotFoundError):
        return MissingError(f"{where}: there is no such object")
    if number == errno.EEXIST:
        number = errno.ENOTDIR  # a file where a folder has to be
    reason = _os_text(number) if number else str(error).splitlines()[0][:200]
    return StoreError(f"{where}: {reason}", transient=number in _PASSING)


def _os_text(number: int) -> str:
    text = os.strerror(number)
    return text[:1].lower() + text[1:]


def _by_status(status: int, where: str, address: Address, code: str) -> StoreError:
    said = f"status {status}{f', {code}' if code else ''}"
    if status in (301, 307, 400) and not code:
        return StoreError(f"{address}: the server refused it ({said}); is `region` right?", transient=False)
    if status in (401, 403):
        return StoreError(
            f"{address}: the credentials are wrong, or may not do this ({said})", transient=False
        )
    if status >= 500 or status in _LATER:
        return StoreError(f"{where}: the server failed ({said})", transient=True)
    return StoreError(f"{where}: the server refused it ({said})", transient=False)


def _without_answer(error: Exception, text: str, where: str, address: Address) -> StoreError:
    server = f" {address.server}" if address.server else ""
    if "kind: Timeout" in text or "TimedOut" in text:
        return StoreError(f"{where}: the server{server} did not answer in time", transient=True)
    if "ertificate" in text:
        return StoreError(f"{where}: the certificate of the server{server} is not trusted", transient=False)
    if "kind: Connect" in text or "HTTP error" in text or "error decoding response body" in text:
        return StoreError(f"{where}: the server{server} is not reached", transient=True)
    if isinstance(error, (ValueError, NotImplementedError)):
        return StoreError(f"{where}: {text.splitlines()[0][:200]}", transient=False)
    return StoreError(f"{where}: {type(error).__name__}", transient=True)
