"""The app under a bounded load from a second process: answers, times, errors and memory.

VAE_RELIABILITY=full makes it 800 requests. Requests go to this machine's loopback alone.
"""

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands import FAST
from vae.app.guard import Guard, allowed_hosts
from vae.cli.command import compose
from vae.search.build import build_index as index
from vae.training.loop import train

pytestmark = pytest.mark.slow

FULL = os.environ.get("VAE_RELIABILITY") == "full"
REQUESTS, VISITORS = (800, 8) if FULL else (60, 6)
LIMITS = ("max_megabytes=1", "max_megapixels=1", "max_uploads=8")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A process that serves the app, and its port."""
    home = tmp_path_factory.mktemp("app")
    words = ("data=digits", "model.latent_dim=4", "callbacks.pictures=null")
    run = train(compose(*FAST, *words, f"run_dir={home / 'run'}"))
    index(compose(f"run={run.directory}", name="search/index"))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [sys.executable, "-m", "vae.app", f"run={run.directory}", f"port={port}", *LIMITS]
    process = subprocess.Popen(
        command,
        cwd=home,
        env=os.environ | {"OMP_NUM_THREADS": "1", "GRADIO_TEMP_DIR": str(home / "uploads")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert any(line.startswith("the app: ") for line in process.stdout)
    yield process, port
    process.terminate()
    process.communicate(timeout=30)


def png(side=32, seed=0):
    image = io.BytesIO()
    level = np.random.default_rng(seed).integers(0, 256, (side, side), np.uint8)
    Image.fromarray(level).save(image, "png")
    return image.getvalue()


class Visitor:
    """A browser's part of the protocol: upload, ask, and read the answer."""

    def __init__(self, port):
        self.port = port

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def upload(self, content, name="a.png"):
        head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        body = head.encode() + b"Content-Type: image/png\r\n\r\n" + content + b"\r\n--x--\r\n"
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        return self.request("POST", "/gradio_api/upload", body, kind)

    def ask(self, name, data):
        body = json.dumps({"data": data})
        kind = {"Content-Type": "application/json"}
        status, text = self.request("POST", f"/gradio_api/call/{name}", body, kind)
        assert status == 200, text
        event = json.loads(text)["event_id"]
        _, text = self.request("GET", f"/gradio_api/call/{name}/{event}")
        return text.decode()


@pytest.fixture(scope="module")
def names(served):
    """The app's functions, by what they take."""
    _, info = Visitor(served[1]).request("GET", "/gradio_api/info")
    found = {}
    for name, endpoint in json.loads(info)["named_endpoints"].items():
        kinds = [p["component"] for p in endpoint["parameters"]]
        found.setdefault(tuple(kinds), name.lstrip("/"))
    return found


def picture(path):
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def memory(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def test_many_visitors_with_one_picture_are_all_answered(served, names):
    """They share its file, which is written again and again."""
    process, port = served
    search = next(v for k, v in names.items() if k in (("Upload", "Slider"), ("Image", "Slider")))
    errors, times, before = [], [], 0
    lock = threading.Lock()

    def visit(count):
        visitor = Visitor(port)
        for _ in range(count):
            start = time.monotonic()
            status, text = visitor.upload(png())
            if status == 200:
                answer = visitor.ask(search, [picture(json.loads(text)[0]), 0])
                good = "event: complete" in answer
            else:
                answer, good = text, False
            with lock:
                times.append(time.monotonic() - start)
                if not good:
                    errors.append(answer)

    visit(4)
    before = memory(process)
    threads = [
        threading.Thread(target=visit, args=(REQUESTS // VISITORS,)) for _ in range(VISITORS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()
    p50, p99 = times[len(times) // 2], times[int(0.99 * len(times))]
    grown = memory(process) - before
    print(f"{len(times)} requests, p50 {p50:.2f} s, p99 {p99:.2f} s, {grown:+} MB")
    assert not errors, errors[:3]
    assert p99 < 20
    assert grown < 150


def test_bad_pictures_get_a_sentence_without_a_path_of_this_machine(served, names):
    visitor = Visitor(served[1])
    search = next(v for k, v in names.items() if k in (("Upload", "Slider"), ("Image", "Slider")))
    large = png(1100)
    for content in (b"no picture", b"%!PS-Adobe-3.0\nshowpage\n", large):
        status, text = visitor.upload(content, "b.png")
        if status != 200:
            continue
        answer = visitor.ask(search, [picture(json.loads(text)[0]), 0])
        assert "event: error" in answer
        assert "Traceback" not in answer
        assert "/tmp" not in answer


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:80"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 200),
    ],
)
def test_other_sites_and_other_names_are_refused(served, headers, status):
    visitor = Visitor(served[1])
    assert visitor.request("GET", "/config", headers=headers)[0] == status


def test_uploads_are_bounded_together(served):
    visitor = Visitor(served[1])
    found = [
        visitor.upload(np.random.default_rng(i).bytes(900_000), f"{i}.png")[0] for i in range(14)
    ]
    assert 413 in found
    assert found.count(200) <= 8


def test_addresses_of_digits_are_answered_where_the_network_may_ask():
    guard = Guard(None, allowed_hosts("0.0.0.0"), Path("/nowhere"), 1)
    assert guard._known("192.0.2.7:7860")
    assert guard._known("[2001:db8::1]:7860")
    assert not guard._known("evil.example")
    local = Guard(None, allowed_hosts("127.0.0.1"), Path("/nowhere"), 1)
    assert local._known("localhost:7860")
    assert not local._known("192.0.2.7")
    assert not local._known("")
