"""Coverage-guided fuzzing of what reads files: IDX, npy, npz and pictures.

    pip install atheris && python tests/reliability/fuzz_readers.py -max_total_time=600

It ends with an error at the first input that is neither read nor refused in one sentence.
"""

import io
import struct
import sys
import tempfile
import warnings
from pathlib import Path

import atheris
import numpy as np
from PIL import Image

with atheris.instrument_imports(include=["vae.data", "PIL", "numpy.lib"]):
    from vae.data.array_file import ArrayFile
    from vae.data.convert import convert
    from vae.data.pictures import FORMATS, Unreadable, look
    from vae.data.sources.idx import read_idx
    from vae.errors import DataError

FOLDER = Path(tempfile.mkdtemp())
warnings.simplefilter("ignore")


def seeds():
    """Small good files, to begin with."""
    array = np.arange(36, dtype=np.uint8).reshape(4, 3, 3)
    yield b"\0" + b"\0\0\x08\x03" + struct.pack(">III", 4, 3, 3) + array.tobytes()
    for kind, save in ((1, np.save), (2, lambda f, x: np.savez(f, images=x))):
        content = io.BytesIO()
        save(content, array)
        yield bytes([kind]) + content.getvalue()
    image = Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
    for kind in FORMATS:
        content = io.BytesIO()
        try:
            image.save(content, kind)
        except (OSError, KeyError, ValueError):
            continue
        yield b"\3" + content.getvalue()


def one(content: bytes) -> None:
    """Read one file; its first byte says what it is taken for."""
    kind, body = content[:1], content[1:]
    path = FOLDER / {b"\0": "x.idx", b"\1": "x.npy", b"\2": "x.npz"}.get(kind, "x.png")
    path.write_bytes(body)
    try:
        if kind == b"\0":
            read_idx(path)
        elif kind in (b"\1", b"\2"):
            arrays = ArrayFile(path)
            arrays.pick(("images",))
        else:
            look(path, lambda image: convert(image, 8, 8, "rgb", "crop"), 1_000_000)
    except (DataError, Unreadable) as e:
        if "\n" in str(e):
            raise AssertionError(str(e)) from e


if __name__ == "__main__":
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    for number, content in enumerate(seeds()):
        (corpus / str(number)).write_bytes(content)
    atheris.Setup([*sys.argv, str(corpus)], one)
    atheris.Fuzz()
