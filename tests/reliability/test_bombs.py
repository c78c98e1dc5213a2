"""Files that would fill the memory, or never end, are refused before they are read."""

import gzip
import os
import resource
import struct
import time
import zipfile
import zlib

import numpy as np
import pytest

import vae
from tests.reliability.asking import ask
from vae.cli.command import compose
from vae.data.pictures import Unreadable, look
from vae.data.sources.arrays import Arrays
from vae.data.sources.idx import read_idx
from vae.errors import DataError, RunError
from vae.runs.exports.export import export
from vae.search.store import Index

pytestmark = pytest.mark.slow

# pictures


def bomb(path, width, height):
    """A PNG of a few bytes that declares any size."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + data + chunk(b"IEND", b""))


@pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(13_304, 13_304), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_is_no_bomb(tmp_path, size):
    bomb(tmp_path / "a.png", *size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Unreadable):
        look(tmp_path / "a.png", lambda image: image.load())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


# arrays


def test_a_compressed_array_is_no_bomb(tmp_path):
    header = {"descr": "|u1", "fortran_order": False, "shape": (2_100_000, 32, 32)}
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("images.npy", "w", force_zip64=True) as f,
    ):
        np.lib.format.write_array_header_1_0(f, header)
        for _ in range(2_100):
            f.write(bytes(1_024_000))
    with pytest.raises(DataError, match="unpacks to at most"):
        Arrays(str(tmp_path / "a.npz"))


def test_an_idx_file_is_no_bomb(tmp_path):
    with gzip.open(tmp_path / "a.gz", "wb", compresslevel=1) as f:
        f.write(b"\0\0\x08\x03" + struct.pack(">III", 2_000_000, 32, 32) + bytes(10_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match="an IDX file holds at most"):
        read_idx(tmp_path / "a.gz")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_header_of_any_size_is_refused(tmp_path):
    for name in ("a.npy", "b.npz"):
        header = {"descr": "|u1", "fortran_order": False, "shape": (10**12, 8, 8)}
        if name.endswith("npy"):
            with (tmp_path / name).open("wb") as f:
                np.lib.format.write_array_header_1_0(f, header)
        else:
            with zipfile.ZipFile(tmp_path / name, "w") as archive, archive.open("x.npy", "w") as f:
                np.lib.format.write_array_header_1_0(f, header)
        with pytest.raises(DataError, match="cannot be read"):
            Arrays(str(tmp_path / name))


# pipes and devices


@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "link to a device"])
def test_pipes_and_devices_are_no_files(run, made, tmp_path, kind):
    place = tmp_path / "x"

    def put(path):
        path.unlink(missing_ok=True)
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "link to a pipe":
            os.mkfifo(place) if not place.exists() else None
            path.symlink_to(place)
        else:
            path.symlink_to("/dev/zero")

    start = time.monotonic()
    put(tmp_path / "a.png")
    with pytest.raises(DataError):
        ask(made, tmp_path / "a.png")
    put(tmp_path / "a.npy")
    with pytest.raises(DataError):
        Arrays(str(tmp_path / "a.npy"))
    put(tmp_path / "a.ckpt")
    with pytest.raises(RunError):
        vae.load(tmp_path / "a.ckpt")
    put(tmp_path / "a.gz")
    with pytest.raises(DataError):
        read_idx(tmp_path / "a.gz")
    out = export(compose(f"run={run.directory}", f"out={tmp_path / 'st'}", name="export"))
    put(out / "model.safetensors")
    with pytest.raises(RunError):
        vae.load(out)
    put(made / "items.json")
    with pytest.raises(RunError):
        Index(made)
    assert time.monotonic() - start < 20
