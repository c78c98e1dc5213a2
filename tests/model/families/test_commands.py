"""Every family is trained, tested, resumed, drawn, shared and searched like a flat VAE."""

import re

import pytest
import torch

import vae
from vae.cli.command import compose
from vae.errors import ConfigError
from vae.search.embed import embed
from vae.search.store import Index
from vae.training.loop import train

pytestmark = pytest.mark.slow

SMALL = [
    "data=digits",
    "model.encoder.hidden=[16]",
    "model.decoder.hidden=[16]",
    "threads=1",
    "trainer.limit_train_batches=4",
    "evaluate.num_samples=3",
    "evaluate.surgery=30",
    "evaluate.probe=50",
    "callbacks.pictures=null",
]
FAMILIES = {
    "flat": ["model.latent_dim=4"],
    "bottom_up": ["model=hierarchical", "model.layers=[4,3]", "model.hidden=[8]"],
    "top_down": [
        "model=hierarchical",
        "model.layers=[4,3,2]",
        "model.hidden=[8]",
        "model.inference=top_down",
        "model.skip=true",
    ],
    "conditional": [
        "model.condition=label",
        "model.embedding=3",
        "model/prior=conditional_normal",
        "model.latent_dim=4",
    ],
    "ladder": ["model=ladder", "model.layers=[2,1]", "model.channels=4", "model.latent_channels=1"],
    "m2": ["model=m2", "objective=m2", "data.labels=20", "model.latent_dim=4"],
}


def words(name, *more):
    # a ladder has networks of its own
    small = [w for w in SMALL if name != "ladder" or not w.startswith("model.")]
    return [*FAMILIES[name][:1], *small, *FAMILIES[name][1:], *more]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_run_is_resumed_to_the_same_numbers(name, tmp_path):
    whole = train(compose(*words(name), "trainer.max_epochs=2", f"run_dir={tmp_path / 'whole'}"))
    train(compose(*words(name), "trainer.max_epochs=1", f"run_dir={tmp_path / 'part'}"))
    again = train(compose(f"resume={tmp_path / 'part'}", "trainer.max_epochs=2"))
    assert again.results.test == whole.results.test
    for one, other in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.fixture(scope="module", params=FAMILIES)
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    return vae.fit(*words(request.param, "trainer.max_epochs=1", f"run_dir={folder}"))


def test_it_is_tested_and_looked_at(run, tmp_path):
    found = run.evaluate(
        num_samples=20, finetune=5, finetune_steps=3, surgery=30, probe=50, fid=100, pictures=3
    )
    latents = found.latents
    if len(run.model.layers) > 1:
        assert [layer.latent_dim for layer in latents.layers] == run.model.layers
        assert latents.active_units == sum(layer.active_units for layer in latents.layers)
        rates = sum(layer.rate.value for layer in latents.layers)
        assert rates == pytest.approx(found.test["rate"].value, abs=0.5)
        told = sum(layer.mutual_information.value for layer in latents.layers)
        assert told == pytest.approx(latents.mutual_information.value)
        logged = (run.path / "metrics.csv").read_text().splitlines()[0]
        assert all(f"val/rate_of/{layer.name}" in logged for layer in latents.layers)
    assert found.test["log_px"].value >= found.test["elbo"].value
    # a conditional model's is log p(x|c), and one that classifies says how well
    assert found.condition == run.config["model"]["condition"] or run.model.enumerates
    assert ("accuracy" in found.test) == run.model.enumerates
    assert found.samples is not None


@pytest.mark.parametrize("what", ["samples", "reconstructions", "interpolation", "traversal"])
def test_it_is_drawn(run, what, tmp_path):
    picture = run.generate(what, count=3, out=tmp_path / "x.png")
    assert len(picture.convert("L").getcolors()) > 3
    if run.model.condition is None:
        with pytest.raises(ConfigError, match="this run is of p"):
            run.generate(what, count=3, out=tmp_path / "x.png", condition=7)
    else:
        seven = run.generate(what, count=3, out=tmp_path / "7.png", condition=7)
        assert seven.tobytes() != picture.tobytes()


