"""The store over S3's real protocol, to a server that is a process; and to servers that do not answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import obstore
import pytest
from motoserver import PAGE, S3Server

from ossicle.archive import store as store_module
from ossicle.archive.settings import load
from ossicle.archive.store import MissingError, Store, StoreError

KEY = f"audio/default/dev/2026-01-02/ab/{0:015d}-{'0' * 64}.flac"
SECRET = "Zq7-the-key-that-nobody-sees"


def names(store: Store, prefix: str = "") -> list[str]:
    return [name for name, _, _ in store.list(prefix)]


def test_objects_come_back_and_go(s3: S3Server) -> None:
    given = s3.given()
    store = Store(load(**given))
    store.check()
    assert names(store) == []
    data = bytes(range(256)) * 400
    store.put(KEY, data)
    store.put("audio/x.opus", b"")
    assert Store(load(**given)).get(KEY) == data
    assert store.head_bytes(KEY, 300) == data[:300]
    assert store.head_bytes(KEY, 1 << 20) == data
    assert store.head_bytes("audio/x.opus", 300) == b""
    assert [(name, size) for name, size, _ in store.list("audio/default")] == [(KEY, len(data))]
    assert store.look(KEY) == next(store.list("audio/default"))
    with pytest.raises(MissingError, match="there is no such object"):
        store.get(KEY + "x")
    store.delete(["audio/none", KEY])
    assert names(store) == ["audio/x.opus"]
    assert (store.exists(KEY), store.exists("audio/x.opus")) == (False, True)


def test_it_stays_below_its_prefix_and_says_what_it_keeps(s3: S3Server) -> None:
    bucket = s3.bucket()
    s3.ask(f"/{bucket}/stranger", b"x", "PUT")
    store = Store(load(**s3.given(bucket)))
    store.put("audio/x.flac", b"x")
    assert names(store) == ["audio/x.flac"]
    assert b"<Key>kept/audio/x.flac</Key>" in s3.ask(f"/{bucket}?list-type=2", method="GET")
    beside = Store(load(**s3.given(url=f"{s3.endpoint}/{bucket}", endpoint=None)))
    assert names(beside) == ["kept/audio/x.flac", "stranger"]


def test_a_list_goes_over_many_pages(s3: S3Server) -> None:
    store = Store(load(**s3.given()))
    keys = [f"audio/{n:04d}" for n in range(2 * PAGE + 1)]
    for key in keys:
        store.put(key, b"")
    assert names(store) == keys
    store.delete(keys[1:])
    assert names(store) == keys[:1]


def test_a_list_goes_on_behind_what_it_has_told(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(load(**s3.given()))
    keys = [f"audio/{n:04d}" for n in range(60)]
    for key in keys:
        store.put(key, b"")
    true, failures = obstore.list, list[str | None]()

    def failing(*arguments: Any, **named: Any) -> Iterator[Any]:
        """Every page but the first of a list fails, three times."""
        for n, page in enumerate(true(*arguments, **named)):
            if n and len(failures) < 3:
                failures.append(named["offset"])
                raise RuntimeError("Server returned non-2xx status code: 503 X")
            yield page

    monkeypatch.setattr(obstore, "list", failing)
    monkeypatch.setattr(store._again, "sleep", lambda _: None)
    assert names(store) == keys
    assert len(failures) == 1


ACTS: dict[str, Callable[[Store], Any]] = {
    "check": Store.check,
    "put": lambda store: store.put(KEY, b"x"),
    "get": lambda store: store.get(KEY),
    "head": lambda store: store.head_bytes(KEY, 9),
    "list": names,
    "delete": lambda store: store.delete([KEY]),
}


def refused(store: Store, message: str) -> None:
    """Every act is refused for good, with one line."""
    for name, act in ACTS.items():
        with pytest.raises(StoreError, match=message) as caught:
            act(store)
        assert not caught.value.transient, name
        assert "\n" not in str(caught.value)
        assert SECRET not in str(caught.value)


def test_a_bucket_that_does_not_exist(s3: S3Server) -> None:
    refused(
        Store(load(**s3.given("nosuch"))), r"^s3://nosuch/kept: there is no such bucket \(NoSuchBucket\)$"
    )


def test_credentials_that_are_wrong(s3: S3Server) -> None:
    bucket = s3.bucket()
    with s3.credentials_count() as (key, secret):
        right = Store(load(**s3.given(bucket, access_key_id=key, secret_access_key=secret)))
        right.check()
        right.put(KEY, b"x")
        assert right.get(KEY) == b"x"
        other = Store(load(**s3.given(bucket, access_key_id=key, secret_access_key=SECRET)))
        refused(other, r"the secret access key is wrong \(SignatureDoesNotMatch\)$")
        unknown = Store(load(**s3.given(bucket, secret_access_key=SECRET)))
        refused(unknown, r"the server does not know this access key \(InvalidAccessKeyId\)$")


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "ENDPOINT_URL"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)


@pytest.mark.usefixtures("no_credentials")
def test_missing_credentials_do_not_hang(s3: S3Server, silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any, those of the cloud's machine are asked for, at an address that most networks drop."""
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", silent)
    store = Store(load(**s3.given(access_key_id=None, secret_access_key=None, timeout_s=0.3)))
    for act in (ACTS["check"], ACTS["put"]):
        with pytest.raises(StoreError, match="no credentials: set OSSICLE_ARCHIVE_ACCESS_KEY_ID") as caught:
            act(store)
        assert not caught.value.transient


