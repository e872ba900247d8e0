"""The documents models are judged on, and what each model says of them.

Texts are not kept past the first node: what follows needs ids, labels, lengths, groups and the
metadata fields compared by.
"""

from typing import Any

import polars as pl

from app.config.ideo.analysis import Analysis
from app.config.ideo.models import Models
from app.datasets.sides import Frame
from app.errors import InputError, StaleInputError
from app.pipelines.ideo.identity import require_same_content, require_same_identity


def judged_documents(
    job: Frame, meta_view: dict[str, Any], identity: dict[str, Any], analysis: Analysis
) -> pl.DataFrame:
    """The job side without its texts: id, label, n_chars, group, and the fields compared by.

    Raises StaleInputError where the files were prepared from another corpus, view or config.
    """
    require_same_identity(meta_view["identity"], identity, "the prepared documents")
    judged = _facts(job, analysis, fields=analysis.compare_by)
    if judged.height == 0:
        raise InputError("the job side has no documents: nothing to evaluate; see meta_view.json")
    require_same_content(job, meta_view, "job")
    return judged


def learned_documents(train: Frame, meta_view: dict[str, Any], analysis: Analysis) -> pl.DataFrame:
    """What the baselines learn from: label, n_chars and group of the training side."""
    require_same_content(train, meta_view, "train")
    return _facts(train, analysis, fields=[])


def collect_predictions(
    judged: pl.DataFrame,
    check: dict[str, pl.DataFrame],
    sklearn: dict[str, pl.DataFrame],
    spacy: dict[str, pl.DataFrame],
    hf: dict[str, pl.DataFrame],
    models: Models,
) -> pl.DataFrame:
    """id, label and a column `family/model_id` of predicted labels for each configured model.

    Raises InputError where a model predicted nothing, StaleInputError where it predicted other
    documents than these.
    """
    families = {"check": check, "sklearn": sklearn, "spacy": spacy, "hf": hf}
    table = judged.select("id", "label")
    for model_id, spec in models.root.items():
        name = f"{spec.family}/{model_id}"
        if model_id not in families[spec.family]:
            raise InputError(f"no predictions of {name}; run the stages train and evaluate again")
        predicted = families[spec.family][model_id].select("id", pl.col("predicted").alias(name))
        if predicted.height != table.height or set(predicted["id"]) != set(table["id"]):
            raise StaleInputError(
                f"{name} predicted {predicted.height} documents, which are not the "
                f"{table.height} of the job side; run the stages train and evaluate again"
            )
        table = table.join(predicted, on="id", how="left", maintain_order="left")
    return table


def model_names(predictions: pl.DataFrame) -> list[str]:
    """`family/model_id` of each model in a table of `collect_predictions`."""
    return [name for name in predictions.columns if name not in ("id", "label")]


def _facts(side: Frame, analysis: Analysis, fields: list[str]) -> pl.DataFrame:
    given = [pl.col(field).replace("", None).alias(f"by {field}") for field in fields]
    if analysis.group_field is not None:
        given.append(pl.col(analysis.group_field).alias("group"))
    n_chars = pl.col("text").str.len_chars().alias("n_chars")
    return side.lazy().select("id", "label", n_chars, *given).collect(engine="streaming")
