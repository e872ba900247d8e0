"""`prepare`: corpora -> labelled, screened, split and balanced documents, in every format."""

from kedro.pipeline import Node, Pipeline

from app.pipelines.ideo.balance import balance_train
from app.pipelines.ideo.filters import screen_documents
from app.pipelines.ideo.formats import describe_formats, format_hf, format_sklearn, format_spacy
from app.pipelines.ideo.identity import identify
from app.pipelines.ideo.labels import label_documents
from app.pipelines.ideo.meta import describe_view
from app.pipelines.ideo.read import read_corpora
from app.pipelines.ideo.rows import job_rows, train_rows
from app.pipelines.ideo.split import split_documents

CACHED = "cached"  # sweeps run it once for all runs with the same code, params and inputs
STAGES = ["prepare", "train", "evaluate", "report"]  # each of them has the node `identify`


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            identify_node(),
            Node(read_corpora, "corpora", "documents", name="read_corpora", tags=CACHED),
            Node(
                label_documents,
                ["documents", "actors", "params:view"],
                "labelled",
                name="label_documents",
                tags=CACHED,
            ),
            Node(
                screen_documents,
                ["documents", "labelled", "params:filters", "params:seed"],
                ["screened", "duplicates"],
                name="screen_documents",
                tags=CACHED,
            ),
            Node(
                split_documents,
                ["screened", "params:dataset", "params:split", "params:seed"],
                "sides",
                name="split_documents",
                tags=CACHED,
            ),
            Node(
                balance_train,
                ["sides", "params:dataset", "params:balance", "params:seed"],
                "training",
                name="balance_train",
                tags=CACHED,
            ),
            Node(
                train_rows,
                ["documents", "sides", "training", "params:dataset"],
                "train",
                name="train_rows",
                tags=CACHED,
            ),
            Node(
                job_rows,
                ["documents", "sides", "params:dataset"],
                "job",
                name="job_rows",
                tags=CACHED,
            ),
            Node(
                describe_view,
                [
                    "sides",
                    "training",
                    "duplicates",
                    "train",
                    "job",
                    "actors",
                    "identity",
                    "params:dataset",
                    "params:view",
                    "params:filters",
                    "params:split",
                    "params:balance",
                    "params:seed",
                    "params:profile",
                ],
                "meta_view",
                name="describe_view",
                tags=CACHED,
            ),
            Node(
                format_sklearn,
                ["train", "job", "meta_view", "params:families"],
                "sklearn_table",
                name="format_sklearn",
                tags=["sklearn", CACHED],
            ),
            Node(
                format_spacy,
                ["train", "job", "meta_view", "params:families", "params:hardware.shard_docs"],
                "spacy_shards",
                name="format_spacy",
                tags=["spacy", CACHED],
            ),
            Node(
                format_hf,
                ["train", "job", "meta_view", "params:families"],
                "hf_rows",
                name="format_hf",
                tags=["hf", CACHED],
            ),
            Node(
                describe_formats,
                [
                    "train",
                    "meta_view",
                    "params:hardware.shard_docs",
                    "sklearn_table",
                    "spacy_shards",
                    "hf_rows",
                ],
                "meta_formats",
                name="describe_formats",
                tags=CACHED,
            ),
        ],
        tags=["prepare"],
    )


def identify_node() -> Node:
    """The identity this run's config and corpora have; every stage compares files with it."""
    return Node(
        identify,
        [
            "corpora",
            "params:corpora",
            "actors",
            "params:dataset",
            "params:view",
            "params:filters",
            "params:split",
            "params:balance",
            "params:seed",
        ],
        "identity",
        name="identify",
        tags=STAGES,
    )
