"""What choices offer each other, asked wherever one choice needs something of another.

density: log q(z|x) exists (a point mass has none)
density_anywhere: one evaluation gives log q(z|x) at any z
moments: mean and standard deviations are in closed form
factors: a product over the dimensions of z
maps: its features are as many at every place, so that z may be a stack of maps
sample_weights: p(x|z) of a sample does not depend on the other samples, so they may be weighed

And what a choice is, where its class says so:

discrete: of codes, and not of vectors
certain: q(z|x) is sure of one code
takes_context: it is called with what is known of the example
fitted_afterwards: a prior that is no part of training, but of `vae.fit_prior`
"""

from typing import Literal

Capability = Literal["density", "density_anywhere", "moments", "factors", "maps", "sample_weights"]


def offers(part: object, capability: Capability) -> bool:
    """Whether a choice offers something; one that declares no `offers` is taken to offer all."""
    declared = getattr(part, "offers", None)
    return declared is None or capability in declared


Trait = Literal["discrete", "certain", "takes_context", "fitted_afterwards"]


def has_trait(part: object, trait: Trait) -> bool:
    """Whether a choice, or its class, says that it is something."""
    return bool(getattr(part, trait, False))
