"""The files a config names must exist before any work starts."""

from collections.abc import Iterator
from glob import glob
from pathlib import Path

from app.config.corpora import Corpus, PairedLinesReader, ParlaMintReader
from app.config.tree import Config
from app.errors import ConfigError
from app.pipelines.ideo.demo import ensure_demo_corpora

OWN_DATA = Path("data/raw")


def require_inputs(config: Config) -> None:
    """Makes the embedded corpora where they are asked for and absent; refuses other absent paths.

    Raises:
        ConfigError: names the key, the path, and what to do.
    """
    wanted = [*config.dataset.corpus_ids, *config.dataset.eval_corpora()]
    if Path(config.data_root) == OWN_DATA:  # never into a folder of the user's
        ensure_demo_corpora(OWN_DATA, wanted)
    for corpus_id in wanted:
        for key, path in _paths(config.corpora[corpus_id]):
            if not glob(path):
                raise ConfigError(
                    f"corpora.{corpus_id}.{key}: nothing at {path}\n"
                    f"  data_root={config.data_root}; give the folder of your data with "
                    "data_root=..."
                )
    actors = config.view.actors_file
    if actors is not None and not Path(actors).is_file():
        raise ConfigError(
            f"view.actors_file: no file {actors}\n  `kedro ideology-skeleton` makes a first one"
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
