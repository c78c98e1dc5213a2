"""Killed and resumed equals uninterrupted, bit for bit."""

import csv
import json
import os
import signal
import subprocess
import sys

import pytest
import torch
import yaml

from tests.test_command import FAST
from tests.test_command import cli as cli
from vae.errors import ConfigError, RunError
from vae.train import compose, train

WORDS = [
    "data=digits",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=6",
    "trainer.log_every_n_steps=5",
    "callbacks=ema",
    "optimizer/schedule=one_cycle",
    "objective=beta",
    "objective/schedule=linear",
    "evaluate.num_samples=2",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "data.val_size=300",
    "callbacks.progress.interval=0",
]


def weights(directory, name="last"):
    return torch.load(directory / "checkpoints" / f"{name}.ckpt", weights_only=True)


def same(one, two):
    for name in ("best", "last"):
        a, b = weights(one, name), weights(two, name)
        assert a["global_step"] == b["global_step"]
        for key in ("state_dict", "current_model_state"):
            for k in a[key]:
                assert torch.equal(a[key][k], b[key][k]), k
        old, new = (c["optimizer_states"][0]["state"] for c in (a, b))
        for i in old:
            assert torch.equal(old[i]["exp_avg_sq"], new[i]["exp_avg_sq"])
    found = [json.loads((d / "results.json").read_text()) for d in (one, two)]
    assert found[0]["test"] == found[1]["test"]
    assert found[0]["score"] == found[1]["score"]
    assert found[0]["train"]["epochs"] == found[1]["train"]["epochs"]
    rows = []
    for directory in (one, two):
        with (directory / "metrics.csv").open() as f:
            table = list(csv.DictReader(f))
        rows.append([{k: v for k, v in r.items() if "per_second" not in k} for r in table])
    assert rows[0] == rows[1]


def _column(path, name):
    with path.open() as f:
        return [row[name] for row in csv.DictReader(f) if row[name]]


