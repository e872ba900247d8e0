"""Light curves whose alpha, beta and mass step are part of the fit."""

from dataclasses import fields, replace

import numpy as np
import pytest

from app.config.janus.cosmology import Cosmology
from app.config.janus.likelihood import Likelihood
from app.datasets.observations.kinds import LightCurves, Observations
from app.errors import ConfigError, InputError
from app.pipelines.janus.cosmology.build import model_of
from app.pipelines.janus.cosmology.distances import at, distance_modulus
from app.pipelines.janus.likelihood.combined import Combined, likelihood_of

N = 120
RANGES = {
    "Om": (0.0, 1.0),
    "sigma_int": (0.0, 0.3),
    "alpha": (0.05, 0.25),
    "beta": (2.0, 4.5),
    "mass_step": (-0.2, 0.1),
}
LCDM = model_of(Cosmology.model_validate({"kind": "lcdm", "name": "lcdm", "prior": {}}))
PRIORS = {
    name: {"kind": "uniform", "low": RANGES[name][0], "high": RANGES[name][1]}
    for name in ("alpha", "beta", "mass_step")
}


def light_curves(has_blocks: bool = True) -> LightCurves:
    rng = np.random.default_rng(11)
    z = np.sort(rng.uniform(0.01, 1.3, N))
    x1, color, heavy = rng.normal(0, 1, N), rng.normal(0, 0.1, N), rng.random(N) < 0.5
    mu = distance_modulus(at(LCDM, z, np.array([[0.3]]))[0], z, z, 70.0)
    mb = mu - 19.1 - 0.14 * x1 + 3.1 * color - 0.07 * heavy + rng.normal(0, 0.12, N)
    names, blocks = ("v0", "va", "vb", "v0a", "v0b", "vab"), {}
    if has_blocks:
        # of one common matrix of (mb, x1, color) systematics: C is positive for every alpha, beta
        modes = rng.normal(0.0, [[[0.02]], [[0.03]], [[0.005]]], (3, N, 8))
        m, s, c = modes
        pairs = ((m, m), (s, s), (c, c), (m, s), (m, c), (s, c))
        blocks = {
            name: 0.5 * (a @ b.T + b @ a.T) for name, (a, b) in zip(names, pairs, strict=True)
        }
    return LightCurves(
        name="sn",
        z=z,
        z_helio=z,
        mb=mb,
        x1=x1,
        color=color,
        heavy=heavy,
        dmb=rng.uniform(0.08, 0.15, N),
        dx1=rng.uniform(0.1, 0.6, N),
        dcolor=rng.uniform(0.02, 0.05, N),
        cov_m_s=rng.normal(0.0, 2e-3, N),
        cov_m_c=rng.normal(0.0, 2e-4, N),
        cov_s_c=rng.normal(0.0, 1e-3, N),
        further=rng.uniform(0.001, 0.01, N),
        blocks=blocks,
        survey=np.arange(N) % 2,
        surveys=("a", "b"),
    )


def combined(data: LightCurves, free: tuple[str, ...], **config) -> Combined:
    part = {"kind": "tripp", "path": "none", "alpha": 0.141, "beta": 3.101, "mass_step": -0.05}
    part |= dict.fromkeys(free, "free")
    part["prior"] = {name: PRIORS[name] for name in free}
    likelihood = Likelihood.model_validate({"parts": {"sn": part}, **config})
    return likelihood_of(Observations((data,)), LCDM, likelihood, RANGES)


def plain(data: LightCurves, values: dict[str, float]) -> tuple[float, float]:
    """chi2 and ln L, written out: a general solve for every call."""
    a, b = values["alpha"], values["beta"]
    C = np.diag(
        data.dmb**2
        + a**2 * data.dx1**2
        + b**2 * data.dcolor**2
        + 2 * a * data.cov_m_s
        - 2 * b * data.cov_m_c
        - 2 * a * b * data.cov_s_c
        + data.further
        + values.get("sigma_int", 0.0) ** 2
    )
    if data.blocks:
        v = data.blocks
        C = C + v["v0"] + a**2 * v["va"] + b**2 * v["vb"]
        C = C + 2 * a * v["v0a"] - 2 * b * v["v0b"] - 2 * a * b * v["vab"]
    mu = data.mb + a * data.x1 - b * data.color - values["mass_step"] * data.heavy
    theta = np.array([[values["Om"]]])
    r = mu - distance_modulus(at(LCDM, data.z, theta)[0], data.z, data.z_helio, 70.0)
    A = (data.survey[:, None] == np.arange(2)).astype(float)
    normal = A.T @ np.linalg.solve(C, A)
    r = r - A @ np.linalg.solve(normal, A.T @ np.linalg.solve(C, r))
    chi2 = float(r @ np.linalg.solve(C, r))
    log_likelihood = -0.5 * (chi2 + np.linalg.slogdet(2 * np.pi * C)[1])
    return chi2, log_likelihood + 0.5 * (
        2 * np.log(2 * np.pi) - float(np.linalg.slogdet(normal)[1])
    )


