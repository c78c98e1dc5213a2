"""python -m vae.search.index and query, from a run to a contact sheet."""

import sys

import pytest
import torch
from PIL import Image

from tests.commands import ended
from vae.cli.command import compose, run
from vae.model.posteriors.diagonal_normal import DiagonalNormal
from vae.search import index as index_command
from vae.search import query as query_command
from vae.search.build import build_index
from vae.search.embed import embed
from vae.search.find import find
from vae.search.store import Index
from vae.training.loop import train

pytestmark = pytest.mark.slow

MODELS = {
    "vae": [],
    "ae": ["model/posterior=delta", "objective=reconstruction"],
    "iaf": ["model/posterior=iaf"],
}
QUICK = [
    "data=digits",
    "model.latent_dim=4",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "evaluate.num_samples=0",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "callbacks.pictures=null",
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = {}

    def get(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name) / "run"
            made[name] = train(compose(*QUICK, *MODELS[name], f"run_dir={folder}")).directory
        return made[name]

    return get


@pytest.fixture
def command(capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def call(name, *words):
        task = {"index": index_command, "query": query_command}[name].task
        monkeypatch.setattr(sys, "argv", [f"vae.search.{name}", *words])
        return ended(capfd, lambda: run(f"search/{name}", task, help=""))

    return call


@pytest.fixture
def pictures(tmp_path):
    """Ten digits as files, below folders of their classes."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    for i in range(10):
        path = tmp_path / "pictures" / str(digits.target[i]) / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        levels = (digits.images[i] * (255 / 16)).round().astype("uint8")
        Image.fromarray(levels).save(path)
    return tmp_path / "pictures"


@pytest.mark.parametrize("distance", ["euclidean", "cosine", "wasserstein"])
@pytest.mark.parametrize("name", MODELS)
def test_a_picture_finds_itself(name, distance, runs, command, pictures, tmp_path):
    words = [f"run={runs(name)}", "index=here", f"distance={distance}"]
    code, out, err = command("index", *words)
    assert code == 0, err
    assert "1,300 images added" in out
    # the first digits are training images, or held out for validation
    with Index("here") as index:
        assert len(index) == 1300
    code, out, err = command("query", "index=here", f"image={pictures}", "k=5", "out=sheet.png")
    assert code == 0, err
    with Image.open("sheet.png") as sheet:
        assert sheet.size[0] > sheet.size[1] * 0.6
    command("index", "index=here", f"root={pictures}")
    hits = find(compose("index=here", f"image={pictures}", "k=1", name="search/query"))
    for (hit,) in hits:
        assert hit.distance < 1e-3


def test_images_are_added_once_and_removed_by_name(runs, command, pictures):
    code, out, _ = command("index", f"run={runs('vae')}", f"root={pictures}", "index=mine")
    assert code == 0
    assert "10 images added, 10 in all" in out
    assert "(0 images added, 10 in all)" in command("index", "index=mine", f"root={pictures}")[1]
    assert "removed 1 images" in command("index", "index=mine", "remove=[pictures/3/3.png]")[1]
    with Index("mine") as index:
        assert len(index) == len(index.images) == 9
        assert not any(name.endswith("3/3.png") for name in index.items["names"])
    code, out, _ = command("query", "index=mine", f"image={pictures / '3' / '3.png'}", "k=20")
    assert code == 0
    found = [line.split("│")[2].strip() for line in out.splitlines() if line.startswith("│")]
    assert len(found) == 9
    assert not any(name.endswith("3/3.png") for name in found)


def test_what_an_interrupted_add_left_behind_is_not_in_the_way(
    runs, command, pictures, monkeypatch
):
    """As if the process died after the engine had its vectors and before the rest was written."""
    command("index", f"run={runs('vae')}", f"root={pictures / '1'}", "index=mine")

    def die(self, images):
        self.engine.save()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Index, "_save", die)
        with pytest.raises(KeyboardInterrupt):
            build_index(compose("index=mine", f"root={pictures}", name="search/index"))
    assert "(9 images added, 10 in all)" in command("index", "index=mine", f"root={pictures}")[1]
    hits = find(compose("index=mine", f"image={pictures}", "k=10", name="search/query"))
    assert all(len(some) == 10 for some in hits)
    assert all(len({hit.name for hit in some}) == 10 for some in hits)


def test_a_search_may_be_restricted_to_a_class(runs, command, pictures):
    command("index", f"run={runs('vae')}", "index=mine")
    hits = find(compose("index=mine", f"image={pictures}", "k=5", "label='7'", name="search/query"))
    assert {hit.label for some in hits for hit in some} == {"7"}


def test_wasserstein_is_that_of_the_posteriors(runs):
    """Against its closed form for normals with diagonal covariances."""
    from vae.runs.opened import load

    model = load(runs("vae"))
    assert isinstance(model.posterior, DiagonalNormal)
    x = torch.rand(2, 1, 8, 8)
    one, two = embed(model, x, "wasserstein").double()
    q = model.encode(x)
    m, s = q.mean.double(), q.stddev.double()
    expected = (m[0] - m[1]).square().sum() + (s[0] - s[1]).square().sum()
    torch.testing.assert_close((one - two).square().sum(), expected)


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("index", [], "got neither run= nor index="),
        ("index", ["index=nowhere"], "make it first"),
        ("index", ["run=nowhere"], "does not exist"),
        ("index", ["run=RUN", "index=mine", "distance=manhattan"], "euclidean or cosine or"),
        ("query", ["index=mine", "image=missing.png"], "missing.png is not"),
        ("query", ["index=mine", "image=PICTURES", "label=cat"], "its classes are"),
        ("query", ["index=mine", "image=PICTURES", "k=0"], "k must be a whole number"),
        ("query", ["index=mine"], "image must be set"),
        ("index", ["run=RUN", "index=mine"], "holds one already"),
    ],
)
def test_bad_wishes_are_one_sentence(name, words, message, runs, command, pictures):
    assert command("index", f"run={runs('vae')}", f"root={pictures}", "index=mine")[0] == 0
    words = [w.replace("RUN", str(runs("vae"))).replace("PICTURES", str(pictures)) for w in words]
    code, _, err = command(name, *words)
    assert code == 1
    assert message in err
    assert err.count("\n") == 1
