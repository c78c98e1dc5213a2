"""README, docs/results.md and the experiments' headers quote what docs/results.json holds."""

import json
import re

import pytest

import results as script


@pytest.fixture(scope="module")
def rows():
    return json.loads(script.KEPT.read_text())


def test_every_page_reads_as_the_script_writes_it(rows):
    for path, text in script.pages(rows).items():
        assert path.read_text() == text, f"{path.name}: run python benchmarks/results.py write"


def test_every_row_names_its_commit_and_its_errors(rows):
    assert rows
    for name, seeds in rows.items():
        assert (script.ROOT / "conf" / "experiment" / f"{name.partition(' ')[0]}.yaml").is_file()
        for row in seeds.values():
            assert re.fullmatch(r"[0-9a-f]{7}\*?", row["commit"])
            for quantity, estimate in row["test"].items():
                # a code's rate against a uniform prior is the same for every image
                exact = quantity == "rate" and estimate["num_samples"] == 0
                assert estimate["standard_error"] > 0 or exact


def test_several_seeds_are_a_mean_and_its_spread():
    def seed(value):
        return {"test": {"elbo": {"value": value, "standard_error": 0.25, "num_samples": 1}}}

    text = script.over({"0": seed(-90.0), "1": seed(-92.0), "2": seed(-94.0)}, "elbo")
    assert text == "-92.00 ± 2.00 over 3 seeds (± 0.25 over images)"
    assert script.over({"0": seed(-90.0)}, "elbo") == "-90.00 ± 0.25"
    assert script.over({"0": seed(-90.0)}, "log_px") == ""
