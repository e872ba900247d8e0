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
