"""Samplers of a posterior, each of them durable."""