def without(data: LightCurves, i: int) -> LightCurves:
    """All but one."""
    kept = {
        field.name: np.delete(value, i)
        for field in fields(data)
        if isinstance(value := getattr(data, field.name), np.ndarray)
    }
    blocks = {k: np.delete(np.delete(v, i, 0), i, 1) for k, v in data.blocks.items()}
    return replace(data, **kept, blocks=blocks)


def at_random(names: tuple[str, ...], count: int = 6) -> np.ndarray:
    low, high = np.array([RANGES[name] for name in names]).T
    return low + (high - low) * np.random.default_rng(3).random((count, len(names)))


FREE = [
    ("alpha", "beta", "mass_step"),
    ("alpha", "beta"),
    ("beta",),
    ("mass_step",),
    (),
]


@pytest.mark.parametrize("has_blocks", [True, False])
@pytest.mark.parametrize("free", FREE)
@pytest.mark.parametrize("scatter", [0.0, "free"])
def test_log_likelihood_is_that_of_a_factor_for_each_vector(
    free: tuple[str, ...], has_blocks: bool, scatter: object
) -> None:
    data = light_curves(has_blocks)
    found = combined(data, free, intrinsic_scatter=scatter)
    is_free = set(free)
    if scatter == "free":
        is_free = is_free | {"sigma_int"}
    assert set(found.names) == {"Om"} | is_free
    assert set(found.default_priors) == set(free)
    told = found.description["sn"]
    slow = has_blocks and scatter == "free" and bool({"alpha", "beta"} & set(free))
    assert told["method"] == ("dense" if slow else "compressed")
    fixed = {"alpha": 0.141, "beta": 3.101, "mass_step": -0.05}
    theta = at_random(found.names)
    for row, value, chi2 in zip(theta, found(theta), found.chi2(theta), strict=True):
        expected = plain(data, fixed | dict(zip(found.names, row, strict=True)))
        assert chi2 == pytest.approx(expected[0], abs=1e-8)
        assert value == pytest.approx(expected[1], abs=1e-8)


def test_outside_of_the_grid_of_alpha_and_beta_a_factor_is_computed() -> None:
    data = light_curves()
    found = combined(data, ("alpha", "beta"))
    values = {"Om": 0.3, "alpha": 0.6, "beta": 6.0, "mass_step": -0.05}
    theta = np.array([[values[name] for name in found.names]])
    assert found(theta)[0] == pytest.approx(plain(data, values)[1], abs=1e-8)


def test_all_free_with_matrices_cannot_be_compressed() -> None:
    with pytest.raises(ConfigError, match="alpha, beta and the scatter are all free"):
        combined(light_curves(), ("alpha", "beta"), intrinsic_scatter="free", method="compressed")


def test_residuals_of_predictions_are_those_of_each_vector() -> None:
    data = light_curves(has_blocks=False)
    found = combined(data, ("alpha", "beta", "mass_step"))
    theta = at_random(found.names, 3)
    told = found.predictions(theta)[0]
    for row, model, chi2 in zip(theta, told["model"], found.chi2(theta), strict=True):
        values = dict(zip(found.names, row, strict=True))
        a, b = values["alpha"], values["beta"]
        variance = (
            data.dmb**2 + (a * data.dx1) ** 2 + (b * data.dcolor) ** 2 + 2 * a * data.cov_m_s
        ) + (-2 * b * data.cov_m_c - 2 * a * b * data.cov_s_c + data.further)
        assert ((told["observed"] - model) ** 2 / variance).sum() == pytest.approx(chi2, abs=1e-8)


