"""The app's selector: a conditional model draws what a visitor has chosen."""

import gc
import warnings

import numpy as np
import pytest
import torch

from vae.app.demo import Demo
from vae.cli.command import compose
from vae.errors import ConfigError
from vae.runs.opened import open_run
from vae.training.loop import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]
SMALL = [
    "trainer.max_epochs=1",
    "trainer.limit_train_batches=4",
    "evaluate.num_samples=0",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "callbacks.pictures=null",
    "model.encoder.hidden=[16]",
    "model.decoder.hidden=[16]",
    "threads=1",
]


def attributes(folder):
    g = np.random.default_rng(0)
    images = g.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.savez(folder / "a.npz", images=images, attributes=g.random((60, 2)))
    return ["data=arrays", f"data.root={folder / 'a.npz'}", "data.levels=[0,255]"]


KINDS = {
    "label": lambda _: ["data=digits", "model.condition=label"],
    "attributes": lambda folder: [*attributes(folder), "model.condition=attributes"],
    "m2": lambda _: ["data=digits", "model=m2", "objective=m2", "data.labels=20"],
    "none": lambda _: ["data=digits"],
}
SAID = {
    "label": ("3", "7", "12"),
    "attributes": ("0, 1", "0.5, 0.2", "1"),
    "m2": ("3", "7", "x"),
    "none": (None, None, "3"),
}


@pytest.fixture(scope="module", params=KINDS)
def demo(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    more = ["model/likelihood=gaussian"] if request.param == "attributes" else []
    words = KINDS[request.param](folder)
    train(compose(words[0], *more, *words[1:], *SMALL, f"run_dir={folder / 'run'}"))
    made = Demo(open_run(folder / "run"))
    made.kind = request.param
    return made


def same(one, two):
    return np.array_equal(np.asarray(one), np.asarray(two))


def test_what_is_chosen_is_drawn(demo, tmp_path):
    one, other, bad = SAID[demo.kind]
    z = torch.zeros(1, demo.model.latent_dim)
    path = tmp_path / "x.png"
    demo._grid(demo.given(one).decode(z).mean, 1).save(path)
    asked = [
        lambda said: demo.generate(4, 1.0, 0, said),
        lambda said: demo.explore([1.0], said),
        lambda said: demo.at(0.3, 0.4, said),
        lambda said: demo.reconstruct(path, 0.0, 0, said),
        lambda said: demo.interpolate(path, path, 4, said),
    ]
    for ask in asked:
        assert same(ask(one), ask(one))
        if demo.kind == "none":
            assert same(ask(None), ask("3"))
        else:
            assert not same(ask(one), ask(other))
            with pytest.raises(ConfigError, match="condition is"):
                ask(bad)


def test_the_page_has_a_selector_where_there_is_something_to_select(demo):
    pytest.importorskip("gradio")
    from vae.app.page import interface

    page = interface(demo, "x")
    kinds = [type(b).__name__ for b in page.blocks.values()]
    shown = [b for b in page.blocks.values() if type(b).__name__ == "Dropdown"]
    assert len(shown) == (4 if demo.kind in ("label", "m2") else 0)
    assert kinds.count("Textbox") == (4 if demo.kind == "attributes" else 0)
    for box in shown:
        assert [value for _, value in box.choices] == list(map(str, range(10)))
    # gradio leaves sockets of a page that is never served to the collector, whose complaint would
    # reach whichever test comes next
    page.close()
    del page, shown
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
