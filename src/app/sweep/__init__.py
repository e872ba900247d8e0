"""Sweeps that lose nothing: plan -> ledger -> supervisor -> job -> projections."""
