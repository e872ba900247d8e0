"""An invented evaluation: documents of speakers, and models that guess them more or less well.
What follows from the predictions is computed by the study itself."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from app.config.ideo.analysis import Analysis
from app.config.ideo.dataset import Dataset
from app.config.ideo.models import Models
from app.config.ideo.view import View
from app.datasets.tsv import tsv_sha256
from app.pipelines.ideo import by_field, judged, scoring
from app.pipelines.ideo.page.findings import Findings, gather_findings

IDENTITY = {
    "hash": "c0ffee" * 5,
    "config": {"seed": 42, "balance.strategy": "none", "filters.min_chars": 200},
    "sources": {"debates:one.xml": "ab12 1000"},
}
ESTIMATOR = {"name": "linear_svc", "C": 1.0, "class_weight": "none"}


@dataclass
class Invented:
    """What there is to evaluate. `skills`: model_id -> share of documents it knows."""

    labels: list[str]
    skills: dict[str, float]
    n_documents: int = 600
    n_speakers: int = 60
    parties: list[str] = field(default_factory=lambda: ["Greens", "Conservatives", "Liberals"])
    seed: int = 7
    meta_view: dict[str, Any] = field(default_factory=dict)
    cards: dict[str, dict[str, Any]] = field(default_factory=dict)
    top_features: dict[str, Any] = field(default_factory=dict)
    group_field: str | None = "speaker"

    def __post_init__(self) -> None:
        self.analysis = Analysis(
            compare_by=["party"], group_field=self.group_field, bootstrap_samples=200
        )
        self.models = Models.model_validate(
            {
                name: {"family": "check"}
                if name == "check"
                else {"family": "sklearn", "estimator": ESTIMATOR}
                for name in self.skills
            }
        )
        self.generator = np.random.default_rng(self.seed)
        leaning = self.generator.choice(self.labels, self.n_speakers)
        self.documents = self._documents(leaning)
        sides = self.generator.random(self.n_documents) < 0.6
        self.train = self.documents.filter(pl.Series(sides))
        self.job = self.documents.filter(pl.Series(~sides))

    def _documents(self, leaning: np.ndarray) -> pl.DataFrame:
        speaker = self.generator.integers(0, self.n_speakers, self.n_documents)
        party = [self.parties[one % len(self.parties)] for one in speaker]
        words = self.generator.integers(20, 200, self.n_documents)
        return pl.DataFrame(
            {
                "id": [f"debates:{place}" for place in range(self.n_documents)],
                "label": [str(leaning[one]) for one in speaker],
                "party": party,
                "speaker": [f"speaker {one}" for one in speaker],
                "text": ["mot " * n for n in words],
            }
        )

    def predictions(self) -> dict[str, dict[str, pl.DataFrame]]:
        """family -> model_id -> table, as the predicting nodes give them."""
        found: dict[str, dict[str, pl.DataFrame]] = {
            family: {} for family in ("check", "sklearn", "spacy", "hf")
        }
        truth = self.job["label"].to_numpy()
        for model_id, skill in self.skills.items():
            known = self.generator.random(self.job.height) < skill
            guess = np.where(known, truth, self.generator.choice(self.labels, self.job.height))
            table = self.job.select("id", "label").with_columns(
                predicted=pl.Series([str(one) for one in guess]), score=pl.lit(1.0)
            )
            found[self.models.root[model_id].family][model_id] = table
        return found

    def view(self) -> dict[str, Any]:
        """meta_view.json with the keys that are read."""
        counts = {
            side: dict(table.group_by("label").len().sort("label").iter_rows())
            for side, table in (("train", self.train), ("job", self.job))
        }
        nothing = {"groups_on_both_sides": 0, "job_docs": 0, "job_share": 0.0}
        return {
            "identity": IDENTITY,
            "train_sha256": tsv_sha256(self.train),
            "job_sha256": tsv_sha256(self.job),
            "n_docs_raw": self.n_documents + 30,
            "n_docs_train_raw": self.train.height,
            "n_docs_train_balanced": self.train.height,
            "n_docs_job": self.job.height,
            "label_counts_train_before_balance": counts["train"],
            "label_counts_train_after": counts["train"],
            "label_counts_job": counts["job"],
            "dropped": {"min_chars": 25, "unknown label": 5},
            "problems": [],
            "leakage": {"same_text": nothing, "near_duplicates": None, "groups": {}},
            **self.meta_view,
        }

    def results(self) -> dict[str, Any]:
        """What the report is made from, as `evaluate` gives it."""
        view = self.view()
        documents = judged.judged_documents(self.job, view, IDENTITY, self.analysis)
        learned = judged.learned_documents(self.train, view, self.analysis)
        families = self.predictions()
        table = judged.collect_predictions(documents, *families.values(), self.models)
        baselines = scoring.predict_baselines(learned, documents, view, self.analysis)
        dataset = Dataset(dataset_id="debates", corpus_ids=["debates"])
        described = View(name="wing", source="field", field="party")
        return {
            "metrics": scoring.score_models(
                table, baselines, documents, learned, IDENTITY, self.models, self.analysis, 42
            ),
            "metrics_by": by_field.score_by_field(table, documents, self.analysis),
            "comparison": scoring.compare_models(table, baselines, documents, self.analysis, 42),
            "meta_evals": scoring.describe_evaluation(
                documents, table, IDENTITY, dataset, described, self.analysis, 42
            ),
            "meta_view": view,
        }

    def findings(self) -> Findings:
        return gather_findings(
            **self.results(),
            top_features=self.top_features,
            cards=self.cards,
            identity=IDENTITY,
            models=self.models,
            analysis=self.analysis,
        )
