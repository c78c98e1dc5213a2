"""The benchmarks compare like with like, and measure what they say."""

import importlib
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

import handwritten
import measure
import plain_lightning
from growth import write_idx
from vae.cli.command import compose
from vae.config import build as config_build
from vae.data.sources.idx import read_idx

WORDS = {
    "mlp": ["model.latent_dim=20", "model.encoder.hidden=[400]", "model.decoder.hidden=[400]"],
    "conv": ["model/encoder=conv", "model/decoder=conv"],
    "resnet": ["model/encoder=resnet", "model/decoder=resnet"],
}


@pytest.mark.parametrize("network", WORDS)
def test_networks_by_hand_are_ours(network):
    config = compose(*WORDS[network])
    ours = config_build.build_model(config, (1, 28, 28))
    theirs = handwritten.NETWORKS[network]()
    assert sum(p.numel() for p in theirs.parameters()) == sum(p.numel() for p in ours.parameters())


@pytest.mark.parametrize("kind", ["memory", "loader"])
def test_loops_by_hand_run(kind):
    assert len(handwritten.train(kind, "mlp", 2, 300)) == 2


@pytest.mark.parametrize("terminal", [False, True])
def test_a_process_is_timed_and_its_memory_and_output_are_told(terminal):
    child = "import sys, time; x = bytearray(10**8); time.sleep(0.2); print(sys.stdout.isatty())"
    # a parent as small as a benchmark's, whose own memory does not count as its child's
    parent = "import sys; import measure; d = measure.process([sys.executable, '-c', sys.argv[1]], "
    parent += f"terminal={terminal}); print(d.seconds, d.peak, d.output)"
    command = [sys.executable, "-c", parent, child]
    done = subprocess.run(
        command, cwd=measure.HERE, check=True, capture_output=True, text=True
    ).stdout.split()
    assert 0.2 < float(done[0]) < 20
    assert 100 < float(done[1]) < 200
    assert done[2] == str(terminal)


def test_a_process_that_fails_says_what_it_printed():
    with pytest.raises(RuntimeError, match="not today"):
        measure.process([sys.executable, "-c", "raise SystemExit('not today')"])


def test_written_files_are_read_back_repeated(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_idx(tmp_path / "x", array, 3)
    assert np.array_equal(read_idx(tmp_path / "x"), np.tile(array, (3, 1, 1)))


def test_the_table_has_a_row_for_each_figure():
    row = measure.Row("a step", "1 s", "by hand 2 s", 0.5, "0.75")
    assert (
        measure.table([row]).splitlines()[2] == "| a step | 1 s | by hand 2 s | **0.50** | 0.75 |"
    )


@pytest.mark.parametrize("path", sorted(measure.HERE.glob("*.py")), ids=lambda path: path.stem)
def test_what_a_benchmark_imports_is_there(path):
    """Also in the programs that it starts, which no import of it would notice."""
    for module, names in re.findall(
        r"^\s*from (vae[\w.]*) import ([\w, ]+)$", path.read_text(), re.M
    ):
        found = importlib.import_module(module)
        for name in names.split(", "):
            assert hasattr(found, name), f"{module} has no {name}"


def test_a_plain_lightning_module_is_the_loop_by_hand():
    torch.manual_seed(0)
    plain = plain_lightning.Plain()
    grey = torch.rand(16, 1, 28, 28)
    torch.manual_seed(1)
    plain.log = lambda *_, **__: None
    loss = plain.training_step([grey], 0)
    torch.manual_seed(1)
    x = torch.bernoulli(grey)
    logits, loc, log_variance = plain.net(x)
    q = torch.distributions.Normal(loc, torch.exp(0.5 * log_variance))
    p = torch.distributions.Normal(torch.zeros_like(loc), torch.ones_like(loc))
    rate = torch.distributions.kl_divergence(q, p).sum(1)
    distortion = -torch.distributions.Bernoulli(logits=logits).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(loss, (rate + distortion).mean())
