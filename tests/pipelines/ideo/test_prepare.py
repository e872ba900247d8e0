"""The stage as a whole: real TEI files, Kedro's runner, files in a folder of the test."""

import hashlib
import logging
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from app.config.ideo.balance import Balance
from app.config.ideo.dataset import Dataset
from app.config.ideo.filters import Filters
from app.config.ideo.split import Split
from app.config.ideo.view import View
from app.datasets.actors import ActorsDataset
from app.datasets.corpora import CorporaDataset
from app.datasets.documents import DocumentsDataset
from app.datasets.json import JsonDataset
from app.datasets.tsv import TsvDataset
from app.errors import StaleInputError
from app.pipelines.ideo.identity import require_same_content
from app.pipelines.ideo.prepare import create_pipeline

LONG = "mot " * 50_000  # 200 kB
PARITY = {"strategy": "oversample", "preset": "p", "presets": {"p": {"ratio": 1.0}}}
ACTORS = """\
actors:
  nord: {domains: [nord.fr], crawls: [commun], side_binary: left}
  sud: {domains: [Sud.fr], crawls: [commun], side_binary: right}
  est: {domains: [est.fr], side_binary: right}
"""


def tei(number: int, domain: str, text: str) -> str:
    terms = f'<term type="domain">{domain}</term><term type="crawl">commun</term>'
    header = f"<teiHeader><profileDesc><textClass><keywords>{terms}</keywords></textClass>"
    body = f"<text><body><div><p>{text}</p></div></body></text>"
    return f'<TEI xml:id="d{number}">{header}</profileDesc></teiHeader>{body}</TEI>\n'


def write_corpus(file: Path, offset: int = 0) -> None:
    """Twelve documents of the left, eight of the right, one twin, one long, three unusable."""
    domains = ["nord.fr"] * 12 + ["sud.fr"] * 5 + ["est.fr"] * 3
    texts = [" ".join(f"m{offset}x{n}x{word}" for word in range(40)) for n in range(20)]
    texts[1] = texts[0].upper()
    texts[2] = LONG + "\t« fin\\n »\n"
    documents = [tei(n, *pair) for n, pair in enumerate(zip(domains, texts, strict=True))]
    documents.append(tei(20, "", "un document que deux acteurs se partagent " * 3))
    documents.append(tei(21, "ailleurs.fr", "d'un acteur inconnu " * 10))
    documents.append(tei(0, "sud.fr", "le même identifiant " * 10))
    namespace = "http://www.tei-c.org/ns/1.0"
    file.parent.mkdir(parents=True, exist_ok=True)
    content = f'<teiCorpus xmlns="{namespace}">\n{"".join(documents)}</teiCorpus>\n'
    file.write_text(content, encoding="utf-8")


def prepare(folder: Path, seed: int = 42, **changes: Any) -> DataCatalog:
    for offset, name in enumerate(("w", "v")):
        write_corpus(folder / name / "corpus.xml", offset)
    (folder / "actors.yml").write_text(ACTORS, encoding="utf-8")
    reader = {"kind": "classic", "terms": ["domain", "crawl"]}
    declared = {
        name: {"path": str(folder / name / "corpus.xml"), "reader": reader, "language": "fr"}
        | {"modality": "web"}
        for name in ("w", "v")
    }
    params: dict[str, Any] = {
        "corpora": declared,
        "dataset": Dataset(dataset_id="w", corpus_ids=["w"], source_field="domain"),
        "view": View(name="b", source="ideology", level="binary", actors_file="actors.yml"),
        "filters": Filters(min_chars=50, max_tokens=None),
        "split": Split(strategy="stratified", train_prop=0.75),
        "balance": Balance.model_validate(PARITY),
        "families": ["check"],
        "hardware.shard_docs": 10_000,
        "seed": seed,
        "profile": "null",
    }
    params |= changes
    catalog = DataCatalog(
        {
            "corpora": CorporaDataset(declared, params["dataset"].model_dump()),
            "actors": ActorsDataset(str(folder / "actors.yml")),
            "documents": DocumentsDataset(str(folder / "out" / "documents.parquet")),
            "train": TsvDataset(str(folder / "out" / "train.tsv")),
            "job": TsvDataset(str(folder / "out" / "job.tsv")),
            "meta_view": JsonDataset(str(folder / "out" / "meta_view.json")),
            **{
                name: MemoryDataset()
                for name in ("labelled", "screened", "duplicates", "sides", "training")
            },
            **{f"params:{name}": MemoryDataset(value) for name, value in params.items()},
        }
    )
    SequentialRunner().run(create_pipeline(), catalog)
    return catalog


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> DataCatalog:
    return prepare(tmp_path_factory.mktemp("prepare"))


def test_seen_is_kept_and_dropped_by_reason(catalog: DataCatalog) -> None:
    meta = catalog.load("meta_view")
    kept = meta["n_docs_train_raw"] + meta["n_docs_job"]
    assert meta["n_docs_raw"] == 23 == kept + sum(meta["dropped"].values())
    assert meta["dropped"] == {"ambiguous crawl": 2, "duplicate id": 1}
    assert [problem["problem"] for problem in meta["problems"]] == ["duplicate id"]
    assert "corpus.xml" in meta["problems"][0]["place"]


