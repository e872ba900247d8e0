"""`ideo` as the doors see it: corpora and packages must be there before any work starts."""

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from glob import glob
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.config.compose import Composed, compose
from app.config.ideo.corpora import Corpus, PairedLinesReader, ParlaMintReader
from app.config.ideo.tree import StudyConfig
from app.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline

CONF = Path(__file__).resolve().parents[3] / "conf"
OWN_DATA = Path("data/raw")
PACKAGES = {"spacy": ("spacy",), "hf": ("torch", "transformers")}  # of a family, in its extra
WHAT_RUNS_IMPORT = {  # by family, besides what every run of any study does
    "sklearn": (
        "pyarrow.parquet",
        "pandas",
        "sklearn.feature_extraction.text",
        "sklearn.linear_model",
        "sklearn.naive_bayes",
        "sklearn.pipeline",
        "sklearn.svm",
        "skops.io",
        "app.pipelines.ideo.models.sklearn",
        "app.pipelines.ideo.models.skops_file",
    ),
    "spacy": (
        "pyarrow.parquet",
        "spacy.pipeline.factories",
        "spacy.lang.fr",
        "app.pipelines.ideo.models.spacy",
    ),
    "check": ("pyarrow.parquet",),
    "hf": ("pyarrow.parquet",),
}
STAGES_WITHOUT = {"spacy": {"report"}, "hf": {"prepare", "report"}}  # that do not import them


def stages() -> "dict[str, Pipeline]":
    """Prepare, train, evaluate, report."""
    from app.pipelines import ideo  # planning a sweep needs no Kedro

    return ideo.stages()


def require_inputs(config: StudyConfig) -> None:
    """Makes the embedded corpora where they are asked for and absent; refuses other absent paths.

    Raises:
        ConfigError: names the key, the path, and what to do.
        MissingExtraError: a chosen model's package is not installed.
    """
    from app.pipelines.ideo.demo import ensure_demo_corpora

    _require_packages(config)
    wanted = [*config.dataset.corpus_ids, *config.dataset.eval_corpora()]
    if Path(config.data_root) == OWN_DATA:  # never into a folder of the user's
        ensure_demo_corpora(OWN_DATA, wanted)
    for corpus_id in wanted:
        for key, path in _paths(config.corpora[corpus_id]):
            if not glob(path):
                raise ConfigError(
                    f"corpora.{corpus_id}.{key}: nothing at {path}\n  "
                    + (
                        f"data_root={config.data_root}; give the folder of your data with "
                        "data_root=..."
                        if Path(path).is_relative_to(config.data_root)
                        else "no such file, or folder, or file that the glob matches"
                    )
                )
    actors = config.view.actors_file
    if actors is not None and not Path(actors).is_file():
        raise ConfigError(
            f"view.actors_file: no file {actors}\n  make a first one: kedro ideology-skeleton "
            + " ".join(f"--corpus {corpus_id}" for corpus_id in config.dataset.corpus_ids)
            + ", with the same overrides"
        )


def parts(composed: Composed) -> list[Composed]:
    """Several where corpora are to be kept separate."""
    config = composed.config
    assert isinstance(config, StudyConfig)
    dataset, root = config.dataset, config.output_root
    if dataset.merge_mode != "separate":
        return [composed]
    return [
        compose(
            [
                *composed.overrides,
                "dataset.merge_mode=single",
                f"dataset.corpus_ids=[{corpus_id}]",
                f"dataset.dataset_id={dataset.dataset_id}.{corpus_id}",
                "output_root='{}'".format(root.replace("'", r"\'")),  # of its job, in a sweep
            ],
            CONF,
        )
        for corpus_id in dataset.corpus_ids
    ]


def written_folder(config: StudyConfig) -> Path:
    """Where the dataset's and view's intermediate files are."""
    return Path(config.output_root) / "interim" / config.dataset.key() / config.view.name


def running(config: StudyConfig) -> AbstractContextManager[object]:
    """Nothing: each model is saved as soon as it is trained."""
    return nullcontext()


def families(config: StudyConfig) -> list[str]:
    """Of the chosen models."""
    return sorted({spec.family for spec in config.models.root.values()})


def kind(config: StudyConfig) -> str:
    """Dataset, view and families."""
    return f"{config.dataset.key()}/{config.view.name}/{'+'.join(families(config))}"


def smaller(config: StudyConfig, folder: Path, factor: float) -> Mapping[str, Any] | None:
    """`hardware.max_train_docs_*` of the run's families, times `factor`; of the documents it had
    to train on, where the cap was above them."""
    seen = _training_documents(folder)
    changes = {}
    for family in families(config):
        cap = getattr(config.hardware, f"max_train_docs_{family}", None)
        if cap is not None:
            changes[f"hardware.max_train_docs_{family}"] = int(min(cap, seen or cap) * factor)
    return changes if changes and all(changes.values()) else None


def _training_documents(folder: Path) -> int | None:
    """How many documents the run had prepared for training, if it came so far."""
    for file in folder.glob("interim/*/*/meta_view.json"):
        counted = json.loads(file.read_text(encoding="utf-8")).get("n_docs_train_balanced")
        if isinstance(counted, int):
            return counted
    return None


def _require_packages(config: StudyConfig) -> None:
    stages = {name.strip().removeprefix("ideo.") for name in config.pipeline.split(",")}
    for family, packages in PACKAGES.items():
        chosen = config.models.of(family)
        absent = [name for name in packages if find_spec(name) is None]
        if chosen and absent and not stages <= STAGES_WITHOUT[family]:
            raise MissingExtraError(
                f"models={', '.join(chosen)}: not installed: {', '.join(absent)}; "
                f"pip install -e '.[{family}]', or choose other models"
            )


def _paths(corpus: Corpus) -> Iterator[tuple[str, str]]:
    yield "path", corpus.path
    reader = corpus.reader
    if isinstance(reader, ParlaMintReader):
        yield "reader.persons", reader.persons
        yield "reader.orgs", reader.orgs
        if reader.taxonomy is not None:
            yield "reader.taxonomy", reader.taxonomy
    if isinstance(reader, PairedLinesReader):
        yield "reader.texts", reader.texts
