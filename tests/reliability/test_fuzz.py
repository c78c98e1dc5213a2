"""Fuzzing: any override composes and builds or is refused in a sentence; readers never crash.

VAE_RELIABILITY=full tries twenty times as many. Without it the same examples come every time.
"""

import os
import struct
import warnings

import numpy as np
import pytest
import torch
from hydra.errors import HydraException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf.errors import OmegaConfBaseException
from PIL import Image

from vae.cli.command import compose
from vae.config import build as config_build
from vae.config import check as known
from vae.config.groups import options as choices
from vae.data.pictures import FORMATS, Unreadable, look
from vae.data.sources.arrays import Arrays
from vae.data.sources.idx import read_idx
from vae.errors import DataError, VAEError
from vae.training import build, devices

pytestmark = pytest.mark.slow

FULL = os.environ.get("VAE_RELIABILITY") == "full"
quick = settings(
    max_examples=1000 if FULL else 50,
    deadline=None,
    derandomize=not FULL,
    database=None,
    suppress_health_check=list(HealthCheck),
)

from vae.cli.argv import config_dir  # noqa: E402

GROUPS = {
    g: words
    for g, words in choices([config_dir()]).items()
    if g.startswith(("model/", "objective", "optimizer", "callbacks", "trainer"))
}
VALUES = st.one_of(
    st.integers(-3, 70),
    st.floats(allow_subnormal=False, width=32).map(lambda v: f"{v:g}"),
    st.sampled_from(["null", "true", "false", "auto", "[]", "[1]", "[4,4]", "{}", "x", "''"]),
    st.text(st.characters(codec="utf-8"), max_size=6),
)


def one_line(error):
    assert "\n" not in str(error)


def leaves(config, prefix=""):
    for key, value in config.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        elif key != "_target_":
            yield f"{prefix}{key}"


# what would train for long, or ask for another machine
NAMES = sorted(
    name
    for name in leaves(compose("data=digits"))
    if not name.startswith(("run_dir", "data.source", "resume", "logger", "trainer.num_nodes"))
)
overrides = st.lists(
    st.one_of(
        st.sampled_from([f"{g}={w}" for g, words in GROUPS.items() for w in words]),
        st.tuples(st.sampled_from(NAMES), VALUES).map(lambda pair: f"{pair[0]}={pair[1]}"),
        st.tuples(st.text("abcdef._", min_size=1, max_size=9), VALUES).map(
            lambda pair: f"+{pair[0]}={pair[1]}"
        ),
    ),
    max_size=3,
)


@quick
@given(overrides)
def test_any_override_composes_and_builds_or_is_refused_in_a_sentence(tmp_path_factory, words):
    directory = tmp_path_factory.getbasetemp() / "never"
    words = ["data=digits", f"run_dir={directory}", *words]
    with warnings.catch_warnings():
        # what torch and Lightning say of odd settings is theirs
        warnings.simplefilter("ignore")
        try:
            config = compose(*words)
        except (HydraException, OmegaConfBaseException):
            # the command makes one sentence of these
            return
        except VAEError as e:
            one_line(e)
            return
        try:
            known.check(config, "train")
            devices.check(config)
            data = config_build.build_data(config)
            module = build.build_module(config, data)
            build.build_callbacks(config, module)
        except VAEError as e:
            one_line(e)
        finally:
            torch.set_default_dtype(torch.float32)
    assert not directory.exists()


@quick
@given(st.binary(max_size=200), st.integers(0, 3), st.lists(st.integers(0, 2**32 - 1), max_size=4))
def test_idx_files_are_read_or_refused(tmp_path_factory, body, dims, sizes):
    path = tmp_path_factory.getbasetemp() / "x.idx"
    head = b"\0\0\x08" + bytes([dims]) + b"".join(struct.pack(">I", s) for s in sizes)
    for content in (body, head + body, head):
        path.write_bytes(content)
        try:
            assert read_idx(path).dtype == np.uint8
        except DataError as e:
            one_line(e)


def mutated(draw, content):
    content = bytearray(content)
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, len(content) - 1))
        content[place] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.integers(1, len(content)))] if draw(st.booleans()) else content)


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@quick
@given(st.data())
def test_array_files_are_read_or_refused(tmp_path_factory, suffix, data):
    folder = tmp_path_factory.getbasetemp()
    path = folder / f"x.{suffix}"
    array = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3)
    np.save(path, array) if suffix == "npy" else np.savez(path, images=array)
    path.write_bytes(mutated(data.draw, path.read_bytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            source = Arrays(str(path))
            assert set(source.sizes) == {"train", "test"}
        except DataError as e:
            one_line(e)


@pytest.mark.parametrize("kind", FORMATS)
@quick
@given(st.data())
def test_pictures_are_decoded_or_unreadable(tmp_path_factory, kind, data):
    from vae.data.convert import convert

    folder = tmp_path_factory.getbasetemp()
    path = folder / f"{kind}.x"
    image = Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
    try:
        image.resize((32, 32)).save(path, format=kind)
    except (OSError, KeyError, ValueError):
        pytest.skip(f"this build of Pillow writes no {kind}")
    path.write_bytes(mutated(data.draw, path.read_bytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pixels = look(path, lambda opened: convert(opened, 8, 8, "rgb", "crop"), 10_000)
            assert pixels.shape == (3, 8, 8)
        except Unreadable as e:
            one_line(e)
