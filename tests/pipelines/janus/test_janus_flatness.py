"""Parameters that the data say nothing of are found, and no others."""

import math
from itertools import count
from typing import Any

import numpy as np
import pytest

from app.config.janus.prior import Distribution, Prior
from app.errors import SuperiorError
from app.pipelines.janus.flatness import flat_parameters
from app.pipelines.janus.posterior import LogLikelihood, Posterior
from app.pipelines.janus.prior import prior_of


def posterior(function: LogLikelihood) -> Posterior:
    flat = Distribution.model_validate({"kind": "uniform", "low": 0.0, "high": 1.0})
    prior, _ = prior_of(("a", "b"), {"a": flat, "b": flat}, {}, Prior())
    return Posterior(prior, function, {})


def flat(function: Any) -> list[str]:
    return flat_parameters(posterior(function), np.random.default_rng(0))


def test_a_parameter_that_is_not_used_is_flat() -> None:
    assert flat(lambda theta: -(theta[:, 0] ** 2)) == ["b"]


def test_all_may_be_flat() -> None:
    assert flat(lambda theta: np.full(len(theta), -3.0)) == ["a", "b"]


def test_none_is_flat_where_all_count() -> None:
    assert flat(lambda theta: -theta[:, 0] - 1e-6 * theta[:, 1]) == []


def test_two_that_cannot_be_told_apart_are_not_flat() -> None:
    assert flat(lambda theta: -((theta[:, 0] + theta[:, 1]) ** 2)) == []


def test_one_that_counts_in_a_part_of_the_prior_is_not_flat() -> None:
    assert flat(lambda theta: np.where(theta[:, 1] > 0.9, -1.0, 0.0) - theta[:, 0]) == []


def test_rounding_is_no_information() -> None:
    noise = np.random.default_rng(1)
    assert flat(lambda theta: -1e6 * theta[:, 0] + 1e-9 * noise.random(len(theta))) == ["b"]


def test_an_edge_of_the_domain_is_no_information() -> None:
    assert flat(lambda theta: np.where(theta[:, 1] > 0.5, -math.inf, -theta[:, 0])) == ["b"]


def test_a_likelihood_that_is_nowhere_is_told() -> None:
    with pytest.raises(SuperiorError, match="the likelihood is 0"):
        flat(lambda theta: np.full(len(theta), -math.inf))


def test_few_draws_inside_are_enough() -> None:
    assert flat(lambda theta: np.where(theta[:, 0] > 0.02, -math.inf, -theta[:, 0])) == ["b"]


def test_a_narrow_domain_does_not_make_all_flat() -> None:
    # 1 in 300: of values drawn from the whole prior hardly any would be inside
    def narrow(theta: Any) -> Any:
        outside = np.abs(theta[:, 0] - 0.5) > 1 / 600
        return np.where(outside, -math.inf, -theta[:, 0])

    assert all(
        flat_parameters(posterior(narrow), np.random.default_rng(seed)) == ["b"]
        for seed in range(20)
    )


def test_of_one_draw_nothing_is_known() -> None:
    batches = count()

    def once(theta: Any) -> Any:
        first = len(theta) == 1 or next(batches) == 0
        return np.where(first & (np.arange(len(theta)) == 0), -1.0, -math.inf)

    assert flat(once) == []
