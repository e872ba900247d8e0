"""`kedro ideology-skeleton`: the first actors file of a corpus, to be completed by a person.

Run again after the corpus has grown: counts and places follow, labels already written stay.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from app.config.compose import Tree, compose
from app.config.groups import choices
from app.errors import InputError, SuperiorError

CONF = Path(__file__).resolve().parents[4] / "conf"
HEADER = (
    "# Actors of {corpora}: `kedro ideology-skeleton` counts them, a person completes the labels.\n"
    "# null: unknown, or outside that division. Written labels are kept when it is run again.\n"
)


@click.command("ideology-skeleton")
@click.option(
    "--corpus", "corpora", multiple=True, required=True, help="Corpus id; several may be given."
)
@click.option(
    "--concept",
    type=click.Path(dir_okay=False, path_type=Path),
    default=CONF / "ideology" / "ideology.yml",
    show_default="conf/ideology/ideology.yml",
    help="The families, and who belongs to them.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the files written.  [default: data/interim/ideology/<corpus>]",
)
@click.argument("overrides", nargs=-1)
def ideology_skeleton(
    corpora: tuple[str, ...], concept: Path, output: Path | None, overrides: tuple[str, ...]
) -> None:
    """Scan corpora for actors: writes ideology_actors_<corpus>.yml and actors_counts_<corpus>.tsv.

    OVERRIDES are config keys, such as data_root=../data.
    """
    try:
        _write_skeleton(corpora, concept, output, overrides)
    except SuperiorError as error:
        click.echo(f"superior: error: {error}", err=True)
        sys.exit(error.exit_code)


def _write_skeleton(
    corpora: Sequence[str], concept: Path, output: Path | None, overrides: Sequence[str]
) -> None:
    name = "_".join(corpora)
    tree = _tree(corpora, name, overrides)
    from app.datasets.actors import read_actors  # they load polars, which `kedro --help` need not
    from app.datasets.corpora import CorporaDataset
    from app.datasets.tsv import TsvDataset
    from app.durable.atomic import write_text
    from app.pipelines.ideo import skeleton
    from app.pipelines.ideo.demo import ensure_demo_corpora

    ensure_demo_corpora(Path(tree["data_root"]), corpora)
    folder = output or Path(tree["output_root"]) / "interim" / "ideology" / name
    actors_file = folder / f"ideology_actors_{name}.yml"
    existing = read_actors(actors_file) if actors_file.exists() else {}
    documents = CorporaDataset(
        corpora=tree["corpora"],
        dataset=tree["dataset"],
        tokenizer=tree["filters"]["tokenizer"],
        workers=tree["hardware"]["workers"],
    ).load()
    actors, counts = skeleton.ideology_skeleton(
        documents.frames(),
        _read_concept(concept),
        {actor: entry.model_dump() for actor, entry in existing.items()},
    )
    write_text(actors_file, HEADER.format(corpora=", ".join(corpora)) + _as_yaml(actors))
    counts_file = folder / f"actors_counts_{name}.tsv"
    TsvDataset(filepath=str(counts_file)).save(counts)
    unlabelled = sum(entry["global_five"] is None for entry in actors.values())
    click.echo(f"{actors_file}: {len(actors)} actors, {unlabelled} without a family")
    click.echo(f"{counts_file}: documents of each, and crawls that several share")


def _tree(corpora: Sequence[str], name: str, overrides: Sequence[str]) -> Tree:
    in_files = [corpus for corpus in corpora if corpus in choices("corpora", CONF)]
    return compose(
        [
            *overrides,
            *([f"corpora=[{','.join(in_files)}]"] if in_files else []),  # others: of a profile
            f"dataset.corpus_ids=[{','.join(corpora)}]",
            f"dataset.dataset_id={name}",
            f"dataset.merge_mode={'merged' if len(corpora) > 1 else 'single'}",
        ],
        CONF,
    ).tree


def _read_concept(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no ideology file {path}; give one with --concept") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no `families:` mapping; its form is in docs/ideo.md")
    return content


def _as_yaml(actors: Mapping[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(
        {"actors": dict(actors)},
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,  # lists on one line
        width=100,
    )
    return text
