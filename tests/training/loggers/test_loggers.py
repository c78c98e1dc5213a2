import json
import subprocess
import sys
from pathlib import Path

import pytest
import wandb

from tests.commands import FAST, PICTURES

pytestmark = pytest.mark.slow


def summaries(folder):
    """What W&B's own tool reads in the offline runs below a folder."""
    found = []
    for path in sorted(Path(folder).rglob("*.wandb")):
        tool = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(path)]
        done = subprocess.run(tool, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    return found


def records(path):
    """Every record of an offline run, by type."""
    tool = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(path)]
    done = subprocess.run(tool, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {}
    for line in done.stdout.splitlines():
        record = json.loads(line)
        found.setdefault(record["type"], []).append(record)
    return found


def runs_below(folder):
    return sorted(Path(folder).rglob("*.wandb"))


wandb_warns = pytest.mark.filterwarnings("ignore::DeprecationWarning:wandb")
ONE = ["logger=wandb", "data=digits", *FAST, "trainer.log_every_n_steps=1", "data.val_size=100"]


@wandb_warns
def test_wandb_without_a_key_is_offline_and_each_job_is_a_run(cli, no_key, tmp_path):
    words = [*ONE, "hydra.sweep.dir=sweeps/first"]
    code, out, err = cli("-m", "seed=0,1", *words)
    assert code == 0, err
    assert out.count("wandb sync") == 2
    runs = summaries(tmp_path)
    assert len(runs) == 2
    assert all("test/elbo" in json.dumps(run) for run in runs)
    begun = [records(path)["run"][0]["run"] for path in runs_below(tmp_path)]
    assert [run["run_group"] for run in begun] == ["sweeps/first"] * 2
    assert len({run["run_id"] for run in begun}) == 2
    assert len(list(tmp_path.glob("sweeps/first/*/metrics.csv"))) == 2


@wandb_warns
def test_a_wandb_run_holds_what_a_dashboard_needs(cli, no_key, tmp_path):
    words = [*ONE, "run_dir=mine", "logger.wandb.tags=[first,digits]", "logger.wandb.notes=why"]
    code, _, err = cli(*words, PICTURES, "callbacks.panels.embedding=20", "model.latent_dim=3")
    assert code == 0, err
    (path,) = runs_below(tmp_path)
    found = records(path)
    run = found["run"][0]["run"]
    assert (run["tags"], run["notes"], run["job_type"]) == (["first", "digits"], "why", "train")
    config = json.dumps(found["config"])
    # resolved
    assert "latent_dim" in config
    assert "${" not in config
    everything = json.dumps([found["history"], found["summary"]])
    for part in ("elbo", "rate", "distortion"):
        for split in ("train", "val"):
            assert f"{split}/{part}" in everything
    for name in (
        "train/gradient_norm",
        "train/images_per_second",
        "val/active_units",
        "val/rate_of/000",
        "pictures/reconstructions",
        "pictures/samples",
        "pictures/traversals",
        "pictures/rate_per_dimension",
        "test/curves",
        "latents",
        "test/elbo_standard_error",
        "training/seconds",
    ):
        assert name in everything, name
    aliases = [a["artifact"]["aliases"] for a in found["artifact"]]
    for alias in ("best", "last"):
        assert sum(alias in some for some in aliases) == 1
    pictures = list(tmp_path.glob("mine/wandb/*/files/media/images/**/*.png"))
    assert len([p for p in pictures if "test" in p.parts[-2] or "test" in p.name]) >= 7


@wandb_warns
def test_a_failed_job_is_a_failed_wandb_run(cli, no_key, tmp_path):
    code, _, _ = cli(*ONE, "optimizer.lr=1e38", "trainer.limit_train_batches=4", "run_dir=mine")
    assert code == 1
    (path,) = runs_below(tmp_path)
    assert '"exit_code": 1' in json.dumps(records(path)).replace("exitCode", "exit_code")


@wandb_warns
def test_a_resumed_run_goes_on_in_the_same_wandb_run(cli, no_key, tmp_path):
    assert cli(*ONE, "run_dir=mine")[0] == 0
    assert cli("resume=mine", "trainer.max_epochs=2")[0] == 0
    one, two = (p.stem.removeprefix("run-") for p in runs_below(tmp_path))
    assert one == two
    assert (tmp_path / "mine" / "wandb" / "id.txt").read_text().strip() == one


@wandb_warns
def test_a_dead_server_never_delays_training(tmp_path):
    """With a key and a server that is not there, the run ends, and its numbers are kept."""
    import os
    import time

    dead = {"WANDB_API_KEY": "0" * 40, "WANDB_BASE_URL": "http://127.0.0.1:9"}
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "vae.train", *ONE, "run_dir=mine"],
        cwd=tmp_path,
        env=os.environ | dead,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - start < 120
    assert (tmp_path / "mine" / "results.json").exists()
    assert "wandb sync" in done.stdout
    assert len(runs_below(tmp_path)) == 1


