"""H(z), luminosity functions and ages of galaxies, against sums written out."""

from dataclasses import replace
from math import log, log10, pi, sqrt

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from app.config.janus.cosmology import Cosmology
from app.config.janus.likelihood import Likelihood
from app.datasets.observations.kinds import Ages, Luminosities, Observations, Rates
from app.errors import ConfigError, InputError
from app.pipelines.janus.cosmology.build import model_of
from app.pipelines.janus.likelihood.combined import Combined, likelihood_of
from app.pipelines.janus.likelihood.parameters import parameter_names

C_KM_S = 299_792.458
SCHECHTER = ("log_phi", "M_star", "alpha_uv", "dlog_phi", "dM_star", "dalpha_uv")
RANGES = {
    "Om": (0.05, 0.95),
    "q0": (-0.03, 0.0),
    "H0": (50.0, 90.0),
    "sigma_int": (0.01, 0.5),
    "log_phi": (-5.0, -2.0),
    "M_star": (-22.0, -19.0),
    "alpha_uv": (-3.0, -1.5),
    "dlog_phi": (-0.5, 0.0),
    "dM_star": (-0.3, 0.3),
    "dalpha_uv": (-0.2, 0.2),
}
PARTS = {
    "rates": {"kind": "hubble_rates", "path": "none"},
    "uv": {
        "kind": "luminosity_function",
        "path": "none",
        "prior": {name: {"kind": "normal", "mean": -1.0, "sd": 1.0} for name in SCHECHTER},
    },
    "ages": {"kind": "galaxy_ages", "path": "none"},
}


def model(kind: str):
    return model_of(Cosmology.model_validate({"kind": kind, "name": kind, "prior": {}}))


def combined(*sets, kind: str = "lcdm", **config) -> Combined:
    likelihood = Likelihood.model_validate({"parts": PARTS, **config})
    return likelihood_of(Observations(sets), model(kind), likelihood, RANGES)


def rates() -> Rates:
    rng = np.random.default_rng(2)
    z = np.linspace(0.1, 2.0, 12)
    noise = rng.normal(0.0, 2.0, (12, 12))
    C = noise @ noise.T + np.diag(rng.uniform(4.0, 60.0, 12))
    return Rates("rates", z, 70.0 * np.sqrt(0.3 * (1 + z) ** 3 + 0.7) + rng.normal(0, 5, 12), C)


def luminosities() -> Luminosities:
    rng = np.random.default_rng(4)
    z = np.repeat([6.5, 8.0, 10.0, 16.0], 5)
    M = np.tile(np.linspace(-23.0, -17.0, 5), 4)
    return Luminosities(
        name="uv",
        z=z,
        M_uv=M,
        log_phi=-3.0 - 0.5 * (-18.0 - M) - 0.2 * (z - 8.0) + rng.normal(0, 0.3, 20),
        sd_up=rng.uniform(0.1, 0.4, 20),
        sd_down=rng.uniform(0.1, 0.9, 20),
        is_upper_limit=np.arange(20) % 5 == 0,
        fiducial_H0=70.0,
        fiducial_Om=0.3,
    )


def ages() -> Ages:
    rng = np.random.default_rng(6)
    return Ages("ages", rng.uniform(5.0, 14.0, 30), rng.uniform(0.1, 0.9, 30), np.full(30, 0.05))


def seen(kind: str, parameter: float, H0: float, z: float) -> tuple[float, float]:
    """Distance modulus, and volume per steradian and unit z by differences of the volume inside."""

    def comoving(x: float) -> float:
        """Transverse, in c/H0."""
        if kind == "lcdm":
            return quad(lambda t: 1 / sqrt(parameter * (1 + t) ** 3 + 1 - parameter), 0, x)[0]
        s = sqrt(1 + 2 * parameter * x)
        return (x + x**2 * (1 - parameter) / (1 + parameter * x + s)) / (1 + x)

    Ok = 0.0 if kind == "lcdm" else 1.0 - 2.0 * parameter

    def inside(x: float) -> float:
        """Volume per steradian in (c/H0)^3 (Hogg 1999, eq. 29)."""
        D = comoving(x)
        if Ok == 0.0:
            return D**3 / 3.0
        return (D * sqrt(1 + Ok * D**2) - np.arcsinh(sqrt(Ok) * D) / sqrt(Ok)) / (2 * Ok)

    h = 1e-4 * z
    slope = (8 * (inside(z + h) - inside(z - h)) - (inside(z + 2 * h) - inside(z - 2 * h))) / (
        12 * h
    )
    d_L = (1 + z) * comoving(z) * C_KM_S / H0
    return 5 * log10(d_L) + 25, slope * (C_KM_S / H0) ** 3


