"""p(z) over maps of discrete codes, by a PixelCNN."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from vae.model.distributions.autoregressive_codes import AutoregressiveCodes
from vae.model.networks.pixelcnn import PixelCNN as Network
from vae.model.precision import FullPrecision
from vae.model.priors.code_prior import CodePrior, codebook_of


class PixelCNN(CodePrior):
    r"""p(z) = prod_n p(z_n | z_m at places before, and before at its place), by convolutions.

    Places go row by row; a layer sees `size` of them each way, and `layers` of them further.

    Arguments:
        posterior: The model's own, which knows its codes.
        map_shape: The shape (C, h, w) of z; None of a z that is no stack of maps.
        width: The features at a place, shared out among its choices.
        layers: The number of layers.
        size: The height and width of a layer's view, an odd number.

    Raises:
        ValueError: If z is no stack of maps of codes, or a number does not fit.

    References:
        Conditional Image Generation with PixelCNN Decoders (van den Oord et al., 2016); as the
        prior of codes: Neural Discrete Representation Learning (van den Oord et al., 2017),
        section 3.3
    """

    batch_size: ClassVar[int] = 64
    where: Tensor

    def __init__(
        self,
        posterior: nn.Module,
        map_shape: tuple[int, ...] | None = None,
        width: int = 64,
        layers: int = 5,
        size: int = 3,
    ):
        if min(width, layers) < 1 or size < 3 or size % 2 == 0:
            raise ValueError(
                "width and layers are at least 1, and size is an odd number of at least 3, got "
                f"{width}, {layers} and {size}; set model.prior.size=3, for instance."
            )
        codebook = codebook_of(posterior, "a pixelcnn prior")
        if map_shape is None:
            raise ValueError(
                "a pixelcnn prior is over maps of codes, and this model's z is a vector; choose "
                "model/prior=transformer or autoregressive, or model=spatial."
            )
        super().__init__(codebook)
        self.area = (map_shape[-2], map_shape[-1])
        places = map_shape[-2] * map_shape[-1]
        # choices in the order of their places, and at a place in that of their numbers
        place, group = codebook.lead % places, codebook.lead // places
        self.register_buffer("where", (place * codebook.size + group).argsort(), persistent=False)
        # the first layer's rows above, and those that each other one adds
        self.reach = (layers + 1) * (size // 2)
        self.groups, classes = len(self.where) // places, codebook.there.shape[1]
        # as much work for many choices at a place as for one
        each = -(-width // self.groups)
        self.network = FullPrecision(Network(self.groups, classes, each, layers, size))
        self.numbers_per_sample = 4 * codebook.total + 8 * layers * self.groups * each * places

    def logits(self, choices: Tensor) -> Tensor:
        r"""The logits, with shape (\*, sum K_n), for one-hot choices of that shape."""
        book = self.codebook
        each = book.by_choice(choices)
        lead, k = each.shape[:-2], each.shape[-1]
        y = self.by_place(each.flatten(0, -3)[:, self.where]).flatten(1, 2)
        found = torch.zeros_like(y).index_copy(1, self.where, y).reshape(*lead, -1, k)
        return found[..., book.there]

    def by_place(self, each: Tensor) -> Tensor:
        """The logits, with shape (B, H W, G, K), for whole rows of choices, with (B, H W G, K)."""
        width = self.area[1]
        maps = each.unflatten(1, (-1, width, self.groups)).permute(0, 3, 4, 1, 2)
        y: Tensor = self.network(maps.flatten(1, 2)).unflatten(1, (self.groups, -1))
        return y.permute(0, 3, 4, 1, 2).flatten(1, 2)

    def codes(self) -> AutoregressiveCodes:
        """p(z), whose choices are drawn place after place, by the rows that they can see."""
        order = [int(n) for n in self.where]
        rank = {n: i for i, n in enumerate(order)}

        def following(n: int, before: Tensor) -> Tensor:
            return self.next(rank[n], before)

        return AutoregressiveCodes(self.logits, self.codebook, lambda: following, order)

    def next(self, rank: int, before: Tensor) -> Tensor:
        """The logits, with shape (B, K), of the choice that is drawn after `rank` others."""
        a_row = self.area[1] * self.groups
        row = rank // a_row
        top = max(0, row - self.reach)
        some = self.where[top * a_row : (row + 1) * a_row]
        book = self.codebook
        each = before[:, book.padded[some]] * book.there[some]
        found: Tensor = self.by_place(each).flatten(1, 2)[:, rank - top * a_row]
        return found
