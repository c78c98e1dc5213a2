"""format=diffusers, read by diffusers itself."""

import pytest
import torch

import vae
from vae.errors import ConfigError

diffusers = pytest.importorskip("diffusers")

WORDS = [
    "data=digits",
    "model=spatial",
    "model.channels=[8,16]",
    "model.groups=4",
    "data.dequantize=false",
    "trainer.max_epochs=1",
    "trainer.limit_train_batches=4",
    "evaluate.num_samples=0",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "callbacks.pictures=null",
]


@pytest.mark.parametrize("words", [[], ["model.blocks=2", "model.attention=false"]])
def test_diffusers_loads_it_and_computes_the_same(words, tmp_path):
    run = vae.fit(*WORDS, *words, f"run_dir={tmp_path / 'run'}")
    folder = run.export("diffusers")
    theirs = diffusers.AutoencoderKL.from_pretrained(folder)
    x = run.data.some(4, "test").x
    model = run.model.float().eval()
    with torch.no_grad():
        moments = theirs.encode(2 * x - 1).latent_dist
        q = model.encode(x)
        torch.testing.assert_close(moments.mean.flatten(1), q.mean, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(moments.std.flatten(1), q.stddev, rtol=1e-4, atol=1e-4)
        image = theirs.decode(moments.mean).sample
        torch.testing.assert_close((image + 1) / 2, model.decode(q.mean).mean, rtol=1e-4, atol=1e-4)
    assert theirs.config.latent_channels == model.map_shape[0]


@pytest.mark.parametrize("words", [["model=vae"], ["model/likelihood=bernoulli"]])
def test_what_is_no_autoencoder_kl_is_refused(words, tmp_path):
    plain = [w for w in WORDS if not (words == ["model=vae"] and w.startswith("model"))]
    plain = [w for w in plain if w != "data.dequantize=false"]
    run = vae.fit(*plain, *words, f"run_dir={tmp_path / 'run'}")
    with pytest.raises(ConfigError, match=r"that AutoencoderKL can be.*choose format=safetensors"):
        run.export("diffusers")
    assert not (tmp_path / "run" / "export").exists()
