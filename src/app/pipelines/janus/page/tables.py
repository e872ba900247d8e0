"""The two tables of the page, column by column; a column that is empty for all is left out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.pipelines.janus.page.numbers import (
    DASH,
    beside,
    count,
    figure,
    measured,
    short,
    small,
)

Told = Mapping[str, Any]

TRUSTED = 50.0  # steps, in autocorrelation times, that an effective size is trusted from
LEAST = 10.0  # the same: below, tau itself is not known, nor is what is divided by it
OTHER_COVARIANCE, NO_DIC, NO_WAIC = "a", "b", "†"  # marks of what is said below the table
DELTA = "Δ"
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Cell:
    """`alerts` stand behind the text in red, `mark` above it; `title`: shown when pointed at."""

    text: str
    mark: str = ""
    alerts: tuple[str, ...] = ()
    title: str = ""


@dataclass(frozen=True)
class Column:
    """`small` follows the head in smaller print; `kind`: a class of the page's style."""

    head: str
    cells: tuple[Cell, ...]
    kind: str = "n"
    small: str = ""

    @property
    def is_empty(self) -> bool:
        return not any(cell.text for cell in self.cells)


def parameters(told: Told) -> list[Column]:
    """One row for each parameter of a model."""
    names: Sequence[str] = told["names"]
    rows = [told["parameters"][name] for name in names]

    def column(head: str, of: Callable[[Told], str], kind: str = "n") -> Column:
        return Column(head, tuple(Cell(of(row)) for row in rows), kind)

    best = told["best"] or {}
    found = [
        Column("parameter", tuple(_named(name, told) for name in names), "name"),
        Column(
            "best fit",
            tuple(
                Cell(beside(best.get(name), row["sd"]))
                for name, row in zip(names, rows, strict=True)
            ),
        ),
        column("mean ± sd", lambda row: measured(row["mean"], row["sd"]), "n strong"),
        column("median, 68 %", lambda row: f"{_in(row, 'q50')} {_range(row, 'q16', 'q84')}"),
        column("95 %", lambda row: _range(row, "q025", "q975")),
        Column("ESS", tuple(effective_size(row, told["steps_used"]) for row in rows)),
        column("R-hat", lambda row: figure(row["rhat"], 4)),
        column("τ", lambda row: figure(row["tau"], 1)),
        column("MCSE", lambda row: small(row["mcse"])),
        Column(
            "prior",
            tuple(Cell(density(row["density"]), title=row["prior"]) for row in rows),
            "prior",
        ),
    ]
    return _told(found)


def effective_size(row: Told, steps: int | None) -> Cell:
    """Of a chain that is shorter than 50 autocorrelation times with a remark, of one that is
    shorter than 10 none."""
    if steps is None or row["tau"] is None or row["ess"] is None:
        return Cell(count(row["ess"]))
    times = steps / row["tau"]
    if times >= TRUSTED:
        return Cell(count(row["ess"]))
    remark = f"{count(steps)} steps are {times:.2g} τ"
    return Cell(DASH if times < LEAST else count(row["ess"]), alerts=(remark,))


def density(told: Told) -> str:
    """`U(0, 1)`, `N(0, 3)`, `N(0, 3) in [0, ∞)`, `gamma(a = 2, scale = 3)`: mean and standard
    deviation, not variance."""
    if told["kind"] == "uniform":
        return f"U({short(told['low'])}, {short(told['high'])})"
    if told["kind"] == "normal":
        within = ""
        if "low" in told or "high" in told:
            low = f"[{short(told['low'])}" if "low" in told else "(−∞"
            high = f"{short(told['high'])}]" if "high" in told else "∞)"
            within = f" in {low}, {high}"
        return f"N({short(told['mean'])}, {short(told['sd'])}){within}"
    arguments = [f"{key} = {short(told[key])}" for key in told if key not in ("kind", "name")]
    return f"{told.get('name', told['kind'])}({', '.join(arguments)})"


