"""Every packaged config composes, builds and takes a step."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image

import vae.data
from vae.cli.command import compose
from vae.config import build as config_build
from vae.config.build import SHARED
from vae.config.check import fields
from vae.config.groups import OTHERS, PACKAGES, config_dir, options, targets
from vae.config.make import locate
from vae.config.settings import COMMANDS
from vae.model.families.vae import PARTS, VAE
from vae.training import build

EXPERIMENTS = sorted(p.stem for p in (config_dir() / "experiment").glob("*.yaml"))
NETWORKS = ["mlp", "gated_mlp", "conv", "resnet"]


# what these words cannot do without
NEEDS = {
    "data=images": "data.root=here",
    "data=arrays": "data.root=here.npy",
    "data=huggingface": "data.root=here",
}


def step(*overrides):
    """The module, and its gradients on real data."""
    config = compose("data.batch_size=32", *overrides)
    data = config_build.build_data(config)
    module = build.build_module(config, data)
    batch = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
    for _ in range(2):
        module.zero_grad()
        terms = module.objective(module._record(batch), t=0.5)
        terms.loss.backward()
        assert terms.objective.shape == (32,)
        if all(p.grad is None or p.grad.any() for p in module.parameters()):
            break
        # what is initialised at zero lets no gradient through until it has moved
        torch.optim.SGD(module.parameters(), lr=1e-4).step()
    return module


def check_gradients(module):
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            # a network of features stays as it is
            assert name.startswith("features."), name
            continue
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


# those that are of a user's pictures
OWN = ("own_images", "autoencoder_kl", "autoencoder_vq")


@pytest.fixture
def pictures(tmp_path):
    """A folder of a user's."""
    for i in range(40):
        levels = np.random.default_rng(i).integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(levels).save(tmp_path / f"{i}.png")
    return [f"data.root={tmp_path}"]


@pytest.mark.slow
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_takes_a_step(experiment, pictures):
    more = pictures if experiment in OWN else []
    if experiment.endswith("_fashion"):
        # files of the same kind that need no download
        more = [f"data.root={Path(vae.data.__file__).parent / 'files' / 'mnist'}"]
    check_gradients(step(f"experiment={experiment}", *more))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_is_named_after_its_file_and_says_how_to_run_it(experiment):
    more = ["data.root=here"] if experiment in OWN else []
    assert compose(f"experiment={experiment}", *more)["name"] == experiment
    header = (config_dir() / "experiment" / f"{experiment}.yaml").read_text()
    for word in (f"python -m vae.train experiment={experiment}", "Source:", "Time:", "Test ELBO:"):
        assert word in header


@pytest.mark.parametrize("scale", [0.1, "shared", "per_pixel", "optimal"])
@pytest.mark.parametrize("decoder", NETWORKS)
def test_every_gaussian_scale_meets_every_decoder(scale, decoder):
    words = ("model/likelihood=gaussian", f"model.likelihood.scale={scale}")
    check_gradients(step(*words, f"model/decoder={decoder}"))


@pytest.mark.parametrize(
    "words",
    [
        ("objective.num_samples=3",),
        ("objective.kl=monte_carlo",),
        ("model.latent_dim=2",),
        ("model.encoder.hidden=[400]", "model.decoder.hidden=[]"),
        ("data.binarize=threshold",),
        ("data=digits",),
        ("data=digits", "model/encoder=conv", "model/decoder=conv"),
        ("model.output_bias=zero",),
    ],
)
def test_settings_take_effect_together(words):
    check_gradients(step(*words))


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
@pytest.mark.parametrize("schedule", ["constant", "one_cycle", "cosine"])
def test_every_optimizer_meets_every_schedule(optimizer, schedule, tiny):
    from vae.training.loop import train

    result = train(
        tiny(f"optimizer={optimizer}", f"optimizer/schedule={schedule}", "optimizer.lr=0.01")
    )
    assert result.results.train.steps == 2


def test_the_trainer_offers_every_argument_of_lightnings():
    ours = set(compose()["trainer"]) - {"_target_"}
    assert ours | {"callbacks", "logger"} == set(inspect.signature(Trainer).parameters)


@pytest.mark.slow
@pytest.mark.parametrize(
    "group", ["trainer", "logger", "callbacks", "debug", "optimizer", "objective", "data"]
)
def test_every_word_of_every_group_composes(group):
    for path in sorted((config_dir() / group).glob("*.yaml")):
        if (group, path.stem) != ("data", "default"):
            word = f"{group}={path.stem}"
            more = [NEEDS[word]] if word in NEEDS else []
            assert compose(word, *more)["seed"] == 0


