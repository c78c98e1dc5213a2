"""What it takes to know log q(z|x)."""

from typing import Literal

# direct: one evaluation gives it for any z
# sequential: only samples know theirs; for any other z it takes latent_dim passes of a network
# none: q is a point mass
Density = Literal["direct", "sequential", "none"]
