"""The pipeline `train`: every configured model, by family, from the formats to models on disk."""

from kedro.pipeline import Node, Pipeline

from app.pipelines.ideo.fit import train_check, train_hf, train_sklearn, train_spacy
from app.pipelines.ideo.prepare import identify_node

CHOICES = ["params:models", "params:hardware"]
PREPARED = ["meta_view", "meta_formats"]


def create_pipeline() -> Pipeline:
    """`<family>_models` from the format of each family."""
    return Pipeline(
        [
            identify_node(),
            Node(
                train_check,
                [*PREPARED, "params:models", "params:seed", "identity"],
                "check_models",
                name="train_check",
                tags=["train", "check"],
            ),
            Node(
                train_sklearn,
                ["sklearn_table", *PREPARED, *CHOICES, "params:seed", "identity"],
                "sklearn_models",
                name="train_sklearn",
                tags=["train", "sklearn"],
            ),
            Node(
                train_spacy,
                ["spacy_shards", *PREPARED, *CHOICES, "params:split", "params:seed", "identity"],
                "spacy_models",
                name="train_spacy",
                tags=["train", "spacy"],
            ),
            Node(
                train_hf,
                ["hf_rows", *PREPARED, *CHOICES, "params:split", "params:seed", "identity"],
                "hf_models",
                name="train_hf",
                tags=["train", "hf"],
            ),
        ]
    )