def nodes(config):
    """Every node that names a class, with the arguments that other choices fill in."""
    context = {"in_shape", "out_shape", "latent_dim", "event_shape", "support", "seed"}
    context |= {"encoder", "posterior", "examples", "dataset_size", "part"}
    context |= {"context_dim", "condition", "labelled_share", "places", "map_shape"}
    if "_target_" in config:
        yield config, context
    for value in config.values():
        if isinstance(value, dict):
            yield from nodes(value)


def every_word():
    """Each word of each group whose files name our own classes."""
    parts = ["encoder", "decoder", "posterior", "prior", "likelihood"]
    groups = ["model", *(f"model/{part}" for part in parts)]
    groups += ["objective", "optimizer/schedule", "data"]
    for group in groups:
        for path in sorted((config_dir() / group).glob("*.yaml")):
            if path.stem != "default":
                yield (f"{group}={path.stem}",)
    for path in sorted((config_dir() / "objective" / "schedule").glob("*.yaml")):
        yield ("objective=beta", f"objective/schedule={path.stem}")
    yield ("callbacks=ema",)
    yield ("callbacks=gradient_skip",)


@pytest.mark.parametrize("words", list(every_word()), ids=" ".join)
def test_every_argument_of_our_classes_is_a_setting(words):
    for node, context in nodes(compose(*words, *(NEEDS[w] for w in words if w in NEEDS))):
        if node["_target_"].startswith("vae."):
            known = locate(node["_target_"])
            if issubclass(known, VAE):
                # a family makes its parts, and its own latent_dim may say nothing
                node = {k: v for k, v in node.items() if k not in (*PARTS, *SHARED)}
                context, known = context - {"latent_dim"}, known.build
            parameters = inspect.signature(known).parameters
            if node["_target_"].startswith(
                ("vae.model.", "vae.objectives.", "vae.training.schedules.")
            ):
                for name in (k for k, v in node.items() if not isinstance(v, dict)):
                    if name == "_target_":
                        continue
                    default = parameters[name].default
                    same = list(default) if isinstance(default, tuple) else default
                    assert node[name] == same, f"{node['_target_']} {name}"
            wanted = set(parameters) - context - {"options"}
            given = set(node) - {"_target_"}
            if node["_target_"] == "vae.data.module.DataModule":
                # the settings of the source stand beside those of the data module
                wanted |= set(inspect.signature(locate(node["source"]["_target_"])).parameters)
                given |= set(node["source"]) - {"_target_"}
            elif node["_target_"].startswith("vae.data.sources."):
                continue
            assert wanted == given, node["_target_"]


@pytest.mark.parametrize("group", options())
def test_an_option_has_one_name(group):
    """model/prior=flow: conf/model/prior/flow.yaml and vae/model/priors/flow.py; so in sweeps."""
    assert (group in PACKAGES) != (group in OTHERS), "every group is in one of the two tables"
    known = {option: place for place, option in targets().items()}
    for option in options()[group] if group in PACKAGES else ():
        _, target = known[group, option]
        assert target.startswith(f"{PACKAGES[group]}.{option}.")
        assert inspect.isclass(locate(target))


def test_the_decoder_starts_at_the_training_mean():
    config = compose("data.batch_size=32")
    data = config_build.build_data(config)
    model = config_build.build_model(config, data.event_shape, data)
    with torch.no_grad():
        model.decoder.last.weight.zero_()
        mean = model.decode(torch.zeros(1, 32)).mean[0]
    torch.testing.assert_close(mean, data.mean().clamp(0.001, 0.999))


@pytest.mark.parametrize("command", COMMANDS)
def test_settings_and_configs_say_the_same(command):
    """Each setting is in the command's config with the same default, and the other way round."""
    content = compose("run_dir=outputs/NAME/TIME", name="train") if command == "train" else None
    content = content or hydra_free(command)
    for name, _, field in fields(COMMANDS[command]):
        value = content
        for key in name.split("."):
            value = value[key]
        assert value == ("???" if field.is_required() else field.default), name
        assert field.description
    assert set(content) - {"experiment", "debug"} == set(COMMANDS[command].model_fields)


def hydra_free(command):
    """The config of a command whose mandatory settings are left out."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from omegaconf import OmegaConf

    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        return OmegaConf.to_container(hydra_compose(command), resolve=False)
