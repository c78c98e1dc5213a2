"""docs/choices.md is of every option there is, and written from what was measured."""

import json

import pytest

import choices
from formulas import FORMULAS
from vae.cli.command import compose


def test_the_page_is_written_from_what_was_measured():
    kept = json.loads(choices.KEPT.read_text())
    assert choices.PAGE.read_text() == choices.page(kept), "run benchmarks/choices.py write"
    for row in kept.values():
        assert (choices.PICTURES / row["picture"]).is_file()


def test_every_option_has_its_formula_and_its_row():
    kept = json.loads(choices.KEPT.read_text())
    assert set(FORMULAS) == set(choices.choices())
    assert {*kept, *choices.ELSEWHERE} == set(choices.choices())


@pytest.mark.parametrize("choice", [*choices.WITH, "model/encoder=conv", "model/encoder=mlp"])
def test_what_is_measured_is_that_choice(choice):
    config = compose(*choices.words(choice))
    group, _, option = choice.partition("=")
    node = config["objective"] if group == "objective" else config["model"][group[6:]]
    assert node["_target_"].split(".")[-2] == option
