"""Kedro hooks that record each run in MLflow. They know no study: the catalog says what is kept.

    metadata: {track: metrics}    saved: {"family/model_id": {accuracy: 0.9, ...}}
    metadata: {track: model, loader: "package.module:function", registered_name: "..."}
                                  saved: {model_id: ...} into a folder with a folder for each
    metadata: {track: history, prefix: "..."}
                                  saved: [{step: 3, f1: 0.8, ...}, ...], curves `<prefix>.f1`
    metadata: {track: checkpoint, registered_name: "..."}
                                  saved: `files` (without any nothing is registered), `about`
    metadata: {track: data}       saved: {"hash": ..., "config": ..., "sources": ...}
    metadata: {track: artifact}   a file, a folder, or one file for each key that was saved
    metadata: {track: artifact, tag: report}    ... linked from the run's page, path as a tag

A failure of MLflow never costs a result: the run goes on, and ends with a TrackingError. A run of
a sweep (SUPERIOR_RECORD is set) tells a file instead, whether or not the sweep goes to MLflow.
"""

import dataclasses
import logging
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, Self, runtime_checkable

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from pydantic import Field, ValidationError, model_validator

from app.config.base import Group
from app.config.tracking import Tracking
from app.errors import ConfigError, SuperiorError, TrackingError
from app.tracking.flat import flat_params, flat_scores
from app.tracking.record import RECORD, RecordFile
from app.tracking.recording import Outcome, Recording
from app.tracking.store import Store

log = logging.getLogger(__name__)


@runtime_checkable
class HasMetadata(Protocol):
    metadata: dict[str, Any] | None


@runtime_checkable
class HasFile(Protocol):
    filepath: Path


@runtime_checkable
class HasFolder(Protocol):
    folder: Path


@runtime_checkable
class HasFilePerKey(HasFolder, Protocol):
    def path_of(self, key: str) -> Path: ...


class Track(Group):
    """What the catalog's metadata say about one dataset."""

    track: Literal["metrics", "history", "model", "checkpoint", "data", "artifact"]
    tag: str | None = None  # with artifact: a name for its path, and a link from the run's page
    loader: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")  # with model: reads a folder
    prefix: str = ""  # with history: of the names of its metrics
    registered_name: str | None = None  # with model, checkpoint: each becomes a version of it

    @model_validator(mode="after")
    def _model_has_what_it_needs(self) -> Self:
        if self.track == "model" and None in (self.loader, self.registered_name):
            raise ValueError(
                "track: model needs loader (package.module:function, folder -> model)"
                " and registered_name"
            )
        if self.track == "checkpoint" and self.registered_name is None:
            raise ValueError("track: checkpoint needs registered_name")
        return self


