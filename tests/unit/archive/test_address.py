"""Addresses of archives, and names that would leave one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ossicle.archive.address import Address, is_inside, parse
from ossicle.archive.entry import ArchiveError


def test_a_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert parse("kept/here").folder == tmp_path / "kept/here"
    assert parse("~/kept").folder == Path("/home/somebody/kept")
    assert parse("file:///a%20b").folder == parse("file://localhost/a%20b").folder == Path("/a b")
    assert parse("a:b").folder == tmp_path / "a:b"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://bucket", Address("s3", "bucket")),
        ("s3://bucket/a/b/", Address("s3", "bucket", "a/b")),
        ("gs://bucket/a", Address("gs", "bucket", "a")),
        ("az://container/a", Address("az", "container", "a")),
        ("memory://x", Address("memory", "x")),
        (
            "https://id.r2.cloudflarestorage.com/bucket/a",
            Address(
                "s3",
                "bucket",
                "a",
                endpoint="https://id.r2.cloudflarestorage.com",
                server="https://id.r2.cloudflarestorage.com",
            ),
        ),
        (
            "http://127.0.0.1:9000/bucket",
            Address("s3", "bucket", endpoint="http://127.0.0.1:9000", server="http://127.0.0.1:9000"),
        ),
    ],
)
def test_a_url_is_taken_apart_and_put_together(url: str, address: Address) -> None:
    assert parse(url) == address
    assert parse(str(address)) == address


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "empty"),
        ("ftp://host/x", "ftp:// is no archive; known are"),
        ("s3:bucket", "names no bucket"),
        ("s3://", "names no bucket"),
        ("s3://b*d", "is no name of a bucket"),
        ("s3://bucket/../other", "would leave the archive"),
        ("s3://bucket/a//b", "would leave the archive"),
        ("https://host", "names no bucket"),
        ("https:///bucket", "names no server"),
        ("https://x.blob.core.windows.net/c", "write az://"),
        ("https://storage.googleapis.com/b", "write gs://"),
        ("https://s3.eu-west-1.amazonaws.com/b", "write s3://"),
        ("https://host:port/bucket", "cannot be read as a URL"),
        ("https://[::1/bucket", "cannot be read as a URL"),
        ("file://host/x", "three slashes"),
    ],
)
def test_what_is_no_address_is_refused(url: str, message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        parse(url)


@pytest.mark.parametrize("url", ["s3://id:SECRET@bucket/x", "https://host/b?sig=SECRET", "az://c/x#SECRET"])
def test_a_url_with_credentials_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ArchiveError, match="credentials are other settings") as caught:
        parse(url)
    assert "SECRET" not in str(caught.value)


def test_names_that_leave_the_archive() -> None:
    assert is_inside("audio/default/dev/2026-01-02/ab/0-1.flac")
    assert is_inside("..a/b..")
    for name in ("", "/a", "a/", "a//b", "../a", "a/../b", ".", "a/./b", "a\\b", "a\nb", "a\0"):
        assert not is_inside(name), name
