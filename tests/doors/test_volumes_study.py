"""The study `vesuvius` through the doors: both give the same bytes; sweeps, also after a crash; its
page in a browser."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.sweep.ledger import read_state

PROJECT = Path(__file__).parents[2]
HYDRA = [sys.executable, "-m", "app"]
KEDRO = [str(Path(sys.executable).parent / "kedro"), "run"]
DEMO = ["profile=vesuvius_demo", "tracking=off"]
AXES = ["-m", *DEMO, "solver=reference,optimal", "search=full,coarse_to_fine"]
PHASES = [
    *("discovery", "load", "features", "train_data", "train_fit", "distillation"),
    *("segment", "package"),
]
CHROMIUM = shutil.which("chromium")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("vesuvius_doors")]


def started(command: list[str]) -> "subprocess.Popen[str]":
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "DO_NOT_TRACK": "1"}
    return subprocess.Popen(
        command,
        cwd=PROJECT,
        env={**os.environ, **one_thread},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(command: list[str]) -> str:
    """What a command that ends well says."""
    process = started(command)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


def handed_in(output: Path) -> dict[str, Any]:
    """The results of the one run below `output`."""
    (file,) = output.rglob("summary.json")
    results: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["results"]
    return {**results, "zip": file.with_name("submission.zip").read_bytes()}


@pytest.fixture(scope="module")
def hydra(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("hydra")
    ended([*HYDRA, *DEMO, f"output_root={output}"])
    return output


def test_both_doors_give_the_same_bytes(hydra: Path, tmp_path: Path) -> None:
    params = ",".join([*DEMO, f"output_root={tmp_path}"])
    ended([*KEDRO, "--pipeline=vesuvius", "--params", params])
    assert handed_in(tmp_path) == handed_in(hydra)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("swept")
    ended([*HYDRA, *AXES, f"output_root={output}", "superior.exp_id=s"])
    return output / "superior" / "s"


def test_a_sweep_over_solvers_and_searches(swept: Path) -> None:
    runs = list(read_state(swept).runs.values())
    assert [run.status for run in runs] == ["ok"] * 4
    assert {(run.axes["solver"], run.axes["search"]) for run in runs} == {
        *(("reference", "full"), ("reference", "coarse_to_fine")),
        *(("optimal", "full"), ("optimal", "coarse_to_fine")),
    }
    scores = [handed_in(swept / "runs" / folder.name) for folder in (swept / "runs").iterdir()]
    assert min(told["test"]["dice"] for told in scores) > 0.7
    assert all(0.7 < run.value < 1.0 for run in runs if run.value is not None)
    assert (swept / "report.html").is_file()


def test_a_sweep_goes_on_after_its_supervisor_was_killed(swept: Path, tmp_path: Path) -> None:
    """In the middle of a training: its run goes on from the checkpoint."""
    command = [*HYDRA, *AXES, f"output_root={tmp_path}", "superior.exp_id=s", "superior.parallel=1"]
    process, folder = started(command), tmp_path / "superior" / "s"
    while not list(folder.glob("runs/*/reports/vesuvius/demo/checkpoints/*.ckpt")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.005)
    process.kill()
    process.communicate()
    ended(command)
    assert [run.status for run in read_state(folder).runs.values()] == ["ok"] * 4
    for run in (folder / "runs").iterdir():
        assert handed_in(run) == handed_in(swept / "runs" / run.name)
    (killed,) = folder.glob("runs/*/reports/vesuvius/demo/post_mortem.json")
    journal = killed.with_name("journal.jsonl").read_text(encoding="utf-8")
    assert journal.count('"event":"BOOT"') == 2
    assert '"event":"RESUME_' in journal


@pytest.fixture
def page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        browser.close()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium (Debian)")
def test_the_report_opens_without_network(hydra: Path, page: Any) -> None:
    (report,) = hydra.rglob("report.html")
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: errors.append(said.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(report.as_uri())
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
    assert errors == []
    drawn = "Array.from(document.images).every(one => one.complete && one.naturalWidth > 0)"
    assert page.evaluate(drawn)
    assert page.locator("img").count() >= 6  # three slices in two layers
    assert page.locator("svg").count() >= 5
    text = page.inner_text("body")
    for part in ("scroll4.tif", "Learning curves", "Distillation", " UTC", "100.0%"):
        assert part in text, part
    assert "['" not in text
    labels = page.locator("svg text").all_text_contents()
    assert [name for name in labels if name in PHASES] == PHASES  # in their own order
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
