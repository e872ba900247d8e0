"""Posteriors put together of models, data, priors and users' functions."""

import json
import logging
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.config.janus.cosmology import Cosmology
from app.config.janus.likelihood import Likelihood
from app.config.janus.prior import Prior
from app.config.janus.sampler import Workers
from app.datasets.observations.kinds import Observations, Rates, Supernovae
from app.errors import ConfigError, SuperiorError
from app.pipelines.janus.assembly import posterior_of
from app.pipelines.janus.at_work import at_work
from app.pipelines.janus.custom import load_function
from app.pipelines.janus.posterior import Posterior

Write = Callable[[str], str]
NOTHING = Observations(())
NO_DATA = Likelihood()


def uniform(low: float | None, high: float | None) -> dict[str, Any]:
    return {"kind": "uniform", "low": low, "high": high}


def milky(z: Any, q0: float) -> Any:
    """5 log10(d_L H0/c): D'Agostini & Petit (2018), as it is printed."""
    bracket = z + z**2 * (1 - q0) / (1 + q0 * z + np.sqrt(1 + 2 * q0 * z))
    return 5 * np.log10(bracket)


def supernovae(z_max: float = 1.0) -> Supernovae:
    z = np.linspace(0.02, z_max, 40)
    noise = 0.1 * np.random.default_rng(2).normal(size=40)
    mu = milky(z, -0.2 / z_max) + 24.0 + noise
    return Supernovae("made", z, z, mu, np.full(40, 0.01), np.zeros(40, dtype=np.int64), ("one",))


def rates() -> Rates:
    z = np.linspace(0.1, 1.5, 9)
    return Rates("rates", z, 70 * np.sqrt(0.3 * (1 + z) ** 3 + 0.7), np.full(9, 25.0))


MODULI = {"kind": "moduli", "path": "made.txt"}
RATES = {"kind": "hubble_rates", "path": "rates.txt"}
JANUS = {
    "kind": "janus",
    "name": "janus",
    "prior": {"q0": uniform(None, 0.0), "H0": uniform(40.0, 100.0)},
}
LCDM = {
    "kind": "lcdm",
    "name": "lcdm",
    "prior": {"Om": uniform(0.0, 1.0), "H0": uniform(40.0, 100.0)},
}


def likelihood(**choices: Any) -> Likelihood:
    parts = {"made": MODULI} if "parts" not in choices else choices.pop("parts")
    return Likelihood.model_validate({"parts": parts, **choices})


@contextmanager
def assembled(
    cosmology: dict[str, Any],
    chosen: Likelihood | None = None,
    observations: Observations | None = None,
    prior: dict[str, Any] | None = None,
    n_workers: int = 1,
    others: tuple[dict[str, Any], ...] = (),
) -> Iterator[Posterior]:
    """At work, as it is sampled."""
    posterior = posterior_of(
        Cosmology.model_validate(cosmology),
        chosen or likelihood(),
        Prior.model_validate(prior or {}),
        observations or Observations((supernovae(),), {"made.txt": "6c91"}),
        [Cosmology.model_validate(other) for other in others],
    )
    with at_work({"own": posterior}, n_workers, Workers()) as working:
        yield working["own"]


def direct(theta: Any, data: Supernovae) -> Any:
    """ln L with a marginalised offset, written out."""
    values = []
    for q0 in theta[:, 0]:
        residual = data.mu - milky(data.z, q0)
        weight = 1 / data.covariance
        offset = (weight @ residual) / weight.sum()
        chi2 = weight @ (residual - offset) ** 2
        norm = np.log(2 * np.pi * data.covariance).sum() + np.log(weight.sum() / (2 * np.pi))
        values.append(-0.5 * (chi2 + norm))
    return np.array(values)


def test_a_posterior_is_likelihood_and_prior() -> None:
    data = supernovae()
    with assembled(JANUS) as posterior:
        assert posterior.names == ("q0",)  # H0 is of no use without absolute distances
        theta = posterior.prior.draw(np.random.default_rng(1), 50)
        expected = direct(theta, data)
        assert np.allclose(posterior.log_likelihood(theta), expected, rtol=0, atol=1e-7)
        assert np.allclose(
            posterior.log_prob(theta), expected - math.log(0.5 / data.z.max()), rtol=0, atol=1e-7
        )
        assert posterior.evaluations == 100