def test_counts_before_and_after_balance(catalog: DataCatalog) -> None:
    meta = catalog.load("meta_view")
    assert meta["label_counts_before"] == {"left": 12, "right": 9}  # the duplicate id has a label
    assert meta["label_counts_train_before_balance"] == {"left": 9, "right": 6}
    assert meta["label_counts_train_after"] == {"left": 9, "right": 9}
    assert meta["label_counts_job"] == {"left": 3, "right": 2}
    assert meta["missing_classes"] == {"train": [], "job": []}
    assert meta["label_weights"] == {"left": 1.0, "right": 1.0}


def test_files_hold_what_meta_view_says(catalog: DataCatalog) -> None:
    meta = catalog.load("meta_view")
    folder = catalog.get("train").filepath.parent
    for side, n in (("train", meta["n_docs_train_balanced"]), ("job", meta["n_docs_job"])):
        table = catalog.load(side).collect()
        assert len(table) == n
        digest = hashlib.sha256((folder / f"{side}.tsv").read_bytes()).hexdigest()
        assert digest == meta[f"{side}_sha256"]
        assert table.columns[:5] == ["id", "label", "label_raw", "modality", "domain"]
    copies = catalog.load("train").filter(pl.col("id").str.contains("#dup")).collect()
    assert len(copies) == 3
    assert set(copies["label"]) == {"right"}


def test_a_table_of_another_preparation_is_refused(catalog: DataCatalog) -> None:
    meta, job = catalog.load("meta_view"), catalog.load("job").collect()
    require_same_content(job, meta, "job")
    with pytest.raises(StaleInputError, match=r"job\.tsv is not the file that meta_view"):
        require_same_content(job.reverse(), meta, "job")


def test_the_long_text_is_whole(catalog: DataCatalog) -> None:
    both = pl.concat([catalog.load("train"), catalog.load("job")]).collect()
    long = both.filter(pl.col("id") == "w:d2")["text"].item()
    assert long.split() == [*(["mot"] * 50_000), "«", "fin\\n", "»"]


def test_the_twin_is_reported(catalog: DataCatalog) -> None:
    meta = catalog.load("meta_view")
    assert meta["duplicates"]["text"] == {"groups": 1, "docs": 2, "largest_group": 2}
    assert meta["duplicates"]["near"] == {"groups": 1, "docs": 2, "largest_group": 2}
    assert set(meta["leakage"]) == {"groups", "near_duplicates", "same_text"}
    assert meta["ideology"]["ambiguous_crawls"] == ["commun"]
    assert meta["ideology"]["docs_by_actor"] == {"est": 3, "nord": 12, "sud": 6}


def test_every_key_of_the_reference_is_there(catalog: DataCatalog) -> None:
    expected = """dataset_id source_corpora source_field merge_mode view filters balance train_prop
        seed tokenizer dedup_on ideology n_docs_raw n_docs_train_raw n_docs_train_balanced
        n_docs_job label_counts_before label_counts_train_before_balance label_counts_train_after
        label_counts_job modality_counts label_weights identity leakage duplicates problems"""
    assert set(expected.split()) <= set(catalog.load("meta_view"))


def test_the_same_config_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    files = ("train.tsv", "job.tsv", "meta_view.json")
    made = {}
    for name, seed in (("one", 42), ("two", 42), ("zero", 0)):
        prepare(tmp_path / name, seed)
        made[name] = [(tmp_path / name / "out" / file).read_bytes() for file in files]
    assert made["one"] == made["two"]
    assert made["one"][0] != made["zero"][0]


def test_two_corpora_do_not_share_ids(tmp_path: Path) -> None:
    dataset = Dataset(dataset_id="wv", corpus_ids=["w", "v"], merge_mode="merged")
    catalog = prepare(tmp_path, dataset=dataset)
    both = pl.concat([catalog.load("train"), catalog.load("job")]).collect()
    assert {name.split(":")[0] for name in both["id"]} == {"w", "v"}
    meta = catalog.load("meta_view")
    assert meta["n_docs_raw"] == 46
    assert sum(meta["corpus_counts"]["job"].values()) == 10


def test_cross_dataset(tmp_path: Path) -> None:
    dataset = Dataset(dataset_id="w", corpus_ids=["w"], eval_dataset_id="v")
    catalog = prepare(tmp_path, dataset=dataset)
    meta = catalog.load("meta_view")
    assert meta["corpus_counts"] == {"train": {"w": 20}, "job": {"v": 20}}
    assert set(catalog.load("train").collect()["corpus_id"]) == {"w"}


def test_a_label_missing_from_a_side_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    view = View(name="d", source="field", field="domain")
    split = Split(strategy="group_disjoint", group_field="domain", train_prop=0.75)
    fail = Split(strategy="stratified", train_prop=0.75)
    meta = prepare(tmp_path / "a", view=view, split=fail).load("meta_view")
    assert meta["missing_classes"]["job"] == ["ailleurs_fr"]  # its only document trains
    assert meta["ideology"] is None
    with caplog.at_level(logging.INFO):
        ideology = prepare(tmp_path / "b", split=split).load("meta_view")
    assert "the job side has no document of: left" in caplog.text
    assert "23 documents seen = 20 kept + 3 dropped (ambiguous crawl 2, dupl" in caplog.text
    assert ideology["missing_classes"]["job"] == ["left"]  # one site is all of the left
    assert ideology["leakage"]["groups"]["domain"]["groups_on_both_sides"] == 0
