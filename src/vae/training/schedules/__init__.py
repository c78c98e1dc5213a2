"""Learning-rate schedules: the fraction t of training that has passed to a factor on the rate."""