@pytest.mark.usefixtures("no_credentials")
def test_credentials_of_the_environment_count(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = s3.bucket()
    given = s3.given(bucket, access_key_id=None, secret_access_key=None)
    with s3.credentials_count() as (key, secret):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        Store(load(**given)).check()
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        refused(Store(load(**given)), "the secret access key is wrong")


def test_a_server_that_is_not_there(s3: S3Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    store = Store(load(**s3.given("bucket", endpoint=f"http://127.0.0.1:{port}")))
    for act in (ACTS["check"], ACTS["put"]):
        with pytest.raises(StoreError, match=f"the server http://127.0.0.1:{port} is not reached") as caught:
            act(store)
        assert caught.value.transient


@pytest.mark.timeout(15)
def test_a_check_waits_for_no_slow_server(s3: S3Server, silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a request may take otherwise."""
    assert store_module.CHECK_S <= 10
    monkeypatch.setattr(store_module, "CHECK_S", 0.2)
    store = Store(load(**s3.given("bucket", endpoint=silent, timeout_s=20)))
    with pytest.raises(StoreError, match="did not answer in time"):
        store.check()


def test_other_threads_run_while_a_server_says_nothing(s3: S3Server, silent: str) -> None:
    store = Store(load(**s3.given("bucket", endpoint=silent, timeout_s=0.2)))
    over, turns = Event(), [0]

    def turn() -> None:
        while not over.wait(0.01):
            turns[0] += 1

    Thread(target=turn, daemon=True).start()
    for name in ("check", "put"):
        before = turns[0]
        with pytest.raises(StoreError, match=f"the server {silent} did not answer in time") as caught:
            ACTS[name](store)
        assert caught.value.transient
        assert turns[0] - before >= 5, name
    over.set()


def test_an_answer_that_stops_in_the_middle_is_no_object(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the wait for its rest hold other threads up."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nLast-Modified: Tue, 06 Jan 2026 10:00:00 GMT\r\n\r\nabc"
    asked, kept = Event(), list[socket.socket]()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return
                kept[-1].recv(65536)
                kept[-1].sendall(head)
                asked.set()

        Thread(target=answer, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        store = Store(load(**s3.given("bucket", endpoint=endpoint, timeout_s=0.2)))
        store._again.sleep = lambda _: None
        began = time.thread_time()
        with pytest.raises(StoreError, match=r"did not answer in time|is not reached") as caught:
            store.get(KEY)
        assert caught.value.transient
        assert asked.is_set()
        assert len(kept) >= 4  # it was tried again
        assert time.thread_time() - began < 0.4  # and waited for asleep
        server.shutdown(socket.SHUT_RDWR)
    for connection in kept:
        connection.close()
