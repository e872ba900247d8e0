"""Nested values as the flat names and values that MLflow shows: params and metrics."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

NOT_SCORES = frozenset({"seed"})  # a number, but nothing was measured


def flat_params(config: object) -> dict[str, str]:
    """`{"split": {"train_prop": 0.8}}` as `{"split.train_prop": "0.8"}`; lists are JSON."""
    return {name: _text(value) for name, value in _leaves(config, "")}


def flat_scores(results: Mapping[str, Any]) -> dict[str, float]:
    """The numbers at the top of one model's results, and the F1 of each of its labels."""
    scores = {key: float(value) for key, value in results.items() if _is_score(key, value)}
    report = results.get("classification_report", {})
    for label, row in report.get("labels", {}).items():
        scores[f"f1.{label}"] = float(row["f1"])
    return scores


def mlflow_name(name: str) -> str:
    """The name with what MLflow takes in names of params and metrics, and at most its 250."""
    return re.sub(r"[^/\w.\- ]", "_", name)[:250]


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if not isinstance(value, Mapping) or (name and not value):
        yield mlflow_name(name), value
        return
    for key, part in value.items():
        yield from _leaves(part, f"{name}.{key}" if name else str(key))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _is_score(key: str, value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and key not in NOT_SCORES
