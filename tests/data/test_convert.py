"""A picture of any kind becomes bytes of one size and mode."""

import numpy as np
import pytest
from PIL import Image

from vae.data.convert import convert


def test_what_is_transparent_becomes_white():
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert (convert(image, 4, 4, "grey", "crop") == 255).all()
    palette = Image.new("P", (4, 4), 0)
    palette.info["transparency"] = 0
    assert (convert(palette, 4, 4, "rgb", "crop") == 255).all()


def test_sixteen_bits_become_eight():
    levels = np.array([[0, 256], [32768, 65535]], np.uint16)
    assert convert(Image.fromarray(levels), 2, 2, "grey", "crop").tolist() == [[[0, 1], [128, 255]]]
    floats = np.array([[0.0, 0.5], [0.25, 1.0]], np.float32)
    assert convert(Image.fromarray(floats), 2, 2, "grey", "crop")[0, 0, 1] == 128


def test_a_camera_held_upright_is_turned(tmp_path):
    image = Image.new("L", (4, 2), 0)
    image.putpixel((0, 0), 255)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as opened:
        turned = convert(opened, 4, 2, "grey", "crop")
    assert turned[0, 0, 1] == 255
    assert turned.sum() == 255


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_other_proportions_fit(fit):
    image = Image.new("L", (40, 20), 0)
    pixels = convert(image, 10, 10, "grey", fit)
    assert pixels.shape == (1, 10, 10)
    # only padding adds anything: white above and below
    assert ((pixels == 255).sum() == 50) == (fit == "pad")
