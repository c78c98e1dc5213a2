"""The semi-supervised model M2: the class of an example is a latent that is known of some."""

import copy
from collections.abc import Callable
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import has_trait
from vae.model.condition import Condition
from vae.model.distributions.class_and_code import (
    ClassAndNormal,
    ClassAndPrior,
    one_hot,
)
from vae.model.families.vae import VAE, as_weights
from vae.model.inputs import check_range
from vae.model.parts import Likelihood, Posterior
from vae.model.posteriors.diagonal_normal import DiagonalNormal
from vae.model.record import Record
from vae.model.semi_supervised import ClassPosterior, ClassPrior


class M2(VAE):
    r"""p(y) p(z) p(x|y, z) with q(y|x) q(z|x, y), where y is known of some examples.

    The latent vector is (y, z) side by side, y one-hot, so that whatever holds for a flat VAE
    holds here; one pass visits every class of each example instead of drawing one.

    Arguments:
        encoder: A network from (B, \*event_shape) and y, with shape (B, K), to features of
            q(z|x, y).
        classifier: A network from (B, \*event_shape) to the logits of q(y|x), with shape (B, K).
        decoder: A network from z, with shape (N, D), and y, with (N, K), to features of p(x|y, z).
        posterior: Features to q(z|x, y).
        prior: Nothing to p(z).
        likelihood: Features to p(x|y, z).
        condition: The classes.

    References:
        Semi-supervised Learning with Deep Generative Models (Kingma et al., 2014), section 2 (M2)
    """

    top_prior = "prior.code"
    enumerates: ClassVar[bool] = True
    context_kind = "some_labels"
    prior: ClassPrior

    def __init__(
        self,
        encoder: nn.Module,
        classifier: nn.Module,
        decoder: nn.Module,
        posterior: DiagonalNormal,
        prior: Any,
        likelihood: Likelihood,
        condition: Condition,
    ):
        classes = condition.size
        joined = ClassPosterior(posterior, classes)
        super().__init__(
            encoder, decoder, cast(Posterior, joined), ClassPrior(prior, classes), likelihood
        )
        self.classifier = classifier
        self.num_classes = classes
        self.label: Tensor | None = None

    @classmethod
    def build(
        cls,
        part: Callable[..., Any],
        latent_dim: int = 50,
        condition: Condition | None = None,
    ) -> "M2":
        """The model of a config, whose parts `part` makes.

        Arguments:
            part: Makes encoder, decoder, posterior, prior or likelihood, by its name.
            latent_dim: The length D of z.
            condition: The classes.

        Raises:
            ValueError: If no classes are known, or q(z|x, y) is not a diagonal normal.
        """
        if condition is None or condition.kind != "label" or condition.embed is not None:
            raise ValueError(
                "M2 has a class for each example, one-hot, got none or another condition; set "
                "model.condition=label and model.embedding=null."
            )
        posterior = part("posterior", latent_dim=latent_dim)
        if not isinstance(posterior, DiagonalNormal):
            raise ValueError(
                "M2's q(z|x, y) is a normal with a diagonal covariance, got another; choose "
                "model/posterior=diagonal_normal."
            )
        likelihood = part("likelihood")
        encoder = part("encoder", out_shape=posterior.feature_shape)
        classifier = part("encoder", out_shape=(condition.size,), context_dim=0)
        decoder = part("decoder", in_shape=(latent_dim,), out_shape=likelihood.feature_shape)
        prior = part("prior", latent_dim=latent_dim, encoder=encoder, posterior=posterior)
        if has_trait(prior, "takes_context"):
            raise ValueError(
                "M2 has one p(z) for all classes, got p(z|c); choose another model/prior."
            )
        return cls(encoder, classifier, decoder, posterior, prior, likelihood, condition)

    def given(self, context: Tensor | None) -> "M2":
        """This model of examples whose classes are known, or -1 where one is not.

        Arguments:
            context: The classes, with shape (B,), or (1,) for any number; None where none is known.
        """
        if context is None:
            return self
        bound = copy.copy(self)
        bound.label = context.long().to(next(self.decoder.parameters()).device)
        return bound

    def rows(self, start: int, stop: int) -> "M2":
        """This model of some of the examples whose classes are known."""
        if self.label is None or len(self.label) == 1:
            return self
        return self.given(self.label[start:stop])

    def classify(self, x: Tensor) -> Tensor:
        r"""log q(y|x), with shape (B, K), for x with shape (B, \*event_shape)."""
        self._check(x, lambda: check_range(x, self.likelihood.support))
        logits: Tensor = self.classifier(as_weights(self.classifier, x))
        return logits.log_softmax(-1)

    def _encode(self, x: Tensor) -> ClassAndNormal:
        rows, classes = x.shape[0], self.num_classes
        label = torch.arange(classes, device=x.device).repeat(rows)
        each = as_weights(self.encoder, x).repeat_interleave(classes, 0)
        features = self.encoder(each, one_hot(label, classes, each.dtype))
        # a difference of logits that leaves other classes than a known one no probability at all
        logits = self._where_known(self.classifier(as_weights(self.classifier, x)), 1e4)
        return self.posterior(torch.cat([logits, features.reshape(rows, -1)], 1))  # type: ignore[return-value]

    def _where_known(self, y: Tensor, one: float = 1.0) -> Tensor:
        r"""`y`, with shape (\*, B, K), but `one` and zeros for a class that is known."""
        if self.label is None:
            return y
        label = self.label.expand(y.shape[:-1])
        known = one * one_hot(label.clamp_min(0), self.num_classes, y.dtype)
        return torch.where(label[..., None] >= 0, known, y)

    def decoder_features(self, z: Tensor) -> Tensor:
        r"""The decoder's output, with shape (\*, \*feature_shape), for (y, z) with (\*, K + D)."""
        y, code = self._where_known(z[..., : self.num_classes]), self.top(z)
        shape = z.shape[:-1]
        rows = as_weights(self.decoder, code.reshape(-1, code.shape[-1]))
        features: Tensor = self.decoder(rows, y.reshape(-1, y.shape[-1]).to(rows.dtype))
        return features.reshape(*shape, *features.shape[1:])

    def forward(self, x: Tensor, num_samples: int = 1) -> Record:
        r"""One pass in which every class of each example is visited, S = K num_samples.

        Arguments:
            x: The examples, with shape (B, \*event_shape).
            num_samples: The number of samples z of q(z|x, y) of each class.

        Raises:
            DataError: If x has another shape, or values that p(x|z) does not explain.
        """
        self._check(x, lambda: self.check(x))
        # a class that is known is the objective's to use
        free = self if self.label is None else copy.copy(self)
        free.label = None
        q = free._encode(x)
        codes = q.of_each().rsample(torch.Size([num_samples]))
        label = torch.arange(self.num_classes, device=x.device)[:, None].expand(codes.shape[1:3])
        y = one_hot(label, self.num_classes, codes.dtype).expand(*codes.shape[:3], -1)
        z = torch.cat([y, codes], -1).flatten(0, 1)
        return Record(
            x,
            q,
            z,
            free.latent_prior(),
            free.decode(z),
            weights=(q.probs.T / num_samples).repeat(num_samples, 1),
            label=self.label,
        )

    @torch.no_grad()
    def draw(self, num_samples: int) -> Tensor:
        """(y, z) ~ p(y) p(z), with shape (num_samples, K + D); y as given, where it is."""
        z = self.latent_prior().sample(torch.Size([num_samples]))
        return torch.cat([self._where_known(z[:, : self.num_classes]), self.top(z)], 1)

    def latent_prior(self) -> Distribution:
        """p(y) p(z), with batch shape (); of a known class, p(z)."""
        known = None if self.label is None else self.label >= 0
        return ClassAndPrior(self.num_classes, self.prior.code(), known)

    @property
    def layers(self) -> list[int]:
        """The lengths of y and z."""
        return [self.num_classes, self.latent_dim - self.num_classes]

    @property
    def layer_names(self) -> list[str]:
        """The class and the code."""
        return ["y", "z"]

    def top(self, z: Tensor) -> Tensor:
        r"""z alone, with shape (\*, D)."""
        return z[..., self.num_classes :]
