"""A distribution over z."""
