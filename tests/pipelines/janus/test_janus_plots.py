"""Figures show what was measured as it was measured, and models where they are."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from app.config.janus.cosmology import Cosmology
from app.config.janus.likelihood import Likelihood, Simulated
from app.datasets.observations.kinds import Ages, Luminosities, Observations, Rates
from app.datasets.observations.simulated import simulate
from app.pipelines.janus.cosmology.build import model_of
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.likelihood.combined import Combined, likelihood_of
from app.pipelines.janus.plots import chains, highz
from app.pipelines.janus.plots.style import styled
from app.pipelines.janus.truth import simulated_with

SCHECHTER = ("log_phi", "M_star", "alpha_uv", "dlog_phi", "dM_star", "dalpha_uv")
THETA = np.array([[0.3, 70.0, -3.6, -20.6, -2.0, -0.3, 0.0, 0.0]])
RANGES = {
    "Om": (0.1, 0.6),
    "H0": (50.0, 90.0),
    **{
        name: (value - 1.0, value + 1.0)
        for name, value in zip(SCHECHTER, THETA[0, 2:], strict=True)
    },
}
PARTS = {
    "uv": {
        "kind": "luminosity_function",
        "path": "none",
        "prior": {name: {"kind": "normal", "mean": -1.0, "sd": 1.0} for name in SCHECHTER},
    },
    "ages": {"kind": "galaxy_ages", "path": "none"},
}
REDSHIFTS = [6.0, 7.0, 8.0, 8.5, 9.0, 9.5, 10.0, 10.5, 11.0, 12.0, 16.0]  # 7 points each, then 2, 1
COUNT = [7] * 9 + [2, 1]


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Name -> figure, instead of files."""
    kept: dict[str, Any] = {}
    for module in (highz, chains):
        monkeypatch.setattr(module, "write", lambda figure, _, name: kept.update({name: figure}))
    with styled():
        yield kept
    pyplot.close("all")


def luminosities() -> Luminosities:
    rng = np.random.default_rng(5)
    z = np.repeat(REDSHIFTS, COUNT)
    n = len(z)
    return Luminosities(
        name="uv",
        z=z,
        M_uv=rng.uniform(-23.0, -17.0, n),
        log_phi=rng.uniform(-6.0, -2.0, n),
        sd_up=rng.uniform(0.1, 0.4, n),
        sd_down=np.where(np.arange(n) % 7 == 3, 100.0, rng.uniform(0.1, 0.9, n)),
        is_upper_limit=np.arange(n) % 7 == 5,
        fiducial_H0=70.0,
        fiducial_Om=0.3,
    )


def combined(*sets: Any) -> Combined:
    model = model_of(Cosmology.model_validate({"kind": "lcdm", "name": "lcdm", "prior": {}}))
    likelihood = Likelihood.model_validate({"parts": PARTS})
    return likelihood_of(Observations(sets), model, likelihood, RANGES)


def told(data: Any) -> Mapping[str, Any]:
    theta = THETA[:, :2] if isinstance(data, Ages) else THETA
    spread = 1.0 + 0.01 * np.random.default_rng(1).standard_normal((20, theta.shape[1]))
    return combined(data).predictions(theta * spread)[0]


def panels(figure: Any) -> list[Any]:
    return [axis for axis in figure.axes if axis.get_visible()]


def texts(figure: Any) -> list[str]:
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_luminosities_have_a_panel_for_each_redshift(
    figures: dict[str, Any], tmp_path: Path
) -> None:
    data = told(luminosities())
    highz.luminosity_plot(tmp_path, "uv", {"lcdm": data, "janus": data})
    figure = figures["fit_uv"]
    axes = panels(figure)
    assert [axis.texts[0].get_text() for axis in axes] == [f"z = {z:g}" for z in REDSHIFTS[:9]]
    assert "Not drawn: 3 points at 2 other redshifts, z = 12 to 16." in texts(figure)
    for z, axis in zip(REDSHIFTS, axes, strict=False):
        curves = [line for line in axis.lines if len(line.get_xdata()) > 50]
        assert len(curves) == 2
        for line in curves:  # in order of magnitude, and through the model at the points
            x, y = line.get_xdata(), line.get_ydata()
            assert (np.diff(x) > 0.0).all()
            assert (np.diff(y) > 0.0).all()
            at = data["z"] == z
            middle = np.median(data["model"][:, at], axis=0)
            assert np.interp(data["M_uv"][at], x, y) == pytest.approx(middle, abs=0.01)


def test_errors_without_end_and_limits_do_not_stretch_the_scale(
    figures: dict[str, Any], tmp_path: Path
) -> None:
    data = told(luminosities())
    highz.luminosity_plot(tmp_path, "uv", {"lcdm": data})
    axis = panels(figures["fit_uv"])[0]
    low, high = axis.get_ylim()
    assert -8.0 < low < -5.5
    assert -2.5 < high < 0.0
    bars = [path.vertices[:, 1] for one in axis.collections for path in one.get_paths()]
    assert min(bar.min() for bar in bars) < -90.0  # it is drawn, and leaves the picture
    down = [line for line in axis.lines if line.get_marker() == mpl.lines.CARETDOWNBASE]
    assert sum(len(line.get_xdata()) for line in down) == 1
    (limit,) = np.flatnonzero(data["is_upper_limit"] & (data["z"] == REDSHIFTS[0]))
    assert down[0].get_ydata()[0] == pytest.approx(data["observed"][limit] - highz.ARROW)


