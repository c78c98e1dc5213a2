"""Every setting does something, wherever it comes from and whatever surrounds the command."""

import json
import os
import subprocess
import sys

import pytest

from tests.commands import FAST
from vae.cli.command import compose
from vae.training.loop import train

pytestmark = pytest.mark.slow

QUIET = ("callbacks.pictures=null",)


# Lightning's own


def test_a_batch_size_is_found(tiny):
    target = "+callbacks.find._target_=lightning.pytorch.callbacks.BatchSizeFinder"
    words = ("+callbacks.find.max_trials=2", "+callbacks.find.init_val=16")
    assert train(tiny("data=digits", target, *words, *QUIET, steps=20)).results.complete


def test_a_finder_that_needs_divergence_is_refused(tiny):
    from vae.errors import ConfigError

    target = "+callbacks.find._target_=lightning.pytorch.callbacks.LearningRateFinder"
    config = tiny("data=digits", target)
    with pytest.raises(ConfigError, match="try rates instead"):
        train(config)


@pytest.mark.parametrize("profiler", ["simple", "advanced"])
def test_a_profiler_that_was_asked_for_is_heard(profiler, tmp_path):
    words = ["data=digits", *FAST, *QUIET, f"trainer.profiler={profiler}", "run_dir=mine"]
    done = subprocess.run(
        [sys.executable, "-m", "vae.train", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Profiler Report" in done.stdout + done.stderr or "Profile stats" in (
        done.stdout + done.stderr
    )


# the command line


def test_settings_of_hydra_reach_the_recorded_command(cli, tmp_path):
    (tmp_path / "more" / "optimizer").mkdir(parents=True)
    (tmp_path / "more" / "optimizer" / "mine.yaml").write_text("_target_: torch.optim.SGD\nlr: 0.1")
    search = f"hydra.searchpath=[file://{tmp_path / 'more'}]"
    code, _, err = cli("data=digits", *FAST, *QUIET, search, "optimizer=mine", "run_dir=mine")
    assert code == 0, err
    assert search in json.loads((tmp_path / "mine" / "results.json").read_text())["command"]


def test_settings_of_hydra_reach_the_processes_of_ddp(cli, tmp_path):
    (tmp_path / "more" / "optimizer").mkdir(parents=True)
    (tmp_path / "more" / "optimizer" / "mine.yaml").write_text("_target_: torch.optim.SGD\nlr: 0.1")
    words = ["data=digits", *FAST, *QUIET, f"hydra.searchpath=[file://{tmp_path / 'more'}]"]
    done = subprocess.run(
        [sys.executable, "-m", "vae.train", *words, "optimizer=mine", "trainer=ddp"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_variables_of_wandb_count_where_the_command_says_nothing(monkeypatch):
    for name, value in (("PROJECT", "p"), ("NAME", "n"), ("TAGS", "a,b"), ("JOB_TYPE", "j")):
        monkeypatch.setenv(f"WANDB_{name}", value)
    node = compose("logger=wandb")["logger"]["wandb"]
    assert (node["project"], node["name"], node["job_type"]) == ("p", "n", "j")
    monkeypatch.setenv("WANDB_MODE", "offline")
    from vae.training import build

    (log,) = (
        x for x in build.build_loggers(compose("logger=wandb")) if type(x).__name__ == "WandB"
    )
    assert "tags" not in log._wandb_init
    again = compose("logger=wandb", "logger.wandb.project=mine", "logger.wandb.tags=[c]")
    assert again["logger"]["wandb"]["project"] == "mine"


def test_compose_works_inside_a_hydra_application(tmp_path):
    program = (
        "import hydra\n"
        "from vae import compose\n"
        "from vae.training.loop import train\n"
        "@hydra.main(version_base=None, config_path=None)\n"
        "def main(config):\n"
        f"    words = {[*FAST, *QUIET, 'data=digits', f'run_dir={tmp_path}/mine']}\n"
        "    found = train(compose(*words)).results\n"
        "    assert found.command == '', found.command\n"
        "    from hydra.core.hydra_config import HydraConfig\n"
        "    assert HydraConfig.get().job.name == 'app'\n"
        "    assert 'x' in config\n"
        "main()\n"
    )
    (tmp_path / "app.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "app.py", "+x=1"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


# the user's own classes


def test_a_class_of_the_users_own_is_allowed_everywhere(tmp_path, monkeypatch):
    """In loggers, schedules and the trainer's parts too."""
    (tmp_path / "minepkg.py").write_text(
        "from lightning.pytorch.loggers import CSVLogger\n"
        "from lightning.pytorch.profilers import SimpleProfiler\n"
        "from vae.training.schedules.constant import Constant\n"
        "class Log(CSVLogger): pass\n"
        "class Prof(SimpleProfiler): pass\n"
        "class Same(Constant): pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    words = (
        "allow=[minepkg]",
        "+logger.own._target_=minepkg.Log",
        f"+logger.own.save_dir={tmp_path / 'log'}",
        "optimizer.schedule._target_=minepkg.Same",
        "trainer.profiler={_target_:minepkg.Prof}",
    )
    run_dir = f"run_dir={tmp_path / 'mine'}"
    assert train(compose("data=digits", *FAST, *QUIET, *words, run_dir)).results.complete


def test_own_parts_without_a_start_are_told_so(tmp_path, monkeypatch):
    from vae.errors import ConfigError

    (tmp_path / "minenet.py").write_text(
        "from torch import nn\n"
        "import math\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self, in_shape: tuple, out_shape: tuple):\n"
        "        super().__init__(nn.Linear(math.prod(in_shape), math.prod(out_shape)),\n"
        "                         nn.Unflatten(1, out_shape))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ("data=digits", *FAST, *QUIET, "allow=[minenet]", f"run_dir={tmp_path / 'mine'}")
    config = compose(*words)
    config["model"]["decoder"] = {"_target_": "minenet.Net"}
    with pytest.raises(ConfigError, match="needs start_at, which Net does not have"):
        train(config)
    assert not (tmp_path / "mine" / "config.yaml").exists()
    config["model"]["output_bias"] = "zero"
    assert train(config).results.complete


# output


@pytest.mark.parametrize("how", ["ascii", "closed", "broken pipe", "help"])
def test_output_never_ends_a_run(tmp_path, how):
    words = ["data=digits", *FAST, *QUIET, "run_dir=mine"]
    command = f"{sys.executable} -m vae.train {' '.join(words)}"
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    if how == "ascii":
        env |= {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
        command += " > out.txt"
    elif how == "closed":
        command += " >&-"
    elif how == "help":
        command = f"set -o pipefail; {sys.executable} -m vae.train --help | true"
    else:
        command = f"set -o pipefail; {command} | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=env, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    if how != "help":
        assert (tmp_path / "mine" / "report.html").is_file()


def test_no_home_is_no_trouble(tmp_path):
    env = {k: v for k, v in os.environ.items() if k != "HOME"}
    done = subprocess.run(
        [sys.executable, "-m", "vae.train", "data=digits", *FAST, *QUIET, "run_dir=mine"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
