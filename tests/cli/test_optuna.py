"""hydra/sweeper=optuna: the search, its pruning, and a study that goes on."""

import json
import os
import signal
import statistics
import subprocess
import sys

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from tests.commands import FAST

pytestmark = pytest.mark.slow

optuna = pytest.importorskip("optuna")
from optuna.distributions import (  # noqa: E402
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState  # noqa: E402

from hydra_plugins.vae_optuna.sweeper import distribution  # noqa: E402

QUICK = [*FAST, "data=digits", "data.val_size=300"]
SEARCH = ["-m", "hydra/sweeper=optuna", "hydra.sweep.dir=sweep", *QUICK]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("x=interval(0.1,2)", FloatDistribution(0.1, 2.0)),
        ("x=tag(log,interval(1e-4,1e-2))", FloatDistribution(1e-4, 1e-2, log=True)),
        ("x=int(interval(2,9))", IntDistribution(2, 9)),
        ("x=tag(log,int(interval(2,64)))", IntDistribution(2, 64, log=True)),
        ("x=range(2,9,3)", IntDistribution(2, 8, step=3)),
        ("x=a,b", CategoricalDistribution(["a", "b"])),
        ("x=choice(1,[2,3])", CategoricalDistribution([1, "[2,3]"])),
    ],
)
def test_hydra_sweeps_are_optuna_distributions(word, expected):
    (override,) = OverridesParser.create().parse_overrides([word])
    assert distribution(override) == expected


def study(tmp_path):
    url = f"sqlite:///{tmp_path / 'sweep' / 'study.db'}"
    return optuna.load_study(study_name="vae", storage=url)


def test_a_search_maximises_what_jobs_return_and_goes_on(cli, tmp_path):
    space = ["optimizer.lr=tag(log,interval(1e-4,1e-2))", "model/encoder=mlp,gated_mlp"]
    words = [*SEARCH, *space, "hydra.sweeper.startup=2"]
    code, out, err = cli(*words, "hydra.sweeper.trials=3")
    assert code == 0, err
    first = study(tmp_path)
    assert [t.state for t in first.trials] == [TrialState.COMPLETE] * 3
    for trial in first.trials:
        results = json.loads((tmp_path / f"sweep/{trial.number}/results.json").read_text())
        assert trial.value == results["score"]
        assert f"optimizer.lr={trial.params['optimizer.lr']}" in results["command"]
        assert "pruner" not in results["command"]
    assert f"best trial: {first.best_trial.number}" in out
    assert f"best: job {first.best_trial.number}" in out
    before = [t.params for t in first.trials]
    assert cli(*words, "hydra.sweeper.trials=5")[0] == 0
    assert len(study(tmp_path).trials) == 5
    assert [t.params for t in study(tmp_path).trials[:3]] == before


def test_a_trial_behind_the_median_is_pruned(cli, tmp_path):
    words = [*SEARCH, "optimizer.lr=choice(0.01,0.0)", "trainer.max_epochs=4"]
    words += ["hydra.sweeper.startup=1", "hydra.sweeper.warmup=1", "hydra.sweeper.trials=8"]
    code, out, err = cli(*words, "trainer.limit_train_batches=8")
    assert code == 0, err
    trials = study(tmp_path).trials
    pruned = [t for t in trials if t.state is TrialState.PRUNED]
    assert pruned
    for trial in pruned:
        last = max(trial.intermediate_values)
        assert 1 <= last < 4
        earlier = [
            t.intermediate_values[last]
            for t in trials[: trial.number]
            if t.state is TrialState.COMPLETE
        ]
        # Optuna compares the best so far with the median of the others at that step
        assert max(trial.intermediate_values.values()) < statistics.median(earlier)
    assert f"{len(pruned)} pruned" in out
    for trial in pruned:
        results = json.loads((tmp_path / f"sweep/{trial.number}/results.json").read_text())
        assert results["pruned"]
        assert results["test"] == {}


def test_a_failing_trial_is_told_and_the_others_run(cli, tmp_path):
    words = [*SEARCH, "data.val_size=300,-1", "hydra.sweeper.trials=6"]
    code, _, err = cli(*[w for w in words if w != "data.val_size=300"])
    assert code == 1
    assert "got -1" in err
    assert "Traceback" not in err
    states = {t.params["data.val_size"]: t.state for t in study(tmp_path).trials}
    assert states == {300: TrialState.COMPLETE, -1: TrialState.FAIL}


def test_a_killed_trial_is_run_again(tmp_path):
    words = [*SEARCH, "optimizer.lr=interval(0.001,0.01)", "hydra.sweeper.trials=2"]
    command = [sys.executable, "-m", "vae.train", *words]
    slow = ["trainer.max_epochs=10000", "callbacks.progress.interval=0"]
    process = subprocess.Popen(
        [*command, *slow], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert any(line.startswith("epoch 2") for line in process.stdout)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (killed,) = study(tmp_path).trials
    assert killed.state is TrialState.RUNNING
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    states = [t.state for t in study(tmp_path).trials]
    assert states == [TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]
    assert study(tmp_path).trials[1].params == killed.params
