"""Features of x to a distribution over z."""
