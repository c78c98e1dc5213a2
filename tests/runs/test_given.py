"""What a user says of an example becomes one context, or a sentence."""

from pathlib import Path

import pytest
import torch

from vae.errors import ConfigError
from vae.model.condition import Condition
from vae.runs.given import classes_of, context_of
from vae.runs.opened import Run


def run_of(condition, **data):
    model = torch.nn.Module()
    model.condition = condition
    return Run(model, {}, (1, 8, 8), Path(), Path(), data=data)


NAMED = run_of(Condition("label", 3), classes=["cat", "dog", "7"])
NUMBERED = run_of(Condition("label", 10))
MEASURED = run_of(Condition("attributes", 2))


@pytest.mark.parametrize(
    ("run", "said", "wanted"),
    [
        (NUMBERED, 7, [7]),
        (NUMBERED, " 7 ", [7]),
        (NAMED, "dog", [1]),
        (NAMED, 0, [0]),
        # a name comes before a number
        (NAMED, "7", [2]),
        (MEASURED, [0.5, -1], [[0.5, -1.0]]),
        (MEASURED, "[0.5, -1]", [[0.5, -1.0]]),
    ],
)
def test_it_is_understood(run, said, wanted):
    assert context_of(run, said).tolist() == wanted


@pytest.mark.parametrize(
    ("run", "said", "message"),
    [
        (NUMBERED, 10, "a class from 0 to 9, got 10"),
        (NUMBERED, "-1", "a class from 0 to 9"),
        (NAMED, "bird", r"or its name \(cat, dog, 7"),
        (MEASURED, 1.0, r"2 numbers.*condition=\[0,0\]"),
        (MEASURED, "a,b", "2 numbers"),
        (MEASURED, [float("nan"), 0], "2 numbers"),
        (run_of(None), 7, "this run is of p"),
    ],
)
def test_what_is_not_is_one_sentence(run, said, message):
    with pytest.raises(ConfigError, match=message) as error:
        context_of(run, said)
    assert "\n" not in str(error.value)


def test_classes_have_names_or_numbers():
    assert classes_of(NAMED) == ["cat", "dog", "7"]
    assert classes_of(NUMBERED) == list(map(str, range(10)))
    assert classes_of(MEASURED) == classes_of(run_of(None)) == []
