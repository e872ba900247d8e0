from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from app.pipelines.ideo.quotas import largest_remainder


@given(st.lists(st.integers(1, 500), min_size=1, max_size=12), st.integers(1, 5000))
def test_quotas_sum_to_the_total_within_one_of_their_share(counts: list[int], total: int) -> None:
    total = max(total, len(counts))
    shares = [Fraction(total * n, sum(counts)) for n in counts]
    quotas = largest_remainder(shares, total, [0] * len(counts))
    assert sum(quotas) == total
    assert all(abs(quota - share) < 1 for quota, share in zip(quotas, shares, strict=True))


@given(st.lists(st.integers(1, 500), min_size=1, max_size=12), st.integers(1, 5000))
def test_bounds_hold_and_the_total_too_where_they_permit(counts: list[int], total: int) -> None:
    shares = [total * n / sum(counts) for n in counts]
    quotas = largest_remainder(shares, total, [1] * len(counts), counts)
    assert all(1 <= quota <= n for quota, n in zip(quotas, counts, strict=True))
    assert sum(quotas) == min(max(total, len(counts)), sum(counts))


def test_ties_go_to_the_first() -> None:
    assert largest_remainder([0.5, 0.5], 1, [0, 0]) == [1, 0]