def written_out(kind: str, data: Luminosities, values: dict[str, float]) -> tuple[float, float]:
    """ln L and chi2, a loop over points."""
    total = chi2 = 0.0
    for i in range(len(data.z)):
        z, from_8 = data.z[i], data.z[i] - 8.0
        parameter = values["Om" if kind == "lcdm" else "q0"]
        mu, volume = seen(kind, parameter, values["H0"], z)
        mu_fiducial, volume_fiducial = seen("lcdm", 0.3, 70.0, z)
        phi_star = 10 ** (values["log_phi"] + values["dlog_phi"] * from_8)
        M_star = values["M_star"] + values["dM_star"] * from_8
        alpha = values["alpha_uv"] + values["dalpha_uv"] * from_8
        x = 10 ** (-0.4 * (data.M_uv[i] + mu_fiducial - mu - M_star))
        # the logarithm of 0.4 ln 10 phi* x^(alpha + 1) exp(-x), which itself may underflow
        log_phi = log10(0.4 * log(10) * phi_star) + (alpha + 1) * log10(x) - x / log(10)
        above = log_phi + log10(volume / volume_fiducial) - data.log_phi[i]
        if data.is_upper_limit[i]:
            term = norm.logcdf(-above / data.sd_up[i])
            total, chi2 = total + term, chi2 - 2 * term
            continue
        sd = data.sd_up[i] if above > 0 else data.sd_down[i]
        chi2 += (above / sd) ** 2
        total += -0.5 * (above / sd) ** 2
        total += log(2 / (sqrt(2 * pi) * (data.sd_up[i] + data.sd_down[i])))
    return total, chi2


@pytest.mark.parametrize("is_dense", [True, False])
def test_rates_are_a_gaussian(is_dense: bool) -> None:
    data = rates()
    C = data.covariance if is_dense else np.diag(np.diagonal(data.covariance))
    found = combined(data if is_dense else replace(data, covariance=np.diagonal(C)))
    assert found.names == ("Om", "H0")
    theta = np.array([[0.3, 70.0], [0.5, 60.0]])
    for (Om, H0), value, chi2 in zip(theta, found(theta), found.chi2(theta), strict=True):
        r = data.H - H0 * np.sqrt(Om * (1 + data.z) ** 3 + 1 - Om)
        assert value == pytest.approx(multivariate_normal(np.zeros(12), C).logpdf(r), abs=1e-9)
        assert chi2 == pytest.approx(r @ np.linalg.solve(C, r), abs=1e-9)


def test_rates_with_a_broken_covariance_are_refused() -> None:
    data = rates()
    with pytest.raises(InputError, match=r"rates: .*not positive definite"):
        combined(replace(data, covariance=-data.covariance))


@pytest.mark.parametrize("kind", ["lcdm", "janus"])
def test_luminosities_are_seen_through_the_model(kind: str) -> None:
    data = luminosities()
    found = combined(data, kind=kind)
    own = "Om" if kind == "lcdm" else "q0"
    assert found.names == (own, "H0", *SCHECHTER)
    assert tuple(found.default_priors) == SCHECHTER
    rng = np.random.default_rng(8)
    low, high = np.array([RANGES[name] for name in found.names]).T
    theta = low + (high - low) * rng.random((5, len(low)))
    for row, value, chi2 in zip(theta, found(theta), found.chi2(theta), strict=True):
        expected = written_out(kind, data, dict(zip(found.names, row, strict=True)))
        assert value == pytest.approx(expected[0], rel=1e-7, abs=1e-6)
        assert chi2 == pytest.approx(expected[1], rel=1e-7, abs=1e-6)


