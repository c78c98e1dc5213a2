import functools
import gzip
import hashlib
import http.server
import struct
import threading

import numpy as np
import pytest

from vae.data.sources.digits import Digits
from vae.data.sources.fashion_mnist import FashionMNIST
from vae.data.sources.idx import FILES, read_idx
from vae.data.sources.kmnist import KMNIST
from vae.data.sources.mnist import FOLDER, MNIST
from vae.errors import DataError

pytestmark = pytest.mark.slow

SHA256 = {
    "train_images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train_labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "test_images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "test_labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def write_idx(path, array, compress=True):
    data = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    data += array.tobytes()
    path.write_bytes(gzip.compress(data, mtime=0) if compress else data)


@pytest.fixture
def folder(tmp_path):
    """A small data set under MNIST's names."""
    generator = np.random.default_rng(0)
    for name, stem in FILES.items():
        n = 20 if name.startswith("train") else 10
        shape = (n, 6, 5) if name.endswith("images") else (n,)
        array = generator.integers(0, 10, shape, dtype=np.uint8)
        write_idx(tmp_path / f"{stem}.gz", array)
    return tmp_path


def test_mnist_is_the_official_one():
    for name, stem in FILES.items():
        data = gzip.decompress((FOLDER / f"{stem}.gz").read_bytes())
        assert hashlib.sha256(data).hexdigest() == SHA256[name]
    arrays = MNIST().decode()
    assert arrays["train_images"].shape == (60000, 1, 28, 28)
    assert arrays["test_images"].shape == (10000, 1, 28, 28)
    assert arrays["test_labels"][:5].tolist() == [7, 2, 1, 0, 4]


def test_root_reads_compressed_and_plain_files(folder):
    compressed = MNIST(root=str(folder)).decode()
    for stem in FILES.values():
        path = folder / f"{stem}.gz"
        (folder / stem).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    plain = MNIST(root=str(folder)).decode()
    for name in FILES:
        np.testing.assert_array_equal(compressed[name], plain[name])
    assert plain["train_images"].shape == (20, 1, 6, 5)


def test_another_root_is_another_fingerprint(folder):
    first = MNIST(root=str(folder)).fingerprint
    write_idx(folder / f"{FILES['test_labels']}.gz", np.zeros(10, np.uint8))
    assert len({first, MNIST(root=str(folder)).fingerprint, MNIST().fingerprint}) == 3


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "has neither"),
        (lambda path: path.write_bytes(path.read_bytes()[:-30]), "cannot be read"),
        (
            lambda path: path.write_bytes(b"\x89PNG not an idx file"),
            "must start with the IDX header",
        ),
        (lambda path: path.write_bytes(b""), "must start with the IDX header"),
        (
            lambda path: path.write_bytes(gzip.decompress(path.read_bytes())[:-3]),
            "truncated or damaged",
        ),
        (lambda path: write_idx(path, np.zeros((7, 6, 5), np.uint8)), "belong together"),
        (lambda path: write_idx(path, np.zeros((20, 9, 9), np.uint8)), "belong together"),
    ],
)
def test_a_bad_file_is_one_sentence(folder, damage, message):
    damage(folder / f"{FILES['train_images']}.gz")
    with pytest.raises(DataError, match=message) as error:
        MNIST(root=str(folder)).decode()
    assert "\n" not in str(error.value)


def test_read_idx_takes_any_number_of_axes(tmp_path):
    for shape in ((3,), (2, 3), (2, 3, 4), (2, 3, 4, 5)):
        array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
        write_idx(tmp_path / "a", array, compress=False)
        np.testing.assert_array_equal(read_idx(tmp_path / "a"), array)


@pytest.fixture
def server(folder):
    """A mirror on this machine, and the paths it was asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_):
            """Keep the test's output clean."""

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}", asked
        httpd.shutdown()
        thread.join()


@pytest.fixture
def md5(folder, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("VAE_CACHE", str(tmp_path_factory.mktemp("downloads")))
    sums = {
        name: hashlib.md5((folder / f"{stem}.gz").read_bytes()).hexdigest()
        for name, stem in FILES.items()
    }
    for source in (FashionMNIST, KMNIST):
        monkeypatch.setattr(source, "md5", sums)


@pytest.mark.parametrize("kind", [FashionMNIST, KMNIST])
def test_downloads_once_and_passes_over_a_dead_mirror(kind, server, md5, folder):
    url, asked = server
    source = kind(mirrors=["http://127.0.0.1:9/", f"{url}/"])
    arrays = source.decode()
    np.testing.assert_array_equal(
        arrays["test_images"], MNIST(root=str(folder)).decode()["test_images"]
    )
    assert len(asked) == 4
    kind(mirrors=[f"{url}/"]).decode()
    assert len(asked) == 4


def test_a_download_with_the_wrong_checksum_is_refused(server, md5, folder):
    write_idx(folder / f"{FILES['test_labels']}.gz", np.zeros(10, np.uint8))
    with pytest.raises(DataError, match=r"no mirror gave all .*t10k-labels.*data.root="):
        FashionMNIST(mirrors=[server[0]]).decode()


def test_digits_are_scikit_learns():
    arrays = Digits().decode()
    assert arrays["train_images"].shape == (1500, 1, 8, 8)
    assert arrays["test_images"].shape == (297, 1, 8, 8)
    assert arrays["train_images"].max() == 255
