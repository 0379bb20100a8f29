"""Google's and Azure's stores, as far as a plain server can play them: where objects go, signed by whom, and
what their refusals become."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import pytest

from ossicle.archive.settings import Settings, load
from ossicle.archive.store import MissingError, Store, StoreError

BUCKET = "bucket"
SECRET = "WnE3"  # base64, as Azure's keys are


class Plain(ThreadingHTTPServer):
    """Keeps what is put, by path; `refusal` is what everything is answered with, where it is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.objects: dict[str, bytes] = {}
        self.signed: set[str] = set()
        self.tokens: set[str] = set()
        self.requests = 0
        self.refusal: tuple[int, bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Plain

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.refused():
            return
        self.server.objects[self.path] = body
        self.server.signed.add(self.headers.get("Authorization", ""))
        self.server.tokens.add(self.headers.get("X-Amz-Security-Token", ""))
        self.answer(201, b"")

    def do_GET(self) -> None:
        if self.refused():
            return
        found = self.server.objects.get(self.path)
        self.answer(404 if found is None else 200, found or b"")

    def refused(self) -> bool:
        self.server.requests += 1
        if self.server.refusal is not None:
            self.answer(*self.server.refusal)
        return self.server.refusal is not None

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Tue, 06 Jan 2026 10:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Plain]:
    with Plain() as plain:
        Thread(target=plain.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield plain
        plain.shutdown()


@pytest.fixture(params=["az", "gs"])
def settings(request: pytest.FixtureRequest, server: Plain, tmp_path: Path) -> Settings:
    given = {"url": f"{request.param}://{BUCKET}/kept", "allow_http": True, "endpoint": server.url}
    if request.param == "az":
        return load(**given, access_key_id="account", secret_access_key=SECRET)
    account = tmp_path / "account.json"
    keys = {"client_email": "", "private_key": "", "private_key_id": "", "disable_oauth": True}
    account.write_text(json.dumps({**keys, "gcs_base_url": server.url}))
    return load(**given, credentials_file=account)


def test_objects_go_below_the_prefix_and_come_back(settings: Settings, server: Plain) -> None:
    store = Store(settings)
    store.put("audio/x.flac", b"abc")
    ((path, data),) = server.objects.items()
    assert (unquote(path), data) == (f"/{BUCKET}/kept/audio/x.flac", b"abc")
    assert store.get("audio/x.flac") == b"abc"
    with pytest.raises(MissingError, match="there is no such object"):
        store.get("audio/y.flac")
    if settings.address.kind == "az":
        assert [text.startswith("SharedKey account:") for text in server.signed] == [True]
        assert SECRET not in "".join(server.signed)


@pytest.mark.parametrize(
    ("status", "code", "message", "transient"),
    [
        (404, "ContainerNotFound", "there is no such container", False),
        (404, "NoSuchBucket", "there is no such bucket", False),
        (404, "", "there is no such bucket", False),
        (403, "AuthenticationFailed", "the credentials are wrong", False),
        (403, "", "the credentials are wrong, or may not do this", False),
        (503, "ServerBusy", "the server failed", True),
    ],
)
def test_a_refusal_is_one_line(
    settings: Settings, server: Plain, status: int, code: str, message: str, transient: bool
) -> None:
    server.refusal = (status, f"<Error><Code>{code}</Code><X>{SECRET}</X></Error>".encode())
    with pytest.raises(StoreError, match=message) as caught:
        Store(settings).check()
    assert caught.value.transient is transient
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)
    before = server.requests
    with pytest.raises(StoreError, match=message) as caught:
        Store(settings).put("audio/x.flac", b"x")
    assert server.requests == before + 1  # who puts has its own way to try again
    assert caught.value.transient is transient
    assert not server.objects


def test_temporary_credentials_go_with_their_token(server: Plain) -> None:
    keys = {"access_key_id": "id", "secret_access_key": SECRET, "session_token": "token"}
    store = Store(load(url=f"{server.url}/{BUCKET}", allow_http=True, **keys))
    store.put("audio/x.flac", b"x")
    assert server.tokens == {"token"}
    assert SECRET not in "".join(server.signed)
