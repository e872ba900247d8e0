"""The demo corpora: the same bytes everywhere, and everything in them that a path needs."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from app.datasets.actors import read_actors
from app.pipelines.ideo.demo import DEMO_CORPORA, ensure_demo_corpora
from app.pipelines.ideo.demo.actors import ACTORS, SHARED_CRAWL, SIDES, SUBFAMILIES
from app.pipelines.ideo.demo.draws import Draws

TEI = "{http://www.tei-c.org/ns/1.0}"
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
PROJECT = Path(__file__).parents[3]
SHA256 = {  # of Python 3.10 to 3.13; they change when the generator does, and never otherwise
    "web1": "ed6a83639f95",
    "asr1": "9bd489f5436d",
}
Page = tuple[dict[str, str], str]  # terms, text


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    ensure_demo_corpora(folder, DEMO_CORPORA)
    return folder


@pytest.fixture(scope="module")
def corpora(data_root: Path) -> dict[str, dict[str, Page]]:
    return {corpus_id: _read(data_root / corpus_id / "corpus.xml") for corpus_id in DEMO_CORPORA}


def _read(path: Path) -> dict[str, Page]:
    pages = {}
    for document in etree.parse(path).iter(f"{TEI}TEI"):
        terms = {term.get("type", ""): term.text or "" for term in document.iter(f"{TEI}term")}
        body = document.find(f"{TEI}text")
        assert body is not None
        text = "\n".join("".join(part.itertext()) for part in body.iter(f"{TEI}p"))
        pages[document.get(XML_ID, "")] = (terms, text)
    return pages


def test_same_bytes_in_other_processes_with_other_hash_seeds(
    data_root: Path, tmp_path: Path
) -> None:
    for seed in ("0", "1234"):
        folder = tmp_path / seed
        code = (
            "import sys; from pathlib import Path\n"
            "from app.pipelines.ideo.demo import DEMO_CORPORA, ensure_demo_corpora\n"
            "ensure_demo_corpora(Path(sys.argv[1]), DEMO_CORPORA)"
        )
        environment = os.environ | {
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": str(PROJECT / "src"),
        }
        subprocess.run([sys.executable, "-c", code, str(folder)], env=environment, check=True)
        for corpus_id in DEMO_CORPORA:
            file = Path(corpus_id) / "corpus.xml"
            assert (folder / file).read_bytes() == (data_root / file).read_bytes()


def test_the_bytes_are_those_of_every_machine(data_root: Path) -> None:
    for corpus_id, digest in SHA256.items():
        content = (data_root / corpus_id / "corpus.xml").read_bytes()
        assert hashlib.sha256(content).hexdigest().startswith(digest)


def test_draws_only_use_the_guaranteed_sequence() -> None:
    draws = Draws(1)
    assert [draws.below(1000) for _ in range(5)] == [134, 847, 763, 255, 495]
    assert sorted(draws.shuffled(range(50))) == list(range(50))


def test_existing_files_and_other_corpora_are_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "web1" / "corpus.xml"
    mine.parent.mkdir()
    mine.write_text("mine")
    ensure_demo_corpora(tmp_path, ["web1", "asr1", "another"])
    assert mine.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["asr1", "web1"]
    assert [path.name for path in (tmp_path / "asr1").iterdir()] == ["corpus.xml"]


def test_size_and_ids(corpora: dict[str, dict[str, Page]]) -> None:
    for corpus_id, n_docs in {"web1": 1200, "asr1": 600}.items():
        pages = corpora[corpus_id]
        assert len(pages) == n_docs  # a dict: ids are unique
        assert all(page_id.startswith(f"{corpus_id}-") for page_id in pages)
        lengths = sorted(len(text) for _, text in pages.values())
        assert 700 < sum(lengths) / n_docs < 1300
        assert lengths[n_docs // 50] < 200
        assert lengths[-1] > 5000


def test_some_twenty_actors_unevenly(corpora: dict[str, dict[str, Page]]) -> None:
    for pages in corpora.values():
        counts = Counter(terms["actor"] for terms, _ in pages.values() if "actor" in terms)
        assert set(counts) == {actor.name for actor in ACTORS}
        ranked = [n for _, n in counts.most_common()]
        assert ranked[0] > 5 * ranked[-6]
        sides = Counter(SIDES.get(SUBFAMILIES[actor.subfamily or ""]) for actor in ACTORS)
        assert min(sides["left"], sides["right"]) >= 9
        center = sum(n for name, n in counts.items() if "Équilibre" in name or "Cantons" in name)
        assert 0 < center < 0.03 * sum(counts.values())


def test_copies_and_near_copies(corpora: dict[str, dict[str, Page]]) -> None:
    for pages in corpora.values():
        texts = [text for _, text in pages.values() if len(text) > 400]
        exact = len(texts) - len(set(texts))
        assert 0.01 < exact / len(texts) < 0.12
        pairs = _near_pairs(sorted(set(texts)))
        assert 0.01 < pairs / len(texts) < 0.3


def _near_pairs(texts: list[str]) -> int:
    """Pairs of different texts whose word 5-shingles have a Jaccard index of at least .8."""
    shingles = [
        {tuple(words[at : at + 5]) for at in range(len(words) - 4)}
        for words in (text.split() for text in texts)
    ]
    holders: dict[tuple[str, ...], list[int]] = {}
    for number, found in enumerate(shingles):
        for shingle in found:
            holders.setdefault(shingle, []).append(number)
    together = Counter(
        (a, b)
        for numbers in holders.values()
        if len(numbers) < 5  # the others are commonplaces
        for a in numbers
        for b in numbers
        if a < b
    )
    return sum(
        len(shingles[a] & shingles[b]) >= 0.8 * len(shingles[a] | shingles[b]) for a, b in together
    )


def test_gaps_strays_languages_and_special_characters(
    data_root: Path, corpora: dict[str, dict[str, Page]]
) -> None:
    pages = corpora["web1"].values()
    for term in ("domain", "crawl", "published", "actor"):
        assert 0 < sum(term not in terms for terms, _ in pages) < 500
    crawled = [terms.get("domain", "") for terms, _ in pages if terms.get("crawl") == SHARED_CRAWL]
    assert len(set(crawled)) > 5
    assert any(domain.startswith("www.annuaire") for domain in crawled)
    assert sum("harbour" in text or "Mühle" in text for _, text in pages) > 10
    raw = (data_root / "web1" / "corpus.xml").read_text(encoding="utf-8")
    assert 'ident="de"' in raw
    assert "&amp;" in raw
    assert "&lt;" in raw


def test_speech_has_neither_capitals_nor_punctuation(corpora: dict[str, dict[str, Page]]) -> None:
    for _, text in corpora["asr1"].values():
        assert text == text.lower()
        assert not set(text) & set(".,;:!?&<>%")
    assert any(" euh " in text for _, text in corpora["asr1"].values())


def test_every_actor_is_in_the_demo_actors_file_with_its_family() -> None:
    actors = read_actors(PROJECT / "conf" / "ideology" / "demo_actors.yml")
    by_crawl = {crawl: entry for entry in actors.values() for crawl in entry.crawls}
    for actor in ACTORS:
        entry = by_crawl[f"chaine-{actor.slug}"]
        assert entry.global_five == SUBFAMILIES[actor.subfamily or ""]
        assert entry.side_binary == SIDES.get(entry.global_five)
        assert (entry.intra_left or entry.intra_right or "center") == actor.subfamily
