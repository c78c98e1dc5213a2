"""Killed and resumed equals uninterrupted, bit for bit."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import torch
import yaml

from tests.commands import FAST
from vae.cli.command import compose
from vae.errors import ConfigError, RunError
from vae.training.loop import train

pytestmark = pytest.mark.slow

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
        for row in table:
            if row.get("test/elbo"):
                # Lightning counts an epoch that was not finished before the test, but not after
                row.pop("epoch")
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


PHASES = {
    "within epochs": ["callbacks.last.every_n_train_steps=3"],
    "where metrics are logged": ["callbacks.last.every_n_train_steps=5"],
    "validation now and then": ["trainer.max_epochs=3", "trainer.check_val_every_n_epoch=2"],
    "validation within epochs": [
        "trainer.val_check_interval=4",
        "callbacks.last.every_n_train_steps=3",
    ],
    "no validation": ["data.val_size=0", "callbacks.last.every_n_train_steps=4"],
    "accumulation": [
        "trainer.accumulate_grad_batches=3",
        "callbacks.last.every_n_train_steps=2",
    ],
    "a number of steps": [
        "trainer.max_epochs=3",
        "trainer.max_steps=25",
        "callbacks.last.every_n_train_steps=4",
    ],
}
LIGHT = ["model.encoder.hidden=[8]", "model.decoder.hidden=[8]", "callbacks.pictures=null"]


@pytest.mark.parametrize("words", PHASES.values(), ids=PHASES)
def test_every_checkpoint_that_a_run_writes_leads_to_the_same_bits(words, tmp_path, monkeypatch):
    """A kill at any moment leaves one of these; each is gone on from."""
    from vae.runs import checkpoint_io

    save, copies = checkpoint_io.save, []

    def copied(content, path):
        save(content, path)
        if path.name == "last.ckpt" and path.is_relative_to(tmp_path / "whole"):
            copies.append(tmp_path / f"{len(copies)}")
            shutil.copytree(tmp_path / "whole", copies[-1])

    monkeypatch.setattr(checkpoint_io, "save", copied)
    words = [w for w in WORDS if "objective" not in w] + [*LIGHT, "trainer.max_epochs=2", *words]
    # the seconds that are left are printed, and differ
    whole = train(compose(*words, f"run_dir={tmp_path / 'whole'}")).directory
    assert len(copies) >= 2
    last = weights(whole)
    assert last["global_step"] == json.loads((whole / "results.json").read_text())["train"]["steps"]
    for copy in copies:
        train(compose(f"resume={copy}"))
        same(whole, copy)


@pytest.mark.parametrize("words", [[], ["trainer.check_val_every_n_epoch=2"]])
def test_a_validation_that_a_checkpoint_was_made_before_is_made_up_for(words, tmp_path):
    """A ModelCheckpoint of the user's own, at the last of ten steps of an epoch."""
    folder = tmp_path / "mine"
    words = [w for w in WORDS if "objective" not in w] + [*LIGHT, "trainer.max_epochs=3", *words]
    words += [
        "+callbacks.own._target_=lightning.pytorch.callbacks.ModelCheckpoint",
        f"+callbacks.own.dirpath={folder}",
        "+callbacks.own.every_n_train_steps=5",
        "+callbacks.own.save_top_k=-1",
        "+callbacks.own.filename='{step}'",
    ]
    whole = train(compose(*words, f"run_dir={tmp_path / 'whole'}")).directory
    kept = sorted(folder.glob("*.ckpt"))
    assert len(kept) == 6
    for number, path in enumerate(kept):
        copy = tmp_path / f"{number}"
        shutil.copytree(whole, copy)
        shutil.copy(path, copy / "checkpoints" / "own.ckpt")
        train(compose(f"resume={copy / 'checkpoints' / 'own.ckpt'}"))
        same(whole, copy)


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


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tiny, capsys):
    words = ("data=digits", "trainer.max_epochs=2", "resume=auto")
    directory = train(tiny(*words)).directory
    last = directory / "checkpoints" / "last.ckpt"
    content = bytearray(last.read_bytes())
    # a single bit of a weight
    content[len(content) // 2] ^= 4
    last.write_bytes(bytes(content))
    train(tiny(*words, "trainer.max_epochs=3"))
    said = capsys.readouterr().out
    assert "last.ckpt cannot be read as such" in said
    assert "best.ckpt, of step " in said
    assert weights(directory)["global_step"] == 6


def test_damaged_checkpoints_alone_are_refused(tiny):
    directory = train(tiny("data=digits", "resume=auto")).directory
    for path in (directory / "checkpoints").iterdir():
        path.write_bytes(b"not a checkpoint")
    with pytest.raises(RunError, match="cannot be read"):
        train(tiny("data=digits", "resume=auto", "trainer.max_epochs=2"))
    # nothing of the run is lost
    assert (directory / "results.json").exists()
    assert yaml.safe_load((directory / "config.yaml").read_text())["trainer"]["max_epochs"] == 1


@pytest.mark.parametrize("wish", ["auto", "path"])
def test_a_run_whose_last_checkpoint_is_gone_is_not_begun_anew(tiny, wish):
    directory = train(tiny("data=digits")).directory
    (directory / "checkpoints" / "last.ckpt").unlink()
    before = {p: p.read_bytes() for p in directory.rglob("*") if p.is_file()}
    words = (f"resume={directory}",) if wish == "path" else ("data=digits", "resume=auto")
    config = (
        tiny(*words, "trainer.max_epochs=2")
        if wish == "auto"
        else compose(*words, "trainer.max_epochs=2")
    )
    with pytest.raises(RunError, match=r"last\.ckpt is gone; give resume=.*best\.ckpt"):
        train(config)
    assert {p: p.read_bytes() for p in directory.rglob("*") if p.is_file()} == before


def test_a_checkpoint_of_another_architecture_is_refused(tiny, tmp_path):
    one = train(tiny("data=digits", "model.latent_dim=3")).directory
    two = train(tiny("data=digits", "model.latent_dim=4", f"run_dir={tmp_path / 'two'}")).directory
    shutil.copy(two / "checkpoints" / "last.ckpt", one / "checkpoints" / "last.ckpt")
    with pytest.raises(ConfigError, match=r"has model\.latent_dim=4 and this has"):
        train(compose(f"resume={one}", "trainer.max_epochs=2"))


@pytest.mark.parametrize("content", ["[]", "{", "3"])
def test_damaged_results_are_one_sentence(tiny, content):
    directory = train(tiny("data=digits")).directory
    (directory / "results.json").write_text(content)
    with pytest.raises(RunError, match=r"results\.json.*cannot be read"):
        train(compose(f"resume={directory}"))


def test_a_config_from_elsewhere_cannot_say_what_may_be_loaded(tiny):
    directory = train(tiny("data=digits")).directory
    path = directory / "config.yaml"
    path.write_text(path.read_text().replace("allow: []", "allow: [os]"))
    assert compose(f"resume={directory}")["allow"] == []
    path.write_text(path.read_text().replace("vae.objectives.elbo.ELBO", "os.system"))
    with pytest.raises(ConfigError, match=r"os\.system"):
        train(compose(f"resume={directory}", "trainer.max_epochs=2"))