def test_what_lies_outside_of_prior_or_domain_has_no_likelihood() -> None:
    wide = {**JANUS, "prior": {"q0": uniform(-1.0, 0.5)}}
    with assembled(wide) as posterior:
        found = posterior.log_likelihood(np.array([[-2.0], [-0.6], [-0.1], [0.2]]))
        assert np.isfinite(found).tolist() == [False, False, True, False]
        assert not np.isnan(found).any()
        described = posterior.description
        assert described["share_outside_domain"] == pytest.approx(2 / 3, abs=0.03)


def test_a_rate_or_a_scatter_below_0_has_no_likelihood() -> None:
    normal = {"H0": {"kind": "normal", "mean": 50.0, "sd": 50.0}}
    only = likelihood(parts={"rates": RATES})
    with assembled(LCDM, only, Observations((rates(),)), {"parameters": normal}) as posterior:
        found = posterior.log_likelihood(np.array([[0.3, -70.0], [0.3, 70.0]]))
        assert np.isfinite(found).tolist() == [False, True]
        outside = posterior.description["share_outside_domain"]
        assert outside == pytest.approx(0.5 * math.erfc(math.sqrt(0.5)), abs=0.02)
    scatter = {"sigma_int": {"kind": "normal", "mean": 0.1, "sd": 0.1}}
    free = likelihood(intrinsic_scatter="free")
    with assembled(LCDM, free, prior={"parameters": scatter}) as posterior:
        found = posterior.log_likelihood(np.array([[0.3, -0.1], [0.3, 0.1]]))
        assert np.isfinite(found).tolist() == [False, True]


def test_h0_is_sampled_where_data_depend_on_it() -> None:
    both = likelihood(parts={"made": MODULI, "rates": RATES})
    with assembled(LCDM, both, Observations((supernovae(), rates()))) as posterior:
        assert posterior.names == ("Om", "H0")
        assert posterior.prior.bounds.tolist() == [[0.0, 1.0], [40.0, 100.0]]
    with assembled(LCDM, likelihood(offset="fixed")) as posterior:
        assert posterior.names == ("Om", "H0")


def test_fixed_parameters_are_put_in() -> None:
    both = likelihood(parts={"made": MODULI, "rates": RATES})
    data = Observations((supernovae(), rates()))
    with (
        assembled(LCDM, both, data) as free,
        assembled(LCDM, both, data, {"parameters": {"H0": 68.0}}) as fixed,
    ):
        assert fixed.names == ("Om",)
        assert fixed.description["fixed"] == {"H0": 68.0}
        Om = np.linspace(0.1, 0.9, 7)[:, None]
        with_h0 = np.column_stack([Om, np.full(7, 68.0)])
        assert np.allclose(fixed.log_likelihood(Om), free.log_likelihood(with_h0), atol=1e-7)
        assert fixed.log_likelihood_of.chi2(Om) == pytest.approx(
            free.log_likelihood_of.chi2(with_h0)
        )
        assert fixed.log_likelihood_of.pointwise(Om).shape == (7, 49)
        assert len(fixed.log_likelihood_of.predictions(Om)) == 2


def identity(posterior: Posterior) -> str:
    return json.dumps(posterior.identity, sort_keys=True)


def test_the_identity_says_all_that_decides_the_values() -> None:
    def of(*args: Any, **kwargs: Any) -> str:
        with assembled(*args, **kwargs) as posterior:
            return identity(posterior)

    changed = supernovae()
    changed.mu[3] += 1e-9
    both = likelihood(parts={"made": MODULI, "rates": RATES})
    found = [
        of(JANUS),
        of(LCDM),
        of({**LCDM, "curved": True, "prior": {**LCDM["prior"], "Ok": uniform(-1.0, 1.0)}}),
        of(JANUS, prior={"parameters": {"q0": uniform(-0.3, 0.0)}}),
        of(JANUS, likelihood(offset="profiled")),
        of(JANUS, None, Observations((changed,), {"made.txt": "6c91"})),
        of(JANUS, None, Observations((supernovae(),), {"made.txt": "6c92"})),
        of(LCDM, both, Observations((supernovae(), rates()))),
    ]
    assert len(set(found)) == len(found)
    assert of(JANUS) == found[0]
    assert of(JANUS, n_workers=3) == found[0]


