"""How every figure looks, and how it is written: as PDF for a paper, as PNG for the page."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib

from app.durable.atomic import atomic_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#2b5f91", "#b9772a", "#5b8f6b", "#8a4f7d", "#68645d")  # of the models, in their order
INK, MUTED, RULE = "#1d1c1a", "#68645d", "#e3dfd8"
COLUMN, PAGE = 3.5, 7.1  # inches: a column, and the width, of a journal's page
DPI = 150  # of the page's pictures
LABELS = {
    "q0": r"$q_0$",
    "Om": r"$\Omega_m$",
    "Ok": r"$\Omega_k$",
    "w": r"$w$",
    "w0": r"$w_0$",
    "wa": r"$w_a$",
    "H0": r"$H_0$ [km/s/Mpc]",
    "Om_bar": r"$\bar\Omega_m$",
    "chi": r"$\chi$",
    "sigma_int": r"$\sigma_{\rm int}$ [mag]",
    "alpha": r"$\alpha$",
    "beta": r"$\beta$",
    "mass_step": r"$\Delta M$ [mag]",
    "log_phi": r"$\log_{10}\phi_*$",
    "M_star": r"$M_*$",
    "alpha_uv": r"$\alpha_{\rm UV}$",
    "dlog_phi": r"$d\log_{10}\phi_*/dz$",
    "dM_star": r"$dM_*/dz$",
    "dalpha_uv": r"$d\alpha_{\rm UV}/dz$",
}


@contextmanager
def styled() -> Iterator[None]:
    """Inside, figures have the style; no window is opened."""
    matplotlib.use("Agg")
    chosen: dict[str, Any] = {
        "font.size": 9.0,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": INK,
        "axes.linewidth": 0.7,
        "axes.grid": False,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.direction": "in",
        "ytick.direction": "in",
        "legend.frameon": False,
        "pdf.fonttype": 42,  # text stays text
        "savefig.bbox": "tight",
    }
    with matplotlib.rc_context(chosen):
        yield


def label(parameter: str) -> str:
    """How a figure writes a parameter."""
    return LABELS.get(parameter, parameter.replace("_", " "))


def write(figure: "Figure", folder: Path, name: str) -> None:
    """`name`.pdf and `name`.png in the folder; the figure is closed."""
    from matplotlib import pyplot

    for suffix, how in (("pdf", {"metadata": {"CreationDate": None}}), ("png", {"dpi": DPI})):
        with atomic_file(folder / f"{name}.{suffix}") as partial:
            figure.savefig(partial, format=suffix, **how)
    pyplot.close(figure)