def comparison(it: Told, models: Mapping[str, Told]) -> list[Column]:
    """One row for each model of a run, against the first."""
    rows: Sequence[Told] = it["comparison"]
    first = models[rows[0]["model"]]
    n = it["criteria"]["n_gaussian"]

    def column(head: str, key: str, decimals: int = 2) -> Column:
        return Column(head, tuple(Cell(figure(row[key], decimals)) for row in rows))

    def marked(head: str, key: str, mark: str, is_doubtful: Callable[[Told], bool]) -> Column:
        """A dash or a number with `mark` where the model's or the first one's is in doubt."""
        cells = []
        for row in rows:
            doubtful = is_doubtful(models[row["model"]]) or is_doubtful(first)
            text = figure(row[key], 2) or (DASH if doubtful else "")
            cells.append(Cell(text, mark if doubtful else ""))
        return Column(head, tuple(cells))

    chi2 = tuple(
        Cell(DASH, OTHER_COVARIANCE)
        if row["delta_chi2"] is None and row["chi2_min"] is not None
        else Cell(figure(row["delta_chi2"], 2))
        for row in rows
    )
    found = [
        Column("model", tuple(_model(row) for row in rows), "name strong"),
        Column("k", tuple(Cell(_counted(models[row["model"]])) for row in rows)),
        column("χ² min", "chi2_min", 3),
        Column("χ²/dof", tuple(Cell(figure(row["chi2_dof"], 3) or DASH) for row in rows)),
        Column(f"{DELTA}χ²", chi2),
        column(f"−2 {DELTA} ln L".replace(" ", NO_BREAK), "delta_deviance"),
        column(f"{DELTA}AIC", "delta_aic"),
        column(f"{DELTA}AICc", "delta_aicc"),
        Column(
            f"{DELTA}BIC",
            column("", "delta_bic").cells,
            small=f"n = {count(n)}" if n else "",
        ),
        marked(f"{DELTA}DIC", "delta_dic", NO_DIC, has_no_dic),
        marked(f"{DELTA}WAIC", "delta_waic", NO_WAIC, waic_is_doubtful),
        column("ln Z", "ln_z", 3),
        Column("ln B", tuple(Cell(_ln_b(row, rows[0])) for row in rows)),
        Column("verdict", tuple(Cell(row["verdict"]) for row in rows), "words"),
    ]
    return _told(found)


def has_no_dic(told: Told) -> bool:
    """A negative p_D: the posterior mean is no estimate that parameters could be counted by."""
    p_dic = told["criteria"]["p_dic"]
    return p_dic is not None and p_dic < 0.0


def waic_is_doubtful(told: Told) -> bool:
    """By the variance of single data (Vehtari, Gelman & Gabry 2017), or since it counts more
    parameters than there are."""
    of = told["criteria"]
    return of["waic"] is not None and (of["n_varying"] > 0 or of["p_waic"] > of["k"])


def _told(columns: Iterable[Column]) -> list[Column]:
    return [column for column in columns if not column.is_empty]


def _named(name: str, told: Told) -> Cell:
    alerts = []
    if name in told["unconstrained"]:
        alerts.append("unconstrained")
    if name in told["on_bounds"]:
        alerts.append("at its bound")
    return Cell(name, alerts=tuple(alerts))


def _model(row: Told) -> Cell:
    return Cell(row["model"], alerts=() if row["converged"] else ("not converged",))


def _counted(told: Told) -> str:
    """Parameters that are sampled, and offsets that are fitted analytically."""
    sampled = len(told["names"])
    offsets = told["criteria"]["k"] - sampled
    if not offsets:
        return str(sampled)
    return f"{sampled} + {offsets} offset{'s' if offsets > 1 else ''}"


def _ln_b(row: Told, first: Told) -> str:
    told = figure(row["ln_b"], 3)
    if row is first or row["ln_b_sd"] is None:
        return told
    return f"{told} ± {figure(row['ln_b_sd'], 3)}"


def _in(row: Told, key: str) -> str:
    return beside(row[key], row["sd"])


def _range(row: Told, low: str, high: str) -> str:
    return f"[{_in(row, low)}, {_in(row, high)}]"
