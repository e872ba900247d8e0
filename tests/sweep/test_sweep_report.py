"""The report of a sweep says the same as its ledger, whatever happened, and opens in a browser."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_sweep import COMMAND, FakeSweep, eventful
from playwright.sync_api import Page, sync_playwright

from app.sweep.finished import FinishedSweep
from app.sweep.projections import project
from app.sweep.report import write_html, write_markdown

CHROMIUM = shutil.which("chromium")
ANALYSIS = {
    "curves": {"_target_": "app.sweep.analysis.curves"},
    "report_markdown": {"_target_": "app.sweep.analysis.report_markdown"},
}


def texts(sweep: FakeSweep) -> tuple[str, str]:
    """report.html and report.md of the sweep as it stands."""
    finished = FinishedSweep(sweep.folder, sweep.state)
    return (
        write_html(finished).read_text(encoding="utf-8"),
        write_markdown(finished).read_text(encoding="utf-8"),
    )


def links(page: str) -> list[str]:
    return [link for link in re.findall(r'href="([^"#]*)"', page) if "://" not in link]


def test_both_reports_tell_everything(tmp_path: Path) -> None:
    sweep = eventful(tmp_path / "balancing")
    assert project(sweep.folder, sweep.state, ANALYSIS) == []
    page = (sweep.folder / "report.html").read_text(encoding="utf-8")
    text = (sweep.folder / "report.md").read_text(encoding="utf-8").replace("\\", "")
    for said in (
        "24 runs: 2 dataset × 2 balance × 2 models, 3 repeats",
        "Finished: all 24 runs have ended; 2 failed and 2 were skipped.",
        f"{COMMAND} superior.retry_failed=true",
        "line 31: not well-formed (invalid token)",
        "took more than 1.5 GB",
        "000000000005_r0 ran out of memory",
        "tfidf_nb: low_accuracy, low_macro_f1",
        "1 of the 7 means are of fewer repeats than planned.",
        "Best by dataset",
        "Best by balance",
        "Best by model",
        "2 of 3",
    ):
        assert said in page
        assert said in text
    assert "![macro f1 by dataset](<plots/macro_f1_by_dataset.png>)" in text
    assert page.count("data:image/png;base64,") == 1


def test_every_link_leads_to_a_file(tmp_path: Path) -> None:
    sweep = eventful(tmp_path / "s")
    first = sweep.folder / "runs" / sweep.runs[0]["run_id"] / "reports" / "ideo" / "v 1"
    first.mkdir(parents=True)
    (first / "report.html").write_text("of one run", encoding="utf-8")
    project(sweep.folder, sweep.state, ANALYSIS)
    page = (sweep.folder / "report.html").read_text(encoding="utf-8")
    found = links(page)
    assert "runs/000000000000_r0/reports/ideo/v%201/report.html" in found
    assert "logs/run_000000000001_r1.log" in found
    for link in found:
        assert (sweep.folder / link.replace("%20", " ")).exists(), link
    assert "MLflow" not in page  # it was not recorded


@pytest.mark.parametrize(
    ("store", "address"),
    [
        ("sqlite:////x/mlflow.db", "http://127.0.0.1:5000/#/experiments/3/runs/p"),
        ("https://mlflow.example/", "https://mlflow.example/#/experiments/3/runs/p"),
    ],
)
def test_recorded_runs_link_to_their_pages(tmp_path: Path, store: str, address: str) -> None:
    sweep = eventful(tmp_path / "s")
    pages = {sweep.runs[0]["run_id"]: "#/experiments/3/runs/c0"}
    told = {"store": store, "page": "#/experiments/3/runs/p", "pages": pages}
    (sweep.folder / "mlflow.json").write_text(json.dumps(told), encoding="utf-8")
    page, text = texts(sweep)
    assert f'href="{address}"' in page
    assert f'href="{address[:-1]}c0"' in page
    assert address in text
    assert ("mlflow ui --backend-store-uri sqlite:////x/mlflow.db" in page) is (store[0] == "s")


def test_what_every_run_shares_is_told(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s", {"split.train_prop": ["0.5", "0.7"], "seed": ["7"]}, 1)
    sweep.state.config = {
        "dataset": {"corpus_ids": ["web1"], "eval_dataset_id": None},
        "split": {"strategy": "stratified", "train_prop": 0.8},
        "hardware": {"workers": 2},
    }
    page = texts(sweep)[0]
    assert "corpus_ids=[&#39;web1&#39;] <small" in page
    assert "strategy=stratified <small" in page
    assert "train_prop=0.8" not in page  # it varies
    assert "<th>seed</th><td>7 <small" in page


def test_half_a_marker_is_no_reason_to_have_no_report(tmp_path: Path) -> None:
    sweep = eventful(tmp_path / "s")
    (sweep.folder / "mlflow.json").write_text('{"store": ', encoding="utf-8")
    assert "Finished" in texts(sweep)[0]


def test_a_stopped_sweep_says_why_and_how_to_go_on(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s")
    sweep.supervise()
    sweep.run(sweep.runs[0])
    sweep.tell("stopped", reason="deadline")
    for said in texts(sweep):
        assert "Stopped (deadline): 1 of 24 runs have ended, 23 are left." in said
        assert f"{COMMAND}\n" in said.replace("</pre>", "\n")
        assert "retry" not in said


def test_a_killed_and_a_planned_sweep_say_so(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s")
    assert "Planned: 24 runs, none of them started." in texts(sweep)[0]
    sweep.supervise(gone=True)
    page = texts(sweep)[0]
    assert re.search(r"Killed \(its process \d+ on \S+ is gone\)", page)
    assert "no finished run is repeated" in page


def test_a_sweep_that_only_failed_has_a_report(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s", {"x": ["1", "2"]}, repeats=1)
    sweep.supervise()
    for run in sweep.runs:
        sweep.run(run, "failed", error="no")
    assert project(sweep.folder, sweep.state, ANALYSIS) == []
    page = (sweep.folder / "report.html").read_text(encoding="utf-8")
    assert "all 2 runs have ended; 2 failed." in page
    assert 'id="best"' not in page


def test_hostile_texts_are_shown_as_they_are(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s", {"x": ["<b>one</b>", "a|b"]}, repeats=1)
    sweep.supervise()
    sweep.run(sweep.runs[0], "failed", error="<script>alert(1)</script> | `x`")
    sweep.run(sweep.runs[1], metrics={"<i>": {"macro_f1": 0.5}})
    page, text = texts(sweep)
    assert "<script>" not in page
    assert "<b>one" not in page
    assert "<i>" not in page
    assert "\\<script\\>" in text
    assert "a\\|b" in text


def test_repeats_of_one_seed_are_no_repeats(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "s", {"x": ["1", "2"]}, repeats=2)
    for run in sweep.runs:
        sweep.state.runs[run["run_id"]].seed = 42
        sweep.run(run, metrics={"nb": {"macro_f1": 0.5}})
    page = texts(sweep)[0]
    assert "superior.seed_strategy=per_repeat gives each its own" in page
    assert "± 0" not in page


@pytest.fixture
def page() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("needs a browser: apt-get install chromium (Debian)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser.new_page()
        browser.close()


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_the_page_opens_from_its_file_alone(tmp_path: Path, page: Page) -> None:
    sweep = eventful(tmp_path / "s")
    project(sweep.folder, sweep.state, ANALYSIS)
    report = sweep.folder / "report.html"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    shades = []
    for width in (1200, 390):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(report.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            shades.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(set(shades)) == 2
    assert {url for url in asked if not url.startswith("data:")} == {report.as_uri()}
    assert page.locator("img").evaluate("image => image.naturalWidth") > 600
    assert page.locator(".status.oom").count() == 2
