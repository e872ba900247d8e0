"""The report: whole in one file, safe, readable as Markdown, for any models and labels."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from invented import IDENTITY, Invented
from lxml import etree

from app.config.ideo.models import Models
from app.errors import InputError, StaleInputError
from app.pipelines.ideo.page.documents import warnings_of_labels
from app.pipelines.ideo.page.findings import gather_findings
from app.pipelines.ideo.page.render import draw_plots, write_html, write_markdown
from app.pipelines.ideo.page.results import ranked_models
from app.svg import width_of

HOSTILE = '<script>alert("1")</script> & "quoted"'
VOID = {"meta", "br", "hr", "img", "input", "link", "wbr"}
FETCHED = re.compile(r"""(src|href|action|data)\s*=\s*["'](?!#)|url\(|@import""")


class Tags(HTMLParser):
    """Every tag, and whether each is closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


TERMS = [("mariage", 3.1), ("loi", 1.2)]
BINARY = {"labels": ["left", "right"], "skills": {"svm": 0.7, "logreg": 0.5, "check": 0.0}}
CASES: dict[str, dict[str, Any]] = {
    "binary": BINARY,
    "one model": {"labels": ["left", "right"], "skills": {"svm": 0.7}},
    "check alone": {"labels": ["left", "right"], "skills": {"check": 0.0}},
    "twenty labels": {
        "labels": [f"groupe de l'union pour un mouvement {n}" for n in range(20)],
        "skills": {f"model_{n}": n / 8 for n in range(8)},
    },
    "no groups": {**BINARY, "group_field": None},
    "hostile": {
        "labels": [HOSTILE, "right|left\n# *x*"],
        "skills": {"svm": 0.7},
        "parties": [HOSTILE, "b"],
        "top_features": {"svm": {HOSTILE: [(HOSTILE, 1.0)]}},
        "meta_view": {"problems": [{"id": HOSTILE, "problem": HOSTILE, "place": HOSTILE}]},
    },
}


@pytest.mark.parametrize("case", CASES)
def test_page_is_well_formed_and_whole_in_itself(case: str) -> None:
    page = write_html(Invented(**CASES[case]).findings())
    tags = Tags(page)
    assert tags.open == []
    assert not {"script", "link", "iframe", "img", "object", "embed"} & set(tags.seen)
    assert not FETCHED.search(page)
    assert set(re.findall(r"https?://[^\"'<\s]*", page)) <= {"http://www.w3.org/2000/svg"}
    assert page.index("<h1>") < page.index('class="headline"') < page.index('id="scores"')
    for anchor in re.findall(r'href="#(\w+)"', page):
        assert f'id="{anchor}"' in page


@pytest.mark.parametrize("case", CASES)
def test_plots_are_xml_and_markdown_names_them(case: str) -> None:
    findings = Invented(**CASES[case]).findings()
    plots = draw_plots(findings)
    for drawing in plots.values():
        assert etree.fromstring(drawing.encode()).tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme" in drawing
    named = re.findall(r"\(plots/(.+?)\.svg\)", write_markdown(findings))
    assert sorted(named) == sorted(plots)


@pytest.mark.parametrize("case", CASES)
def test_markdown_tables_are_whole(case: str) -> None:
    """A row belongs to the line above it: a blank line would end its table."""
    lines = write_markdown(Invented(**CASES[case]).findings()).splitlines()
    rules = [place for place, line in enumerate(lines) if line.startswith("|--")]
    assert rules
    for above, line in pairwise(lines):
        if line.startswith("|") and not above.startswith("|"):
            assert lines.index(line) + 1 in rules  # the header of a table


def test_hostile_texts_stay_texts() -> None:
    findings = Invented(**CASES["hostile"]).findings()
    assert "<script" not in write_html(findings)
    assert "&lt;script&gt;" in write_html(findings)
    markdown = write_markdown(findings)
    assert "<script" not in markdown.replace("\\<script", "")
    tables = [line for line in markdown.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)


def test_summary_names_the_best_model_beside_the_strongest_baseline() -> None:
    findings = Invented(**BINARY).findings()
    assert findings.models[0]["name"] == "svm"
    assert findings.headline.startswith("svm is the best of 3 models: macro-F1 0.")
    assert f"{findings.baselines[0]['name']}, reaches" in findings.headline
    assert "speaker majority" in [row["name"] for row in findings.baselines]
    best = [pair for pair in findings.pairs if pair["a"] == "svm"]
    assert len(best) == 1  # against logreg; the check is the majority baseline


def test_seen_is_kept_and_dropped() -> None:
    findings = Invented(**BINARY).findings()
    counts = {row["what"]: row["n"] for row in findings.flow}
    assert (
        counts["seen"]
        == counts["kept"] + counts["dropped: min_chars"] + counts["dropped: unknown label"]
    )
    assert findings.flow_sentence == "630 seen = 600 kept + 30 dropped."


def test_warnings_come_first_and_name_what_is_wrong() -> None:
    shared = {"groups_on_both_sides": 9, "job_docs": 30, "job_share": 0.1}
    case = Invented(
        labels=["left", "right"],
        skills={"svm": 0.7},
        n_speakers=10,
        cards={"svm": {"n_train_docs": 100, "capped_from": 360}},
        meta_view={
            "leakage": {
                "same_text": shared,
                "near_duplicates": shared,
                "groups": {"speaker": shared},
            },
            "problems": [{"id": "debates:9", "problem": "malformed XML", "place": "a.xml, byte 7"}],
        },
    )
    case.train = case.train.with_columns(label=case.train["label"].replace("right", "extinct"))
    said = "\n".join(case.findings().warnings)
    for words in (
        "extinct: trained on, but no document to evaluate",
        "right: evaluated, but never trained on",
        "have the text of a training document",
        "have a near duplicate among the training documents",
        "have their speaker in training too",
        "debates:9: malformed XML (a.xml, byte 7)",
        "svm learned from 100 of 360 training documents",
        "only 10 speakers",
    ):
        assert words in said
    page = write_html(case.findings())
    assert page.index("Before you believe it") < page.index('id="scores"')


def test_results_of_other_documents_or_models_are_refused() -> None:
    case = Invented(**BINARY)
    results = case.results()
    other = {**IDENTITY, "hash": "0ther"}
    with pytest.raises(
        StaleInputError, match=r"metrics\.json of sklearn/svm belongs to other documents"
    ):
        ranked_models(results["metrics"], case.models, other)
    with pytest.raises(InputError, match="no metrics of spacy/cnn"):
        ranked_models(
            results["metrics"],
            Models.model_validate({"cnn": {"family": "spacy", "architecture": "cnn", "epochs": 1}}),
            IDENTITY,
        )
    stronger = {"family": "sklearn", "estimator": {"name": "linear_svc", "C": 2.0}}
    with pytest.raises(StaleInputError, match=r"models\.svm: estimator changed"):
        ranked_models(results["metrics"], Models.model_validate({"svm": stronger}), IDENTITY)


def test_report_of_other_prepared_documents_is_refused() -> None:
    case = Invented(**BINARY)
    with pytest.raises(StaleInputError, match="prepared documents"):
        gather_findings(
            **case.results(),
            top_features={},
            cards={},
            identity={**IDENTITY, "hash": "0ther", "config": {"seed": 43}},
            models=case.models,
            analysis=case.analysis,
        )


def test_results_of_other_runs_beside_these_are_left_out() -> None:
    case = Invented(**BINARY)
    results = case.results()
    case.models = Models.model_validate({"svm": case.models.root["svm"].model_dump()})
    findings = gather_findings(
        **results,
        top_features={},
        cards={},
        identity=IDENTITY,
        models=case.models,
        analysis=case.analysis,
    )
    assert [row["name"] for row in findings.models] == ["svm"]
    assert "logreg" not in write_html(replace(findings, config={}))


def test_same_results_give_the_same_page() -> None:
    pages = [write_html(Invented(**BINARY).findings()) for _ in range(2)]
    assert pages[0] == pages[1]


def test_labels_of_few_documents_are_named() -> None:
    meta = {"label_counts_job": {"left": 3, "none": 0, "right": 40}}
    (said,) = warnings_of_labels(meta)
    assert said.startswith("left (3): fewer than 10 evaluated documents")


@pytest.mark.parametrize("name", ["mescompromis", "MMMMWWWW", "illicite", "Écologie-Nord.fr"])
def test_room_for_a_name_is_enough_in_a_wide_font(name: str) -> None:
    """Advances of DejaVu Sans at 13 px; a label of Spanish data was once cut at its left."""
    widest = {"m": 12.7, "M": 11.3, "W": 12.9, "w": 10.7, "i": 3.7, "l": 3.7, "r": 5.4, "t": 5.2}
    assert width_of([name]) >= sum(widest.get(char, 8.2) for char in name) - 0.5 * len(name)


def test_macro_f1_is_not_shown_of_values_with_a_single_label() -> None:
    findings = Invented(**BINARY).findings()
    cell = {"accuracy": 0.881, "macro_f1": 0.937}
    rows = [
        {"value": "UMP", "n_docs": 9, "largest": 1.0, "cells": [cell]},
        {"value": "both", "n_docs": 9, "largest": 0.5, "cells": [{**cell, "macro_f1": 0.7}]},
    ]
    fields = [{"name": "party", "models": ["svm"], "rows": rows, "note": ""}]
    for page in (write_html, write_markdown):
        shown = page(replace(findings, fields=fields))
        assert "0.881" in shown
        assert "0.700" in shown
        assert "0.937" not in shown
