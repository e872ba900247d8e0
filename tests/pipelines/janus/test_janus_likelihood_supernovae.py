"""Supernovae: fast likelihoods against plain algebra, with distances by quadrature."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from app.config.janus.cosmology import Cosmology
from app.config.janus.likelihood import Likelihood
from app.datasets.observations.kinds import Observations, Supernovae
from app.errors import ConfigError, InputError
from app.pipelines.janus.cosmology.build import model_of
from app.pipelines.janus.likelihood.combined import Combined, likelihood_of

C_KM_S = 299_792.458
RANGES = {
    "Om": (0.05, 0.95),
    "w0": (-2.0, -0.4),
    "wa": (-2.0, 1.5),
    "q0": (-0.35, 0.0),
    "H0": (50.0, 90.0),
    "sigma_int": (0.01, 0.5),
}
PART = {"kind": "moduli", "path": "none"}  # the likelihoods do not read files
UNNAMED = {"name": "model", "prior": {}}
CURVED = {"kind": "lcdm", "curved": True}
MODELS = {
    "lcdm": np.array([[0.1], [0.3], [0.7]]),
    "cpl": np.array([[0.2, -0.5, -1.5], [0.3, -1.0, 0.0], [0.6, -1.8, 1.0]]),
    "janus": np.array([[-0.3], [-0.087], [-0.01]]),
}


def model(kind: str):
    return model_of(Cosmology.model_validate({"kind": kind, "name": kind, "prior": {}}))


def luminosity_distance(kind: str, z: float, theta: np.ndarray, z_helio: float) -> float:
    """Mpc at H0 = 70."""
    if kind == "janus":
        q0 = theta[0]
        s = np.sqrt(1.0 + 2.0 * q0 * z)
        comoving = (z + z**2 * (1.0 - q0) / (1.0 + q0 * z + s)) / (1.0 + z)
    else:
        Om, w0, wa = theta if kind == "cpl" else (theta[0], -1.0, 0.0)

        def inverse_rate(x: float) -> float:
            dark = (1.0 + x) ** (3.0 * (1.0 + w0 + wa)) * np.exp(-3.0 * wa * x / (1.0 + x))
            return float(1.0 / np.sqrt(Om * (1.0 + x) ** 3 + (1.0 - Om) * dark))

        comoving = quad(inverse_rate, 0.0, z, epsabs=0.0, epsrel=1e-13)[0]
    return (1.0 + z_helio) * comoving * C_KM_S / 70.0


def moduli(kind: str, data: Supernovae, theta: np.ndarray) -> np.ndarray:
    pairs = zip(data.z, data.z_helio, strict=True)
    return np.array(
        [5.0 * np.log10(luminosity_distance(kind, z, theta, h)) + 25.0 for z, h in pairs]
    )


def survey(n: int = 300, surveys: int = 1) -> Supernovae:
    rng = np.random.default_rng(5)
    z = np.sort(rng.uniform(0.01, 1.3, n))
    modes = np.cos(np.outer(np.log1p(z), np.arange(12)) * 4.0 + rng.uniform(0, 6, 12)) * 0.03
    covariance = modes @ modes.T + np.diag(rng.uniform(0.08, 0.2, n) ** 2)
    data = Supernovae(
        name="sn",
        z=z,
        z_helio=z + rng.normal(0.0, 1e-3, n),
        mu=np.zeros(n),
        covariance=covariance,
        survey=rng.integers(0, surveys, n),
        surveys=tuple(f"s{i}" for i in range(surveys)),
    )
    noise = np.linalg.cholesky(covariance) @ rng.standard_normal(n)
    return replace(data, mu=moduli("lcdm", data, np.array([0.3])) - 19.3 + noise)


def combined(data: Supernovae, kind: str, **config) -> Combined:
    likelihood = Likelihood.model_validate({"parts": {data.name: PART}, **config})
    return likelihood_of(Observations((data,)), model(kind), likelihood, RANGES)


def at_best_offsets(residual: np.ndarray, C: np.ndarray, A: np.ndarray) -> tuple[float, np.ndarray]:
    """chi2 and A^T C^-1 A by general solves."""
    inverse_A = np.linalg.solve(C, A)
    normal = A.T @ inverse_A
    residual = residual - A @ np.linalg.solve(normal, inverse_A.T @ residual)
    return float(residual @ np.linalg.solve(C, residual)), normal


def log_det(C: np.ndarray) -> float:
    return float(np.linalg.slogdet(2.0 * np.pi * C)[1])


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("method", ["compressed", "dense"])
def test_chi2_is_that_of_plain_algebra(kind: str, method: str) -> None:
    data = survey()
    found = combined(data, kind, method=method)
    told = found.description["sn"]
    assert told["method"] == method
    if method == "compressed":
        assert told["measured_error"] <= 1e-8
    A = np.ones((len(data.z), 1))
    for theta, chi2, value in zip(
        MODELS[kind], found.chi2(MODELS[kind]), found(MODELS[kind]), strict=True
    ):
        expected, normal = at_best_offsets(data.mu - moduli(kind, data, theta), data.covariance, A)
        assert chi2 == pytest.approx(expected, abs=1e-8)
        normalised = -0.5 * (expected + log_det(data.covariance)) + 0.5 * (
            np.log(2.0 * np.pi) - np.linalg.slogdet(normal)[1]
        )
        assert value == pytest.approx(normalised, abs=1e-8)


def test_marginalised_is_the_integral_over_the_offset() -> None:
    data = survey(40)
    theta = np.array([0.4])
    residual = data.mu - moduli("lcdm", data, theta)
    offsets = np.linspace(residual.mean() - 1.0, residual.mean() + 1.0, 20_001)
    values = multivariate_normal(np.zeros(40), data.covariance).logpdf(residual - offsets[:, None])
    integral = logsumexp(values) + np.log(offsets[1] - offsets[0])
    assert combined(data, "lcdm")(theta[None])[0] == pytest.approx(integral, abs=1e-9)


def test_profiled_is_the_largest_over_the_offset() -> None:
    data = survey(40)
    theta = np.array([0.4])
    residual = data.mu - moduli("lcdm", data, theta)
    density = multivariate_normal(np.zeros(40), data.covariance)
    least = minimize_scalar(lambda offset: -density.logpdf(residual - offset), (-20.0, -19.0))
    found = combined(data, "lcdm", offset="profiled")
    assert found(theta[None])[0] == pytest.approx(-least.fun, abs=1e-7)
    assert found.predictions(theta[None])[0]["offset"].shape == (1, 1)


def test_each_survey_has_an_offset_of_its_own() -> None:
    data = survey(surveys=3)
    moved = replace(data, mu=data.mu + np.array([0.0, 0.3, -1.0])[data.survey])
    theta = MODELS["lcdm"]
    A = (data.survey[:, None] == np.arange(3)).astype(float)
    found, further = combined(data, "lcdm"), combined(moved, "lcdm")
    np.testing.assert_allclose(found(theta), further(theta), atol=1e-8, rtol=0)
    for row, chi2, value in zip(theta, found.chi2(theta), found(theta), strict=True):
        expected, normal = at_best_offsets(data.mu - moduli("lcdm", data, row), data.covariance, A)
        assert chi2 == pytest.approx(expected, abs=1e-8)
        normalised = -0.5 * (expected + log_det(data.covariance)) + 0.5 * (
            3.0 * np.log(2.0 * np.pi) - np.linalg.slogdet(normal)[1]
        )
        assert value == pytest.approx(normalised, abs=1e-8)
    one = combined(replace(moved, survey=np.zeros(300, int), surveys=("all",)), "lcdm")
    assert one.chi2(theta).min() > found.chi2(theta).min() + 100.0
    shift = further.predictions(theta)[0]["offset"] - found.predictions(theta)[0]["offset"]
    np.testing.assert_allclose(shift, np.tile([0.0, 0.3, -1.0], (3, 1)), atol=1e-9)


def test_a_fixed_offset_takes_h0() -> None:
    data = replace(survey(), mu=survey().mu + 19.3)
    found = combined(data, "lcdm", offset="fixed")
    assert found.names == ("Om", "H0")
    for Om, H0 in ((0.3, 70.0), (0.4, 74.0)):
        residual = data.mu - moduli("lcdm", data, np.array([Om])) + 5.0 * np.log10(H0 / 70.0)
        chi2 = residual @ np.linalg.solve(data.covariance, residual)
        theta = np.array([[Om, H0]])
        assert found.chi2(theta)[0] == pytest.approx(chi2, abs=1e-8)
        assert found(theta)[0] == pytest.approx(-0.5 * (chi2 + log_det(data.covariance)), abs=1e-8)


@pytest.mark.parametrize("method", ["compressed", "dense"])
@pytest.mark.parametrize("is_diagonal", [False, True])
def test_a_free_scatter_is_that_of_a_cholesky_factor_for_each(
    method: str, is_diagonal: bool
) -> None:
    data = survey()
    if is_diagonal:
        data = replace(data, covariance=np.diagonal(data.covariance).copy())
    full = np.diag(data.covariance) if is_diagonal else data.covariance
    found = combined(data, "lcdm", intrinsic_scatter="free", method=method)
    assert found.names == ("Om", "sigma_int")
    A = np.ones((300, 1))
    for Om, scatter in ((0.3, 0.0), (0.3, 0.01), (0.25, 0.1), (0.6, 0.5)):
        C = full + scatter**2 * np.eye(300)
        expected, normal = at_best_offsets(data.mu - moduli("lcdm", data, np.array([Om])), C, A)
        normalised = -0.5 * (expected + log_det(C)) + 0.5 * (
            np.log(2.0 * np.pi) - np.linalg.slogdet(normal)[1]
        )
        theta = np.array([[Om, scatter]])
        assert found(theta)[0] == pytest.approx(normalised, abs=1e-9)
        assert found.chi2(theta)[0] == pytest.approx(expected, abs=1e-9)


def test_a_scatter_of_known_size_is_added_to_the_variances() -> None:
    data = survey()
    wider = replace(data, covariance=data.covariance + 0.1**2 * np.eye(300))
    theta = MODELS["lcdm"]
    np.testing.assert_allclose(
        combined(data, "lcdm", intrinsic_scatter=0.1)(theta),
        combined(wider, "lcdm")(theta),
        atol=1e-9,
        rtol=0,
    )


def integrated(residual: np.ndarray, C: np.ndarray, A: np.ndarray) -> float:
    """ln of the Gaussian density of residuals, offsets A o integrated from -inf to inf."""
    chi2, normal = at_best_offsets(residual, C, A)
    return -0.5 * (chi2 + log_det(C)) - 0.5 * float(np.linalg.slogdet(normal / (2 * np.pi))[1])


@pytest.mark.parametrize("is_diagonal", [False, True])
@pytest.mark.parametrize("scatter", [0.0, "free"])
@pytest.mark.parametrize("surveys", [1, 3])
def test_pointwise_is_conditional_on_all_others(
    surveys: int, scatter: object, is_diagonal: bool
) -> None:
    data = survey(30, surveys)
    if is_diagonal:
        data = replace(data, covariance=np.diagonal(data.covariance).copy())
    found = combined(data, "lcdm", intrinsic_scatter=scatter)
    A = (data.survey[:, None] == np.arange(surveys)).astype(float)
    theta = np.array([[0.35, 0.1], [0.2, 0.3]])[:, : len(found.names)]
    for row, pointwise in zip(theta, found.pointwise(theta), strict=True):
        C = np.diag(data.covariance) if is_diagonal else data.covariance
        C = C + (row[1] ** 2 * np.eye(30) if scatter == "free" else 0.0)
        residual = data.mu - moduli("lcdm", data, row[:1])
        for i in (0, 7, 29):
            # p(y_i | others) = p(all) / p(others): neither knows the offset from elsewhere
            others = np.arange(30) != i
            of_others = integrated(residual[others], C[np.ix_(others, others)], A[others])
            expected = integrated(residual, C, A) - of_others
            assert pointwise[i] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("scatter", [0.0, "free"])
@pytest.mark.parametrize("offset", ["profiled", "fixed"])
def test_pointwise_at_a_known_offset_is_a_gaussian_of_known_mean(
    offset: str, scatter: object
) -> None:
    data = replace(survey(30), mu=survey(30).mu + 19.3)
    found = combined(data, "lcdm", intrinsic_scatter=scatter, offset=offset)
    values = {"Om": 0.35, "H0": 68.0, "sigma_int": 0.1}
    theta = np.array([[values[name] for name in found.names]])
    C = data.covariance + (0.1**2 * np.eye(30) if scatter == "free" else 0.0)
    told = found.predictions(theta)[0]
    residual = told["observed"] - told["model"][0]
    for i in (0, 7, 29):
        others = np.arange(30) != i
        weights = np.linalg.solve(C[np.ix_(others, others)], C[others, i])
        mean, variance = weights @ residual[others], C[i, i] - weights @ C[others, i]
        expected = -0.5 * ((residual[i] - mean) ** 2 / variance + np.log(2 * np.pi * variance))
        assert found.pointwise(theta)[0, i] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("scatter", [0.0, "free"])
def test_the_only_supernova_of_its_survey_has_no_predictive_density(scatter: object) -> None:
    data = survey(30)
    data = replace(data, survey=(np.arange(30) == 7).astype(int), surveys=("many", "one"))
    found = combined(data, "lcdm", intrinsic_scatter=scatter)
    theta = np.array([[0.35, 0.1], [0.2, 0.3]])[:, : len(found.names)]
    pointwise = found.pointwise(theta)
    assert (pointwise[:, 7] == 0.0).all()
    # without it the others are predicted as they are with it: it has an offset to itself
    kept = np.arange(30) != 7
    less = replace(
        data,
        **{name: getattr(data, name)[kept] for name in ("z", "z_helio", "mu", "survey")},
        covariance=data.covariance[np.ix_(kept, kept)],
    )
    of_less = combined(less, "lcdm", intrinsic_scatter=scatter).pointwise(theta)
    np.testing.assert_allclose(pointwise[:, kept], of_less, atol=1e-8, rtol=0)


@pytest.mark.parametrize("is_diagonal", [False, True])
@pytest.mark.parametrize("scatter", [0.0, 0.2, "free"])
def test_error_bars_have_the_scatter(scatter: object, is_diagonal: bool) -> None:
    data = survey(30)
    variances = np.diagonal(data.covariance).copy()
    if is_diagonal:
        data = replace(data, covariance=variances)
    found = combined(data, "lcdm", intrinsic_scatter=scatter)
    theta = np.array([[0.3, 0.05], [0.3, 0.1], [0.3, 0.4]])[:, : len(found.names)]
    size = 0.1 if scatter == "free" else scatter  # the median of the draws
    expected = np.sqrt(variances + size**2)
    np.testing.assert_allclose(found.predictions(theta)[0]["sd"], expected, rtol=1e-12)


@pytest.mark.parametrize(("told", "count"), [({"kind": "cpl"}, 31), (CURVED, 300)])
def test_the_tolerance_holds_all_over_the_prior(told: dict[str, object], count: int) -> None:
    """In its corners, too: four times the tolerance and more where fewer vectors choose the nodes,
    or the coefficients that are trusted are nearer to those that fail."""
    data, of_expansion = survey(count), model_of(Cosmology.model_validate(told | UNNAMED))
    ranges = RANGES | {"Om": (0.01, 1.0), "w0": (-3.0, 0.0), "wa": (-3.0, 2.0), "Ok": (-1.0, 1.0)}
    compressed, dense = (
        likelihood_of(
            Observations((data,)),
            of_expansion,
            Likelihood.model_validate({"parts": {"sn": PART}, "method": method}),
            ranges,
        )
        for method in ("compressed", "dense")
    )
    low, high = np.array([ranges[name] for name in dense.names]).T
    theta = low + (high - low) * np.random.default_rng(5).random((6000, len(low)))
    theta = theta[of_expansion.in_domain(theta, data.z.max())]
    expected = dense(theta)
    assert (2.0 * np.abs(compressed(theta) - expected) <= 1e-8 + 1e-14 * np.abs(expected)).all()


def test_predictions_have_the_residuals_of_chi2() -> None:
    data = survey(surveys=2)
    found = combined(data, "cpl")
    for told, chi2 in zip(
        found.predictions(MODELS["cpl"])[0]["model"], found.chi2(MODELS["cpl"]), strict=True
    ):
        residual = data.mu - told
        again = residual @ np.linalg.solve(data.covariance, residual)
        assert again == pytest.approx(chi2, abs=1e-7)


def test_next_to_the_edge_of_the_domain_chi2_is_as_exact() -> None:
    data = survey()
    edge = -0.5 / data.z.max()
    near = edge * (1.0 - np.array([1e-6, 1e-4, 1e-3, 1e-2, 3e-2, 0.1]))
    found = likelihood_of(
        Observations((data,)),
        model("janus"),
        Likelihood.model_validate({"parts": {"sn": PART}, "method": "compressed"}),
        {"q0": (edge, 0.0)},
    )
    for q0, chi2 in zip(near, found.chi2(near[:, None]), strict=True):
        residual = data.mu - moduli("janus", data, np.array([q0]))
        expected = at_best_offsets(residual, data.covariance, np.ones((300, 1)))[0]
        assert chi2 == pytest.approx(expected, abs=1e-8)


def test_past_the_domain_the_likelihood_is_zero() -> None:
    found = combined(survey(), "janus")
    value = found(np.array([[-0.05], [-0.5], [-3.0]]))
    assert np.isfinite(value[0])
    assert (value[1:] == -np.inf).all()
    assert (found.chi2(np.array([[-0.5]])) == np.inf).all()


class Kinked:
    """Distances that are not smooth in z."""

    name = "kinked"
    parameters = ("a",)

    def limits(self, z_max: float) -> dict[str, tuple[float, float]]:
        return {"a": (-np.inf, np.inf)}

    def in_domain(self, theta: np.ndarray, z_max: float) -> np.ndarray:
        return np.ones(len(theta), bool)

    def moduli(self, z: np.ndarray, theta: np.ndarray) -> np.ndarray:
        return theta * np.abs(z - 0.4)

    def on_nodes(self, z_max: float, count: int) -> Callable[[np.ndarray], np.ndarray]:
        from app.pipelines.janus.cosmology.nodes import Nodes

        z = Nodes(z_max, count).z
        return lambda theta: self.moduli(z, theta)


def test_a_model_that_is_not_smooth_is_computed_densely() -> None:
    data = survey()
    config = Likelihood.model_validate({"parts": {"sn": PART}})
    ranges = {"a": (-1.0, 1.0)}
    found = likelihood_of(Observations((data,)), Kinked(), config, ranges)
    assert found.description["sn"]["method"] == "dense"
    known = 5.0 * np.log10((1.0 + data.z_helio) * data.z * C_KM_S / 70.0) + 25.0
    residual = data.mu - known - 0.3 * np.abs(data.z - 0.4)
    expected = at_best_offsets(residual, data.covariance, np.ones((300, 1)))[0]
    assert found.chi2(np.array([[0.3]]))[0] == pytest.approx(expected, abs=1e-8)
    with pytest.raises(ConfigError, match=r"likelihood\.method=compressed"):
        likelihood_of(
            Observations((data,)),
            Kinked(),
            config.model_copy(update={"method": "compressed"}),
            ranges,
        )


@pytest.mark.parametrize("scatter", [0.0, "free"])
def test_a_covariance_that_is_not_positive_definite_is_refused(scatter: object) -> None:
    data = survey(30)
    broken = data.covariance.copy()
    broken[3, 4] = broken[4, 3] = 1.0
    smallest = np.linalg.eigvalsh(broken)[0]
    with pytest.raises(InputError, match=r"sn: .*not positive definite") as caught:
        combined(replace(data, covariance=broken), "lcdm", intrinsic_scatter=scatter)
    assert f"{smallest:.3g}" in str(caught.value)


def test_values_do_not_depend_on_the_batch() -> None:
    found = combined(survey(), "cpl")
    theta = MODELS["cpl"]
    one_by_one = np.concatenate([found(row[None]) for row in theta])
    np.testing.assert_allclose(found(theta), one_by_one, atol=1e-10, rtol=0)


def test_no_vectors_have_no_likelihoods() -> None:
    for method in ("compressed", "dense"):
        assert combined(survey(30), "lcdm", method=method)(np.empty((0, 1))).shape == (0,)


def test_errors_of_a_thousandth_do_not_make_it_dense() -> None:
    """chi2 of 10^6 and more has no more than 14 digits, however it is summed."""
    data = survey()
    found = combined(replace(data, covariance=1e-4 * data.covariance), "lcdm")
    assert found.description["sn"]["method"] == "compressed"
