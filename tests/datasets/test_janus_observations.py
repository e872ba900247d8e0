"""The observations of a run: real files through their configs, simulated sets, refusals."""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from kedro.io import DatasetError
from scipy.integrate import quad
from scipy.optimize import minimize, minimize_scalar

from app.config.janus.likelihood import Likelihood, Simulated
from app.datasets.observations.dataset import ObservationsDataset, read
from app.datasets.observations.kinds import (
    Ages,
    Array,
    LightCurves,
    Luminosities,
    Observations,
    Rates,
    Supernovae,
)
from app.datasets.observations.simulated import distance_modulus, simulate
from app.errors import ConfigError, InputError, causes

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")


def configured(name: str) -> dict[str, Any]:
    text = (ROOT / "conf" / "likelihood" / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def loaded(name: str) -> Observations:
    """As a run loads conf/likelihood/NAME.yaml."""
    observations = ObservationsDataset(json.dumps(configured(name)), str(DATA), 0).load()
    assert isinstance(observations, Observations)
    return observations


def observed(root: Path, **parts: dict[str, Any]) -> Observations:
    return read(Likelihood.model_validate({"parts": parts}), root, 0)


def flat(one: Supernovae, mu: Array | None = None) -> tuple[float, float]:
    """Om and chi2 of flat LCDM's best fit, one offset free."""
    data = one.mu if mu is None else mu
    dense = one.covariance if one.covariance.ndim == 2 else np.diag(one.covariance)
    root = np.linalg.cholesky(dense)
    ones = np.linalg.solve(root, np.ones(len(data)))

    def chi2(om: float) -> float:
        r = np.linalg.solve(root, data - distance_modulus(one.z, one.z_helio, om))
        return float(r @ r - (r @ ones) ** 2 / (ones @ ones))

    best = minimize_scalar(chi2, bounds=(0.05, 0.9), method="bounded", options={"xatol": 1e-6})
    return float(best.x), float(best.fun)


@needs_data
@pytest.mark.parametrize(
    ("name", "count", "om", "chi2"),
    [("jla_binned", 31, 0.2945, 33.621), ("pantheon_binned", 40, 0.2963, 39.298)],
)
def test_binned_compilations_give_the_published_fits(
    name: str, count: int, om: float, chi2: float
) -> None:
    (one,) = loaded(name).sets
    assert isinstance(one, Supernovae)
    assert len(one.z) == count
    assert flat(one) == (pytest.approx(om, abs=5e-5), pytest.approx(chi2, abs=5e-4))


@needs_data
def test_light_curves_of_jla_are_as_the_reference_has_them() -> None:
    """Diagonal, zcmb in both places, alpha .141, beta 3.101, no mass step: chi2 626.07."""
    (one,) = loaded("jla_diagonal").sets
    assert isinstance(one, LightCurves)
    assert len(one.z) == 740
    weight = 1 / (one.dmb**2 + (0.141 * one.dx1) ** 2 + (3.101 * one.dcolor) ** 2)
    mu = one.mb + 0.141 * one.x1 - 3.101 * one.color

    def chi2(om: float) -> float:
        r = mu - distance_modulus(one.z, one.z, om)
        return float(weight @ r**2 - (weight @ r) ** 2 / weight.sum())

    assert chi2(0.266) == pytest.approx(626.07, abs=0.005)


@needs_data
def test_rates_have_their_total_error() -> None:
    """flat LCDM: H0 66.84, Om .338, chi2 6.114."""
    (one,) = loaded("hz").sets
    assert isinstance(one, Rates)
    assert len(one.z) == 15

    def chi2(theta: Array) -> float:
        r = one.H - theta[0] * np.sqrt(theta[1] * (1 + one.z) ** 3 + 1 - theta[1])
        return float((r**2 / one.covariance).sum())

    best = minimize(chi2, [70.0, 0.3], method="Nelder-Mead")
    assert best.fun == pytest.approx(6.114, abs=5e-4)
    assert best.x == pytest.approx([66.84, 0.338], rel=2e-3)


@needs_data
@pytest.mark.parametrize(
    ("name", "count"), [("pantheon_plus_diagonal", 1701), ("des_dovekie", 1820)]
)
def test_unbinned_compilations(name: str, count: int) -> None:
    observations = loaded(name)
    (one,) = observations.sets
    assert isinstance(one, Supernovae)
    assert one.covariance.shape == (count,) == one.mu.shape
    for path, digest in observations.files.items():
        assert hashlib.sha256((DATA / path).read_bytes()).hexdigest() == digest


@needs_data
def test_pantheon_plus_is_cut_with_its_covariance(tmp_path: Path) -> None:
    """The covariance, which is not there, is made here so that it says which rows it has.
    1590 rows have zHD > 0.01, as Pantheon+'s cosmology fit; 10 of them are calibrators."""
    table = DATA / "supernovae" / "pantheonplus" / "Pantheon+SH0ES.dat"
    (tmp_path / "t.dat").write_bytes(table.read_bytes())
    rows = np.arange(1701.0)
    made = np.diag(1 + rows) + 1e-3 * np.add.outer(rows, rows)
    (tmp_path / "t.cov").write_text("1701\n" + "\n".join(map(repr, made.ravel().tolist())))
    part = configured("pantheon_plus")["parts"]["pantheon_plus"]
    part = {"where": {}} | part | {"path": "t.dat", "covariance": "t.cov"}
    (one,) = observed(tmp_path, pantheon_plus=part).sets
    assert isinstance(one, Supernovae)
    raw = np.genfromtxt(table, names=True, dtype=None, encoding="utf-8")
    far = raw["zHD"] > 0.01
    assert far.sum() == 1590
    keep = far & ((raw["IS_CALIBRATOR"] == 0) if part["where"] else True)
    assert len(one.z) == keep.sum()
    np.testing.assert_array_equal(one.mu, raw["m_b_corr"][keep])
    np.testing.assert_allclose(one.covariance, made[np.ix_(keep, keep)], rtol=1e-15)


@needs_data
def test_galaxies_at_high_redshift(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        light, ages = loaded("highz").sets
    assert isinstance(light, Luminosities)
    assert isinstance(ages, Ages)
    assert (
        "300 of 362 points are used; left out: 25 outside the bins, z 5.75 to 18, "
        "20 outside M_UV -24 to -16, 17 without errors"
    ) in caplog.text
    assert len(light.z) == 300
    assert len(ages.z) == 214
    assert light.sd_up.min() >= 0.1
    assert light.sd_down.min() >= 0.1
    assert np.isfinite(light.sd_down).all()
    assert light.is_upper_limit.sum() > 20
    assert (ages.z > 10).sum() == 12


@needs_data
def test_an_ecsv_table_gives_ages() -> None:
    part = {"kind": "galaxy_ages", "path": "jwst/sample_revision3_2207.12446.ecsv", "z_above": 8}
    (one,) = observed(DATA, labbe=part).sets
    assert len(one.z) == 7
    assert one.z.max() == pytest.approx(9.077, abs=1e-3)


@needs_data
def test_absent_matrices_of_a_release_are_named() -> None:
    with pytest.raises(DatasetError) as raised:
        loaded("jla_full")
    (error,) = [cause for cause in causes(raised.value) if isinstance(cause, InputError)]
    assert "jla_v0_covmatrix.dat" in str(error)


@needs_data
@pytest.mark.parametrize(
    ("table", "kind", "count"),
    [
        ("jla/jla_lcparams.txt", LightCurves, 740),
        ("pantheon_binned/lcparam_full_long_zhel.txt", Supernovae, 1048),
    ],
)
def test_a_dataset_file_tells_light_curves_from_moduli(
    tmp_path: Path, table: str, kind: type, count: int
) -> None:
    """The same columns in both; Pantheon's have zeros where JLA has stretch and colour."""
    file = tmp_path / "some.dataset"
    file.write_text(f"data_file = supernovae/{table}\npecz = 0\ntwoscriptmfit = T\n")
    (one,) = observed(DATA, some={"kind": "dataset", "path": str(file)}).sets
    assert isinstance(one, kind)
    assert len(one.z) == count
    if isinstance(one, LightCurves):
        assert one.heavy.sum() == 422
        assert not one.further.any()


HUBBLE = "name zcmb zhel mb dmb survey good\nA .1 .11 38.3 .1 X 1\nB .2 .21 40.0 .2 Y 1\nC .3 .31 41.0 .2 X 0\n"  # noqa: E501


def moduli(**changes: Any) -> dict[str, Any]:
    return {"kind": "moduli", "path": "t.txt", **changes}


def test_cuts_surveys_and_errors_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text(HUBBLE)
    (tmp_path / "c.txt").write_text("3\n.01 0 .001\n0 .04 .002\n.001 .002 .09\n")
    parts = {
        "all": moduli(survey="survey"),
        "good": moduli(where={"good": 1}, columns={"z_helio": None}),
        "far": moduli(z_above=0.1, covariance="c.txt", add_sd=True),
        "x": moduli(where={"survey": "X"}, covariance="c.txt"),
    }
    every, good, far, x = (observed(tmp_path, one=part).sets[0] for part in parts.values())
    assert isinstance(every, Supernovae)
    assert (every.surveys, every.survey.tolist()) == (("X", "Y"), [0, 1, 0])
    np.testing.assert_allclose(every.covariance, [0.01, 0.04, 0.04])
    assert isinstance(good, Supernovae)
    assert (good.z.tolist(), good.z_helio.tolist()) == ([0.1, 0.2], [0.1, 0.2])
    assert isinstance(far, Supernovae)
    np.testing.assert_allclose(far.covariance, [[0.08, 0.002], [0.002, 0.13]])
    assert isinstance(x, Supernovae)
    np.testing.assert_allclose(x.covariance, [[0.01, 0.001], [0.001, 0.09]])


def test_a_covariance_below_the_diagonal_errors_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "t.txt").write_text(HUBBLE)
    (tmp_path / "c.txt").write_text("3\n1e-4 0 0\n0 1e-4 0\n0 0 1e-4\n")
    observed(tmp_path, one=moduli(covariance="c.txt"))
    assert "3 of 3 variances of the covariance are below dmb^2" in caplog.text


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (moduli(columns={"sd": None}), "likelihood.parts.one: no errors; set columns.sd or cov"),
        (moduli(add_sd=True), "likelihood.parts.one.add_sd needs both covariance and columns.sd"),
        (moduli(z_above=2.0), "t.txt: no redshift is above z_above = 2"),
        (moduli(where={"survey": "Z"}), "no row is left with survey = Z; values of survey: X, Y"),
        (moduli(where={"serve": "Z"}), "no column 'serve'; did you mean 'survey'?"),
        (moduli(columns={"mu": "MU"}), "no column 'MU'"),
        (moduli(columns={"mu": "name"}), "line 2, column name: 'A' is not a number"),
        ({"kind": "hubble_rates", "path": "t.txt"}, "columns are z, H, sd|'A' is not a number"),
        ({"kind": "galaxy_ages", "path": "t.txt", "z": "zcmb", "z_above": 9.0}, "no galaxy is"),
        (
            {"kind": "moduli", "path": "absent.txt"},
            "there is no file .*absent.txt; did you mean .t.txt.",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, part: dict[str, Any], said: str) -> None:
    (tmp_path / "t.txt").write_text(HUBBLE)
    with pytest.raises((InputError, ConfigError), match=said):
        observed(tmp_path, one=part)


def test_columns_of_rates_in_another_order_are_refused(tmp_path: Path) -> None:
    (tmp_path / "h.txt").write_text("H z sd\n70 0.1 5\n")
    with pytest.raises(InputError, match="the columns are z, H, sd in this order, not H, z, sd"):
        observed(tmp_path, hz={"kind": "hubble_rates", "path": "h.txt"})


def test_one_table_in_two_parts_would_count_twice(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text(HUBBLE)
    (tmp_path / "copy.txt").write_text(HUBBLE)
    with pytest.raises(ConfigError, match=r"first and again both have the data of copy.txt"):
        observed(tmp_path, first=moduli(), again=moduli(path="copy.txt"))
    ages = {"kind": "galaxy_ages", "path": "t.txt", "z": "zcmb"}
    assert observed(tmp_path, first=moduli(), ages=ages).count == 6  # another measurement


UVLF = """redshift,M_UV,value,err_up,err_down,is_upper_lim,is_lower_lim
8,-20,-3.5,0.3,0.4,False,False
8,-21,-4.5,0.3,inf,False,False
8,-22,-5.5,,,True,False
8,-23,-5.9,0.1,0.0,False,False
8,-19,-2.9,,,False,False
8,-19.5,-2.9,0.1,0.1,False,True
5.0,-20,-3.5,0.3,0.4,False,False
8,-25,-7.5,0.3,0.4,False,False
"""


def luminosities(**changes: Any) -> dict[str, Any]:
    return {"kind": "luminosity_function", "path": "u.csv", "prior": {}, **changes}


def test_points_of_luminosity_functions(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "u.csv").write_text(UVLF)
    with caplog.at_level(logging.INFO):
        (one,) = observed(tmp_path, uv=luminosities()).sets
    assert isinstance(one, Luminosities)
    assert one.M_uv.tolist() == [-20, -21, -22]
    assert one.is_upper_limit.tolist() == [False, False, True]
    np.testing.assert_allclose(one.sd_up, [np.hypot(0.3, 0.1), np.hypot(0.3, 0.1), 0.1])
    np.testing.assert_allclose(one.sd_down, [np.hypot(0.4, 0.1), np.hypot(100, 0.1), 0.1])
    assert (
        "3 of 8 points are used; left out: 1 outside the bins, z 5.75 to 18, "
        "1 outside M_UV -24 to -16, 1 lower limits, 2 without errors"
    ) in caplog.text


@pytest.mark.parametrize(
    ("change", "old", "new", "said"),
    [
        ({"z_bins": [9.0, 8.0]}, "", "", "parts.uv.z_bins: redshifts above 0 that rise"),
        ({"z_bins": []}, "", "", "parts.uv.z_bins: redshifts above 0 that rise"),
        ({"z_bins": [20.0]}, "", "", "0 of 8 points are used; left out: 8 outside the bins"),
        ({"error_floor": 0.0}, "", "", "error_floor is 0, but .* upper limits without errors"),
        ({}, "True,False", "perhaps,False", "line 4: is_upper_lim = perhaps is neither"),
        ({}, "0.3,0.4", "0.3,x", "line 2, column err_down: 'x' is not a number"),
        ({}, "0.3,0.4", "-0.3,0.4", "line 2: err_up = -0.3 is not 0 or more"),
        ({}, "-3.5", "nan", "line 2, column value: nan is not finite"),
    ],
)
def test_wrong_luminosity_functions_are_refused(
    tmp_path: Path, change: dict[str, Any], old: str, new: str, said: str
) -> None:
    (tmp_path / "u.csv").write_text(UVLF.replace(old, new, 1) if old else UVLF)
    with pytest.raises((InputError, ConfigError), match=said):
        observed(tmp_path, uv=luminosities(**change))


@pytest.mark.parametrize("om", [0.0, 0.05, 0.3, 1.0])
def test_distance_moduli_of_a_flat_universe(om: float) -> None:
    z = np.array([0.001, 0.1, 1.3, 4.0, 10.0])
    exact = [
        quad(lambda x: 1 / np.sqrt(om * (1 + x) ** 3 + 1 - om), 0, one, epsabs=0, epsrel=1e-13)[0]
        for one in z
    ]
    mu = 5 * np.log10((1 + z) * np.array(exact) * 299792.458 / 70) + 25
    np.testing.assert_allclose(distance_modulus(z, z, om), mu, rtol=0, atol=1e-11)


def test_simulated_supernovae_are_of_their_seed_and_name() -> None:
    part = Simulated(kind="simulated", count=120)
    first, again = simulate("a", part, 1), simulate("a", part, 1)
    np.testing.assert_array_equal(first.mu, again.mu)
    for other in (simulate("b", part, 1), simulate("a", part, 2)):
        assert not np.array_equal(first.mu, other.mu)
    seeded = part.model_copy(update={"seed": 1})
    np.testing.assert_array_equal(simulate("a", seeded, 5).mu, first.mu)
    assert first.truth == {"Om": 0.3, "H0": 70.0}
    assert (first.z > 0).all()
    assert first.z.max() <= 1.3


def test_simulated_errors_are_of_the_covariance_they_say() -> None:
    """Whitened residuals of 40 sets of 100: mean 0, variance 1 (within 4 sigma)."""
    whitened = []
    for seed in range(40):
        one = simulate("a", Simulated(kind="simulated", count=100, systematics=0.1), seed)
        residual = one.mu - distance_modulus(one.z, one.z_helio, 0.3)
        whitened.append(np.linalg.solve(np.linalg.cholesky(one.covariance), residual))
    values = np.concatenate(whitened)
    assert abs(values.mean()) < 4 / np.sqrt(4000)
    assert abs(values.var() - 1) < 4 * np.sqrt(2 / 4000)


def test_simulated_supernovae_without_systematics_are_independent() -> None:
    part = Simulated(kind="simulated", count=10, z_max=0.06, systematics=0.0)
    one = simulate("a", part, 0)
    assert one.covariance.shape == (10,)
    assert one.z.max() <= 0.06


def test_observations_are_read_and_never_written() -> None:
    likelihood = {"parts": {"simulated": {"kind": "simulated", "count": 20}}}
    dataset = ObservationsDataset(json.dumps(likelihood), ".", 3)
    observations = dataset.load()
    assert observations.count == 20
    assert observations.files == {}
    with pytest.raises(DatasetError, match="observations are read, never written"):
        dataset.save(observations)


def test_damaged_files_are_refused_or_read_and_nothing_else(tmp_path: Path) -> None:
    """300 damages: an InputError, or numbers that are all finite; never another exception."""
    whole = {
        "t.txt": HUBBLE.encode(),
        "c.txt": b"3\n.01 0 .001\n0 .04 .002\n.001 .002 .09\n",
        "u.csv": UVLF.encode(),
        "d.dataset": b"data_file = l.txt\npecz = 0.001\nintrinsicdisp1 = 0.1\n",
        "l.txt": b"#name zcmb zhel mb dmb set\nA .1 .11 38.3 .1 1\nB .2 .21 40.0 .2 2\n",
    }
    parts: dict[str, dict[str, Any]] = {
        "m": moduli(covariance="c.txt"),
        "uv": luminosities(),
        "d": {"kind": "dataset", "path": "d.dataset"},
    }
    for name, data in whole.items():
        (tmp_path / name).write_bytes(data)
    assert observed(tmp_path, **parts).count == 3 + 3 + 2
    words = [
        b"nan",
        b"-1",
        b"",
        b"#",
        b",",
        b'"',
        b"\n",
        b"\r",
        b"\0",
        b"\xff",
        b"_",
        b"=",
        b"1e999",
    ]
    words += [b"\x1f\x8b", b"\xff\xfe", b"\xef\xbb\xbf", b"abc", b" "]
    rng, refused = np.random.default_rng(5), 0
    for _ in range(300):
        name = str(rng.choice(list(whole)))
        start, length = int(rng.integers(len(whole[name]) + 1)), int(rng.choice([0, 1, 4, 500]))
        word = words[int(rng.integers(len(words)))]
        damaged = whole[name][:start] + word + whole[name][start + length :]
        (tmp_path / name).write_bytes(damaged)
        try:
            for one in observed(tmp_path, **parts).sets:
                values = [value for value in vars(one).values() if isinstance(value, np.ndarray)]
                assert all(np.isfinite(value).all() for value in values), damaged
        except InputError:
            refused += 1
        (tmp_path / name).write_bytes(whole[name])
    assert 100 < refused < 300
