"""What the app does, without a browser: numbers and pictures to pictures."""

import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import torch
from PIL import Image
from torch import Tensor

from vae.data.pictures import PIXELS
from vae.data.pixels import Pixels
from vae.errors import DataError
from vae.model.families.vae import VAE
from vae.reporting import views
from vae.reporting.figures import grid
from vae.runs.given import classes_of, context_of
from vae.runs.opened import Run
from vae.search import collection
from vae.search.embed import embed
from vae.search.hit import Hit
from vae.search.store import Index

# images that a visitor gets at once, whatever they ask for
MOST = 64
# test images on the map of the latent space, and its width in pixels
POINTS, SIDE = 2000, 480
# how often a picture is looked for, and the seconds between
TRIES, PAUSE = 4, 0.15


class Demo:
    """A run to play with; many may at once.

    Arguments:
        run: The run.
        index: An index over images of its kind; None to do without search.
        root: Where the run's data lies now; None for where it lay.
        pixels: How many an uploaded picture may have.
    """

    def __init__(
        self,
        run: Run,
        index: Index | None = None,
        root: str | None = None,
        pixels: int = PIXELS,
    ):
        self.largest = pixels
        # one picture is decoded at a time, however many are uploaded
        self.door = Lock()
        self.run, self.model, self.index = run, run.model, index
        self.pixels: Pixels = collection.pixels_of(run)
        data = run.open_data(root, other=True)
        batch = next(data.batches("test", POINTS))
        self.label, self.classes = batch.label, classes_of(run)
        # what is decoded until a visitor says otherwise: the first test image's class or attributes
        self.usual = None if batch.context is None else batch.context[:1]
        self.codes = views.embedded(self.model.given(batch.context), batch.x)
        self.centre, self.spread = self.codes.mean(0), self.codes.std(0, correction=0)
        # the dimensions that vary most come first
        self.order = self.spread.argsort(descending=True).tolist()
        centred = (self.codes - self.centre).double()
        axes = torch.linalg.svd(centred, full_matrices=False).Vh[:2].to(self.codes.dtype)
        # one image, or one dimension, spans no plane
        axes = torch.cat([axes, axes.new_zeros(2 - len(axes), axes.shape[1])])
        self.axes = torch.eye(2, dtype=self.codes.dtype) if self.codes.shape[1] == 2 else axes
        self.flat = (self.codes - self.centre) @ self.axes.T
        self.reach = float(self.flat.abs().max()) * 1.05 + 1e-6
        # torch's generator is one for all
        self.lock = Lock()

    def given(self, said: str | None) -> VAE:
        """The model under what a visitor has chosen: a class, or attributes.

        Raises:
            ConfigError: If there is no such class, or there are other attributes.
        """
        if self.model.condition is None or not said:
            return self.model.given(self.usual)
        return self.model.given(context_of(self.run, said))

    @torch.no_grad()
    def generate(
        self, count: int, temperature: float, seed: int, said: str | None = None
    ) -> Image.Image:
        """New images: E[x|z] for z ~ p(z), drawn towards the prior's mean by the temperature.

        Arguments:
            count: How many.
            temperature: How far z lies from the mean of samples of p(z), in shares of where it was.
            seed: Of which draw.
            said: The class or attributes of a conditional model.
        """
        model = self.given(said)
        count = min(max(count, 1), MOST)
        with self.lock, torch.random.fork_rng():
            torch.manual_seed(seed % 2**32)
            z = model.draw(count)
            middle = model.draw(1000).mean(0)
        return self._grid(model.decode(middle + temperature * (z - middle)).mean, 8)

    @torch.no_grad()
    def explore(self, steps: Sequence[float], said: str | None = None) -> Image.Image:
        """The image at a place in the latent space.

        Arguments:
            steps: How many standard deviations of E[z] each of the most used dimensions is from its
                mean; others are at theirs.
            said: The class or attributes of a conditional model.
        """
        z = self.centre.clone()
        for d, step in zip(self.order, steps, strict=False):
            z[d] += step * self.spread[d]
        return self._single(z, said)

    @torch.no_grad()
    def at(self, x: float, y: float, said: str | None = None) -> Image.Image:
        """The image at a place on the map, with x and y from 0 to 1 from its top left corner."""
        place = torch.tensor([2 * x - 1, 1 - 2 * y], dtype=self.codes.dtype) * self.reach
        return self._single(self.centre + place @ self.axes, said)

    def map(self) -> Image.Image:
        """Where test images lie, coloured by class: the plane in which they vary most."""
        from matplotlib import colormaps

        sheet = torch.full((SIDE, SIDE, 3), 255, dtype=torch.uint8)
        size = 3 if len(self.flat) > 300 else 7
        at = ((self.flat * torch.tensor([1.0, -1.0]) / self.reach + 1) / 2 * (SIDE - size)).long()
        colours = torch.tensor(colormaps["tab10"](range(10)))[:, :3] * 255
        for (x, y), label in zip(at.tolist(), self.label.tolist(), strict=True):
            sheet[y : y + size, x : x + size] = colours[label % 10].to(torch.uint8)
        return Image.fromarray(sheet.numpy())

    def picture(self, path: str | Path) -> Tensor:
        """An uploaded picture as values with shape (1, C, H, W).

        Raises:
            DataError: If it is none.
        """
        for left in reversed(range(TRIES)):
            try:
                with self.door:
                    found = collection.picture(self.run, Path(path), self.largest)
                return self.pixels.expected(found[None])
            except DataError:
                if not left:
                    raise
                # two visitors who upload the same picture share its file, while it is written
                time.sleep(PAUSE)
        raise AssertionError("a picture is found or refused")

    @torch.no_grad()
    def reconstruct(
        self, path: str | Path, noise: float, seed: int = 0, said: str | None = None
    ) -> Image.Image:
        """A picture, what the encoder was shown of it, and what the decoder makes of that.

        Arguments:
            path: The picture.
            noise: The standard deviation of the noise that is added before it is encoded.
            seed: Of the noise.
            said: The class or attributes of the picture, for a conditional model.
        """
        x, model = self.picture(path), self.given(said)
        generator = torch.Generator().manual_seed(seed)
        shown = (x + noise * torch.randn(x.shape, generator=generator)).clamp(0, 1)
        with self.lock:
            again = model.decode(model.embed(shown)).mean
        return self._grid(torch.cat([x, shown, again]), 3)

    @torch.no_grad()
    def interpolate(
        self, one: str | Path, two: str | Path, count: int = 10, said: str | None = None
    ) -> Image.Image:
        """The way from one picture to another, straight through the latent space."""
        x, y = self.picture(one), self.picture(two)
        with self.lock:
            between = views.interpolation(self.given(said), x, y, count)
        return self._grid(between, count)

    def search(self, path: str | Path, k: int) -> list[Hit]:
        """The images of the index nearest to a picture."""
        assert self.index is not None
        x = self.picture(path)
        with self.lock:
            vectors = embed(self.model, x, self.index.meta["distance"], self.index.layer)
            return self.index.search(vectors, min(max(k, 1), MOST))[0]

    def _single(self, z: Tensor, said: str | None) -> Image.Image:
        return self._grid(self.given(said).decode(z[None]).mean, 1)

    def _grid(self, images: Tensor, columns: int) -> Image.Image:
        scale = max(1, (320 if columns == 1 else 96) // images.shape[-1])
        return grid(images, columns, scale=scale)

    def thumbnail(self, hit: Hit) -> Image.Image:
        """What was found, as a picture."""
        return self._grid(hit.image[None].float() / 255, 1)
