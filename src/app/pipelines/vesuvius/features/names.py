"""What the feature maps of a volume are called, in their order."""

from app.config.vesuvius.features import Features

BASE = ("gaussian", "gradient", "hessian1", "hessian2", "hessian3")  # of each scale
AXES = ("z", "y", "x")


def scales_of(config: Features) -> list[float]:
    """Ascending, each once."""
    return sorted(set(config.scales))


def maps_per_scale(config: Features) -> int:
    """The Gaussian's own gradient magnitude is a base map."""
    return len(BASE) + (len(BASE) - 1 if config.gradients else 0)


def feature_names(config: Features) -> tuple[str, ...]:
    """Of the F maps: "gaussian s=2", "hessian1 s=2", "gradient of hessian1 s=2", "coordinate z"."""
    names: list[str] = []
    for s in scales_of(config):
        base = [f"{name} s={s:g}" for name in BASE]
        names += base
        if config.gradients:
            names += [f"gradient of {name}" for name in base[1:]]
    if config.coordinates:
        names += [f"coordinate {axis}" for axis in AXES]
    return tuple(names)
