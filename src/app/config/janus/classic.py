"""Keys of earlier sampler scripts, as a file of settings may have them:

run_name, n_workers       as they are
output_dir                output_root
nwalkers, nsteps          sampler.walkers, sampler.steps; sampler=emcee where none is chosen
checkpoint_interval       checkpoint.every, in steps
log_prob_module           cosmology.log_prob_module; with cosmology=custom, likelihood=none and
                          rivals=none. The path of a .py file is relative to the file of
                          settings: it is found whichever folder the command is given in
log_prob_function         cosmology.log_prob_function
prior_center, prior_width prior.center and prior.width: of each parameter the middle of its flat
                          interval, and the FULL width, from one end to the other
ndim                      cosmology.ndim: of a custom log-probability, whose parameters are
                          theta_0, theta_1, ... where cosmology.prior names none
"""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from app.config.settings_file import Setting
from app.errors import ConfigError

SAME = {
    "output_dir": "output_root",
    "nwalkers": "sampler.walkers",
    "nsteps": "sampler.steps",
    "checkpoint_interval": "checkpoint.every",
    "log_prob_module": "cosmology.log_prob_module",
    "log_prob_function": "cosmology.log_prob_function",
    "prior_center": "prior.center",
    "prior_width": "prior.width",
    "ndim": "cosmology.ndim",
}
KEYS = frozenset(SAME)
_OF_EMCEE = ("nwalkers", "nsteps")
_OF_CUSTOM = ("log_prob_module", "log_prob_function")
_WITHOUT_MODEL = {"cosmology": "custom", "likelihood": "none", "rivals": "none"}


def modern(given: Sequence[Setting], told: Sequence[str], path: Path, conf: Path) -> list[Setting]:
    """The settings of the file `path` in the keys of the config.

    `told`: the overrides of the command line, which choose before the file does.

    Raises:
        ConfigError: a key stands beside the one that has its meaning now, or the keys do not fit
            each other.
    """
    classic = {one.key: one for one in given if one.key in KEYS}
    _require_one_spelling(classic.values(), given)
    own = [one for one in given if one.key not in KEYS]
    chosen = _chosen(own, told, conf)
    brought = _choices(classic, chosen)
    is_custom = "custom" in (chosen.get("cosmology"), *(one.value for one in brought))
    _require_custom(classic, is_custom)
    if is_custom and not any(_is_within(key, "cosmology.prior") for key in chosen):
        priors = _priors(classic)
        classic = {key: one for key, one in classic.items() if not key.startswith("prior_")}
    else:
        priors = []
    renamed = [_renamed(one, path) for one in classic.values()]
    return [*brought, *own, *renamed, *priors]


def _require_one_spelling(classic: Collection[Setting], given: Sequence[Setting]) -> None:
    for one in classic:
        for other in given:
            if _is_within(other.key, SAME[one.key]):
                raise ConfigError(
                    f"{one.key} and {other.key}: they mean the same; leave one out\n"
                    f"  set in {one.place}, and {other.place}"
                )


def _choices(classic: dict[str, Setting], chosen: Collection[str]) -> list[Setting]:
    """The choices that keys bring with them, where nothing is chosen."""
    wanted: dict[str, tuple[str, str]] = {}
    for key in _OF_EMCEE:
        if key in classic:
            wanted["sampler"] = ("emcee", key)
    for key in _OF_CUSTOM:
        if key in classic:
            wanted |= {group: (choice, key) for group, choice in _WITHOUT_MODEL.items()}
    return [
        Setting(group, choice, _as(classic[key]))
        for group, (choice, key) in wanted.items()
        if group not in chosen
    ]


def _chosen(own: Sequence[Setting], told: Sequence[str], conf: Path) -> dict[str, str]:
    """Key -> value of the file and the command line, which comes first; before both, the choices
    that their profile or experiment makes."""
    said = {one.key: str(one.value) for one in own}
    said |= dict(item.lstrip("+~").partition("=")[::2] for item in told)
    preset: dict[str, str] = {}
    for group in ("experiment", "profile"):
        file = conf / group / f"{said.get(group, preset.get(group))}.yaml"
        if file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            preset |= dict(re.findall(r"override\s+/(\w+):\s*([\w.-]+|\[.*?\])", text))
    return preset | said


def _require_custom(classic: dict[str, Setting], is_custom: bool) -> None:
    for key in (*_OF_CUSTOM, "ndim"):
        if key not in classic or is_custom:
            continue
        if key == "ndim":
            raise ConfigError(
                "ndim: only a custom log-probability has it; leave it out: the parameters are "
                f"those of the model and of the data\n  set in {classic[key].place}"
            )
        raise ConfigError(
            f"{key}: for cosmology=custom, and another cosmology is chosen; leave one of them out"
            f"\n  set in {classic[key].place}"
        )


def _priors(classic: dict[str, Setting]) -> list[Setting]:
    """A flat interval for each of theta_0, theta_1, ..."""
    center, width = (_numbers(classic, key) for key in ("prior_center", "prior_width"))
    count = classic["ndim"].value if "ndim" in classic else len(center)
    for key, values in (("prior_center", center), ("prior_width", width)):
        if len(values) != count:
            raise ConfigError(
                f"{key}: {len(values)} numbers for {count!r} parameters; one for each\n"
                f"  set in {classic[key].place}"
            )
    return [
        Setting(f"cosmology.prior.theta_{at}.{name}", value, _as(classic[f"prior_{of}"]))
        for at, (middle, full) in enumerate(zip(center, width, strict=True))
        for name, value, of in (
            ("kind", "centred", "center"),
            ("center", middle, "center"),
            ("width", full, "width"),
        )
    ]


def _numbers(classic: dict[str, Setting], key: str) -> list[Any]:
    if key not in classic:
        raise ConfigError(
            f"{key}: needed by a custom log-probability without cosmology.prior: a list of one "
            "number for each parameter; prior_center has the middles of their flat intervals, "
            "prior_width the full widths, from one end to the other"
        )
    value = classic[key].value
    if not isinstance(value, list):
        raise ConfigError(
            f"{key}={value}: a list of one number for each parameter, e.g. [{value}]\n"
            f"  set in {classic[key].place}"
        )
    return value


def _renamed(one: Setting, path: Path) -> Setting:
    value = one.value
    if one.key == "log_prob_module" and isinstance(value, str) and value.endswith(".py"):
        value = str(path.absolute().parent / Path(value).expanduser())
    return Setting(SAME[one.key], value, _as(one))


def _as(one: Setting) -> str:
    return f"{one.place}, as {one.key}"


def _is_within(key: str, group: str) -> bool:
    return key == group or key.startswith(f"{group}.")
