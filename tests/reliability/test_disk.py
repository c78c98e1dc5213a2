"""A full disk, at every kind of write: one sentence, and what was there before is whole."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.commands import FAST
from vae import files
from vae.cli.command import compose
from vae.errors import VAEError
from vae.reporting.generate import generate
from vae.runs.exports.export import export
from vae.search.build import build_index as index
from vae.training.fit_prior import fit_prior
from vae.training.loop import train

pytestmark = pytest.mark.slow

WORDS = ("data=digits", "model.latent_dim=2", "callbacks.pictures=null")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "run"
    return train(compose(*FAST, *WORDS, f"run_dir={directory}"))


@pytest.fixture
def small(tmp_path):
    """A disk of its own of a megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def full(monkeypatch):
    """Every write of a file ends in the middle, for want of space."""

    def fill(suffix):
        write = files.write

        def half(path, content):
            if not path.name.endswith(suffix):
                return write(path, content)

            def cut(f):
                f.write(b"half")
                raise OSError(errno.ENOSPC, "No space left on device")

            return write(path, cut)

        monkeypatch.setattr(files, "write", half)

    return fill


@pytest.mark.parametrize(
    ("suffix", "name"),
    [
        (".safetensors", "export safetensors"),
        (".pt2", "export torch_export"),
        (".onnx", "export onnx"),
        (".json", "index"),
        (".npy", "index"),
        (".pt", "index"),
        (".ckpt", "fit_prior"),
        (".png", "generate"),
        ("config.yaml", "train"),
    ],
)
def test_each_command_says_so_and_leaves_nothing_half(run, tmp_path, full, suffix, name):
    full(suffix)
    name, _, kind = name.partition(" ")
    commands = {
        "export": lambda: export(
            compose(f"run={run.directory}", f"format={kind}", f"out={tmp_path}/x", name="export")
        ),
        "index": lambda: index(
            compose(f"run={run.directory}", f"index={tmp_path}/x", name="search/index")
        ),
        "fit_prior": lambda: fit_prior(
            compose(f"run={run.directory}", f"out={tmp_path}/x.ckpt", name="fit_prior")
        ),
        "generate": lambda: generate(
            compose(f"run={run.directory}", f"out={tmp_path}/x.png", name="generate")
        ),
        "train": lambda: train(compose(*FAST, *WORDS, f"run_dir={tmp_path / 'x'}")),
    }
    with pytest.raises((VAEError, OSError), match=r"No space|room"):
        commands[name]()
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and p.stat().st_size == 4]
    assert not list(tmp_path.rglob(".*.new"))


def test_a_full_disk_while_training_keeps_the_last_whole_checkpoint(run, tmp_path, monkeypatch):
    """And from it the run ends with the bits of one that always had room."""
    directory = tmp_path / "mine"
    words = (*FAST, *WORDS, "trainer.max_epochs=4", "trainer.limit_train_batches=3")
    whole = train(compose(*words, f"run_dir={tmp_path / 'whole'}"))
    write, count = files.write, 0

    def full(path, content):
        nonlocal count
        count += path.name == "last.ckpt"
        if path.name == "last.ckpt" and count == 3:

            def cut(f):
                f.write(b"half")
                raise OSError(errno.ENOSPC, "No space left on device")

            return write(path, cut)
        return write(path, content)

    monkeypatch.setattr(files, "write", full)
    with pytest.raises(VAEError, match=r"a checkpoint needs room on its disk"):
        train(compose(*words, f"run_dir={directory}"))
    last = torch.load(directory / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == 6
    monkeypatch.setattr(files, "write", write)
    again = train(compose(f"resume={directory}"))
    assert again.results.test == whole.results.test


def test_metrics_that_cannot_be_written_cost_nothing_else(tmp_path, full, capsys):
    full("metrics.csv")
    result = train(compose(*FAST, *WORDS, f"run_dir={tmp_path / 'x'}"))
    assert result.results.complete
    err = capsys.readouterr().err
    assert err.count("cannot be written") == 1
    assert "the run goes on" in err


def test_a_small_temporary_folder_is_no_trouble(small, tmp_path):
    """Checkpoints of three megabytes, and a TMPDIR of one that is full."""
    (small / "filler").write_bytes(bytes(1_000_000))
    done = subprocess.run(
        [sys.executable, "-m", "vae.train", *FAST, *WORDS, f"run_dir={tmp_path / 'mine'}"],
        env=os.environ | {"TMPDIR": str(small), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert [p.name for p in small.iterdir()] == ["filler"]


def test_a_real_full_disk_is_one_sentence(small):
    """Checkpoints of three megabytes on a disk of one."""
    command = [sys.executable, "-m", "vae.train", *FAST, *WORDS, f"run_dir={small / 'mine'}"]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "a checkpoint needs room on its disk" in done.stderr
    assert not list(small.rglob("*.ckpt"))
    assert not list(small.rglob(".*.new"))


def test_a_full_cache_is_one_sentence(small, tmp_path):
    """A mapped file on a full disk killed the process without a word."""
    array = np.random.default_rng(0).integers(0, 256, (3000, 32, 32), np.uint8)
    np.save(tmp_path / "x.npy", array)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "vae.train", *FAST, "data=arrays"),
            *(f"data.root={tmp_path / 'x.npy'}", f"run_dir={tmp_path / 'mine'}"),
        ],
        env=os.environ | {"VAE_CACHE": str(small), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.returncode
    assert "set the environment variable VAE_CACHE" in done.stderr
    assert done.stderr.count("\n") == 1
    # the directory is free again
    assert not (tmp_path / "mine" / "config.yaml").exists()


def test_a_cache_that_can_only_be_read_is_enough(tmp_path, monkeypatch):
    """One that was filled elsewhere, as on a cluster."""
    from vae.data import listing
    from vae.data.cache import cached
    from vae.data.sources.arrays import Arrays

    monkeypatch.setenv("VAE_CACHE", str(tmp_path / "cache"))
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (30, 6, 5), np.uint8))
    cached(Arrays(str(tmp_path / "x.npy")))
    for path in (tmp_path / "cache" / "listings").iterdir():
        path.unlink()

    def refuse(*arguments):
        raise OSError(errno.EROFS, "Read-only file system")

    # root may write anywhere
    monkeypatch.setattr(listing, "write", refuse)
    monkeypatch.setattr(files, "write", refuse)
    assert len(cached(Arrays(str(tmp_path / "x.npy")))["train_images"]) == 27


def test_results_are_json_or_not_there(run):
    assert json.loads((run.directory / "results.json").read_text())["complete"]
