"""Several processes at once: one cache, one index, one run directory, one second."""

import csv
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

from tests.commands import FAST
from vae.cli.command import compose
from vae.errors import ConfigError
from vae.runs.claim import claim, free_directory, hold, let_go, release
from vae.search.build import build_index as index
from vae.search.store import Index
from vae.training.loop import train

pytestmark = pytest.mark.slow

ENV = {"OMP_NUM_THREADS": "1"}
WORDS = ["data=digits", *FAST, "model.latent_dim=2"]


def start(module, *words, cwd, **env):
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=cwd,
        env=os.environ | ENV | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(processes):
    found = [(p.communicate(timeout=200), p.returncode) for p in processes]
    return [(out, err, code) for (out, err), code in found]


def test_eight_jobs_share_a_cache(tmp_path):
    """The first decodes, the others wait for it or read what it has left."""
    root = tmp_path / "pictures"
    root.mkdir()
    rng = np.random.default_rng(0)
    for i in range(300):
        Image.fromarray(rng.integers(0, 256, (12, 12), np.uint8)).save(root / f"{i}.png")
    program = (
        "import sys, hashlib; from vae.data.cache import cached\n"
        "from vae.data.sources.images import Images\n"
        "a = cached(Images(sys.argv[1]))\n"
        "print(hashlib.sha256(a['train_images'].tobytes()).hexdigest(), len(a['test_images']))\n"
    )
    cache = {"VAE_CACHE": str(tmp_path / "cache")}
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(root)],
            env=os.environ | ENV | cache,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    found = ended(jobs)
    assert [code for _, _, code in found] == [0] * 8, found
    assert len({out.splitlines()[-1] for out, _, _ in found}) == 1
    assert len(list((tmp_path / "cache" / "arrays").iterdir())) == 1


def test_two_writers_lose_no_image_of_an_index(tmp_path):
    run = train(compose(*WORDS, f"run_dir={tmp_path / 'run'}"))
    here = compose(f"run={run.directory}", f"index={tmp_path / 'i'}", name="search/index")
    index(here)
    rng = np.random.default_rng(0)
    for name in "abc":
        (tmp_path / name).mkdir()
        for i in range(10):
            Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(
                tmp_path / name / f"{i}.png"
            )
    words = [[f"index={tmp_path / 'i'}", f"root={tmp_path / name}"] for name in "abc"]
    found = ended([start("vae.search.index", *w, cwd=tmp_path) for w in words])
    assert [code for _, _, code in found] == [0] * 3, found
    with Index(tmp_path / "i") as made:
        names = made.items["names"]
        assert len(made) == len(set(names)) == 1300 + 30
        assert len(made.engine) == 1330


def test_a_run_that_is_being_trained_is_not_resumed_by_another_process(tmp_path):
    words = [*WORDS, "run_dir=mine", "resume=auto", "trainer.max_epochs=100000"]
    words += ["callbacks.progress.interval=0"]
    first = start("vae.train", *words, cwd=tmp_path)
    assert any(line.startswith("epoch 3/") for line in first.stdout)
    out, err, code = ended([start("vae.train", "resume=mine", cwd=tmp_path)])[0]
    assert code == 1, out
    assert "another one is at work in" in err
    assert first.poll() is None
    # the first was not disturbed: it trains on
    done = (tmp_path / "mine" / "checkpoints" / "last.ckpt").stat().st_mtime_ns
    time.sleep(2)
    assert (tmp_path / "mine" / "checkpoints" / "last.ckpt").stat().st_mtime_ns > done
    first.kill()
    first.communicate()
    # the system frees what a dead process held
    kept = torch.load(tmp_path / "mine" / "checkpoints" / "last.ckpt", weights_only=True)
    more = f"trainer.max_epochs={kept['epoch'] + 3}"
    _, err, code = ended([start("vae.train", "resume=mine", more, cwd=tmp_path)])[0]
    assert code == 0, err
    with (tmp_path / "mine" / "metrics.csv").open() as f:
        validated = [row["step"] for row in csv.DictReader(f) if row["val/elbo"]]
    # no row is lost, and none is there twice
    assert len(validated) == len(set(validated)) == kept["epoch"] + 3


def test_runs_and_sweeps_begun_in_one_second_have_directories_of_their_own(tmp_path):
    """Some of which fail, and say so in their own."""
    # one second for all
    fixed = ["name=x", "callbacks.pictures=null", "callbacks.panels=null"]
    jobs = [start("vae.train", *WORDS, *fixed, f"seed={s}", cwd=tmp_path) for s in range(3)]
    jobs += [start("vae.train", *WORDS, *fixed, "optimizer.lr=1e38", cwd=tmp_path)]
    found = ended(jobs)
    assert [code for _, _, code in found] == [0, 0, 0, 1], found
    seeds = [json.loads(p.read_text())["seed"] for p in tmp_path.glob("outputs/x/*/results.json")]
    assert sorted(seeds) == [0, 1, 2]
    sweeps = [
        start("vae.train", "-m", *WORDS, *fixed, f"seed={2 * s},{2 * s + 1}", cwd=tmp_path)
        for s in range(2)
    ]
    found = ended(sweeps)
    assert [code for _, _, code in found] == [0, 0], found
    tables = sorted(tmp_path.glob("multirun/x/*/sweep.csv"))
    assert len(tables) == 2
    for table in tables:
        jobs = sorted(p.parent.name for p in table.parent.glob("*/results.json"))
        assert jobs == ["0", "1"]


def test_a_name_that_is_taken_is_followed_by_a_number(tmp_path):
    one = free_directory(tmp_path / "x")
    claim({"a": 1}, one)
    let_go(one)
    two = free_directory(tmp_path / "x")
    assert (one.name, two.name) == ("x", "x-2")
    # locked, though nothing is in it yet
    program = (
        "from pathlib import Path; from vae.runs.claim import hold; "
        f"print(hold(Path({str(two)!r})))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False\n"
    let_go(two)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "True\n"


def test_what_is_given_back_is_free(tmp_path):
    directory = tmp_path / "x"
    assert claim({"a": 1}, directory)
    with pytest.raises(ConfigError, match="already holds a run"):
        claim({"a": 1}, directory)
    assert hold(directory)
    release(directory)
    assert claim({"a": 2}, directory)
    assert claim({"a": 3}, directory, again=True) is False
    release(directory)
    assert not any(directory.iterdir())
