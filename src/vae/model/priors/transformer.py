"""p(z) over discrete codes, by a causal transformer."""

from typing import ClassVar

from torch import Tensor, nn

from vae.model.distributions.autoregressive_codes import AutoregressiveCodes, Following
from vae.model.networks.causal import Causal
from vae.model.precision import FullPrecision, at_least_float32, unrounded
from vae.model.priors.code_prior import CodePrior, codebook_of


class Transformer(CodePrior):
    r"""p(z) = prod_n p(z_n | z_1, ..., z_(n-1)), by attention to the choices before.

    Arguments:
        posterior: The model's own, which knows its codes; of maps, place after place.
        width: Of each choice's features.
        layers: The number of layers.
        heads: Of the attention; a divisor of the width.

    Raises:
        ValueError: If its z is no code but any vector, or a number does not fit.

    References:
        Attention Is All You Need (Vaswani et al., 2017), section 3, normalised before each part;
        as the prior of codes: Taming Transformers (Esser et al., 2021), section 3.2
    """

    batch_size: ClassVar[int] = 64

    def __init__(self, posterior: nn.Module, width: int = 128, layers: int = 3, heads: int = 4):
        if min(width, layers, heads) < 1 or width % heads:
            raise ValueError(
                "width, layers and heads are at least 1, and heads divide the width, got "
                f"{width}, {layers} and {heads}; set model.prior.heads to a divisor."
            )
        codebook = codebook_of(posterior, "a transformer prior")
        super().__init__(codebook)
        num_choices, classes = codebook.there.shape
        self.network = FullPrecision(Causal(num_choices, classes, width, layers, heads))
        self.numbers_per_sample = 4 * codebook.total + num_choices * (
            12 * width + heads * num_choices
        )

    def logits(self, choices: Tensor) -> Tensor:
        r"""The logits, with shape (\*, sum K_n), for one-hot choices of that shape."""
        each = self.codebook.by_choice(choices)
        logits: Tensor = self.network(each.reshape(-1, *each.shape[-2:])).reshape(each.shape)
        return logits[..., self.codebook.there]

    def codes(self) -> AutoregressiveCodes:
        """p(z), whose choices are drawn without going over those before again."""
        return AutoregressiveCodes(self.logits, self.codebook, self.one_by_one)

    def one_by_one(self) -> Following:
        """The logits of one choice after the other, with shape (B, K), given those before."""
        network, book = self.network.network, self.codebook
        assert isinstance(network, Causal)
        following = network.one_by_one()

        def logits(n: int, before: Tensor) -> Tensor:
            last = None
            if n:
                each = before[:, book.padded[n - 1]] * book.there[n - 1]
                last = each.to(network.place.dtype)
            with unrounded(before):
                found = at_least_float32(following(n, last))
            return found.expand(len(before), -1)

        return logits
