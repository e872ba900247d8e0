"""`report`: what a run found, as one HTML page, as Markdown, and as plots."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from app.config.models import Models
from app.datasets.models import ModelFolder
from app.pipelines.ideo.page.features import read_top_features
from app.pipelines.ideo.page.findings import gather_findings
from app.pipelines.ideo.page.render import draw_plots, write_html, write_markdown
from app.pipelines.ideo.prepare import identify_node


def read_model_cards(
    models: Models,
    check: dict[str, ModelFolder],
    sklearn: dict[str, ModelFolder],
    spacy: dict[str, ModelFolder],
    hf: dict[str, ModelFolder],
) -> dict[str, dict[str, Any]]:
    """model_id -> card of each configured model."""
    found = {**check, **sklearn, **spacy, **hf}
    return {model_id: found[model_id].card for model_id in models.root if model_id in found}


def create_pipeline() -> Pipeline:
    """Nodes tagged `report`."""
    return Pipeline(
        [
            identify_node(),
            Node(
                read_top_features,
                ["sklearn_models", "params:models", "params:analysis"],
                "top_features",
                name="read_top_features",
            ),
            Node(
                read_model_cards,
                ["params:models", "check_models", "sklearn_models", "spacy_models", "hf_models"],
                "model_cards",
                name="read_model_cards",
            ),
            Node(
                gather_findings,
                [
                    "metrics",
                    "metrics_by",
                    "comparison",
                    "meta_eval",
                    "meta_view",
                    "top_features",
                    "model_cards",
                    "identity",
                    "params:models",
                ],
                "findings",
                name="gather_findings",
            ),
            Node(draw_plots, "findings", "plots", name="draw_plots"),
            Node(write_html, "findings", "report_html", name="write_html"),
            Node(write_markdown, "findings", "report_md", name="write_markdown"),
        ],
        tags="report",
    )
