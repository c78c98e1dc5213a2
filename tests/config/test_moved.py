"""What an earlier version left works as before: `tests/runs/version_1` is such a run."""

import json
import shutil
from pathlib import Path

import pytest

import vae
from vae.config.make import locate
from vae.config.moved import LATER, MOVED, current, upgraded
from vae.config.settings import Evaluation
from vae.training.loop import train

pytestmark = pytest.mark.slow

# the test ELBO after a third epoch, by the version that began the run
THIRD_EPOCH = -26.976787884306372


@pytest.fixture
def old(tmp_path):
    """A run of digits, with an average of the weights, schedules and a beta."""
    return shutil.copytree(Path(__file__).parents[1] / "runs" / "version_1", tmp_path / "run")


def test_every_class_that_moved_is_found_under_its_old_name():
    for prefix in MOVED:
        names = {
            "vae.callbacks.": "ema.EMA",
            "vae.callbacks.pictures.": "Pictures",
            "vae.loggers.": "csv.CSV",
            "vae.multirun.": "Summary",
        }
        assert locate(prefix + names.get(prefix, "")).__module__ != prefix


def test_the_longest_name_that_fits_counts():
    assert current("vae.callbacks.pictures.Pictures") == "vae.evaluation.pictures.Pictures"
    assert current("vae.callbacks.last.Last") == "vae.training.callbacks.last.Last"
    assert current("vae.training.callbacks.last.Last") == "vae.training.callbacks.last.Last"


def test_an_old_run_is_evaluated_to_the_numbers_it_had(old):
    before = json.loads((old / "results.json").read_text())["test"]
    run = vae.Run(old)
    now = run.evaluate(num_samples=5, surgery=0, probe=0, fid=0, pictures=0).test
    for name in ("elbo", "log_px", "rate", "distortion"):
        assert now[name].value == pytest.approx(before[name]["value"], rel=1e-5)


def test_an_old_run_resumes_to_what_its_own_version_would_have_reached(old):
    config = vae.compose(f"resume={old}", "trainer.max_epochs=3")
    found = train(config).results
    assert found.train.epochs == 3
    assert found.test["elbo"].value == pytest.approx(THIRD_EPOCH, rel=1e-5)


def test_a_source_typed_twice_is_typed_once():
    source = {"_target_": "vae.data.sources.arrays.Arrays", "path": "x.npy", "levels": [0, 9]}
    data = {"root": None, "path": None, "levels": "auto", "batch_size": 3, "source": source}
    assert upgraded({"data": data})["data"] == {
        "root": "x.npy",
        "levels": [0, 9],
        "batch_size": 3,
        "source": {"_target_": "vae.data.sources.arrays.Arrays"},
    }


def test_the_settings_of_a_users_own_source_stay_where_they_are():
    config = {"data": {"root": "x", "source": {"_target_": "mine.Source", "path": "x"}}}
    assert upgraded(config) == config


def test_a_test_of_a_run_from_before_looks_at_what_it_looked_at_then():
    found = upgraded({"evaluate": {"num_samples": 7}})["evaluate"]
    usual = Evaluation().model_dump()
    assert found == {"num_samples": 7} | {name: usual[name] for name in LATER}
    # what is there stays, and what every version had is not made up
    assert upgraded({"evaluate": {"dci": "forest"}})["evaluate"]["dci"] == "forest"
    assert "memory" not in found
