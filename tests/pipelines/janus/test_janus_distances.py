"""Distances, rates and volumes of the models against quadrature and other forms of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from app.config.janus.cosmology import Cosmology
from app.errors import ConfigError
from app.pipelines.janus.cosmology import distances
from app.pipelines.janus.cosmology.build import model_of
from app.pipelines.janus.cosmology.five_parameters import FiveParameters
from app.pipelines.janus.cosmology.flrw import Flrw
from app.pipelines.janus.cosmology.janus import Janus
from app.pipelines.janus.cosmology.model import C_KM_S, Array, Model
from app.pipelines.janus.cosmology.nodes import Nodes

Z = np.array([1e-6, 0.01, 0.1, 0.3, 0.7, 1.0, 1.3, 2.26])
Squared = Callable[[float, Array], float]  # E^2 of z and one vector
# each model with its E^2 and its curvature, written down here once more, and vectors to try
CASES: list[tuple[Model, Squared, Callable[[Array], float], list[list[float]]]] = [
    (
        Janus(),
        lambda z, t: (1 + z) ** 2 * (1 + 2 * t[0] * z),
        lambda t: 1 - 2 * t[0],
        [[0.0], [-1e-9], [-0.035], [-0.087], [-0.2]],
    ),
    (
        Flrw("lcdm"),
        lambda z, t: t[0] * (1 + z) ** 3 + 1 - t[0],
        lambda t: 0.0,
        [[0.0], [0.05], [0.3], [1.0], [1.5]],
    ),
    (
        Flrw("lcdm_curved", curved=True),
        lambda z, t: t[0] * (1 + z) ** 3 + t[1] * (1 + z) ** 2 + 1 - t[0] - t[1],
        lambda t: t[1],
        [[0.3, 0.0], [0.3, 1e-9], [0.3, 0.7], [0.0, 1.0], [0.5, -0.6], [0.3, -0.4], [0.9, 0.9]],
    ),
    (
        Flrw("wcdm", "wcdm"),
        lambda z, t: t[0] * (1 + z) ** 3 + (1 - t[0]) * (1 + z) ** (3 * (1 + t[1])),
        lambda t: 0.0,
        [[0.3, -1.0], [0.3, -0.4], [0.1, -2.8], [0.0, -0.2]],
    ),
    (
        Flrw("wcdm_curved", "wcdm", curved=True),
        lambda z, t: (
            t[0] * (1 + z) ** 3
            + t[2] * (1 + z) ** 2
            + (1 - t[0] - t[2]) * (1 + z) ** (3 * (1 + t[1]))
        ),
        lambda t: t[2],
        [[0.3, -1.0, 0.2], [0.3, -0.4, -0.5], [0.6, -1.8, 0.9]],
    ),
    (
        Flrw("cpl", "cpl"),
        lambda z, t: (
            t[0] * (1 + z) ** 3
            + (1 - t[0]) * (1 + z) ** (3 * (1 + t[1] + t[2])) * np.exp(-3 * t[2] * z / (1 + z))
        ),
        lambda t: 0.0,
        [[0.3, -1.0, 0.0], [0.3, -0.7, -1.5], [0.2, -1.5, 1.2], [0.3, 0.4, 1.9]],
    ),
    (
        Flrw("cpl_curved", "cpl", curved=True),
        lambda z, t: (
            t[0] * (1 + z) ** 3
            + t[3] * (1 + z) ** 2
            + (1 - t[0] - t[3])
            * (1 + z) ** (3 * (1 + t[1] + t[2]))
            * np.exp(-3 * t[2] * z / (1 + z))
        ),
        lambda t: t[3],
        [[0.3, -0.9, 0.4, 0.3], [0.4, -1.2, -0.5, -0.3]],
    ),
    (
        FiveParameters(normalised=False),
        lambda z, t: (1 + z) ** 2 * (_bimetric(t) * (1 + z) + 1 - t[0] - t[1]),
        lambda t: 1 - t[0] - t[1],
        [[0.3, 0.05, 1.0], [0.3, 0.3, 1.0], [0.3, 0.5, 1.0], [0.5, 0.2, 2.0], [0.4, 0.7, 0.1]],
    ),
    (
        FiveParameters(),
        lambda z, t: (1 + z) ** 2 * (_bimetric(t) * (1 + z) + 1 - t[0] - t[1]) / _today(t),
        lambda t: (1 - t[0] - t[1]) / _today(t),
        [[0.3, 0.05, 1.0], [0.3, 0.5, 1.0], [0.5, 0.2, 2.0], [0.4, 0.7, 0.1]],
    ),
]
NAMES = [model.name for model, *_ in CASES[:-1]] + ["five_parameters_normalised"]
each_model = pytest.mark.parametrize(("model", "squared", "curvature", "vectors"), CASES, ids=NAMES)


def _bimetric(t: Array) -> float:
    return float(t[0] + t[2] * t[1] * (1 - np.sqrt(t[1] / t[0])))


def _today(t: Array) -> float:
    return float(_bimetric(t) + 1 - t[0] - t[1])


def _by_quadrature(squared: Squared, Ok: float, z: float, t: Array) -> float:
    """D_M H0/c."""
    distance = quad(lambda x: 1 / np.sqrt(squared(x, t)), 0, z, epsabs=0, epsrel=2e-14, limit=200)[
        0
    ]
    if Ok > 0:
        return float(np.sinh(np.sqrt(Ok) * distance) / np.sqrt(Ok))
    if Ok < 0:
        return float(np.sin(np.sqrt(-Ok) * distance) / np.sqrt(-Ok))
    return float(distance)


@each_model
def test_distances_are_those_of_scipy_s_quadrature(
    model: Model, squared: Squared, curvature: Callable[[Array], float], vectors: list[list[float]]
) -> None:
    theta = np.array(vectors)
    got = Z * 10 ** (distances.at(model, Z, theta) / 5)
    for vector, row in zip(theta, got, strict=True):
        expected = [_by_quadrature(squared, curvature(vector), z, vector) for z in Z]
        np.testing.assert_allclose(row, expected, rtol=1e-12)  # asked: 1e-10


@each_model
def test_forty_nodes_give_the_same_distances(
    model: Model, squared: Squared, curvature: Callable[[Array], float], vectors: list[list[float]]
) -> None:
    theta = np.array(vectors)
    at_nodes = model.on_nodes(2.26, 40)(theta)
    assert at_nodes.shape == (len(theta), 40)
    everywhere = at_nodes @ Nodes(2.26, 40).interpolation(Z).T
    np.testing.assert_allclose(everywhere, distances.at(model, Z, theta), rtol=0, atol=5e-10)


@each_model
def test_a_batch_gives_what_its_vectors_give_one_at_a_time(
    model: Model, squared: Squared, curvature: Callable[[Array], float], vectors: list[list[float]]
) -> None:
    theta = np.array(vectors)
    on_nodes, ask = model.on_nodes(2.26, 24), Z[1:]
    functions: list[Callable[[Array], Array]] = [
        on_nodes,
        lambda t: distances.at(model, ask, t),
        lambda t: model.rate(ask, t),
        lambda t: model.age(ask, t),
        lambda t: model.in_domain(t, 2.26).astype(float)[:, None],
    ]
    for function in functions:
        one_by_one = np.concatenate([function(theta[i : i + 1]) for i in range(len(theta))])
        np.testing.assert_allclose(function(theta), one_by_one, rtol=1e-13, atol=1e-14)
        assert function(theta[:0]).shape == (0, one_by_one.shape[1])


@each_model
def test_rates_are_the_square_roots_of_the_formula(
    model: Model, squared: Squared, curvature: Callable[[Array], float], vectors: list[list[float]]
) -> None:
    theta = np.array(vectors)
    expected = [[np.sqrt(squared(z, t)) for z in Z] for t in theta]
    np.testing.assert_allclose(model.rate(Z, theta), expected, rtol=1e-13)


def test_janus_is_the_published_form_and_its_parametric_one() -> None:
    z = np.linspace(0.01, 2.2, 300)
    for q0 in (-0.01, -0.0357, -0.087, -0.2):
        got = (1 + z) * z * 10 ** (distances.at(Janus(), z, np.array([[q0]]))[0] / 5)
        published = z + z**2 * (1 - q0) / (1 + q0 * z + np.sqrt(1 + 2 * q0 * z))
        np.testing.assert_allclose(got, published, rtol=1e-14)
        # a = alpha^2 cosh^2 u, q = -1/(2 sinh^2 u)
        u0 = np.arcsinh(np.sqrt(-1 / (2 * q0)))
        ue = np.arccosh(np.cosh(u0) / np.sqrt(1 + z))
        parametric = np.tanh(u0) * (1 + z) * np.sinh(2 * (u0 - ue))
        np.testing.assert_allclose(got, parametric, rtol=1e-12)  # arccosh loses digits: 3e-14 best
        assert np.quantile(np.abs(got / parametric - 1), 0.9) < 3e-14


def test_janus_at_q0_0_is_milne_s_universe() -> None:
    z = np.array([0.1, 1.0, 5.0])
    got = (1 + z) * z * 10 ** (distances.at(Janus(), z, np.zeros((1, 1)))[0] / 5)
    np.testing.assert_allclose(got, z + z**2 / 2, rtol=1e-14)


def test_the_wider_models_hold_the_narrower_ones() -> None:
    Om, Ok = 0.31, -0.13
    flat = distances.at(Flrw("lcdm"), Z, np.array([[Om]]))
    curved = distances.at(Flrw("c", curved=True), Z, np.array([[Om, Ok]]))
    for model, row, same in [
        (Flrw("c", curved=True), [Om, 0.0], flat),
        (Flrw("w", "wcdm"), [Om, -1.0], flat),
        (Flrw("p", "cpl"), [Om, -1.0, 0.0], flat),
        (Flrw("wk", "wcdm", curved=True), [Om, -1.0, Ok], curved),
        (Flrw("pk", "cpl", curved=True), [Om, -1.0, 0.0, Ok], curved),
    ]:
        got = distances.at(model, Z, np.array([row]))
        np.testing.assert_allclose(got, same, rtol=0, atol=3e-13)


def test_the_closed_form_of_matter_and_curvature_is_that_of_lcdm_without_a_constant() -> None:
    # `Flrw` refuses Om = 2 q0 < 0, so the closed form they share is held against it at q0 > 0
    Om = 0.24
    five = distances.at(FiveParameters(), Z, np.array([[Om, 0.0, 1.0]]))
    flrw = distances.at(Flrw("c", curved=True), Z, np.array([[Om, 1 - Om]]))
    np.testing.assert_allclose(five, flrw, rtol=0, atol=3e-13)


def test_the_five_parameters_as_they_stand_have_another_rate_today() -> None:
    theta, today = np.array([[0.3, 0.05, 1.0]]), np.zeros(1)
    raw = FiveParameters(normalised=False).rate(today, theta)
    assert raw[0, 0] == pytest.approx(0.98975, abs=1e-5)
    assert FiveParameters().rate(today, theta)[0, 0] == 1.0
    # the two are one universe in different units of H0
    g_raw = distances.at(FiveParameters(normalised=False), Z, theta)
    g = distances.at(FiveParameters(), Z, theta)
    mu_raw = distances.distance_modulus(g_raw, Z, Z, 70.0)
    mu = distances.distance_modulus(g, Z, Z, 70.0 * raw)
    np.testing.assert_allclose(mu_raw, mu, rtol=0, atol=1e-12)


def test_a_distance_modulus_has_its_light_dimmed_by_the_heliocentric_redshift() -> None:
    z, helio = np.array([0.0233, 1.0]), np.array([0.0245, 1.001])
    theta, H0 = np.array([[0.3], [0.3]]), np.array([70.0, 50.0])
    mu = distances.distance_modulus(distances.at(Flrw("lcdm"), z, theta), z, helio, H0[:, None])
    for k in range(2):
        path = quad(lambda x: 1 / np.sqrt(0.3 * (1 + x) ** 3 + 0.7), 0, z[k])[0]
        tens_of_parsecs = (1 + helio[k]) * path * C_KM_S / H0 * 1e5  # Mpc to 10 pc
        np.testing.assert_allclose(mu[:, k], 5 * np.log10(tens_of_parsecs), rtol=0, atol=1e-10)
    # EdS, d_L = (2c/H0) (1+z) (1 - 1/sqrt(1+z)): 4 c/H0 at z = 3
    three = np.array([3.0])
    g = distances.at(Flrw("lcdm"), three, np.ones((1, 1)))
    eds = distances.distance_modulus(g, three, three, 100.0)
    assert eds[0, 0] == pytest.approx(5 * np.log10(C_KM_S / 100 * 4e5), abs=1e-12)


@pytest.mark.parametrize("Ok", [-0.3, 0.0, 0.3])
def test_volumes_add_up_to_those_of_curved_space(Ok: float) -> None:
    Om, H0, z = 0.3, 70.0, 1.5
    model, theta = Flrw("c", curved=True), np.array([[Om, Ok]])
    nodes = Nodes(z, 40)
    g, rate = distances.at(model, nodes.z, theta), model.rate(nodes.z, theta)
    elements = 10.0 ** distances.log_volume_element(g, rate, nodes.z, H0)
    total = (elements @ nodes.integrate.T) @ nodes.interpolation(np.array([z])).T * z
    # Hogg's equation 29, per steradian
    unit = C_KM_S / H0
    D = unit * z * 10 ** (distances.at(model, np.array([z]), theta)[0, 0] / 5)
    if Ok == 0:
        expected = D**3 / 3
    else:
        x, root = D / unit, np.sqrt(abs(Ok))
        arc = np.arcsinh(root * x) if Ok > 0 else np.arcsin(root * x)
        expected = unit**3 / (2 * Ok) * (x * np.sqrt(1 + Ok * x**2) - arc / root)
    assert total[0, 0] == pytest.approx(expected, rel=1e-10)


def test_nodes_integrate_and_interpolate_polynomials_of_their_degree() -> None:
    nodes = Nodes(2.3, 12)
    assert nodes.z.shape == (12,)
    assert 0 < nodes.z[0] < nodes.z[-1] < 2.3
    ask = np.array([0.0, 0.4, 2.3])
    for power in range(12):
        scale = 1e-14 * 2.3**power
        values = nodes.z[None] ** power
        means = values @ nodes.integrate.T
        np.testing.assert_allclose(means, values / (power + 1), rtol=0, atol=scale)
        np.testing.assert_allclose(
            values @ nodes.interpolation(ask).T, ask[None] ** power, rtol=0, atol=scale
        )
    with pytest.raises(ValueError, match="z_max > 0"):
        Nodes(0.0, 12)


def test_a_model_without_distances_of_its_own_is_interpolated_between_nodes() -> None:
    class ByNodes:  # what `Model` asks for, and no `moduli`
        name, parameters = "nodes", ("Om",)
        limits, in_domain = Flrw("x").limits, Flrw("x").in_domain
        on_nodes, rate, age = Flrw("x").on_nodes, Flrw("x").rate, Flrw("x").age

    theta = np.array([[0.3], [0.05]])
    np.testing.assert_allclose(
        distances.at(ByNodes(), Z, theta), distances.at(Flrw("x"), Z, theta), rtol=0, atol=1e-11
    )


def _config(**kind: Any) -> Cosmology:
    return Cosmology.model_validate({"name": "mine", "prior": {}, **kind})


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ({"kind": "janus"}, ("q0",)),
        ({"kind": "lcdm"}, ("Om",)),
        ({"kind": "lcdm", "curved": True}, ("Om", "Ok")),
        ({"kind": "wcdm"}, ("Om", "w")),
        ({"kind": "wcdm", "curved": True}, ("Om", "w", "Ok")),
        ({"kind": "cpl"}, ("Om", "w0", "wa")),
        ({"kind": "cpl", "curved": True}, ("Om", "w0", "wa", "Ok")),
        ({"kind": "five_parameters"}, ("Om", "Om_bar", "chi")),
    ],
)
def test_each_kind_of_the_config_is_built(kind: dict[str, Any], parameters: tuple[str]) -> None:
    model = model_of(_config(**kind))
    assert (model.name, model.parameters) == ("mine", parameters)
    assert set(model.limits(1.0)) == set(parameters)


def test_normalised_reaches_the_five_parameter_model() -> None:
    theta, today = np.array([[0.3, 0.05, 1.0]]), np.zeros(1)
    model = model_of(_config(kind="five_parameters", normalised=False))
    assert model.rate(today, theta)[0, 0] < 0.995


def test_a_log_probability_has_no_distances() -> None:
    with pytest.raises(ConfigError, match="likelihood=none"):
        model_of(_config(kind="custom", log_prob_module="x.py"))


OWN = """
import numpy as np

