"""`evaluate`: every model predicts the job side, and is scored beside the baselines."""

from kedro.pipeline import Node, Pipeline

from app.pipelines.ideo.by_field import score_by_field
from app.pipelines.ideo.judged import collect_predictions, judged_documents, learned_documents
from app.pipelines.ideo.predict import predict_check, predict_hf, predict_sklearn, predict_spacy
from app.pipelines.ideo.prepare import identify_node
from app.pipelines.ideo.scoring import (
    compare_models,
    describe_evaluation,
    predict_baselines,
    score_models,
    write_classification_reports,
)

PREDICTORS = {
    "check": (predict_check, "job"),
    "sklearn": (predict_sklearn, "sklearn_table"),
    "spacy": (predict_spacy, "spacy_shards"),
    "hf": (predict_hf, "hf_rows"),
}  # family -> its prediction, and the form of the job side it reads


def create_pipeline() -> Pipeline:
    """Nodes tagged `evaluate`; those that predict, also with their family."""
    predictors = [
        Node(
            predict,
            [f"{family}_models", documents, "params:models", "params:hardware", "identity"],
            f"{family}_predictions",
            name=f"predict_{family}",
            tags=family,
        )
        for family, (predict, documents) in PREDICTORS.items()
    ]
    return Pipeline(
        [
            identify_node(),
            Node(
                judged_documents,
                ["job", "meta_view", "identity", "params:analysis"],
                "judged",
                name="judged_documents",
            ),
            Node(
                learned_documents,
                ["train", "meta_view", "params:analysis"],
                "learned",
                name="learned_documents",
            ),
            *predictors,
            Node(
                collect_predictions,
                ["judged", *(f"{family}_predictions" for family in PREDICTORS), "params:models"],
                "predictions",
                name="collect_predictions",
            ),
            Node(
                predict_baselines,
                ["learned", "judged", "meta_view", "params:analysis"],
                "baseline_predictions",
                name="predict_baselines",
            ),
            Node(
                score_models,
                [
                    "predictions",
                    "baseline_predictions",
                    "judged",
                    "learned",
                    "identity",
                    "params:models",
                    "params:analysis",
                    "params:seed",
                ],
                "metrics",
                name="score_models",
            ),
            Node(
                write_classification_reports,
                "metrics",
                "classification_reports",
                name="write_classification_reports",
            ),
            Node(
                score_by_field,
                ["predictions", "judged", "params:analysis"],
                "metrics_by",
                name="score_by_field",
            ),
            Node(
                compare_models,
                [
                    "predictions",
                    "baseline_predictions",
                    "judged",
                    "params:analysis",
                    "params:seed",
                ],
                "comparison",
                name="compare_models",
            ),
            Node(
                describe_evaluation,
                [
                    "judged",
                    "predictions",
                    "identity",
                    "params:dataset",
                    "params:view",
                    "params:analysis",
                    "params:seed",
                ],
                "meta_eval",
                name="describe_evaluation",
            ),
        ],
        tags="evaluate",
    )