def test_a_description_is_json_and_says_how() -> None:
    with assembled(JANUS) as posterior:
        described = json.loads(json.dumps(posterior.description))
    assert described["likelihood"]["made"]["method"] == "compressed"
    assert described["share_outside_domain"] == 0.0


def test_built_in_likelihoods_say_that_workers_are_not_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING), assembled(JANUS, n_workers=2):
        assert "n_workers=2 is not used" in caplog.text


def test_a_prior_may_name_a_rivals_parameter() -> None:
    prior = {"parameters": {"Om": uniform(0.2, 0.4)}}
    with assembled(JANUS, prior=prior, others=(LCDM,)) as posterior:
        assert posterior.names == ("q0",)
    with pytest.raises(ConfigError, match=r"prior\.parameters\.Om"), assembled(JANUS, prior=prior):
        pass


@pytest.mark.parametrize("others", [(), (LCDM,)])
def test_a_prior_of_an_h0_nothing_depends_on_is_refused(others: Any) -> None:
    prior = {"parameters": {"H0": {"kind": "normal", "mean": 73.0, "sd": 1.0}}}
    with (
        pytest.raises(ConfigError, match=r"prior\.parameters\.H0.*likelihood\.offset=marginalised"),
        assembled(JANUS, prior=prior, others=others),
    ):
        pass


def test_a_model_that_does_not_exist_for_the_data_is_refused() -> None:
    far = Observations((supernovae(10.0),))
    with (
        pytest.raises(ConfigError, match=r"cosmology\.prior\.q0: all of this prior"),
        assembled({**JANUS, "prior": {"q0": uniform(-1.0, -0.2)}}, None, far),
    ):
        pass


def test_distances_of_a_users_own(tmp_path: Path) -> None:
    path = tmp_path / "own_distances.py"
    path.write_text(
        "import numpy as np\n"
        "def distance(z, theta, power=2):\n"
        "    q0 = theta[:, :1]\n"
        "    with np.errstate(invalid='ignore'):\n"
        "        s = np.sqrt(1 + 2 * q0 * z)\n"
        "    return z + z**power * (1 - q0) / (1 + q0 * z + s)\n"
    )
    own = {
        "kind": "distances",
        "name": "own",
        "module": str(path),
        "prior": {"q0": uniform(-0.45, 0.0)},
    }
    theta = np.linspace(-0.44, -0.01, 9)[:, None]
    with assembled(own) as posterior:
        assert np.allclose(posterior.log_likelihood(theta), direct(theta, supernovae()), atol=1e-6)
        before = identity(posterior)
    path.write_text(path.read_text() + "# changed\n")
    with assembled(own) as posterior:
        assert identity(posterior) != before
    with assembled({**own, "arguments": {"power": 3}}) as posterior:
        assert identity(posterior) != before


CUSTOM = """
import math
import numpy as np
CALLS = []
def log_prob(theta):
    CALLS.append(theta.shape)
    return -0.5 * float((theta**2).sum()) - math.log(6.0)
def batch(theta, scale=1.0):
    CALLS.append(theta.shape)
    return -0.5 * (theta**2).sum(axis=1) * scale
def wrong_shape(theta):
    return np.zeros((len(theta), 1))
def not_a_number(theta):
    return np.where(theta[:, 0] > 2.0, np.nan, 0.0)
def failing(theta):
    raise KeyError("mass")
def outside(theta):
    return -math.inf if theta[0] > 0 else 0.0
"""


