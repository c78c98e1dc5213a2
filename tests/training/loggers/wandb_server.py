"""A small W&B server on loopback, which can be made to fail in every way a real one may."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """Answers what wandb asks for, in one of several modes, which may change while it runs.

    Arguments:
        mode: "well", "hang" (accept and never answer), "close" (the connection), "500", or "slow"
            (every answer takes a second).
        after: The number of seconds after which `later` is the mode instead.
        later: That mode.
    """

    def __init__(self, mode="well", after=None, later=None):
        self.mode = mode
        self.begun = None
        self.after, self.later = after, later
        self.asked = []
        self.over = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                server.begun = server.begun or time.monotonic()
                server.asked.append((self.command, self.path, body[:300]))
                mode = server.now()
                if mode == "hang":
                    server.over.wait(600)
                    self.close_connection = True
                    return
                if mode == "close":
                    self.connection.close()
                    self.close_connection = True
                    return
                if mode == "slow":
                    time.sleep(1)
                code = 500 if mode == "500" else 200
                text = b"{}" if code == 500 else json.dumps(server.reply(self.path, body)).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    with contextlib.suppress(OSError):
                        self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_HEAD = answer

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def now(self):
        """The mode at this moment."""
        late = self.after is not None and time.monotonic() - self.begun > self.after
        return self.later if late else self.mode

    def reply(self, path, body):
        """What W&B's server would say, as far as wandb needs it."""
        if path != "/graphql":
            return {"exitcode": None, "limits": {}}
        query = json.loads(body or b"{}").get("query", "")
        entity = {"id": "e", "name": "me"}
        project = {"id": "p", "name": "vae", "entity": entity}
        viewer = {"id": "u", "entity": "me", "username": "me", "flags": "{}"}
        viewer |= {"teams": {"edges": []}}
        bucket = {
            "id": "b",
            "name": "run",
            "displayName": "run",
            "description": None,
            "config": None,
            "sweepName": None,
            "historyLineCount": 0,
            "project": project,
        }
        return {
            "data": {
                "viewer": viewer,
                "serverInfo": {"features": [], "latestLocalVersionInfo": None},
                "upsertBucket": {"bucket": bucket, "inserted": True},
                "model": {"bucket": None, **project},
                "project": {**project, "artifact": {"id": "a", "name": "t", "createdAt": ""}},
            }
            if query
            else {}
        }

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.http.shutdown()
        self.http.server_close()
