"""The files and packages a config needs must be there before any work starts."""

from collections.abc import Iterator
from glob import glob
from importlib.util import find_spec
from pathlib import Path

from app.config.corpora import Corpus, PairedLinesReader, ParlaMintReader
from app.config.tree import Config
from app.errors import ConfigError, MissingExtraError
from app.pipelines.ideo.demo import ensure_demo_corpora

OWN_DATA = Path("data/raw")
PACKAGES = {"spacy": ("spacy",), "hf": ("torch", "transformers")}  # of a family, in its extra
STAGES_WITHOUT = {"spacy": {"report"}, "hf": {"prepare", "report"}}  # that do not import them


def require_inputs(config: Config) -> None:
    """Makes the embedded corpora where they are asked for and absent; refuses other absent paths.

    Raises:
        ConfigError: names the key, the path, and what to do.
        MissingExtraError: a chosen model's package is not installed.
    """
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


def _require_packages(config: Config) -> None:
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
