"""Numerical threads, pinned: two on a two-core machine can be far slower than one, and how many
there are changes the last bits of a sum."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pinned_threads(threads: int) -> Iterator[None]:
    """BLAS and OpenMP of the libraries imported so far use `threads` threads inside."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=threads):
        yield


@contextmanager
def pinned_torch(threads: int) -> Iterator[None]:
    """torch with pinned threads and deterministic algorithms inside; as it was outside."""
    import torch

    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
