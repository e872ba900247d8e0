"""What a sweep does: its folder, its repeats and seeds, when it stops, and what it draws."""

from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from app.config.base import NAME, Group
from app.config.durations import deadline_at, seconds_of


class EarlyStop(Group):
    """Runs whose scores are too low, by the metrics they recorded after `evaluate`."""

    families: list[str] = ["sklearn", "spacy", "hf"]  # models of other families are not judged
    min_accuracy: float | None = Field(default=None, ge=0.0, le=1.0)  # flag: low_accuracy
    min_macro_f1: float | None = Field(default=None, ge=0.0, le=1.0)  # flag: low_macro_f1
    action: Literal["flag", "skip_repeats", "prune"] = "flag"
    axis: str | None = None  # with prune: the axis whose value gets no more runs

    @model_validator(mode="after")
    def _prune_names_its_axis(self) -> Self:
        if self.action == "prune" and self.axis is None:
            raise ValueError("action=prune needs axis: the axis whose value gets no more runs")
        return self


class Superior(Group):
    """Keys of the sweep itself; none of them changes what a run computes."""

    exp_id: str | None = Field(default=None, pattern=NAME)
    # null: the experiment's or pipeline's name, and a hash of the other overrides
    repeats: int = Field(default=1, ge=1)
    seed_strategy: Literal["fixed", "per_repeat", "per_run"] = "fixed"
    # fixed: the config's seed; per_repeat: one for each repeat, the same for every combination
    # (paired comparisons); per_run: one for each run
    parallel: int | None = Field(default=None, ge=1)  # runs at a time; null: the cores
    max_runs: int | None = Field(default=None, ge=1)  # runs started by this command
    deadline: str | None = None  # 9h from now, or a time: 2026-11-21T08:00
    report_reserve: str = "60s"  # of the deadline, kept for the tables and the report
    resume: bool = True  # false: the earlier sweep of this exp_id is moved aside
    retry_failed: bool = False  # run again what failed, ran out of memory or of time
    retries: int = Field(default=1, ge=0)  # of a run killed from outside
    dry_run: bool = False  # shows and writes the plan, starts nothing
    backend: Literal["local", "slurm", "ray"] = "local"
    backend_options: dict[str, Any] = {}  # slurm: of submitit's executor; ray: of ray.init
    cache: bool = True  # unchanged stages are taken from the stage cache
    cache_gb: float = Field(default=20.0, gt=0)  # the least recently used stages make room
    early_stop: EarlyStop = EarlyStop()
    objective: str = Field(default="macro_f1", min_length=1)  # of a run's best model: what a
    # sweeper that searches (hydra/sweeper=optuna) is told
    analysis: dict[str, dict[str, Any] | None] = {}  # name -> hook: _target_ and its arguments

    @field_validator("cache", mode="before")
    @classmethod
    def _on_or_off(cls, cache: Any) -> Any:
        """On a command line `off` is a word; in YAML it is false."""
        return {"on": True, "off": False}.get(cache, cache) if isinstance(cache, str) else cache

    @field_validator("deadline")
    @classmethod
    def _is_time(cls, deadline: str | None) -> str | None:
        if deadline is not None:
            deadline_at(deadline, datetime.now(UTC))
        return deadline

    @field_validator("report_reserve")
    @classmethod
    def _is_duration(cls, reserve: str) -> str:
        seconds_of(reserve)
        return reserve

    @field_validator("analysis")
    @classmethod
    def _hooks_have_targets(
        cls, analysis: dict[str, dict[str, Any] | None]
    ) -> dict[str, dict[str, Any] | None]:
        for name, hook in analysis.items():
            if hook is not None and "_target_" not in hook:
                raise ValueError(f"{name}: a hook needs _target_, the function to call")
        return analysis
