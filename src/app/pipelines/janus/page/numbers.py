"""Numbers as a paper has them: as many digits as their errors allow, and powers of ten where they
are very large or very small."""

import math
from typing import Any

MINUS = "−"
DASH = "–"
LARGE, SMALL = 1e6, 1e-4  # from the one on, and below the other, as a power of ten
EPSILON = 1e-15  # of a value: no error that a float could show
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def measured(mean: float, sd: float) -> str:
    """`0.295 ± 0.034`, `(4.96 ± 0.12)×10⁹`: two figures of the error, as many decimals of the
    value."""
    if not (math.isfinite(mean) and math.isfinite(sd)):
        return DASH
    if not sd > EPSILON * abs(mean):
        return _signed(f"{mean:g}")
    size = max(abs(mean), sd)
    power = _exponent(size) if _is_extreme(size) else 0
    decimals = max(1 - (_exponent(sd) - power), 0)
    told = " ± ".join(_signed(f"{value / 10.0**power:.{decimals}f}") for value in (mean, sd))
    return f"({told}){_power(power)}" if power else told


def beside(value: float | None, sd: float) -> str:
    """`value` of what has the standard deviation `sd`, to a hundredth of that; '' for None."""
    if value is None:
        return ""
    if not (math.isfinite(value) and math.isfinite(sd) and sd > EPSILON * abs(value)):
        return _signed(f"{value:g}")
    if not _is_extreme(max(abs(value), sd)):
        return _signed(f"{value:.{max(2 - _exponent(sd), 0)}f}")
    figures = max(_exponent(value) - _exponent(sd) + 2, 0) if value else 0
    return _scientific(value, min(figures, 9))


def figure(value: float | None, decimals: int) -> str:
    """With so many decimals, as of a chi2; '' for None."""
    if value is None:
        return ""
    if abs(value) >= LARGE:
        return _scientific(value, 3)
    return _signed(f"{value:.{decimals}f}")


def small(value: float | None) -> str:
    """Two figures, as of an error; '' for None."""
    if value is None:
        return ""
    if value == 0.0 or not math.isfinite(value) or _is_extreme(value):
        return _scientific(value, 1) if value else "0"
    return f"{value:.{max(1 - _exponent(value), 0)}f}"


def short(value: float) -> str:
    """Four figures at most, as of a bound: `0`, `−0.3846`, `1×10⁹²`."""
    digits, _, power = f"{value:.4g}".partition("e")
    return _signed(digits) + (_power(int(power)) if power else "")


def in_json(value: Any) -> str:
    """A value of the summary, as it is but for its last digits."""
    if isinstance(value, list):
        return ", ".join(map(in_json, value))
    if isinstance(value, dict):
        return " ".join(f"{key} {in_json(inner)}" for key, inner in value.items())
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _is_extreme(size: float) -> bool:
    return not SMALL <= size < LARGE and size != 0.0


def _scientific(value: float, decimals: int) -> str:
    if not math.isfinite(value):
        return DASH
    digits, _, power = f"{value:.{decimals}e}".partition("e")
    return _signed(digits) + _power(int(power))


def _power(power: int) -> str:
    return f"×10{str(power).translate(RAISED)}"


def _signed(told: str) -> str:
    """With the minus sign of print; of what is rounded to 0 with none."""
    return told.lstrip("-") if not told.strip("-0.") else told.replace("-", MINUS)


def _exponent(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])
