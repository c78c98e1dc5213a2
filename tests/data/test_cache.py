import subprocess
import sys

import numpy as np
import pytest

from vae.data.cache import cached
from vae.data.source import Source
from vae.errors import DataError


class Counted(Source):
    name = "counted"

    def __init__(self, fingerprint="0"):
        self.fingerprint = fingerprint
        self.decoded = 0

    def decode(self):
        self.decoded += 1
        return {"train_images": np.arange(12, dtype=np.uint8).reshape(3, 1, 2, 2)}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_decodes_once_and_maps_the_file():
    first = cached(Counted())["train_images"]
    again = Counted()
    second = cached(again)["train_images"]
    assert again.decoded == 0
    assert isinstance(second, np.memmap)
    np.testing.assert_array_equal(first, second)


def test_another_fingerprint_is_another_entry():
    cached(Counted("0"))
    other = Counted("1")
    cached(other)
    assert other.decoded == 1


def test_damage_is_noticed_and_mended(own_cache):
    cached(Counted())
    (file,) = own_cache.rglob("train_images.npy")
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 1
    file.write_bytes(damaged)
    again = Counted()
    np.testing.assert_array_equal(cached(again)["train_images"].flatten(), np.arange(12))
    assert again.decoded == 1
    assert [p.name for p in (own_cache / "arrays").iterdir()] == ["counted-0"]


def test_a_cache_that_cannot_be_written_is_one_sentence(own_cache):
    own_cache.write_text("a file in the way")
    with pytest.raises(DataError, match="VAE_CACHE"):
        cached(Counted())


def test_processes_that_start_at_once_agree(own_cache):
    program = (
        "from vae.data.cache import cached; from vae.data.sources.mnist import MNIST;"
        "a = cached(MNIST()); print(a['train_images'].shape, int(a['test_images'].sum()))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    outputs = {process.communicate()[0].strip() for process in processes}
    assert outputs == {f"(60000, 1, 28, 28) {cached_sum()}"}
    assert len(list((own_cache / "arrays").iterdir())) == 1


def cached_sum():
    from vae.data.sources.mnist import MNIST

    return int(MNIST().decode()["test_images"].sum())
