"""A server that speaks S3's protocol, moto's, as a process of its own: `S3Server`. Run as a script it is one.

It ends when its standard input does, so none outlives the tests, however these end. Credentials count for
nothing there unless `credentials_count` makes them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Thread
from typing import Any

REGION = "us-east-1"
PAGE = 20
"""Names in one answer to a list: real servers tell 1000, and a test would take long to reach the second."""


class S3Server:
    """A running server; `endpoint` is its URL."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": str(PAGE)},
        )
        assert self._process.stdout is not None
        port = int(self._process.stdout.readline() or b"0")
        assert port, "moto's server did not start"
        self.endpoint = f"http://127.0.0.1:{port}"
        self._numbers = count(1)

    @property
    def port(self) -> int:
        return int(self.endpoint.rpartition(":")[2])

    def bucket(self) -> str:
        """The name of a new bucket, made on the server."""
        name = f"ossicle-{next(self._numbers)}"
        self.ask(f"/{name}", method="PUT")
        return name

    def given(self, bucket: str | None = None, **others: Any) -> dict[str, Any]:
        """The settings of an archive in a bucket of this server, a new one unless named."""
        told = {
            "url": f"s3://{bucket or self.bucket()}/kept",
            "endpoint": self.endpoint,
            "region": REGION,
            "access_key_id": "test",
            "secret_access_key": "test",
            "allow_http": True,
        }
        return {**told, **others}

    def ask(self, path: str, data: bytes | None = None, method: str = "POST") -> bytes:
        """One plain request, signed by nobody."""
        request = urllib.request.Request(self.endpoint + path, data=data, method=method)
        request.add_header("Content-Type", "text/plain")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    @contextmanager
    def credentials_count(self) -> Iterator[tuple[str, str]]:
        """Within it the server checks signatures and rights; yields a key's id and secret that may do all."""
        name = f"user{next(self._numbers)}"
        rights = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
        self._iam("CreateUser", UserName=name)
        self._iam("PutUserPolicy", UserName=name, PolicyName="all", PolicyDocument=rights)
        answer = self._iam("CreateAccessKey", UserName=name).decode()
        found = re.search(r"<AccessKeyId>(.+?)<.*<SecretAccessKey>(.+?)<", answer, re.DOTALL)
        assert found is not None, answer
        self.ask("/moto-api/reset-auth", b"0")
        try:
            yield found[1], found[2]
        finally:
            self.ask("/moto-api/reset-auth", b"inf")

    def _iam(self, action: str, **parameters: str) -> bytes:
        body = urllib.parse.urlencode({"Action": action, "Version": "2010-05-08", **parameters}).encode()
        request = urllib.request.Request(self.endpoint, data=body)
        scope = f"test/20260101/{REGION}/iam/aws4_request"
        request.add_header(
            "Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=x, Signature=x"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def serve() -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    print(server.server_port, flush=True)
    Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    serve()