@pytest.mark.parametrize("has_blocks", [True, False])
def test_pointwise_has_the_offsets_of_the_other_supernovae(has_blocks: bool) -> None:
    data = light_curves(has_blocks)
    found = combined(data, ("alpha", "beta"))
    theta = at_random(found.names, 3)
    for row, pointwise in zip(theta, found.pointwise(theta), strict=True):
        values = {"mass_step": -0.05} | dict(zip(found.names, row, strict=True))
        for i in (0, 55, N - 1):
            others = without(data, i)
            # p(y_i | others) = p(all) / p(others), the offsets integrated in both
            expected = plain(data, values)[1] - plain(others, values)[1]
            assert pointwise[i] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("has_blocks", [True, False])
@pytest.mark.parametrize("scatter", [0.0, 0.2, "free"])
def test_error_bars_have_alpha_beta_and_the_scatter(has_blocks: bool, scatter: object) -> None:
    data = light_curves(has_blocks)
    found = combined(data, ("alpha", "beta"), intrinsic_scatter=scatter)
    theta = at_random(found.names, 5)
    middle = dict(zip(found.names, np.median(theta, axis=0), strict=True))
    a, b, size = middle["alpha"], middle["beta"], middle.get("sigma_int", scatter)
    variance = data.dmb**2 + (a * data.dx1) ** 2 + (b * data.dcolor) ** 2 + 2 * a * data.cov_m_s
    variance += -2 * b * data.cov_m_c - 2 * a * b * data.cov_s_c + data.further + size**2
    for name, share in zip(
        ("v0", "va", "vb", "v0a", "v0b", "vab"),
        (1.0, a**2, b**2, 2 * a, -2 * b, -2 * a * b),
        strict=True,
    ):
        variance += share * np.diagonal(data.blocks[name]) if has_blocks else 0.0
    np.testing.assert_allclose(found.predictions(theta)[0]["sd"] ** 2, variance, rtol=1e-12)


def test_pointwise_sums_to_the_likelihood_of_independent_supernovae() -> None:
    data = light_curves(has_blocks=False)
    found = combined(data, ("alpha", "beta"), offset="profiled")
    theta = at_random(found.names, 3)
    np.testing.assert_allclose(found.pointwise(theta).sum(axis=1), found(theta), atol=1e-9)


def test_a_covariance_that_is_not_positive_for_some_alpha_is_refused() -> None:
    data = light_curves()
    broken = replace(data, blocks={**data.blocks, "va": data.blocks["va"] - 5.0 * np.eye(N)})
    with pytest.raises(InputError, match=r"alpha=.*sn: .*not positive definite"):
        combined(broken, ("alpha", "beta"))


def test_a_fixed_offset_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"likelihood\.offset=fixed"):
        combined(light_curves(), (), offset="fixed")


def test_a_prior_of_no_parameter_is_refused() -> None:
    part = {"kind": "tripp", "path": "none", "prior": {"alfa": 0.1}}
    likelihood = Likelihood.model_validate({"parts": {"sn": part}})
    with pytest.raises(ConfigError, match=r"prior\.alfa.*did you mean 'alpha'"):
        likelihood_of(Observations((light_curves(),)), LCDM, likelihood, RANGES)


def test_a_scatter_of_known_size_is_in_the_covariance() -> None:
    data = light_curves()
    found = combined(data, ("alpha", "beta"), intrinsic_scatter=0.1)
    assert found.description["sn"]["method"] == "compressed"
    theta = at_random(found.names, 3)
    for row, value in zip(theta, found(theta), strict=True):
        values = {"mass_step": -0.05, "sigma_int": 0.1}
        values |= dict(zip(found.names, row, strict=True))
        assert value == pytest.approx(plain(data, values)[1], abs=1e-8)


def test_alpha_may_be_free_in_the_likelihood_and_fixed_by_a_prior() -> None:
    data = light_curves()
    part = {"kind": "tripp", "path": "none", "alpha": "free", "beta": "free", "mass_step": -0.05}
    likelihood = Likelihood.model_validate({"parts": {"sn": part}})
    ranges = RANGES | {"alpha": (0.14, 0.14)}
    found = likelihood_of(Observations((data,)), LCDM, likelihood, ranges)
    theta = np.array([[0.3, 0.14, 3.2], [0.3, 0.2, 3.2]])
    for row, value in zip(theta, found(theta), strict=True):
        values = {"mass_step": -0.05} | dict(zip(found.names, row, strict=True))
        assert value == pytest.approx(plain(data, values)[1], abs=1e-8)


def test_variances_below_zero_are_refused() -> None:
    data = light_curves(has_blocks=False)
    with pytest.raises(InputError, match=r"sn: .*smallest variance: -"):
        combined(replace(data, cov_s_c=np.full(N, 1.0)), ("alpha", "beta"))
