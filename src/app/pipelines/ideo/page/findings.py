"""Everything the report says, gathered once, so that the page and the text say the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.config.ideo.analysis import Analysis
from app.config.ideo.models import Models
from app.pipelines.ideo.identity import require_same_identity
from app.pipelines.ideo.page import documents, results
from app.pipelines.ideo.page.charts import balance_bars, feature_panel, feature_sheet, score_bars
from app.pipelines.ideo.page.matrix import confusion_chart
from app.pipelines.ideo.page.results import Row
from app.pipelines.ideo.scoring import class_notes

TopFeatures = dict[str, dict[str, list[tuple[str, float]]]]  # model_id -> label -> (term, weight)

MATRICES_SHOWN = 4  # the best models' are open, the others folded; one where labels are many
MANY_LABELS = 8


@dataclass(frozen=True)
class Findings:
    """What the templates read. Rows are plain dicts with the keys of their JSON files."""

    title: str
    subtitle: str
    headline: str
    tiles: list[Row]
    warnings: list[str]
    models: list[Row]
    baselines: list[Row]
    confidence: str
    scores_caption: str
    balance: dict[str, dict[str, int]]
    balance_caption: str
    fields: list[Row]
    comparison_note: str
    pairs: list[Row]
    other_pairs: list[Row]
    against_baselines: list[Row]
    other_against_baselines: list[Row]
    top_features: TopFeatures
    flow: list[Row]
    flow_sentence: str
    problems: list[Row]
    provenance: dict[str, str]
    config: dict[str, str]

    @property
    def shown_matrices(self) -> list[Row]:
        return self.models[: self._n_shown()]

    @property
    def folded_matrices(self) -> list[Row]:
        return self.models[self._n_shown() :]

    def _n_shown(self) -> int:
        n_labels = max(len(row["confusion_matrix"]["labels"]) for row in self.models)
        return 1 if n_labels > MANY_LABELS else MATRICES_SHOWN

    @property
    def features(self) -> dict[str, list[str]]:
        """model_id -> a drawing for each label."""
        return {
            model_id: [feature_panel(label, terms) for label, terms in by_label.items()]
            for model_id, by_label in self.top_features.items()
        }

    @property
    def sections(self) -> list[tuple[str, str]]:
        """(anchor, heading) of the sections there are."""
        sections = [
            ("scores", "Scores", True),
            ("confusion", "Confusion matrices", True),
            ("balance", "Class balance", True),
            ("fields", "By field", bool(self.fields)),
            ("comparison", "Comparisons", True),
            ("features", "Top features", bool(self.top_features)),
            ("flow", "Documents", True),
            ("provenance", "Provenance", True),
        ]
        return [(anchor, heading) for anchor, heading, there in sections if there]


def gather_findings(
    metrics: dict[str, Any],
    metrics_by: dict[str, Any],
    comparison: dict[str, Any],
    meta_evals: dict[str, dict[str, Any]],
    meta_view: dict[str, Any],
    top_features: TopFeatures,
    cards: dict[str, dict[str, Any]],
    identity: dict[str, Any],
    models: Models,
    analysis: Analysis,
) -> Findings:
    """Reads the results of the configured models, and no others that lie beside them.

    Raises StaleInputError where documents or results are of another config than this run's.
    """
    require_same_identity(meta_view["identity"], identity, "the prepared documents")
    ranked = results.ranked_models(metrics, models, identity)
    best = ranked[0]
    meta_eval = meta_evals[best["key"]]
    results.require_same_analysis(meta_eval, analysis)
    baselines = results.baseline_rows(best, meta_eval["analysis"]["group_field"])
    names = {row["key"]: row["name"] for row in [*ranked, *baselines]}
    pairs = results.compared(comparison, best, names)
    dataset, balance = meta_eval["dataset"], documents.class_balance(meta_view)
    confidence = f"{meta_eval['confidence']:.0%}"
    return Findings(
        title=f"{dataset['dataset_id']} · {meta_eval['view']}",
        subtitle=_subtitle(meta_view, dataset, best),
        headline=_headline(ranked, baselines, pairs["against_baselines"], confidence),
        tiles=_tiles(best, baselines),
        warnings=_warnings(ranked, pairs["against_baselines"], cards, meta_view, meta_eval),
        models=[{**row, "per_label": row["classification_report"]["labels"]} for row in ranked],
        baselines=baselines,
        confidence=confidence,
        scores_caption=_scores_caption(meta_eval, confidence, len(ranked), bool(baselines)),
        balance=balance,
        balance_caption=(
            "Only the training side is balanced; the job side keeps its natural distribution."
        ),
        fields=results.by_field(metrics_by, ranked, meta_eval["analysis"]["compare_by"]),
        comparison_note=_comparison_note(meta_eval, confidence, any(pairs.values())),
        pairs=pairs["pairs"],
        other_pairs=pairs["other_pairs"],
        against_baselines=pairs["against_baselines"],
        other_against_baselines=pairs["other_against_baselines"],
        top_features=top_features,
        flow=documents.flow(meta_view),
        flow_sentence=documents.flow_sentence(meta_view),
        problems=meta_view.get("problems", []),
        provenance={
            "identity": identity["hash"],
            "seed": str(meta_eval["seed"]),
            "versions": ", ".join(
                f"{name} {found}" for name, found in sorted(_versions(meta_eval, cards).items())
            ),
        },
        config=_config(identity, ranked, meta_eval),
    )


def draw(findings: Findings) -> dict[str, str]:
    """Every drawing of the report, by the name of its file."""
    drawings = {
        "scores": score_bars(findings.models, findings.baselines),
        "class_balance": balance_bars(findings.balance),
    }
    for row in findings.models:
        table = row["confusion_matrix"]
        drawings[row["matrix"]] = confusion_chart(table["labels"], table["counts"])
    for model_id, by_label in findings.top_features.items():
        drawings[f"features_{model_id}"] = feature_sheet(by_label)
    return drawings


def _subtitle(meta_view: Row, dataset: Row, best: Row) -> str:
    where = f", evaluated on {dataset['eval_dataset_id']}" if dataset["eval_dataset_id"] else ""
    labels = meta_view["label_counts_job"].keys() | meta_view["label_counts_train_after"].keys()
    return (
        f"{len(labels)} labels; corpora {', '.join(dataset['corpus_ids'])}{where}; trained on "
        f"{meta_view['n_docs_train_balanced']:,} documents, judged on {best['n_eval_docs']:,}"
    )


def _headline(ranked: list[Row], baselines: list[Row], against: list[Row], confidence: str) -> str:
    best = ranked[0]
    low, high = best["intervals"]["macro_f1"]
    lead = (
        f"{best['name']} is the best of {len(ranked)} models" if len(ranked) > 1 else best["name"]
    )
    said = (
        f"{lead}: macro-F1 {best['macro_f1']:.3f} ({confidence} interval {low:.3f} to {high:.3f}), "
        f"accuracy {best['accuracy']:.3f}."
    )
    if not baselines:
        return said
    strongest = baselines[0]
    said += f" The strongest baseline, {strongest['name']}, reaches {strongest['macro_f1']:.3f}"
    pair = next((pair for pair in against if pair["b"] == strongest["name"]), None)
    shown = {"A is better": "; the model is better", "B is better": "; the baseline is better"}
    return said + (
        "." if pair is None else shown.get(results.verdict(pair), "; no difference is shown") + "."
    )


def _tiles(best: Row, baselines: list[Row]) -> list[Row]:
    def tile(row: Row, what: str) -> Row:
        low, high = row["intervals"]["macro_f1"]
        return {
            "what": what,
            "value": f"{row['macro_f1']:.3f}",
            "detail": f"macro-F1, {low:.3f} to {high:.3f}; accuracy {row['accuracy']:.3f}",
        }

    return [
        tile(best, f"best model: {best['name']}"),
        *(tile(row, f"baseline: {row['name']}") for row in baselines),
    ]


def _warnings(
    ranked: list[Row], against: list[Row], cards: Row, meta_view: Row, meta_eval: Row
) -> list[str]:
    judged = [row for row in ranked if row["family"] != "check"] or ranked
    found: dict[str, list[str]] = {}  # note -> models it is true of
    for row in judged:
        for note in class_notes(row["classes"]):
            found.setdefault(note, []).append(row["name"])
    notes = [
        note if len(names) == len(judged) else f"{note} ({', '.join(names)})"
        for note, names in found.items()
    ]
    unbeaten = [pair["b"] for pair in against if results.verdict(pair) != "A is better"]
    if unbeaten:
        notes.insert(0, f"The best model is not shown to be better than: {', '.join(unbeaten)}")
    return [
        *notes,
        *documents.warnings_of_labels(meta_view),
        *documents.warnings_of_documents(meta_view, meta_eval["analysis"]["group_field"]),
        *documents.capped(cards),
        *documents.warnings_of_intervals(meta_eval),
    ]


def _scores_caption(meta_eval: Row, confidence: str, n_models: int, baselines: bool) -> str:
    drawn = "documents" if meta_eval["unit"] == "document" else f"whole {meta_eval['unit']}s"
    said = (
        "Macro-F1 is the mean F1 over the labels that occur among the evaluated documents, or "
        "among those of a sample. "
        f"{confidence} intervals: percentile bootstrap, {meta_eval['samples']:,} samples of "
        f"{drawn} ({meta_eval['n_units']:,})."
    )
    if n_models > 1:
        said += " The best model is the best on these very documents, which flatters it a little."
    return said + (" Dashed: macro-F1 of the strongest baseline." if baselines else "")


def _comparison_note(meta_eval: Row, confidence: str, any_pair: bool) -> str:
    if not any_pair:
        return "There is nothing to compare: no model besides the check."
    drawn = "documents" if meta_eval["unit"] == "document" else f"whole {meta_eval['unit']}s"
    return (
        f"On the same documents: the difference in macro-F1 with its {confidence} interval (paired "
        f"bootstrap over {drawn}) and its p (the difference over its bootstrap standard error, "
        "normal), on which the verdict rests; and exact McNemar, which takes documents as "
        "independent. p-values are corrected after Holm, over the pairs of models and over those "
        "with baselines."
    )


def _versions(meta_eval: Row, cards: Mapping[str, Row]) -> dict[str, str]:
    versions = dict(meta_eval["versions"])
    for card in cards.values():
        versions.update(card.get("packages", {}))
    return versions


def _config(identity: Row, ranked: list[Row], meta_eval: Row) -> dict[str, str]:
    shown = {key: _plain(value) for key, value in sorted(identity["config"].items())}
    for row in ranked:
        for key, value in _flat(row["spec"], f"models.{row['name']}"):
            shown[key] = value
    return shown | dict(_flat(meta_eval["analysis"], "analysis"))


def _flat(value: Any, key: str) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [item for name, one in value.items() for item in _flat(one, f"{key}.{name}")]
    return [(key, _plain(value))]


def _plain(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "[]"
    return str(value).lower() if isinstance(value, bool) else str(value)
