"""Models of the expansion: distances, rates and ages, for many parameter vectors at once."""
