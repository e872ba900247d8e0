"""Where the models exist."""

import numpy as np
import pytest

from app.pipelines.janus.cosmology import distances
from app.pipelines.janus.cosmology.five_parameters import FiveParameters
from app.pipelines.janus.cosmology.flrw import DarkEnergy, Flrw
from app.pipelines.janus.cosmology.janus import Janus
from app.pipelines.janus.cosmology.model import Array, Model


def _inside(model: Model, vector: list[float], z_max: float) -> bool:
    return bool(model.in_domain(np.array([vector]), z_max)[0])


def test_janus_ends_at_its_bounce() -> None:
    # 1 + 2 q0 z > 0
    edge = 1 / (2 * 0.087)
    assert edge == pytest.approx(5.747, abs=1e-3)
    assert _inside(Janus(), [-0.087], edge * (1 - 1e-12))
    assert not _inside(Janus(), [-0.087], edge * (1 + 1e-12))
    assert not _inside(Janus(), [-0.0358], 14.0)
    assert _inside(Janus(), [-0.0357], 14.0)
    assert Janus().limits(14.0)["q0"] == (-0.5 / 14.0, 0.0)


def test_janus_has_no_positive_q0_and_milne_is_its_limit() -> None:
    assert _inside(Janus(), [0.0], 100.0)
    assert not _inside(Janus(), [1e-9], 1.0)
    assert not _inside(Janus(), [float("nan")], 1.0)


@pytest.mark.filterwarnings("error")
def test_out_of_the_domain_is_nan_without_an_error_or_a_warning() -> None:
    z = np.linspace(0.1, 14.0, 20)
    cases: list[tuple[Model, list[float], list[float]]] = [
        (Janus(), [-0.087], [-0.02]),
        (Janus(), [0.1], [-0.02]),
        (Flrw("x"), [-0.1], [0.3]),
        (Flrw("x", curved=True), [0.1, -0.9], [0.3, 0.1]),
        (Flrw("x", "wcdm", curved=True), [0.1, -1.0, -0.9], [0.3, -1.0, 0.1]),
        (Flrw("x", "cpl"), [1.5, 0.5, 1.0], [0.3, -1.0, 0.1]),
        (FiveParameters(), [0.1, 0.9, 2.0], [0.3, 0.1, 1.0]),
        (FiveParameters(), [-0.1, 0.9, 2.0], [0.3, 0.1, 1.0]),
    ]
    for model, out, inside in cases:
        theta = np.array([inside, out, inside])
        assert model.in_domain(theta, 14.0).tolist() == [True, False, True]
        for values in (
            model.on_nodes(14.0, 24)(theta),
            distances.at(model, z, theta),
            model.age(z, theta),
        ):
            assert np.isfinite(values[[0, 2]]).all(), model.name
            assert np.isnan(values[1]).any(), model.name
        assert np.isnan(model.rate(z, theta)[1]).any(), model.name


def test_a_closed_universe_that_bounces_ends_at_the_bounce() -> None:
    Om, Ok = 0.1, -0.8
    roots = np.roots([Om, Ok, 0.0, 1 - Om - Ok])
    bounce = min(root.real for root in roots if abs(root.imag) < 1e-12 and root.real > 1) - 1
    for model, vector in [
        (Flrw("x", curved=True), [Om, Ok]),
        (Flrw("x", "wcdm", curved=True), [Om, -1.0, Ok]),
        (Flrw("x", "cpl", curved=True), [Om, -1.0, 0.0, Ok]),
    ]:
        assert _inside(model, vector, bounce - 1e-6)
        assert not _inside(model, vector, bounce + 1e-6)
        assert not _inside(model, vector, 50.0)  # E^2 is above 0 again there; we do not see it


def test_distances_up_to_a_bounce_are_right() -> None:
    # E^2 = 1 + .1 ((1+z)^3 - 1) - .8 ((1+z)^2 - 1), by its roots, with z = bounce - v^2
    from scipy.integrate import quad

    Om, Ok = 0.1, -0.8
    roots = np.roots([Om, Ok, 0.0, 1 - Om - Ok])
    bounce = min(root.real for root in roots if abs(root.imag) < 1e-12 and root.real > 1)
    others = [root for root in roots if abs(root - bounce) > 1e-9]

    def integrand(v: float) -> float:
        x = bounce - v * v
        return float(2 / np.sqrt(-Om * ((x - others[0]) * (x - others[1])).real))

    z = (bounce - 1) * np.array([0.5, 1 - 1e-3, 1 - 1e-9])
    for at, got in zip(
        z, distances.at(Flrw("x", curved=True), z, np.array([[Om, Ok]]))[0], strict=True
    ):
        path = quad(
            integrand, np.sqrt(bounce - 1 - at), np.sqrt(bounce - 1), epsabs=0, epsrel=1e-13
        )[0]
        expected = np.sin(np.sqrt(-Ok) * path) / np.sqrt(-Ok)
        # 1e-9 below the bounce, its own place is known to 1e-7 of that
        assert at * 10 ** (got / 5) == pytest.approx(expected, rel=1e-10)


