"""The store in a folder and in memory, and what its errors say."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ossicle.archive.address import Address
from ossicle.archive.entry import ArchiveError
from ossicle.archive.settings import load
from ossicle.archive.store import MissingError, Store, StoreError
from ossicle.archive.trouble import told

KEY = f"audio/default/dev/2026-01-02/ab/{0:015d}-{'0' * 64}.flac"
OTHER = f"audio/default/dev2/2026-01-02/ab/{0:015d}-{'0' * 64}.flac"


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    url = str(tmp_path / "kept") if request.param == "folder" else f"memory://{tmp_path.name}"
    return Store(load(url=url))


def names(store: Store, prefix: str = "") -> list[str]:
    return sorted(name for name, _, _ in store.list(prefix))


def test_objects_come_back_and_go(store: Store) -> None:
    assert names(store) == []
    assert not store.exists(KEY)
    store.check()
    store.put(KEY, b"abcdef")
    store.put(OTHER, b"")
    assert [(size, modified.tzinfo is not None) for _, size, modified in store.list()] in (
        [(6, True), (0, True)],
        [(0, True), (6, True)],
    )
    assert (store.get(KEY), store.get(OTHER)) == (b"abcdef", b"")
    assert [store.head_bytes(KEY, n) for n in (2, 6, 100)] == [b"ab", b"abcdef", b"abcdef"]
    assert store.head_bytes(OTHER, 100) == b""
    assert names(store, "audio/default/dev") == names(store, "audio/default/dev/") == [KEY]
    store.put(KEY, b"xyz")
    assert store.get(KEY) == b"xyz"
    store.delete([OTHER + "x", KEY, KEY])  # one that never was, and one twice
    assert names(store) == [OTHER]
    assert not store.exists(KEY)


def test_an_object_larger_than_any_of_ours_is_not_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import ossicle.archive.store as module

    store.put(KEY, b"abcdef")
    monkeypatch.setattr(module, "OBJECT_MAX_BYTES", 6)
    assert store.get(KEY) == b"abcdef"
    monkeypatch.setattr(module, "OBJECT_MAX_BYTES", 5)
    with pytest.raises(StoreError, match="6 bytes are more than an object of an archive has") as caught:
        store.get(KEY)
    assert not caught.value.transient


def test_many_are_deleted(store: Store) -> None:
    keys = [KEY.replace("000000000000000-", f"{n:015d}-") for n in range(520)]
    for key in keys[:3] + keys[-3:]:
        store.put(key, b"x")
    store.delete(iter(keys))
    assert names(store) == []


@pytest.mark.parametrize(
    "key", ["../x", "audio/../../x", "/etc/passwd", "audio//x", "audio/x\n", "a\\..\\b", ""]
)
def test_a_name_that_leaves_the_archive_is_refused(store: Store, key: str) -> None:
    for act in (
        lambda: store.put(key, b"x"),
        lambda: store.get(key),
        lambda: store.head_bytes(key, 1),
        lambda: store.exists(key),
        lambda: store.delete([KEY, key]),
    ):
        with pytest.raises(StoreError, match="would leave the archive") as caught:
            act()
        assert not caught.value.transient
    if key:
        with pytest.raises(StoreError, match="would leave the archive"):
            list(store.list(f"x/{key}/x"))


def test_what_is_not_there_is_missing(store: Store) -> None:
    store.put(OTHER, b"x")
    for act in (lambda: store.get(KEY), lambda: store.head_bytes(KEY, 5)):
        with pytest.raises(MissingError, match="there is no such object"):
            act()


def test_a_folder_is_made_when_something_is_kept_and_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "kept"
    store = Store(load(url=str(folder)))
    assert names(store) == []
    assert not folder.exists()
    store.check()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    store.put(KEY, b"x")
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [KEY.rpartition("/")[2]]
    store.delete([KEY])
    assert list(folder.iterdir()) == []  # a device's name goes with its audio


def test_an_object_in_a_folder_is_on_the_disk_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true, synced = os.fsync, list[int]()

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        true(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    Store(load(url=str(tmp_path))).put(KEY, b"x")
    path = tmp_path / KEY
    assert synced == [path.stat().st_ino, path.parent.stat().st_ino]


def test_what_a_killed_writer_left_is_in_no_list_and_is_swept(tmp_path: Path) -> None:
    store = Store(load(url=str(tmp_path)))
    store.put(KEY, b"x")
    left, young = (tmp_path / f"{KEY}#{n}" for n in (1, 2))
    stranger = tmp_path / "audio" / "notes#1"
    for path in (left, young, stranger):
        path.write_bytes(b"half")
        os.utime(path, (time.time() - 7200,) * 2)
    os.utime(young)
    assert names(store, "audio/default") == [KEY]
    assert store.sweep("audio") == 1
    assert (left.exists(), young.exists(), stranger.exists()) == (False, True, True)
    assert store.sweep("audio", 0) == 1
    assert store.get(KEY) == b"x"
    assert store.sweep("../audio") == 0


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_path_that_cannot_be_written_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    store = Store(load(url=str(tmp_path / place)))
    for act in (store.check, lambda: store.put(KEY, b"x")):
        with pytest.raises(StoreError, match=f"^{tmp_path / place}: not a directory$") as caught:
            act()
        assert not caught.value.transient


def test_a_full_disk_passes_by(tmp_path: Path) -> None:
    """By the system's own limit on files, in a process of its own."""
    script = f"""
import resource, signal
from ossicle.archive.settings import load
from ossicle.archive.store import Store, StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store(load(url={str(tmp_path)!r}))
store.put({OTHER!r}, b"x")
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, -1))
try:
    store.put({KEY!r}, bytes(100_000))
except StoreError as error:
    print(error.transient, error)
print([name for name, _, _ in store.list()] == [{OTHER!r}])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [f"True {tmp_path}: {KEY}: file too large", "True"], done.stderr


class _Panic(BaseException):
    pass


_Panic.__name__ = "PanicException"


def status(number: int, body: str = "") -> Exception:
    return RuntimeError(f"Server returned non-2xx status code: {number} X: {body}\n\nDebug\n: Zq7")


@pytest.mark.parametrize(
    ("error", "kind", "transient", "message"),
    [
        (status(500), "s3", True, "the server failed (status 500)"),
        (status(503, "<Code>SlowDown</Code>"), "s3", True, "the server failed (status 503, SlowDown)"),
        (status(429), "gs", True, "the server failed (status 429)"),
        (status(408), "az", True, "the server failed (status 408)"),
        (status(403), "s3", False, "the credentials are wrong, or may not do this (status 403)"),
        (status(401, "Zq7"), "gs", False, "the credentials are wrong, or may not do this (status 401)"),
        (status(301), "s3", False, "the server refused it (status 301); is `region` right?"),
        (status(409), "s3", False, "the server refused it (status 409)"),
        (status(403, "<Code>SignatureDoesNotMatch</Code>"), "s3", False, "the secret access key is wrong"),
        (status(403, "<Code>RequestTimeTooSkewed</Code>"), "s3", True, "this computer's clock is wrong"),
        (status(400, "<Code>AuthorizationHeaderMalformed</Code>"), "s3", False, "set `region`"),
        (RuntimeError("HTTP error\nkind: Timeout"), "s3", True, "did not answer in time"),
        (RuntimeError("HTTP error\nkind: Connect"), "s3", True, "is not reached"),
        (RuntimeError("invalid peer certificate: X"), "s3", False, "is not trusted"),
        (
            RuntimeError("PUT http://169.254.169.254/latest/api/token"),
            "s3",
            False,
            "set OSSICLE_ARCHIVE_ACCESS",
        ),
        (FileNotFoundError("x"), "s3", False, "there is no such object"),
        (OSError(errno.ENOSPC, "Zq7"), "local", True, "no space left on device"),
        (RuntimeError("Unable: No space (os error 28)"), "local", True, "no space left on device"),
        (OSError("Zq7 (os error 13)"), "local", False, "permission denied"),
        (OSError("Zq7 (os error 30)"), "local", False, "read-only file system"),
        (FileNotFoundError("x (os error 2)"), "local", False, "there is no such object"),
    ],
)
def test_each_trouble_is_one_line_and_passes_or_not(
    error: Exception, kind: str, transient: bool, message: str
) -> None:
    address = Address("local", folder=Path("/kept")) if kind == "local" else Address(kind, "bucket")
    found = told(error, address, "audio/x.flac")
    assert message in str(found)
    assert str(address) in str(found)
    assert found.transient is transient
    assert "\n" not in str(found)
    assert "Zq7" not in str(found)


def test_a_failure_of_the_library_itself_does_not_end_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    import obstore

    def panics(*_: Any, **__: Any) -> None:
        raise _Panic

    store = Store(load(url="memory://panic"))
    monkeypatch.setattr(obstore, "put", panics)
    with pytest.raises(StoreError):
        store.put(KEY, b"x")


def test_what_passes_is_tried_again_and_only_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    import obstore

    store = Store(load(url="memory://again"))
    store.put(KEY, b"x")
    true, waits, calls = obstore.get, list[float](), list[str]()
    store._again.sleep = waits.append

    def failing(*arguments: Any, **named: Any) -> Any:
        calls.append("get")
        if len(calls) < fails:
            raise status(503)
        return true(*arguments, **named)

    monkeypatch.setattr(obstore, "get", failing)
    fails = 4
    assert store.get(KEY) == b"x"
    assert len(waits) == 3
    fails = 100
    with pytest.raises(StoreError, match="status 503"):
        store.get(KEY)
    assert len(waits) == 6


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"url": "http://127.0.0.1:9/bucket"}, "audio would go there unsealed; the setting allow_http=true"),
        ({"url": "s3://bucket", "endpoint": "http://127.0.0.1:9"}, "audio would go there unsealed"),
        ({"url": "gs://bucket", "credentials_file": "/none.json"}, "/none.json: there is no such file"),
        ({"url": "az://container"}, "no credentials: set OSSICLE_ARCHIVE_ACCESS_KEY_ID"),
        (
            {"url": "az://container", "access_key_id": "id", "secret_access_key": "Zq7!"},
            "its credentials or its endpoint are not of the form",
        ),
    ],
)
def test_settings_that_cannot_be_right_are_told_at_once(
    given: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    with pytest.raises(ArchiveError, match=message) as caught:
        Store(load(**given))
    assert "Zq7" not in str(caught.value)


def test_a_wrong_file_of_credentials_is_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    path.write_text('{"private_key": "Zq7", "x": Zq7}')
    with pytest.raises(ArchiveError, match="its credentials or its endpoint are not of the form") as caught:
        Store(load(url="gs://bucket", credentials_file=str(path)))
    assert "Zq7" not in str(caught.value)
