"""Numbers of the page: digits by their errors, powers of ten where there would be rows of zeros."""

import pytest

from app.pipelines.janus.page.numbers import beside, figure, in_json, measured, short, small


@pytest.mark.parametrize(
    ("mean", "sd", "told"),
    [
        (0.29451, 0.03371, "0.295 ± 0.034"),
        (-0.0651, 0.0270, "−0.065 ± 0.027"),
        (66.8362, 3.92, "66.8 ± 3.9"),
        (1234.5, 120.0, "1234 ± 120"),
        (0.3, 0.0, "0.3"),
        (-0.0004, 0.12, "0.00 ± 0.12"),
        (4.9619542e91, 2.9e91, "(5.0 ± 2.9)×10⁹¹"),
        (-3.25e-7, 4.1e-9, "(−3.250 ± 0.041)×10⁻⁷"),
        (1.0, 2.4e7, "(0.0 ± 2.4)×10⁷"),
        (999_999.0, 12.0, "999999 ± 12"),
        (1e300, float("inf"), "–"),
    ],
)
def test_a_measurement_has_two_figures_of_its_error(mean: float, sd: float, told: str) -> None:
    assert measured(mean, sd) == told


@pytest.mark.parametrize(
    ("value", "sd", "told"),
    [
        (0.222134, 0.053, "0.2221"),
        (61.2345, 2.1, "61.23"),
        (-3e-9, 0.0062, "0.00000"),
        (4.9239e91, 2.9e91, "4.92×10⁹¹"),
        (None, 0.1, ""),
    ],
)
def test_a_value_is_told_to_a_hundredth_of_its_error(
    value: float | None, sd: float, told: str
) -> None:
    assert beside(value, sd) == told


def test_figures_errors_and_bounds() -> None:
    assert [figure(value, 2) for value in (None, -8.274, 0.001, 2.5e7)] == [
        *("", "−8.27", "0.00", "2.500×10⁷")
    ]
    assert [small(value) for value in (None, 0.00024123, 5.14e-5, 0.0, 3.5e89)] == [
        *("", "0.00024", "5.1×10⁻⁵", "0", "3.5×10⁸⁹")
    ]
    assert [short(value) for value in (0.0, -0.384615, 100.0, 1e92)] == [
        *("0", "−0.3846", "100", "1×10⁹²")
    ]


def test_what_a_sampler_tells_has_seven_digits() -> None:
    told = {"step": 60, "tau": [5.434318264545269, 1.0]}
    assert in_json([told, "stretch", True]) == "step 60 tau 5.434318, 1, stretch, True"
