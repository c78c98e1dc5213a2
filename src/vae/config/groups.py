"""The config groups: where their files are, and which package holds the classes of each.

An option has one name: `model/prior=flow` on the command line, conf/model/prior/flow.yaml, and
src/vae/model/priors/flow.py.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml

from vae.config.nested import flat

# group -> the package with a module for each of its options
PACKAGES = {
    "data": "vae.data.sources",
    "engine": "vae.search.engines",
    "logger": "vae.training.loggers",
    "model": "vae.model.families",
    "model/decoder": "vae.model.networks",
    "model/encoder": "vae.model.networks",
    "model/likelihood": "vae.model.likelihoods",
    "model/posterior": "vae.model.posteriors",
    "model/prior": "vae.model.priors",
    "objective": "vae.objectives",
    "objective/schedule": "vae.objectives.schedules",
    "optimizer/schedule": "vae.training.schedules",
}
# groups of settings and of classes of other packages
OTHERS = (
    *("callbacks", "debug", "evaluate", "experiment", "optimizer", "trainer"),
    *("hydra/launcher", "hydra/sweeper", "search"),
)
# files that other options build on, and that are no option themselves
BASES = {("data", "default")}


def config_dir() -> Path:
    """The folder of the packaged configs: in this package in a wheel, at the top of a checkout."""
    shipped = Path(__file__).parents[1] / "conf"
    return shipped if shipped.is_dir() else Path(__file__).parents[3] / "conf"


def options(folders: Iterable[Path] = ()) -> dict[str, list[str]]:
    """The options of every config group, for instance {"model/encoder": ["conv", "mlp"]}.

    Arguments:
        folders: The folders that configs are searched in; none for the packaged one.
    """
    found: dict[str, set[str]] = {}
    for folder in folders or [config_dir()]:
        for path in folder.rglob("*.yaml"):
            group = path.parent.relative_to(folder).as_posix()
            if group != "." and (group, path.stem) not in BASES:
                found.setdefault(group, set()).add(path.stem)
    return {group: sorted(found[group]) for group in sorted(found)}


def option_of(part: object) -> str:
    """The option that chose an object, for messages: the name of its class's module."""
    return type(part).__module__.rpartition(".")[2]


@cache
def targets() -> dict[tuple[str, str], tuple[str, str]]:
    """The packaged options, by the place in the config and the class that they choose there.

    For instance {("data/source", "vae.data.sources.mnist.MNIST"): ("data", "mnist")}.
    """
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for path in sorted(config_dir().rglob("*.yaml")):
        group = path.parent.relative_to(config_dir()).as_posix()
        if group not in PACKAGES and group != "optimizer":
            continue
        named = [
            (f"{group}.{name}".removesuffix("._target_").replace(".", "/"), str(value))
            for name, value in flat(yaml.safe_load(path.read_text()) or {}).items()
            if name.rpartition(".")[2] == "_target_"
        ]
        # what an option is made of is no option
        own = [place for place in named if place[0] == group]
        if own or len(named) == 1:
            found[(own or named)[0]] = (group, path.stem)
    return found
