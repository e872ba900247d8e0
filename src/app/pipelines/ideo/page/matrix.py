"""A confusion matrix drawn as SVG: rows are true labels and are shaded by their share, each cell
shows how many documents it holds."""

from collections.abc import Sequence

from app.svg import figure, rect, short_names, text, width_of

DEEPEST = 0.55  # shade of a share of 1: figures in ink stay legible on it, light page or dark
FAINT_ON_SHADE = 0.3  # share up to which faint figures are legible


def confusion_chart(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """The matrix for any number of labels: cells shrink, and long names are cut."""
    cell = 78.0 if len(labels) <= 4 else 58.0 if len(labels) <= 8 else 40.0
    names = short_names(labels, 20)
    widest = width_of(names)
    turned = widest > cell - 6
    left, top = widest + 12, (widest * 0.72 + 34 if turned else 44)
    shapes = [
        text(left, 12, "predicted →", "small muted"),
        text(0, top - 8, "true ↓", "small muted"),
    ]
    for column, (label, name) in enumerate(zip(labels, names, strict=True)):
        x = left + (column + 0.5) * cell
        shapes.append(
            text(x, top - 8, name, "small", -45, label)
            if turned
            else text(x, top - 8, name, "small mid", 0.0, label)
        )
    for row, (label, name) in enumerate(zip(labels, names, strict=True)):
        y, total = top + row * cell, sum(counts[row])
        shapes.append(text(left - 8, y + cell / 2 + 4, name, "end", 0.0, label))
        for column, n in enumerate(counts[row]):
            share = n / total if total else 0.0
            hint = f"{label} predicted as {labels[column]}: {n} of {total}"
            shapes += _cell(left + column * cell, y, cell, n, share, hint)
    right = widest * 0.72 if turned else 0.0
    return figure(
        left + len(labels) * cell + right + 2,
        top + len(labels) * cell + 2,
        shapes,
        "Confusion matrix",
    )


def _cell(x: float, y: float, size: float, n: int, share: float, hint: str) -> list[str]:
    colour = "" if n else "muted"
    middle, roomy, faint = y + size / 2, size > 50, "muted" if share < FAINT_ON_SHADE else ""
    shapes = [rect(x, y, size, size, "cell")]
    if n:
        shapes.append(rect(x + 1, y + 1, size - 2, size - 2, "model", share * DEEPEST, hint))
    shapes += [
        text(
            x + size / 2,
            middle + (1 if roomy else 4),
            f"{n:,}",
            f"mid {colour} {'' if roomy else 'small'}",
        ),
    ]
    if roomy:
        shapes.append(
            text(x + size / 2, middle + 17, f"{share:.0%}", f"mid small {colour or faint}")
        )
    return shapes
