"""vae.load gives back the model of a run, and takes nothing else for one."""

import contextlib
import random
import subprocess
import sys

import pytest
import torch

import vae
import vae.errors
from tests.trained import SMALL, evaluation
from vae.cli.command import compose
from vae.errors import ConfigError, RunError
from vae.runs.opened import open_run
from vae.training.loop import train

pytestmark = pytest.mark.slow


@torch.no_grad()
def test_load_gives_back_the_model(finished):
    for path in (
        finished.directory,
        finished.directory / "checkpoints",
        finished.directory / "checkpoints" / "best.ckpt",
        str(finished.directory),
    ):
        model = vae.load(path)
        assert not model.training
        x = next(finished.data.batches("test", 9)).x
        assert torch.equal(model.encode(x).mean, finished.model.encode(x).mean)
        assert torch.equal(
            model.decode(model.embed(x)).mean, finished.model.decode(model.embed(x)).mean
        )
        assert torch.equal(
            model.prior().log_prob(model.embed(x)), finished.model.prior().log_prob(model.embed(x))
        )
        assert model.sample(3).shape == (3, 1, 8, 8)
        assert model.log_prob(x, 5).log_px.shape == (9,)


def test_load_needs_no_hydra_and_touches_no_global_state(finished):
    program = (
        "import sys, vae\n"
        "assert 'torch' not in sys.modules\n"
        f"model = vae.load({str(finished.directory)!r})\n"
        "assert model.sample(2).shape == (2, 1, 8, 8)\n"
        "assert 'hydra' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        vae.lode  # noqa: B018


ALIASES = [
    "os.system",
    "builtins.exec",
    "logging.os.system",
    "subprocess.Popen",
    "vae.runs.opened.torch.load",
    "vae.model.families.vae.torch.hub.load",
    "vae.model.networks.mlp.math.prod",
    "vae.model.networks.conv.dense",
    "vae.train.sys.exit",
    "vae.data.module.DataModule",
    "lightning.pytorch.Trainer",
    "torch.optim.Adam",
    "vae.model.networks.mlp.nn.Linear",
]


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("part", ["encoder", "prior"])
def test_a_checkpoint_cannot_name_what_is_not_a_part_of_a_model(finished, tmp_path, alias, part):
    content = torch.load(finished.directory / "checkpoints" / "best.ckpt", weights_only=True)
    content["vae"]["config"]["model"][part] = {"_target_": alias, "command": "touch gone"}
    content["vae"]["config"]["allow"] = [alias.split(".")[0]]
    torch.save(content, tmp_path / "bad.ckpt")
    with pytest.raises(ConfigError, match="a _target_ must"):
        vae.load(tmp_path / "bad.ckpt")


def test_a_checkpoint_with_code_in_it_is_not_unpickled(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "gone"), "w"))

    torch.save({"vae": Evil()}, tmp_path / "evil.ckpt")
    with pytest.raises(RunError, match="tensors and plain values alone"):
        vae.load(tmp_path / "evil.ckpt")
    assert not (tmp_path / "gone").exists()


def spoil(content, tmp_path):
    path = tmp_path / "bad.ckpt"
    torch.save(content, path)
    return path


def test_what_is_not_a_run_is_one_sentence(finished, tmp_path):
    good = torch.load(finished.directory / "checkpoints" / "best.ckpt", weights_only=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.ckpt").write_text("not a checkpoint")
    mine = {**good, "vae": {**good["vae"], "event_shape": [1, 9, 9]}}
    odd = {**good, "vae": {**good["vae"], "event_shape": "abc"}}
    less = {**good, "state_dict": {}}
    cases = [
        (tmp_path / "nowhere", "does not exist"),
        (tmp_path / "empty", "has no checkpoints/best.ckpt"),
        (tmp_path / "text.ckpt", "cannot be read as such"),
        (spoil({"state_dict": {}}, tmp_path), "has none"),
        (spoil([1], tmp_path), "has none"),
    ]
    for path, message in cases:
        with pytest.raises(RunError, match=message) as error:
            vae.load(path)
        assert "\n" not in str(error.value)
    for content in (mine, odd, less):
        with pytest.raises(RunError, match="must fit together"):
            vae.load(spoil(content, tmp_path))


def test_data_may_have_moved(tmp_path):
    """A run's data is where data_root says, and an error names that setting's folder."""
    words = [w for w in SMALL if not w.startswith("data=")]
    run = train(
        compose(
            *words,
            "trainer.limit_train_batches=1",
            "trainer.limit_val_batches=1",
            "trainer.limit_test_batches=1",
            f"run_dir={tmp_path / 'run'}",
        )
    )
    opened = open_run(run.directory)
    assert opened.data_config("elsewhere")["data"]["root"] == "elsewhere"
    assert opened.data_config()["data"]["root"] is None
    with pytest.raises(vae.errors.DataError, match="nowhere has neither"):
        evaluation(run.directory, f"data_root={tmp_path / 'nowhere'}")


def test_a_checkpoint_cannot_name_hosts(finished, tmp_path):
    content = torch.load(finished.directory / "checkpoints" / "best.ckpt", weights_only=True)
    content["vae"]["config"]["data"]["source"] = {
        "_target_": "vae.data.sources.kmnist.KMNIST",
        "root": None,
        "mirrors": ["http://127.0.0.1:9/"],
    }
    torch.save(content, tmp_path / "far.ckpt")
    source = open_run(tmp_path / "far.ckpt").data_config()["data"]["source"]
    assert source["mirrors"] == ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]


@pytest.mark.parametrize("seed", range(40))
def test_no_damage_to_a_checkpoint_is_a_traceback(finished, tmp_path, seed):
    content = bytearray((finished.directory / "checkpoints" / "best.ckpt").read_bytes())
    generator = random.Random(seed)
    for _ in range(generator.choice([1, 20, 500])):
        content[generator.randrange(len(content))] = generator.randrange(256)
    (tmp_path / "bad.ckpt").write_bytes(bytes(content[: generator.choice([len(content), 3000])]))
    # either the damage is in numbers alone, or it is one of our own errors
    with contextlib.suppress(RunError, ConfigError):
        assert isinstance(vae.load(tmp_path / "bad.ckpt"), torch.nn.Module)