def test_loggers_may_be_several(cli, no_key, tmp_path):
    code, _, err = cli(*ONE, "logger=[csv,tensorboard,wandb]", "run_dir=mine")
    assert code == 0, err
    mine = tmp_path / "mine"
    assert (mine / "metrics.csv").exists()
    assert list(mine.glob("tensorboard/events*"))
    assert len(runs_below(mine)) == 1


def test_tensorboard_writes_events_beside_the_csv(cli, tmp_path):
    code, _, err = cli("logger=tensorboard", *FAST, PICTURES, "trainer.log_every_n_steps=1")
    assert code == 0, err
    events = [p.read_bytes() for p in tmp_path.glob("outputs/vae/*/tensorboard/events*")]
    for name in (b"train/elbo", b"val/elbo", b"test/elbo", b"pictures/samples", b"test/curves"):
        assert any(name in text for text in events)
    assert list(tmp_path.glob("outputs/vae/*/tensorboard/**/projector_config.pbtxt"))
    assert len(list(tmp_path.glob("outputs/vae/*/metrics.csv"))) == 1


def test_metrics_go_on_where_they_were(tmp_path, monkeypatch):
    """Rows after the checkpoint go, one cut short is none, and none is written twice."""
    from vae.training.loggers.csv import CSV

    log = CSV(str(tmp_path))
    log.start({}, 0)
    for step in (4, 9, 14):
        log.log_metrics({"train/elbo": -step / 3, "epoch": 0}, step)
    log.log_metrics({"val/elbo": -3.0, "epoch": 1}, 14)
    log.save()
    path = tmp_path / "metrics.csv"
    whole = path.read_text()
    path.write_text(whole + "1,19,-6.3")
    again = CSV(str(tmp_path))
    again.start({}, 15)
    assert path.read_text() == whole
    # what the checkpoint of step 15 was too early for has been written meanwhile
    again.log_metrics({"train/elbo": -14 / 3, "epoch": 0}, 14)
    again.log_metrics({"train/elbo": -24 / 3, "epoch": 1}, 24)
    again.save()
    rows = path.read_text().splitlines()
    assert rows[:-1] == whole.splitlines()
    assert rows[-1] == "1,24,-8.0,"
    third = CSV(str(tmp_path))
    third.start({}, 10)
    assert len(path.read_text().splitlines()) == 3


@wandb_warns
@pytest.mark.parametrize("fails", [1, 2, 9], ids=["slowly once", "then in use", "always"])
def test_no_beginning_of_a_wandb_run_ends_training(fails, cli, monkeypatch, tmp_path):
    """A run that was given up may begin after all, and then holds its id."""
    monkeypatch.delenv("WANDB_MODE", raising=False)
    for name in ("has_key", "_asked"):
        monkeypatch.setattr(f"vae.training.loggers.wandb.{name}", lambda *_: True)
    real, asked = wandb.init, []

    def init(**options):
        asked.append(options)
        if len(asked) <= fails:
            raise wandb.errors.CommError(f"run ID {options['id']} is in use")
        return real(**options)

    monkeypatch.setattr(wandb, "init", init)
    code, _, err = cli(*ONE, "run_dir=mine")
    assert code == 0, err
    assert (tmp_path / "mine" / "results.json").is_file()
    modes = [options.get("mode") for options in asked]
    assert modes == [None, "offline", "offline"][: fails + 1]
    assert len({options["id"] for options in asked}) == (1 if fails == 1 else 2)
    assert ("WandB has failed" in err) == (fails == 9)
    if fails < 9:
        kept = (tmp_path / "mine" / "wandb" / "id.txt").read_text().strip()
        assert kept == asked[-1]["id"]
        assert "test/elbo" in json.dumps(summaries(tmp_path))