@pytest.fixture
def custom(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    path = tmp_path / "own_posterior.py"
    path.write_text(CUSTOM)

    def make(function: str = "log_prob", **choices: Any) -> dict[str, Any]:
        prior = {"a": uniform(-3.0, 3.0), "b": uniform(-1.0, 1.0)}
        return {
            "kind": "custom",
            "name": "custom",
            "log_prob_module": str(path),
            "log_prob_function": function,
            "prior": prior,
            **choices,
        }

    return make


def of_custom(cosmology: dict[str, Any], **kwargs: Any) -> Any:
    return assembled(cosmology, NO_DATA, NOTHING, **kwargs)


THETA = np.array([[0.0, 0.5], [2.5, -0.5], [9.0, 0.0]])
EXPECTED = np.array([-0.125, -3.25]) - math.log(6.0)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_users_function_is_the_posterior(custom: Any, n_workers: int) -> None:
    with of_custom(custom(), n_workers=n_workers) as posterior:
        assert posterior.names == ("a", "b")
        assert posterior.log_prob(THETA) == pytest.approx([*EXPECTED, -np.inf])
        assert posterior.log_likelihood(THETA)[:2] == pytest.approx(EXPECTED + math.log(12.0))
        assert posterior.evaluations == 4


def test_a_users_likelihood_gets_the_prior_added(custom: Any) -> None:
    with of_custom(custom(includes_prior=False)) as posterior:
        assert posterior.log_likelihood(THETA)[:2] == pytest.approx(EXPECTED)
        assert posterior.log_prob(THETA)[:2] == pytest.approx(EXPECTED - math.log(12.0))


def test_a_users_minus_infinity_is_kept(custom: Any) -> None:
    with of_custom(custom("outside")) as posterior:
        assert posterior.log_prob(THETA).tolist() == [0.0, -np.inf, -np.inf]


def test_a_vectorised_function_is_called_in_batches_here(
    custom: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        of_custom(custom("batch", vectorised=True, arguments={"scale": 2.0}), n_workers=2) as found,
    ):
        assert "n_workers=2 is not used: the likelihood of custom is vectorised" in caplog.text
        assert found.log_prob(THETA)[:2] == pytest.approx([-0.25, -6.5])
        assert "workers" not in found.description
    own = load_function(custom()["log_prob_module"], "batch", "cosmology.log_prob_module")
    assert sys.modules[own.__module__].CALLS == [(2, 2)]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("wrong_shape", r"shape \(2, 1\) and type float64 for theta of shape \(2, 2\)"),
        ("not_a_number", r"gave nan(?s:.*)at a=2\.5, b=-0\.5"),
        ("failing", r"raised KeyError: 'mass' .*own_posterior\.py, line"),
    ],
)
def test_what_a_vectorised_function_may_not_give(custom: Any, function: str, words: str) -> None:
    with (
        of_custom(custom(function, vectorised=True)) as posterior,
        pytest.raises(SuperiorError, match=words) as failed,
    ):
        posterior.log_prob(THETA)
    assert f"{function} of " in str(failed.value)


def test_a_users_function_gets_fixed_parameters_too(custom: Any) -> None:
    with of_custom(custom(), prior={"parameters": {"a": 2.0}}) as posterior:
        assert posterior.names == ("b",)
        assert posterior.log_prob(np.array([[0.5]])) == pytest.approx([-2.125 - math.log(6.0)])


def test_the_identity_of_a_users_function_follows_its_source(custom: Any) -> None:
    with of_custom(custom()) as one, of_custom(custom(), n_workers=2) as two:
        assert identity(one) == identity(two)
    path = Path(custom()["log_prob_module"])
    path.write_text(path.read_text() + "\n# changed\n")
    with of_custom(custom()) as changed:
        assert identity(changed) != identity(one)
    with of_custom(custom(), prior={"parameters": {"a": 2.0}}) as other:
        assert identity(other) != identity(changed)


def test_a_users_function_without_parameters_is_refused(custom: Any) -> None:
    with pytest.raises(ConfigError, match=r"cosmology\.prior: "), of_custom(custom(prior={})):
        pass


def test_a_number_of_parameters_that_differs_is_refused(custom: Any) -> None:
    with (
        pytest.raises(ConfigError, match=r"cosmology\.ndim=3: .* 2 parameters: a, b"),
        of_custom(custom(ndim=3)),
    ):
        pass


def test_arguments_it_does_not_take_are_refused(custom: Any) -> None:
    own = custom("batch", vectorised=True, arguments={"scael": 2.0})
    with pytest.raises(ConfigError, match=r"cosmology\.arguments.*'scale'"), of_custom(own):
        pass


def test_there_is_no_test_function_to_fall_back_to(custom: Any) -> None:
    own = custom(log_prob_module="no_such_module_of_mine")
    with pytest.raises(ConfigError, match="there is no module"), of_custom(own):
        pass
