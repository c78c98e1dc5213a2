"""What a stranger may send: a run, an index of it, and a picture to look for."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests.commands import FAST
from vae.cli.command import compose
from vae.search.build import build_index as index
from vae.training.loop import train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "run"
    words = ("data=digits", "model.latent_dim=2", "callbacks.pictures=null")
    small = ("model.encoder.hidden=[8]", "model.decoder.hidden=[8]")
    return train(compose(*FAST, *words, *small, f"run_dir={directory}"))


@pytest.fixture
def checkpoint(run):
    return torch.load(run.directory / "checkpoints" / "best.ckpt", weights_only=True)


@pytest.fixture
def made(run, tmp_path):
    index(compose(f"run={run.directory}", f"index={tmp_path / 'index'}", name="search/index"))
    return tmp_path / "index"


@pytest.fixture
def picture(tmp_path):
    Image.fromarray(np.full((8, 8), 7, np.uint8)).save(tmp_path / "a.png")
    return tmp_path / "a.png"
