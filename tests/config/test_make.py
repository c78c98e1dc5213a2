import pytest
import torch
import yaml

from vae.config.check import fields
from vae.config.make import convert, example, locate, make, words
from vae.config.settings import COMMANDS
from vae.errors import ConfigError

ALIASES = [
    "os.system",
    "builtins.eval",
    "subprocess.Popen",
    "vae.training.build.make",
    "vae.config.make.importlib",
    "vae.config.make.importlib.import_module",
    "vae.data.cache.shutil.rmtree",
    "vae.data.cache.Path",
    "vae.reporting.tables.json.dumps",
    "torch.optim.adam.cast",
    "torch.hub.load",
    "lightning.pytorch.trainer.trainer.os.system",
]


@pytest.mark.parametrize("target", ALIASES)
def test_what_is_not_a_class_of_an_allowed_package_is_refused(target):
    with pytest.raises(ConfigError, match=r"a _target_ must"):
        locate(target)


def test_allow_adds_a_package():
    with pytest.raises(ConfigError, match=r"allow=\[collections\]"):
        locate("collections.Counter")
    assert locate("collections.Counter", ["collections"]).__name__ == "Counter"


def node(**arguments):
    return {"_target_": "vae.model.networks.mlp.MLP", **arguments}


def test_makes_what_the_node_says():
    mlp = make(node(hidden=[7]), "here", in_shape=(3,), out_shape=(2,))
    assert mlp(torch.zeros(1, 3)).shape == (1, 2)
    assert mlp[0].out_features == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hiden": [3]}, "here has the settings hidden, activation, normalization, got hiden"),
        ({"hidden": "wide"}, "here.hidden must be a list in which each entry is a whole number"),
        ({"hidden": [1.5]}, r"here.hidden must be .*got \[1.5\]"),
        ({"activation": "swish"}, "here.activation must be relu or leaky_relu"),
        ({"hidden": [0]}, "here cannot be built: the widths in hidden must be at least 1"),
    ],
)
def test_a_bad_argument_is_one_sentence(arguments, message):
    with pytest.raises(ConfigError, match=message) as error:
        make(node(**arguments), "here", in_shape=(3,), out_shape=(2,), context_dim=0)
    assert "\n" not in str(error.value)


def test_a_missing_argument_is_named():
    with pytest.raises(ConfigError, match=r"here\.out_shape must be set"):
        make(node(), "here", in_shape=(3,))


def test_types_read_as_words():
    assert words(int | None) == "a whole number or null"
    assert words(list[float]) == "a list in which each entry is a number"


@pytest.mark.parametrize(
    "hint", [hint for model in COMMANDS.values() for _, hint, _ in fields(model)]
)
def test_the_example_of_an_error_is_accepted(hint):
    value = yaml.safe_load(example(hint))
    assert convert(value, hint, "here") in (value, str(value))


def test_a_wrong_type_names_a_value_of_the_right_one():
    with pytest.raises(ConfigError, match=r"a whole number, got 'x'; set for instance here=1\."):
        convert("x", int, "here")