class TrackingHooks:
    """One MLflow run for each Kedro run of the process."""

    def __init__(self) -> None:
        self._recording: Recording | RecordFile | None = None
        self._catalog: DataCatalog
        self._tracked: dict[str, Track] = {}

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        if self._recording is not None:  # the run before was interrupted
            self._recording.abandon()
            self._recording = None
        parameters = catalog.load("parameters")
        config = Tracking.model_validate(parameters["tracking"])
        record = os.environ.get(RECORD)
        if not config.enabled and record is None:
            return
        self._catalog = catalog
        self._tracked = dict(_tracked(catalog, pipeline, config))
        names = ",".join(run_params["pipeline_names"] or ["__default__"])
        start: dict[str, Any] = {
            "experiment": config.experiment,
            "run_name": config.run_name or f"{names} {run_params['run_id']}",
            "alias": config.alias,
            "project": run_params["project_path"],
            "params": flat_params(parameters),
            "tags": {
                "superior.pipeline": names,
                "superior.command": shlex.join(sys.orig_argv),
                "mlflow.source.name": "superior",
            },
        }
        if record is not None:
            self._recording = RecordFile(Path(record), **start)
        else:
            store = Store.resolve(config.uri, Path(run_params["project_path"]))
            self._recording = Recording(store=dataclasses.asdict(store), **start)
            self._uri = store.uri

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        if self._recording is None or dataset_name not in self._tracked:
            return
        told, dataset = self._tracked[dataset_name], self._catalog[dataset_name]
        match told.track:
            case "metrics":
                for key, results in data.items():
                    family, _, name = key.rpartition("/")
                    scores = flat_scores(results)
                    self._recording.send("metrics", model=name, family=family, values=scores)
            case "data":
                self._recording.send("data", identity=data)
            case "history":
                self._recording.send("history", prefix=told.prefix, rows=data)
            case "checkpoint":
                if data.files:
                    self._recording.send(
                        "checkpoint",
                        folder=_folder(dataset_name, dataset).absolute(),
                        registered_name=told.registered_name,
                        about=data.about,
                    )
            case "model":
                for name in data:
                    folder = (_folder(dataset_name, dataset) / name).absolute()
                    self._recording.send(
                        "model",
                        name=name,
                        folder=folder,
                        loader=told.loader,
                        registered_name=told.registered_name,
                    )
            case "artifact":
                for path, folder in _written(dataset_name, dataset, data):
                    self._recording.send(
                        "artifact", path=path.absolute(), folder=folder, tag=told.tag
                    )

    @hook_impl(trylast=True)  # waits for the writer, and may raise: others have had their turn
    def after_pipeline_run(self) -> None:
        if self._recording is None:
            return
        in_mlflow = isinstance(self._recording, Recording)
        outcome = self._end("FINISHED", None)
        for model, told in outcome.aliases.items():
            log.info("model %s: %s", model, told)
        if outcome.errors:
            raise TrackingError(_missing(outcome))
        if in_mlflow:
            log.info("recorded: mlflow ui --backend-store-uri %s", self._uri)
            log.info("          then http://127.0.0.1:5000/%s", outcome.page)

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        if self._recording is None:
            return
        outcome = self._end("FAILED", _reason(error))
        if outcome.errors:
            log.warning("%s", _missing(outcome))

    def _end(self, status: str, reason: str | None) -> Outcome:
        assert self._recording is not None
        outcome = self._recording.end(status, reason)
        self._recording = None
        return outcome


def _tracked(
    catalog: DataCatalog, pipeline: Pipeline, config: Tracking
) -> Iterator[tuple[str, Track]]:
    """The datasets this pipeline writes that the catalog wants tracked."""
    for name in sorted(pipeline.all_outputs()):
        dataset = catalog.get(name)
        metadata = (dataset.metadata or {}) if isinstance(dataset, HasMetadata) else {}
        if "track" not in metadata:
            continue
        said = {key: metadata[key] for key in Track.model_fields if key in metadata}
        try:
            told = Track.model_validate(said)
        except ValidationError as error:
            raise ConfigError(
                f"catalog: metadata of {name!r} say {said}; track is metrics, history, "
                f"model, checkpoint, data or artifact ({error.errors()[0]['msg']})"
            ) from error
        if told.track not in ("model", "checkpoint") or config.register_models:
            yield name, told


def _written(name: str, dataset: object, data: Any) -> Iterator[tuple[Path, str | None]]:
    """The files or folder that saving `data` wrote, each with its place among the artifacts."""
    if isinstance(dataset, HasFilePerKey) and isinstance(data, Mapping):
        for path in map(dataset.path_of, data):
            place = path.parent.relative_to(dataset.folder).as_posix()
            yield path, None if place == "." else place
    elif isinstance(dataset, HasFile):
        yield dataset.filepath, None
    else:
        folder = _folder(name, dataset)
        yield folder, folder.name


def _folder(name: str, dataset: object) -> Path:
    if not isinstance(dataset, HasFolder):
        kind = type(dataset).__name__
        raise ConfigError(f"catalog: {name!r} is tracked, but a {kind} has no filepath or folder")
    return dataset.folder


def _reason(error: BaseException) -> str:
    """The first line of what went wrong: of our own error where Kedro wrapped one."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, SuperiorError):
        cause = cause.__cause__ or cause.__context__
    shown = cause or error
    lines = str(shown).strip().splitlines() or [""]
    return f"{type(shown).__name__}: {lines[0]}"[:500]


def _missing(outcome: Outcome) -> str:
    where = f"run {outcome.run_id}" if outcome.run_id else "this run"
    return (
        f"every result is saved, but MLflow does not have all of {where}: "
        + "; ".join(outcome.errors)
        + " (tracking=off runs without it)"
    )