def distance(z, theta, power=2.0):
    asked = z
    z = asked.copy()
    asked[:] = -1.0  # what it does to its argument stays its own
    Om = theta[:, :1] * theta[:, 1:2]
    return np.where(Om <= 1, (1 + z) * z / (1 + Om * z) ** (power / 4), np.nan)

def too_few(z, theta):
    return np.ones(len(z))

def nothing(z, theta):
    pass

def fails(z, theta):
    raise FloatingPointError("of mine")
"""


def _own(tmp_path: Path, function: str, **more: Any) -> Model:
    module = tmp_path / "own_distances.py"
    module.write_text(OWN)
    flat = {"kind": "uniform", "low": 0.0, "high": 1.0}
    prior = {"a": flat, "H0": flat, "b": flat}
    return model_of(
        _config(kind="distances", module=str(module), function=function, prior=prior, **more)
    )


def test_a_user_s_distances_are_a_model(tmp_path: Path) -> None:
    model = _own(tmp_path, "distance", arguments={"power": 4.0})
    assert model.parameters == ("a", "b")  # in the order of the prior; H0 is none of them
    theta = np.array([[0.5, 0.4], [2.0, 0.9]])
    np.testing.assert_allclose(distances.at(model, Z, theta)[0], -5 * np.log10(1 + 0.2 * Z))
    assert model.in_domain(theta, 2.0).tolist() == [True, False]
    assert np.isnan(model.on_nodes(2.0, 8)(theta)[1]).all()
    at_nodes = model.on_nodes(2.26, 40)(theta) @ Nodes(2.26, 40).interpolation(Z).T
    np.testing.assert_allclose(at_nodes[0], distances.at(model, Z, theta)[0], rtol=0, atol=1e-12)
    for ask in (model.rate, model.age):
        with pytest.raises(ConfigError, match="own_distances"):
            ask(Z, theta)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("too_few", r"shape \(1, 8\).*ndarray of shape \(8,\)"),
        ("nothing", "NoneType"),
        ("fails", r"FloatingPointError: of mine.*a=0.5, b=0.4"),
    ],
)
def test_a_user_s_function_that_is_wrong_is_one_clear_error(
    tmp_path: Path, function: str, said: str
) -> None:
    model = _own(tmp_path, function)
    with pytest.raises(ConfigError, match=said):
        distances.at(model, Z, np.array([[0.5, 0.4]]))


def test_a_user_s_function_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="distance"):
        _own(tmp_path, "distanse")


def test_a_user_s_model_needs_parameters(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cosmology\.prior"):
        model_of(_config(kind="distances", module="x.py"))
