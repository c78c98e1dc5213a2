"""data=huggingface, with a local folder and no network."""

import numpy as np
import pytest
from PIL import Image

from vae.data.cache import cached
from vae.errors import DataError
from vae.training.loop import train

pytestmark = pytest.mark.slow

datasets = pytest.importorskip("datasets")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "set" / "train" / name).mkdir(parents=True)
        for i in range(20):
            levels = rng.integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(levels).save(tmp_path / "set" / "train" / name / f"{i}.png")
    return tmp_path / "set"


@pytest.mark.filterwarnings("ignore")
def test_a_local_folder_trains(folder, tiny):
    words = ["data=huggingface", f"data.root={folder}", "model/likelihood=discretized_logistic"]
    result = train(tiny(*words, "callbacks.pictures=null", "data.batch_size=16"))
    assert result.data.event_shape == (1, 8, 8)
    assert result.data.source.classes == ["a", "b"]
    sizes = result.results.data.sizes
    assert (sizes["train"] + sizes["val"], sizes["test"]) == (36, 4)
    arrays = cached(result.data.source)
    assert (
        sorted(np.concatenate([arrays["train_labels"], arrays["test_labels"]]))
        == [0] * 20 + [1] * 20
    )
    assert "bits_per_dim" in result.results.test


@pytest.mark.filterwarnings("ignore")
def test_what_is_not_there_is_one_sentence(folder, tiny):
    with pytest.raises(DataError, match=r"data\.root must name a data set"):
        train(tiny("data=huggingface", f"data.root={folder}/nothing"))
