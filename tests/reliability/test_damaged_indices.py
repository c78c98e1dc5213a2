"""An index that was tampered with, damaged, or made by another model is refused."""

import json

import numpy as np
import pytest
import torch

from tests.reliability.asking import ask
from vae.cli.command import compose
from vae.errors import ConfigError, RunError, VAEError
from vae.search.build import build_index as index

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("items.json", "images", "../../secret-0.npy"),
        ("items.json", "images", "/etc/passwd"),
        ("items.json", "ids", [0, 1]),
        ("items.json", "labels", None),
        ("items.json", "names", {}),
        ("index.json", "dim", 10**9),
        ("index.json", "dim", -1),
        ("index.json", "classes", []),
        ("index.json", "engine", []),
        ("index.json", "run", 3),
        ("index.json", "weights", None),
    ],
)
def test_a_tampered_index_is_refused(made, picture, name, key, value):
    content = json.loads((made / name).read_text())
    content[key] = value
    (made / name).write_text(json.dumps(content))
    with pytest.raises(VAEError):
        ask(made, picture)


@pytest.mark.parametrize("how", ["gone", "empty", "cut", "other keys", "other shape", "nan"])
def test_vectors_that_are_damaged_or_gone_are_refused(made, picture, how):
    path = made / "exact.pt"
    kept = torch.load(path, weights_only=True)
    if how == "gone":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-500])
    elif how == "other keys":
        torch.save({"ids": kept["ids"]}, path)
    elif how == "nan":
        torch.save({**kept, "vectors": kept["vectors"] * torch.nan}, path)
    else:
        torch.save({**kept, "vectors": kept["vectors"][:, :1]}, path)
    with pytest.raises(RunError):
        ask(made, picture)


def test_a_mutated_faiss_file_is_refused(run, picture, tmp_path):
    words = (f"index={tmp_path / 'f'}", "engine=faiss")
    folder = index(compose(f"run={run.directory}", *words, name="search/index"))
    assert len(ask(folder, picture)[0]) == 10
    (path,) = folder.glob("faiss-*.index")
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):
        content = bytearray(good)
        for place in rng.integers(0, len(content), 3):
            content[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(content))
        with pytest.raises(RunError, match="not as it was written"):
            ask(folder, picture)
    path.write_bytes(good)
    assert len(ask(folder, picture)[0]) == 10


# another model's index


def test_a_model_that_has_been_trained_on_is_another(run, made, picture, checkpoint):
    home = run.directory / "checkpoints" / "best.ckpt"
    before = home.read_bytes()
    try:
        name = next(k for k in checkpoint["state_dict"] if k.endswith("weight"))
        checkpoint["state_dict"][name] += 0.01
        torch.save(checkpoint, home)
        with pytest.raises(ConfigError, match="other weights now"):
            ask(made, picture)
        with pytest.raises(ConfigError, match="other weights now"):
            index(compose(f"index={made}", f"root={picture.parent}", name="search/index"))
    finally:
        home.write_bytes(before)
