"""What stands before the app: whom it answers, and how much it keeps for them."""

from __future__ import annotations

import ipaddress
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# bytes of a refused upload that are read all the same
SWALLOWED = 2**25


def allowed_hosts(host: str) -> set[str]:
    """The names under which a browser may address the app.

    Arguments:
        host: Where it listens. "*" in the result stands for any address of digits, which no name
            server can point elsewhere.
    """
    found = {"localhost", "127.0.0.1", "::1", host, socket.gethostname(), socket.getfqdn()}
    return found | {"*"} if host in ("0.0.0.0", "::") else found


class Guard:
    """A layer that refuses strangers' pages, names that were pointed here, and too many uploads.

    A page of another site must not act for a visitor (its Origin is not ours), nor may a name that
    was made to point to this machine be used to read from it (DNS rebinding: its Host is not ours).

    Arguments:
        app: The application.
        hosts: What `allowed_hosts` gives.
        folder: Where uploads lie.
        most: How many bytes they may take together.
    """

    def __init__(self, app: Any, hosts: set[str], folder: Path, most: int):
        self.app, self.hosts, self.folder, self.most = app, hosts, folder, most
        # bytes of uploads that are on their way
        self.coming = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] in ("http", "websocket"):
            headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
            if refusal := self._refusal(scope, headers):
                await _refuse(scope, receive, send, *refusal)
                return
            if _is_upload(scope):
                size = int(headers["content-length"])
                self.coming += size
                try:
                    await self.app(scope, receive, send)
                finally:
                    self.coming -= size
                return
        await self.app(scope, receive, send)

    def _refusal(self, scope: dict[str, Any], headers: dict[str, str]) -> tuple[int, str] | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._known(host):
            return 421, "this app answers under its own address alone"
        if origin is not None and origin.partition("://")[2] != host:
            return 403, "pages of other sites cannot use this app"
        if _is_upload(scope):
            length = headers.get("content-length", "")
            if not length.isdigit():
                return 411, "an upload says how long it is"
            if _size(self.folder) + self.coming + int(length) > self.most:
                return 413, "too many pictures are uploaded at the moment; try again later"
        return None

    def _known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in {known.lower() for known in self.hosts}:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return "*" in self.hosts


def _is_upload(scope: dict[str, Any]) -> bool:
    return scope.get("method") == "POST" and scope["path"].rstrip("/").endswith("/upload")


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:
            # another request has removed it
            continue
    return total


async def _refuse(scope: dict[str, Any], receive: Any, send: Any, code: int, text: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": text})
        return
    # a client that still sends would not read the answer
    left = SWALLOWED
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b"")) + 1
        if message["type"] != "http.request" or not message.get("more_body"):
            break
    body = json.dumps({"detail": text}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
