"""Log-likelihoods of sets of data, for many parameter vectors at once."""