def test_analogies_are_of_conditional_models(run, tmp_path):
    if run.model.condition is None:
        with pytest.raises(ConfigError, match=r"choose another what="):
            run.generate("analogies", count=3, out=tmp_path / "x.png")
    else:
        run.generate("analogies", count=3, out=tmp_path / "x.png")


@pytest.mark.parametrize("name", ["safetensors", "torch_export"])
def test_it_is_exported_and_checked(run, name, tmp_path):
    # an export compares its parts with the model's before it says that it is done
    folder = run.export(name, out=tmp_path / "x")
    assert any(folder.iterdir())
    if name == "safetensors":
        x = run.data.examples(3)
        copy = vae.load(folder)
        z, label = torch.zeros(3, copy.latent_dim), torch.tensor([4, 0, 9])
        copy, model = copy.given(label), run.model.given(label)
        assert torch.equal(copy.decode(z).mean, model.decode(z).mean)
        assert copy.log_prob(x, 5).log_px.isfinite().all()


@pytest.mark.parametrize("distance", ["cosine", "wasserstein"])
def test_it_is_searched_by_each_layer_and_by_all(run, distance, tmp_path):
    if run.model.condition is not None and not run.model.enumerates:
        with pytest.raises(ConfigError, match=r"search in a run with model\.condition=null"):
            run.search_index(tmp_path / "none", split="test", distance=distance)
        return
    x = run.data.examples(4, "test")
    for layer in (None, *range(1, len(run.model.layers) + 1)):
        folder = run.search_index(
            tmp_path / str(layer), split="test", distance=distance, layer=layer
        )
        with Index(folder) as index:
            vectors = embed(run.model, x, distance, index.layer)
            dim = sum(run.model.layers) if layer is None else run.model.layers[layer - 1]
            assert vectors.shape[1] == dim * (2 if distance == "wasserstein" else 1)
            hits = index.search(vectors, 1)
        assert [len(found) for found in hits] == [1] * 4
    with pytest.raises(ConfigError, match="layer is one of the model's"):
        run.search_index(tmp_path / "none", layer=9)


def test_its_top_layer_gets_a_prior_afterwards(run, capsys):
    from vae.training.fit_prior import fit_prior

    words = compose(f"run={run.directory}", "model/prior=mixture_of_gaussians", name="fit_prior")
    if run.model.has_conditional_prior or not run.model.fits_prior:
        with pytest.raises(ConfigError, match="needs no fitting"):
            fit_prior(words)
        return
    path = fit_prior(words)
    model = vae.load(path)
    found = re.search(
        r"images: (\S+) nats under the run's prior, (\S+) under", capsys.readouterr().out
    )
    before, after = map(float, found.groups())
    assert after > before
    assert model.sample(3).shape == (3, 1, 8, 8)


@pytest.mark.parametrize("name", ["bottom_up", "top_down"])
@pytest.mark.parametrize(
    "objective",
    [
        "beta",
        "free_bits objective.per=example",
        "free_bits objective.per=layer",
        "iwae objective.num_samples=3",
        "miwae objective.groups=2 objective.group_size=2",
        "ciwae objective.num_samples=3",
        "dreg objective.num_samples=3",
        "sticking_the_landing",
        "mmd objective.rate_weight=1",
    ],
)
def test_every_objective_of_the_whole_latent_trains_it(name, objective, tmp_path):
    first, *rest = objective.split()
    outcome = train(
        compose(
            *words(name, f"objective={first}", *rest, "trainer.max_epochs=1"),
            f"run_dir={tmp_path / 'x'}",
        )
    )
    assert outcome.results.complete


@pytest.mark.parametrize("prior", ["mixture_of_gaussians", "flow", "vampprior"])
def test_the_top_layer_has_any_prior(prior, tmp_path):
    more = [f"model/prior={prior}"]
    if prior == "vampprior":
        more.append("model.prior.components=5")
    chosen = words("top_down", *more, "trainer.max_epochs=1", f"run_dir={tmp_path / 'x'}")
    outcome = train(compose(*chosen))
    assert outcome.model.sample(2).shape == (2, 1, 8, 8)
    assert vae.load(outcome.directory).latent_dim == 9
