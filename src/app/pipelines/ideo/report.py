"""`report`: what a run found, as one HTML page, as Markdown, and as plots."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from app.config.ideo.hardware import Hardware
from app.config.ideo.models import Models
from app.datasets.models import ModelFolder
from app.pipelines.ideo.page.features import read_top_features
from app.pipelines.ideo.page.findings import gather_findings
from app.pipelines.ideo.page.render import draw_plots, write_html, write_markdown
from app.pipelines.ideo.predict import configured_models
from app.pipelines.ideo.prepare import identify_node


def read_model_cards(
    models: Models,
    hardware: Hardware,
    check: dict[str, ModelFolder],
    sklearn: dict[str, ModelFolder],
    spacy: dict[str, ModelFolder],
    hf: dict[str, ModelFolder],
    identity: dict[str, Any],
) -> dict[str, dict[str, Any]]:
    """model_id -> card of each configured model, each trained by this very config."""
    families = {"check": check, "sklearn": sklearn, "spacy": spacy, "hf": hf}
    return {
        model_id: folder.card
        for family, trained in families.items()
        for model_id, folder in configured_models(
            family, trained, models, hardware, identity
        ).items()
    }


def create_pipeline() -> Pipeline:
    """Nodes tagged `report`."""
    return Pipeline(
        [
            identify_node(),
            Node(
                read_top_features,
                ["sklearn_models", "model_cards", "params:analysis"],
                "top_features",
                name="read_top_features",
            ),
            Node(
                read_model_cards,
                [
                    "params:models",
                    "params:hardware",
                    "check_models",
                    "sklearn_models",
                    "spacy_models",
                    "hf_models",
                    "identity",
                ],
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
                    "params:analysis",
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
