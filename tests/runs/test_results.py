"""results.json and its object say the same, whatever the numbers are."""

import json
import math
from pathlib import Path

import pytest

from vae.errors import RunError
from vae.metrics.estimate import Estimate
from vae.runs.results import read_results, write_results
from vae.runs.sections import Result

OLD = Path(__file__).parent / "version_1"


def test_results_of_an_earlier_schema_are_read():
    found = read_results(OLD)
    kept = json.loads((OLD / "results.json").read_text())
    assert found.schema_version == 4
    assert found.samples is None
    assert found.score == kept["score"]
    assert found.test["log_px"].effective_samples == kept["test"]["log_px"]["effective_samples"]
    assert found.latents.mutual_information.value == kept["latents"]["mutual_information"]["value"]
    assert found.train.steps == kept["train"]["steps"]


def test_what_was_written_is_read(tmp_path):
    found = read_results(OLD)
    write_results(found, tmp_path)
    assert read_results(tmp_path) == found
    # nothing but what was there, under the names that it had
    before = json.loads((OLD / "results.json").read_text())
    assert json.loads((tmp_path / "results.json").read_text()) == before | {"samples": None}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_null_in_the_file(tmp_path, value):
    nothing = Result.of(Estimate(value, 0.5, 3), 1)
    found = read_results(OLD).model_copy(update={"score": value, "test": {"elbo": nothing}})
    write_results(found, tmp_path)
    kept = json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)
    assert kept["score"] is None
    assert kept["test"]["elbo"]["value"] is None
    again = read_results(tmp_path)
    assert math.isnan(again.score)
    assert math.isnan(again.test["elbo"].value)
    assert again.test["elbo"].standard_error == 0.5


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda r: r.pop("seed"), "seed"),
        (lambda r: r["test"]["elbo"].update(value="high"), "test.elbo.value"),
        (lambda r: r.update(latents=[]), "latents"),
    ],
)
def test_a_damaged_file_is_refused_by_its_place(tmp_path, change, where):
    results = json.loads((OLD / "results.json").read_text())
    change(results)
    (tmp_path / "results.json").write_text(json.dumps(results))
    with pytest.raises(RunError, match=rf"results\.json cannot be read \({where}: .*move it away"):
        read_results(tmp_path)


def test_no_file_is_no_results(tmp_path):
    assert read_results(tmp_path) is None


def test_a_flat_name_holds_each_number_once():
    found = read_results(OLD)
    flat = found.numbers()
    assert flat["score"] == found.score
    assert flat["test/elbo"] == found.test["elbo"].value
    assert flat["test/elbo_standard_error"] == found.test["elbo"].standard_error
    assert flat["latents/active_units"] == found.latents.active_units
    assert flat["latents/knn_accuracy"] == found.latents.knn_accuracy.value
    assert flat["training/steps"] == found.train.steps
    assert all(isinstance(value, int | float | str) for value in flat.values())
