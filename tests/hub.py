"""A stand-in for the Hugging Face Hub on loopback: repositories with commits, in memory."""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest


class Hub(ThreadingHTTPServer):
    """Repositories by name: a list of commits, each files by path."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories, self.asked = {}, []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def revision(self, name, word):
        """The identity and files of a commit: the last for main."""
        commits = self.repositories[name]
        found = commits[-1:] if word == "main" else [c for c in commits if c[0] == word]
        return found[0]


class Handler(BaseHTTPRequestHandler):
    """What huggingface_hub asks for to create, commit, look up and download."""

    server: Hub

    def log_message(self, *arguments):
        """Nothing: the tests look at what was asked."""

    def answer(self, content, code=200, headers=()):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = urlsplit(self.path).path
        if path == "/api/repos/create":
            told = json.loads(body)
            name = "/".join(filter(None, (told.get("organization"), told["name"])))
            self.server.repositories.setdefault(name, [])
            self.answer({"url": f"{self.server.url}/{name}", "id": name})
        elif path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            files = json.loads(body)["files"]
            regular = [{"path": f["path"], "uploadMode": "regular"} for f in files]
            self.answer({"files": [f | {"shouldIgnore": False} for f in regular]})
        elif found := re.fullmatch(r"/api/models/(.+)/commit/main", path):
            lines = [json.loads(line) for line in body.splitlines()]
            files = {
                line["value"]["path"]: base64.b64decode(line["value"]["content"])
                for line in lines
                if line["key"] == "file"
            }
            name = hashlib.sha1(body).hexdigest()
            self.server.repositories[found[1]].append((name, files))
            self.answer(
                {"commitUrl": f"{self.server.url}/{found[1]}/commit/{name}", "commitOid": name}
            )
        else:
            self.answer({"error": path}, 404)

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(path)
        info = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path)
        tree = re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        try:
            if info:
                name, files = self.server.revision(info[1], info[2] or "main")
                siblings = [{"rfilename": f} for f in files]
                self.answer({"id": info[1], "sha": name, "siblings": siblings})
            elif tree:
                _, files = self.server.revision(tree[1], tree[2])
                listed = [{"path": f, "size": len(content)} for f, content in files.items()]
                self.answer([{"type": "file", "oid": "0" * 40} | one for one in listed])
            elif file:
                name, files = self.server.revision(file[1], file[2])
                content = files[file[3]]
                tag = hashlib.sha1(content).hexdigest()
                self.answer(content, headers=[("ETag", f'"{tag}"'), ("X-Repo-Commit", name)])
            else:
                self.answer({"error": path}, 404)
        except (KeyError, IndexError):
            missing = "RevisionNotFound" if info or tree else "EntryNotFound"
            self.answer({"error": path}, 404, [("X-Error-Code", missing)])

    do_HEAD = do_GET


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The stand-in, which huggingface_hub takes for the Hub."""
    constants = pytest.importorskip("huggingface_hub.constants")
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, server.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", "hf_" + "x" * 34)
    yield server
    server.shutdown()
    server.server_close()