def test_a_closed_universe_ends_at_our_antipode() -> None:
    # w = -1/3 has E^2 = Om x^3 + (1 - Om) x^2 whatever Ok: the path does not know of it
    Om, z_max = 0.05, 2.0
    path = distances.at(FiveParameters(), np.array([z_max]), np.array([[Om, 0.0, 0.0]]))
    length = np.arcsinh(np.sqrt(1 - Om) * z_max * 10 ** (path[0, 0] / 5)) / np.sqrt(1 - Om)
    edge = -((np.pi / length) ** 2)
    model = Flrw("x", "wcdm", curved=True)
    for Ok, inside in [(edge * (1 - 1e-9), True), (edge * (1 + 1e-9), False), (6 * edge, False)]:
        vector = [Om, -1 / 3, Ok]
        assert _inside(model, vector, z_max) is inside
        values = distances.at(model, np.array([1.0, z_max]), np.array([vector]))[0]
        assert np.isfinite(values[-1]) == inside  # at 6 * edge, after the second antipode too


@pytest.mark.parametrize("dark_energy", ["lcdm", "wcdm", "cpl"])
def test_the_domain_is_where_a_fine_grid_finds_the_model(dark_energy: DarkEnergy) -> None:
    rng = np.random.default_rng(3)
    model = Flrw("x", dark_energy, curved=True)
    columns = {"Om": (0, 1.2), "w": (-3, 0.5), "w0": (-3, 0.5), "wa": (-3, 2), "Ok": (-1.5, 1.2)}
    theta = np.column_stack([rng.uniform(*columns[name], 1500) for name in model.parameters])
    z = np.linspace(0.0, 2.3, 4001)
    rates = model.rate(z, theta)
    path = np.concatenate(
        [np.zeros((len(theta), 1)), np.cumsum(0.5 * (1 / rates[:, 1:] + 1 / rates[:, :-1]), axis=1)
         * (z[1] - z[0])], axis=1,
    )  # fmt: skip
    angle = np.sqrt(np.maximum(-theta[:, -1], 0.0)) * path[:, -1]
    # the trapezium's path is short of accuracy next to the edge itself
    doubtful = np.abs(angle - np.pi) < 0.02
    doubtful |= np.nanmin(rates, axis=1) < 0.05
    expected = np.isfinite(rates).all(axis=1) & (angle < np.pi)
    got = model.in_domain(theta, 2.3)
    assert 0.02 < 1 - got.mean() < 0.6
    assert (got == expected)[~doubtful].all()
    assert doubtful.mean() < 0.3


def test_the_five_parameters_end_where_the_negative_mass_outweighs() -> None:
    model = FiveParameters()
    theta: Array = np.array([[0.1, 0.3, 1.0]])  # A = -.1196, Ok = .6: E^2 = 0 at 1 + z = 5.02
    A = 0.1 + 0.3 * (1 - np.sqrt(3.0))
    edge = -0.6 / A - 1
    assert model.in_domain(theta, edge - 1e-9).all()
    assert not model.in_domain(theta, edge + 1e-9).any()
    assert not _inside(model, [0.1, 0.9, 2.0], 0.01)  # E(0)^2 < 0


@pytest.mark.parametrize("model", [Janus(), Flrw("x"), Flrw("x", "cpl", curved=True)])
def test_nothing_exists_out_of_the_limits(model: Model) -> None:
    for column, (low, high) in enumerate(model.limits(2.0).values()):
        for edge, step in ((low, -1e-6), (high, 1e-6)):
            if np.isfinite(edge):
                row = np.array([[0.3, -1.0, 0.0, 0.0][: len(model.parameters)]])
                row[0, column] = edge + step
                assert not model.in_domain(row, 2.0).any()
