"""Features of z to a distribution over x."""
