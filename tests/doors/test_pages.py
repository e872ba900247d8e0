"""The pages a person opens, rendered by a real browser: report, MLflow, Kedro-Viz."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from playwright.sync_api import Page, sync_playwright

PROJECT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CHROMIUM = shutil.which("chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs a browser: apt-get install chromium (Debian)"
    ),
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files and the MLflow database of one real run."""
    root = tmp_path_factory.mktemp("recorded")
    overrides = [
        "models=[check,tfidf_svm_quick,tfidf_nb]",
        f"output_root={root}",
        f"tracking.uri=sqlite:///{root}/mlflow.db",
    ]
    subprocess.run([sys.executable, "-m", "app", *overrides], cwd=PROJECT, check=True, timeout=300)
    return root


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        yield context.new_page()
        browser.close()


def test_the_report_opens_without_network(recorded: Path, page: Page, tmp_path: Path) -> None:
    (report,) = (recorded / "reports").rglob("report.html")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    assert asked == [report.as_uri()]
    text = page.inner_text("body")
    for part in ("tfidf_svm_quick", "tfidf_nb", "macro-F1", "majority"):
        assert part.lower() in text.lower()
    assert page.locator("svg").count() >= 3
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 1280  # nothing runs out of the page
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400  # nor on a phone


def test_mlflow_shows_the_run_and_its_models(recorded: Path, page: Page) -> None:
    port = _free_port()
    command = [
        sys.executable, "-m", "mlflow", "server",
        "--backend-store-uri", f"sqlite:///{recorded}/mlflow.db",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    with _server(command, f"http://127.0.0.1:{port}/health"):
        page.goto(f"http://127.0.0.1:{port}/#/experiments/1/runs")
        page.get_by_text("ideo web1 ideology_global").first.click()
        page.get_by_text("tfidf_svm_quick.macro_f1").first.wait_for(timeout=60_000)
        page.goto(f"http://127.0.0.1:{port}/#/models")
        page.get_by_text("ideo.web1.ideology_global").first.wait_for(timeout=60_000)
        page.goto(f"http://127.0.0.1:{port}/#/models/ideo.web1.ideology_global")
        page.get_by_text("champion").first.wait_for(timeout=60_000)
        page.get_by_text("tfidf_svm_quick").first.wait_for(timeout=60_000)


def test_kedro_viz_draws_the_study(page: Page) -> None:
    port = _free_port()
    command = [
        str(BIN / "kedro"), "viz", "run", "--no-browser",
        "--host", "127.0.0.1", "--port", str(port), "--pipeline", "ideo",
    ]  # fmt: skip
    with _server(command, f"http://127.0.0.1:{port}/api/main"):
        page.goto(f"http://127.0.0.1:{port}/")
        for node in ("split_documents", "train_sklearn", "balance_train"):
            page.get_by_text(node, exact=False).first.wait_for(timeout=60_000)


@contextmanager
def _server(command: list[str], url: str) -> Iterator[None]:
    """A server that answers at `url`, ended with all its children."""
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _wait_for(url, process, output)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def _wait_for(url: str, process: subprocess.Popen[bytes], output: IO[str]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            output.seek(0)
            raise AssertionError(f"the server ended:\n{output.read()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise AssertionError(f"nothing answers at {url}")


def _free_port() -> int:
    """A port nobody listens on; Kedro-Viz takes none above 49151."""
    for port in range(20_000 + os.getpid() % 10_000, 49_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")
