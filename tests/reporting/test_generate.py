"""python -m vae.generate draws every kind of picture, the same for the same seed."""

import pytest
from PIL import Image

from vae.cli.command import compose
from vae.errors import ConfigError
from vae.reporting.generate import generate

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "what", ["samples", "reconstructions", "interpolation", "traversal", "manifold"]
)
def test_generate_writes_every_picture(finished, what):
    path = generate(
        compose(f"run={finished.directory}", f"what={what}", "count=4", name="generate")
    )
    assert path == finished.directory / "generated" / f"{what}_0.png"
    with Image.open(path) as image:
        assert min(image.size) >= 32


def test_the_same_seed_gives_the_same_picture(finished, tmp_path):
    pictures = []
    for i, seed in enumerate((1, 1, 2)):
        path = tmp_path / f"{i}.png"
        generate(
            compose(f"run={finished.directory}", f"seed={seed}", f"out={path}", name="generate")
        )
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["what=films"], "what must be samples or reconstructions"),
        (["out=picture.xyz"], "must name a picture"),
        (["count=0"], "at least 1"),
        (["out=5"], "must name a picture, for instance 5.png, got 5"),
        (["run=???"], "run must be set, got nothing; add run= and its value"),
        (["split=here"], "split must be train or val or test"),
    ],
)
def test_generate_refuses_what_makes_no_sense(finished, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=message):
        generate(compose(f"run={finished.directory}", *words, name="generate"))
