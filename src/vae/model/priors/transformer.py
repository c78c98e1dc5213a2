"""p(z) over discrete codes, by a causal transformer."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from vae.model.precision import FullPrecision
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


class Causal(nn.Module):
    """One-hot choices to logits, each of which sees the choices before it.

    Arguments:
        num_choices: N.
        classes: K.
        width: Of each choice's features.
        layers: The number of layers.
        heads: Of the attention.
    """

    def __init__(self, num_choices: int, classes: int, width: int, layers: int, heads: int):
        super().__init__()
        self.embedding = nn.Linear(classes, width, bias=False)
        self.place = nn.Parameter(0.02 * torch.randn(num_choices, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        norm = nn.LayerNorm(width)
        self.layers = nn.TransformerEncoder(layer, layers, norm, enable_nested_tensor=False)
        self.out = nn.Linear(width, classes)

    def forward(self, choices: Tensor) -> Tensor:
        """Logits with shape (B, N, K), for one-hot choices of that shape."""
        before = nn.functional.pad(self.embedding(choices[:, :-1]), (0, 0, 1, 0))
        n = len(self.place)
        later = torch.ones(n, n, dtype=torch.bool, device=choices.device).triu(1)
        features = self.layers(before + self.place, later, is_causal=True)
        logits: Tensor = self.out(features)
        return logits