def kill_after(line, directory, words, cwd):
    """Run, and kill -9 as soon as a line with this beginning is printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vae.train", *words, f"run_dir={directory}"],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert any(text.startswith(line) for text in process.stdout), process.stderr.read()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    process.stderr.close()
    assert not (directory / "results.json").exists()


def python(*words, cwd):
    done = subprocess.run(
        [sys.executable, "-m", "vae.train", *words], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_killed_run_resumes_to_the_same_bits(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    python(*WORDS, f"run_dir={whole}", cwd=tmp_path)
    kill_after("epoch 3", broken, WORDS, tmp_path)
    out = python(*WORDS, f"run_dir={broken}", "resume=auto", cwd=tmp_path)
    assert "resumed from" in out
    same(whole, broken)


def test_a_run_killed_within_an_epoch_resumes_there(tmp_path):
    """A checkpoint every 7 of 10 steps lies within an epoch."""
    words = [*WORDS, "callbacks.last.every_n_train_steps=7"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    python(*words, f"run_dir={whole}", cwd=tmp_path)
    kill_after("epoch 4", broken, words, tmp_path)
    assert weights(broken)["global_step"] % 10
    python(f"resume={broken}", cwd=tmp_path)
    same(whole, broken)


def test_a_path_needs_no_other_word_and_a_moved_run_goes_on_where_it_is(cli, tmp_path):
    assert cli(*FAST, "data=digits", "run_dir=old", "model.latent_dim=3")[0] == 0
    (tmp_path / "old").rename(tmp_path / "new")
    code, _, err = cli("resume=new", "trainer.max_epochs=2")
    assert code == 0, err
    assert not (tmp_path / "old").exists()
    assert not list(tmp_path.glob("outputs/*/*"))
    checkpoint = weights(tmp_path / "new")
    assert checkpoint["vae"]["config"]["model"]["latent_dim"] == 3
    assert checkpoint["global_step"] == 4
    results = json.loads((tmp_path / "new" / "results.json").read_text())
    assert results["train"]["epochs"] == 2
    # the score of the best epoch is not forgotten
    assert results["checkpoint"] == str(tmp_path / "new" / "checkpoints" / "best.ckpt")
    scores = [float(line) for line in _column(tmp_path / "new" / "metrics.csv", "val/elbo")]
    assert results["score"] == pytest.approx(max(scores))


def test_a_finished_run_is_not_run_again(cli, tmp_path):
    words = [*FAST, "data=digits", "run_dir=mine", "resume=true"]
    assert cli(*words)[0] == 0
    before = (tmp_path / "mine" / "results.json").read_bytes()
    code, out, _ = cli(*words)
    assert code == 0
    assert "finished before" in out
    assert (tmp_path / "mine" / "results.json").read_bytes() == before


def test_a_sweep_resumes_with_what_is_missing(cli, tmp_path):
    words = ["-m", "data=digits", *FAST, "seed=0,1,2", "hydra.sweep.dir=sweep"]
    assert cli(*words, "data.val_size=100")[0] == 0
    (tmp_path / "sweep" / "1" / "results.json").unlink()
    code, out, _ = cli(*words, "data.val_size=100", "resume=true")
    assert code == 0
    assert out.count("finished before") == 2
    assert "3 finished" in out


def test_another_run_is_not_gone_on_with(cli, tmp_path):
    assert cli(*FAST, "data=digits", "run_dir=mine")[0] == 0
    code, _, err = cli(*FAST, "data=digits", "run_dir=mine", "resume=auto", "optimizer.lr=0.1")
    assert code == 1
    assert "has optimizer.lr=0.001 and this has optimizer.lr=0.1; leave that setting" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["resume=nowhere"], "nowhere/config.yaml cannot be read"),
        (["resume=mine", "model/likelihood=gaussian"], "takes its choices from the run, got model"),
        (["resume=mine", "experiment=basics"], "leave the word experiment out"),
        (["resume=mine", "model.latent_dim=9"], "model.latent_dim=32 and this has"),
    ],
)
def test_bad_wishes_are_refused(cli, words, message):
    assert cli(*FAST, "data=digits", "run_dir=mine")[0] == 0
    code, _, err = cli(*words)
    assert code == 1
    assert message in err
    assert err.count("\n") == 1


def test_resume_false_is_no(cli, tmp_path):
    assert cli(*FAST, "data=digits", "run_dir=mine")[0] == 0
    code, _, err = cli(*FAST, "data=digits", "run_dir=mine", "resume=false")
    assert code == 1
    assert "already holds a run" in err


def test_a_checkpoint_is_of_the_run_with_its_settings(cli, tmp_path):
    assert cli(*FAST, "data=digits", "run_dir=mine")[0] == 0
    before = (tmp_path / "mine" / "config.yaml").read_text()
    code, _, err = cli("resume=mine/checkpoints/last.ckpt", "model.latent_dim=9")
    assert code == 1
    assert "has model.latent_dim=32 and this has model.latent_dim=9" in err
    assert (tmp_path / "mine" / "config.yaml").read_text() == before


def test_a_longer_run_that_is_killed_is_not_finished(tmp_path):
    """Its earlier results are those of the shorter run."""
    directory = tmp_path / "run"
    python(*WORDS, f"run_dir={directory}", cwd=tmp_path)
    longer = ["trainer.max_epochs=100000"]
    command = [sys.executable, "-m", "vae.train", f"resume={directory}", *longer]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert any(line.startswith("epoch 9/") for line in process.stdout)
    process.kill()
    process.communicate()
    assert not (directory / "results.json").exists()
    assert (directory / "results.before.json").exists()
    python(f"resume={directory}", "trainer.max_epochs=12", cwd=tmp_path)
    assert json.loads((directory / "results.json").read_text())["train"]["epochs"] == 12


def test_a_damaged_checkpoint_is_refused(tiny):
    directory = train(tiny("data=digits", "resume=auto")).directory
    (directory / "checkpoints" / "last.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(RunError, match="cannot be read"):
        train(tiny("data=digits", "resume=auto", "trainer.max_epochs=2"))
    # nothing of the run is lost
    assert (directory / "results.json").exists()
    assert yaml.safe_load((directory / "config.yaml").read_text())["trainer"]["max_epochs"] == 1


def test_a_config_from_elsewhere_cannot_say_what_may_be_loaded(tiny):
    directory = train(tiny("data=digits")).directory
    path = directory / "config.yaml"
    path.write_text(path.read_text().replace("allow: []", "allow: [os]"))
    assert compose(f"resume={directory}")["allow"] == []
    path.write_text(path.read_text().replace("vae.objectives.elbo.ELBO", "os.system"))
    with pytest.raises(ConfigError, match=r"got os\.system"):
        train(compose(f"resume={directory}", "trainer.max_epochs=2"))
