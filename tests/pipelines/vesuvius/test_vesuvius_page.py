"""report.html: what it says, that it stands alone, and that a run cut short has one too."""

import re
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from shutil import which
from xml.etree import ElementTree

import numpy as np
import pytest
from page_findings import findings, judged, pictured, tried
from PIL import Image

from app.pipelines.vesuvius.overlap import Truth
from app.pipelines.vesuvius.page.axes import scale, thinned, ticks
from app.pipelines.vesuvius.page.charts import grid_map, learning_curves
from app.pipelines.vesuvius.page.findings import Pictured, Spent
from app.pipelines.vesuvius.page.render import write_html
from app.pipelines.vesuvius.page.slices import COLOURS, colours_used, slices_of
from app.pipelines.vesuvius.page.words import headline, means_of, warnings


@pytest.fixture(scope="module")
def page() -> str:
    return write_html(findings())


def pixels(uri: str) -> np.ndarray:
    header, _, content = uri.partition(",")
    assert header == "data:image/png;base64"
    with Image.open(BytesIO(b64decode(content))) as image:
        return np.asarray(image.convert("RGBA"))


def test_it_needs_nothing_from_anywhere(page: str) -> None:
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!data:|#)[^"')\s>]+""", page)


def test_its_tags_are_closed_and_its_drawings_are_xml(page: str) -> None:
    opened: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "img", "br", "input"):
                opened.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Reader().feed(page)
    assert opened == []
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(drawing)


def test_its_figures_are_the_findings(page: str) -> None:
    found = findings()
    dice = np.mean([one.scores["surface"]["dice"] for one in found.volumes])
    assert f"Dice {dice:.3f} on 3 test volumes, beside {dice:.3f} of a random forest" in page
    assert f"<b>{means_of(found.volumes)['combined']:.3f}</b>" in page
    assert "2 of 45 candidates were not compared" in page
    assert "The student was updated 312 times" in page
    for said in ("scroll2", "DISTILLATION_START", "cd" * 32, "grid.meta_neurons", "100.0%"):
        assert said in page
    anchors = re.findall(r'href="#(\w+)"', page)
    assert anchors == re.findall(r'<h2 id="(\w+)"', page)
    assert len(anchors) == 7


def test_a_run_that_came_to_nothing_has_a_page() -> None:
    bare = findings(
        cause="failed",
        fraction=0.0,
        volumes=[],
        pictured=[],
        tried=[],
        best=None,
        spent=Spent(phases={}, shares={}, progress=[]),
        distilled=None,
        submission={},
        provenance={},
        config={},
    )
    page = write_html(bare)
    assert headline(bare).startswith("The run failed")
    assert "No test volume has labels" in page
    assert re.findall(r'<h2 id="(\w+)"', page) == ["provenance"]


def test_names_are_text_whatever_is_in_them() -> None:
    volume = pictured("<b>&'scroll")
    hostile = findings(
        run_name="<script>alert(1)</script>",
        pictured=[volume],
        volumes=[judged(volume, with_forest=False)],
    )
    page = write_html(hostile)
    assert "<script" not in page
    assert "<b>&" not in page


def test_warnings() -> None:
    assert warnings(findings(tried=tried(45))) == []
    over = findings().spent
    slow = Spent(over.phases, over.shares, over.progress, total_s=540.0)
    assert any("more than its budget" in said for said in warnings(findings(spent=slow)))
    assert warnings(findings(tried=tried(45), warnings=["Mind the gap."])) == ["Mind the gap."]


def test_slices_show_where_the_mask_is_right() -> None:
    image = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
    mask, codes = np.zeros((2, 4, 5, 6), dtype=np.uint8)
    counted = np.ones(mask.shape, dtype=bool)
    mask[2, 0, 0], codes[2, 0, 0] = 1, 1
    mask[2, 0, 1] = 1
    codes[2, 0, 2] = 1
    mask[2, 0, 3], codes[2, 0, 3] = 1, 2
    mask[2, 0, 4], counted[2, 0, 4] = 1, False
    volume = Pictured("a", image, mask, Truth(codes, counted))
    across_z, across_y, across_x = slices_of(volume)
    assert (across_z.place, across_z.of, across_z.width, across_z.height) == (2, 4, 6, 5)
    assert (across_y.place, across_y.width, across_y.height) == (0, 6, 4)
    assert (across_x.width, across_x.height) == (5, 4)
    overlay = pixels(across_z.overlay)
    assert [tuple(pixel[:3]) for pixel in overlay[0, :5]] == list(COLOURS.values())
    assert not overlay[1:].any()
    grey = pixels(across_z.image)[..., 0].astype(int)
    assert (np.diff(grey, axis=1) >= 0).all()
    assert colours_used(volume) == set(COLOURS)


def test_a_volume_nobody_labelled_shows_only_what_was_found() -> None:
    known = pictured("a")
    assert colours_used(Pictured("a", known.image, known.mask, None)) == {"found, not labelled"}
    empty = Pictured("a", np.zeros((3, 4, 700)), np.zeros((3, 4, 700), np.uint8), None)
    assert [(one.place, one.width) for one in slices_of(empty)] == [(1, 350), (2, 350), (350, 4)]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 120.0, [0, 20, 40, 60, 80, 100, 120]),
        (0.31, 0.52, [0.35, 0.4, 0.45, 0.5]),
        (-3.0, 4.0, [-2.0, 0.0, 2.0, 4.0]),
        (5.0, 5.0, [5.0]),
    ],
)
def test_ticks_are_round_and_within(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 5 if high > 100 else 4) == pytest.approx(expected)


def test_scales_and_thinning() -> None:
    assert scale(2.0, 4.0, 100.0, 0.0)(3.5) == 25.0
    points = [(float(k), 0.0) for k in range(1001)]
    few = thinned(points)
    assert len(few) <= 81
    assert (few[0], few[-1]) == (points[0], points[-1])


def test_the_chosen_candidate_is_framed_and_drawn_last() -> None:
    some = tried(15)
    assert grid_map(some, best=14).count('class="chosen"') == 1
    assert grid_map(some, best=None).count('class="chosen"') == 0
    lines = re.findall(r"<polyline.*?</polyline>", learning_curves(some, best=7))
    assert len(lines) == 15
    assert "candidate 7:" in lines[-1]
    assert 'class="other"' not in lines[-1]


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1200])
def test_it_fits_a_phone_and_a_desk(page: str, width: int, tmp_path: Path) -> None:
    chromium = which("chromium")
    if chromium is None:
        pytest.skip("needs a browser: apt-get install chromium (Debian)")
    from playwright.sync_api import sync_playwright

    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            tab = browser.new_page(viewport={"width": width, "height": 900})
            problems: list[str] = []
            tab.on("console", lambda message: problems.append(message.text))
            tab.on("requestfailed", lambda request: problems.append(request.url[:80]))
            tab.goto((tmp_path / "report.html").as_uri())
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert tab.evaluate("[...document.images].every(i => i.naturalWidth > 0)")
            tab.check("#bare")
            assert not tab.locator(".overlay").first.is_visible()
            assert problems == []
        finally:
            browser.close()