def test_errors_are_of_both_sides(figures: dict[str, Any], tmp_path: Path) -> None:
    data = told(luminosities())
    highz.luminosity_plot(tmp_path, "uv", {"lcdm": data})
    axis = panels(figures["fit_uv"])[0]
    bars = [path.vertices for one in axis.collections for path in one.get_paths()]
    at = np.flatnonzero((data["z"] == REDSHIFTS[0]) & ~data["is_upper_limit"])
    for i in at:
        (bar,) = [one for one in bars if len(one) == 2 and one[0, 0] == data["M_uv"][i]]
        assert bar[0, 1] == pytest.approx(data["observed"][i] - data["sd_down"][i])
        assert bar[1, 1] == pytest.approx(data["observed"][i] + data["sd_up"][i])


def test_a_curve_from_few_magnitudes_is_schechters() -> None:
    """Against the likelihood itself at other magnitudes of the same redshift."""
    data = luminosities()
    few = replace(data, z=np.full(len(data.z), 9.0))
    wide = replace(few, M_uv=np.linspace(-24.0, -16.0, len(data.z)))
    at, there = told(few), told(wide)
    x = wide.M_uv
    curves = highz.schechter_curves(at["M_uv"][:4], at["model"][:, :4], x)
    assert curves == pytest.approx(there["model"], abs=1e-5)


def test_one_point_of_a_redshift_has_a_model_too(figures: dict[str, Any], tmp_path: Path) -> None:
    data = told(luminosities())
    (last,) = np.flatnonzero(data["z"] == 16.0)
    only = {
        key: value[..., [last]] if isinstance(value, np.ndarray) else value
        for key, value in data.items()
    }
    highz.luminosity_plot(tmp_path, "uv", {"lcdm": only})
    (axis,) = panels(figures["fit_uv"])
    middle = np.median(only["model"])
    assert middle in [line.get_ydata()[0] for line in axis.lines if len(line.get_ydata())]


def test_ages_are_below_that_of_the_universe(figures: dict[str, Any], tmp_path: Path) -> None:
    z = np.array([12.0, 7.0, 9.0])
    data = told(Ages("ages", z, np.array([0.1, 0.3, 0.2]), np.full(3, 0.05)))
    highz.ages_plot(tmp_path, "ages", {"lcdm": data})
    (axis,) = figures["fit_ages"].axes
    (curve,) = [line for line in axis.lines if line.get_label() == "the universe, lcdm"]
    assert curve.get_xdata().tolist() == [7.0, 9.0, 12.0]
    assert curve.get_ydata() == pytest.approx(np.median(data["model"], axis=0)[[1, 2, 0]])
    assert axis.get_ylim()[0] == 0.0


def test_simulated_data_say_what_they_were_simulated_with() -> None:
    part = Simulated.model_validate({"kind": "simulated", "count": 30})
    data = simulate("made", part, 0)
    rates = Rates("rates", data.z, data.mu, np.ones(len(data.z)))
    other = replace(data, truth={"Om": 0.5, "H0": 70.0})

    def told(kind: str, *sets: Any) -> dict[str, float]:
        model = Cosmology.model_validate({"kind": kind, "name": kind, "prior": {}})
        return simulated_with(Observations(sets), model)

    assert told("lcdm", data) == {"Ok": 0.0, "Om": part.Om, "H0": 70.0}
    found = told("cpl", data, data)
    assert found == {"Ok": 0.0, "Om": part.Om, "H0": 70.0, "w0": -1.0, "wa": 0.0}
    assert told("janus", data) == told("five_parameters", data) == {}
    assert told("lcdm", data, rates) == told("lcdm", rates, data) == {}
    assert told("lcdm", data, other) == told("lcdm") == {}


@pytest.mark.parametrize("names", [("Om",), ("Om", "w0")])
def test_a_corner_marks_it(figures: dict[str, Any], tmp_path: Path, names: tuple[str, ...]) -> None:
    d = len(names)
    theta = 0.3 + 0.1 * np.random.default_rng(3).standard_normal((1, 4000, 1, d))
    flat = np.zeros((1, 4000, 1))
    draws = Draws(names, theta, flat, flat, flat - np.log(4000.0), None, "converged", 4000)
    best = dict.fromkeys(names, 0.31)
    chains.corner_plot(tmp_path, "marked", draws, best, "#2b5f91", {"Om": 0.35, "H0": 70.0})
    chains.corner_plot(tmp_path, "plain", draws, best, "#2b5f91", {"Ok": 0.0})

    def said(name: str) -> list[str]:
        figure = figures[f"{name}_corner"]
        legends = [*figure.legends, *(one for axis in figure.axes if (one := axis.get_legend()))]
        return [text.get_text() for legend in legends for text in legend.get_texts()]

    def lines(name: str) -> list[float]:
        axis = figures[f"{name}_corner"].axes[0]
        return [line.get_xdata()[0] for line in axis.lines if len(line.get_xdata())]

    assert said("marked") == ["simulated with"]
    assert said("plain") == []
    assert 0.35 in lines("marked")
    assert 0.35 not in lines("plain")
