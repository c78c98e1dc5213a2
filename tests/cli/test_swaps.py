"""One word swaps a choice, whatever an experiment has set for the one it had made."""

import inspect

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.defaults_list import Overrides

from vae.cli.command import compose
from vae.cli.swaps import _tell
from vae.config.check import check
from vae.config.groups import options
from vae.config.make import locate, make, parameters
from vae.errors import ConfigError

# an experiment with settings of its own for a group, and the group
SET_UP = [
    ("aae", "objective"),
    ("basics", "model/encoder"),
    ("autoencoder_kl", "model/likelihood"),
    ("vqvae_mnist", "model/posterior"),
]


@pytest.fixture(autouse=True)
def _nothing_told_yet():
    _tell.cache_clear()


def node_of(config, group):
    for key in group.split("/"):
        config = config[key]
    return config


@pytest.mark.parametrize(("experiment", "group"), SET_UP)
def test_every_other_choice_has_its_own_settings_and_no_others(experiment, group, capsys):
    before = node_of(compose(f"experiment={experiment}", *root(experiment)), group)
    lost = set()
    for option in options()[group]:
        config = compose(f"experiment={experiment}", f"{group}={option}", *root(experiment))
        node = node_of(config, group)
        takes = parameters(locate(node["_target_"], [], ("vae.",)))
        assert set(node) <= takes | {"_target_"}
        check(config, "train")
        told = capsys.readouterr().err
        lost |= {key for key in before if f"{group.replace('/', '.')}.{key}" in told}
    # the case is one of an experiment that sets what some other choice lacks
    assert lost


def root(experiment):
    return ["data.root=here"] if experiment == "autoencoder_kl" else []


def test_what_is_left_out_is_told_and_what_fits_is_kept(capsys):
    config = compose("experiment=vqvae_mnist", "model/posterior=lfq")
    assert "classes" not in config["model"]["posterior"]
    assert capsys.readouterr().err == (
        "note: model/posterior=lfq has no model.posterior.classes, which experiment=vqvae_mnist "
        "sets; left out\n"
    )
    hidden = compose("experiment=basics", "model/encoder=gated_mlp")["model"]["encoder"]["hidden"]
    assert hidden == compose("experiment=basics")["model"]["encoder"]["hidden"]
    # the same choice again is none
    again = compose("experiment=vqvae_mnist", "model/posterior=vq", "run_dir=here")
    assert again == compose("experiment=vqvae_mnist", "run_dir=here")


def test_a_part_that_the_new_choice_lacks_is_left_out_with_it():
    config = compose("experiment=vampprior_standard", "objective=iwae")
    assert set(config["objective"]) == {"_target_", "num_samples"}
    # the optimiser's schedule is a choice of its own
    assert config["optimizer"] == compose("experiment=vampprior_standard")["optimizer"]


def test_what_the_command_line_sets_is_the_users_own_and_never_left_out():
    words = ["experiment=vqvae_mnist", "model/posterior=lfq", "model.posterior.classes=3"]
    node = compose(*words)["model"]["posterior"]
    assert node["classes"] == 3
    with pytest.raises(ConfigError, match=r"got classes; .*~model\.posterior\.classes"):
        make(node, "model.posterior", event_shape=(4,))


def test_a_misspelt_setting_of_an_experiment_is_still_refused(tmp_path, monkeypatch):
    # no choice is swapped, and so nothing is left out
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - vqvae_mnist\nmodel:\n  posterior:\n    clases: 3\n"
    )
    found = compose("experiment=mine", f"hydra.searchpath=[file://{tmp_path}]")
    with pytest.raises(ConfigError, match="got clases; rename it"):
        make(found["model"]["posterior"], "model.posterior", latent_dim=8, places=1)


def test_hydra_has_the_methods_that_are_wrapped():
    assert {"config_name", "overrides"} <= set(
        inspect.signature(ConfigLoaderImpl.load_configuration).parameters
    )
    assert set(inspect.signature(Overrides.ensure_overrides_used).parameters) == {"self"}
    assert hasattr(ConfigLoaderImpl.load_configuration, "__wrapped__")
