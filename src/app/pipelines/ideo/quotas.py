"""Whole numbers of documents that follow wished shares: the method of largest remainders.

Every share gets its whole part (within its bounds), then what is left of the total goes to the
largest remainders, ties in the order given (Hamilton's method of apportionment, with bounds).
"""

from collections.abc import Sequence
from fractions import Fraction


def largest_remainder(
    shares: Sequence[Fraction | float],
    total: int,
    low: Sequence[int],
    high: Sequence[int] | None = None,
) -> list[int]:
    """Quotas with `low[i] <= quota[i] <= high[i]` that sum to `total`, as near to `shares` as
    whole numbers allow; where the bounds exclude `total`, the nearest sum they permit.

    `shares` are in documents and sum to about `total`; `high` None: no upper bound.
    """
    ceiling = list(high) if high is not None else [max(total, floor) for floor in low]
    total = min(max(total, sum(low)), sum(ceiling))
    quotas = [
        min(max(int(share), floor), top)
        for share, floor, top in zip(shares, low, ceiling, strict=True)
    ]
    while (missing := total - sum(quotas)) != 0:
        step = 1 if missing > 0 else -1
        limit = ceiling if step > 0 else low
        free = [i for i, quota in enumerate(quotas) if quota != limit[i]]
        free.sort(key=lambda i: (step * (quotas[i] - shares[i]), i))
        for i in free[: abs(missing)]:
            quotas[i] += step
    return quotas