def test_what_can_give_a_chi2_is_told_apart() -> None:
    together = combined(rates(), luminosities(), ages())
    told = {name: one["n_gaussian"] for name, one in together.description.items()}
    assert told == {"rates": 12, "uv": 16, "ages": 0}
    theta = np.array([[0.3, 70.0, -3.5, -20.8, -2.0, -0.2, 0.0, 0.0]])
    values = dict(zip(together.names, theta[0], strict=True))
    data = luminosities()
    kept = ~data.is_upper_limit
    measured = replace(
        data,
        **{
            name: getattr(data, name)[kept]
            for name in ("z", "M_uv", "log_phi", "sd_up", "sd_down", "is_upper_limit")
        },
    )
    of_measured = written_out("lcdm", measured, values)[1]
    of_rates = combined(rates()).chi2(theta[:, :2])[0]
    assert together.chi2_gaussian(theta)[0] == pytest.approx(of_measured + of_rates, rel=1e-7)
    assert (combined(ages()).chi2_gaussian(theta[:, :2]) == 0.0).all()
    assert combined(ages()).chi2(theta[:, :2])[0] > 0.0


def test_luminosities_depend_on_the_models_own_parameters() -> None:
    found = combined(luminosities())
    base = np.array([0.3, 70.0, -3.5, -20.8, -2.0, -0.2, 0.0, 0.0])
    for change in ([0.1, 0.0], [0.0, 5.0]):
        moved = base.copy()
        moved[:2] += change
        assert abs(np.diff(found(np.stack([base, moved])))[0]) > 0.1


def test_a_density_of_almost_none_is_no_nan() -> None:
    found = combined(luminosities())
    theta = np.array([[0.3, 70.0, -3.5, 0.0, -2.0, -0.2, 0.0, 0.0]])
    assert found(theta)[0] < -1e10
    assert not np.isnan(found(theta)).any()


def test_no_galaxy_is_older_than_the_universe() -> None:
    data = ages()
    found = combined(data)
    theta = np.array([[0.3, 70.0], [0.15, 55.0], [0.9, 90.0]])
    for (Om, H0), value, chi2 in zip(theta, found(theta), found.chi2(theta), strict=True):
        total = 0.0
        for z, age, sd in zip(data.z, data.age, data.sd, strict=True):
            w = sqrt((1 - Om) / Om) * (1 + z) ** -1.5
            universe = 977.7922214 / H0 * 2 / (3 * sqrt(1 - Om)) * np.arcsinh(w)
            total += norm.logcdf((universe - age) / sd)
        assert value == pytest.approx(total, rel=1e-7)
        assert chi2 == pytest.approx(-2 * total, rel=1e-7)


def test_parts_add_up() -> None:
    together = combined(rates(), luminosities(), ages())
    theta = np.array([[0.3, 70.0, -3.5, -20.8, -2.0, -0.2, 0.0, 0.0]])
    each = [combined(rates()), combined(luminosities()), combined(ages())]
    short = [theta[:, : len(one.names)] for one in each]
    for of in (Combined.__call__, Combined.chi2):
        expected = sum(of(one, row)[0] for one, row in zip(each, short, strict=True))
        assert of(together, theta)[0] == pytest.approx(expected, abs=1e-9)
    assert together.pointwise(theta).shape == (1, 12 + 20 + 30)
    assert set(together.description) == {"rates", "uv", "ages"}
    assert [one["kind"] for one in together.predictions(theta)] == ["rates", "luminosities", "ages"]


def test_past_the_domain_the_likelihood_is_zero() -> None:
    found = combined(rates(), luminosities(), ages(), kind="janus")
    theta = np.array([[-0.2, 70.0, -3.5, -20.8, -2.0, -0.2, 0.0, 0.0]])
    assert found(theta)[0] == -np.inf
    assert found.chi2(theta)[0] == np.inf


def test_a_scatter_is_of_supernovae() -> None:
    with pytest.raises(ConfigError, match=r"likelihood\.intrinsic_scatter=free"):
        combined(rates(), intrinsic_scatter="free")
    config = Likelihood.model_validate({"parts": PARTS})
    names = parameter_names(Observations((rates(),)), model("lcdm"), config, has_scatter=True)
    assert names == ("Om", "H0", "sigma_int")


def test_a_parameter_without_a_range_is_refused() -> None:
    config = Likelihood.model_validate({"parts": PARTS})
    with pytest.raises(ConfigError, match=r"cosmology\.prior\.H0"):
        likelihood_of(Observations((rates(),)), model("lcdm"), config, {"Om": (0.0, 1.0)})
