"""A small Kedro project in one file, run as the session runs one: for tests of tracking.

    python mini.py PROJECT [key=value ...]     keys: name, end, f1, data, uri

`end` says how the run ends: well | fail | sigkill | sigterm | kill_writer | kill_both |
sigkill_with_child (a child that the run forked, and that outlives it, holds all its pipes).
"""

import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import psutil
from kedro.framework.hooks.manager import _create_hook_manager, _register_hooks
from kedro.io import AbstractDataset, DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node
from kedro.runner import SequentialRunner

from app.durable.interrupt import Interrupted, interruptible
from app.errors import InputError, SuperiorError
from app.tracking.hooks import TrackingHooks

HOOKS = TrackingHooks()


class TextFile(AbstractDataset[str, str]):
    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.filepath, self.metadata = Path(filepath), metadata

    def load(self) -> str:
        return self.filepath.read_text()

    def save(self, data: str) -> None:
        self.filepath.parent.mkdir(parents=True, exist_ok=True)
        self.filepath.write_text(data)

    def _describe(self) -> dict[str, Any]:
        return {}


class PerModel(AbstractDataset[dict[str, Any], dict[str, Any]]):
    def __init__(self, folder: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder, self.metadata = Path(folder), metadata

    def path_of(self, key: str) -> Path:
        return self.folder / key / "scores.json"

    def load(self) -> dict[str, Any]:
        raise NotImplementedError

    def save(self, data: dict[str, Any]) -> None:
        for key, content in data.items():
            self.path_of(key).parent.mkdir(parents=True, exist_ok=True)
            self.path_of(key).write_text(json.dumps(content))

    def _describe(self) -> dict[str, Any]:
        return {}


class Models(AbstractDataset[dict[str, Any], dict[str, Any]]):
    """model_id -> (card, words of the label `left`)."""

    def __init__(self, folder: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder, self.metadata = Path(folder), metadata

    def load(self) -> dict[str, Any]:
        raise NotImplementedError

    def save(self, data: dict[str, Any]) -> None:
        for name, (card, words) in data.items():
            folder = self.folder / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "model_card.json").write_text(json.dumps(card))
            (folder / "words.txt").write_text("\n".join(words))

    def _describe(self) -> dict[str, Any]:
        return {}


class WordModel:
    def __init__(self, words: set[str]) -> None:
        self.words = words

    def predict(self, texts: Any) -> list[str]:
        return ["left" if self.words & set(text.split()) else "right" for text in texts]


def load_words(folder: Path) -> WordModel:
    """The toy loader that the catalog names."""
    return WordModel(set((folder / "words.txt").read_text().split("\n")))


def main(project: Path, **said: str) -> None:
    end, f1 = said.get("end", "well"), float(said.get("f1", "0.8"))
    identity = {"hash": said.get("data", "d" * 32), "config": {"k": 1}, "sources": {"a:b.xml": "1"}}

    def train(seed: int) -> Any:
        for name in ("words_small", "words_big"):
            card = {
                "identity": identity,
                "packages": {"kedro": "1.7.0"},
                "spec": {"family": "toy", "size": len(name)},
            }
            yield {name: (card, ["solidarity", "union"])}

    def evaluate(seed: int) -> Any:
        def scores(f1: float) -> dict[str, Any]:
            labels = {"left": {"f1": f1, "support": 3}, "extrême droite": {"f1": f1}}
            return {
                "accuracy": 0.75,
                "macro_f1": f1,
                "n_eval_docs": 8,
                "seed": seed,
                "family": "toy",
                "intervals": {"macro_f1": [0.1, 0.9]},
                "classification_report": {"labels": labels},
            }

        return {"toy/words_small": scores(f1 - 0.1), "toy/words_big": scores(f1)}

    def report(_: Any) -> str:
        finish(end, project, said.get("name", "run"))
        return "<h1>The report of a mini run</h1>"

    pipeline = Pipeline(
        [
            node(lambda: identity, None, "identity", name="identify"),
            node(train, "params:seed", "models", name="train"),
            node(evaluate, "params:seed", "metrics", name="evaluate"),
            node(lambda: {"toy/words_big": {"x": 1}}, None, "scores", name="scores"),
            node(report, "identity", "report", name="report"),
        ]
    )
    uri = said.get("uri")
    config = {
        "seed": 3,
        "split": {"train_prop": 0.8, "fields": ["a", "b"]},
        "tracking": {"experiment": "mini", "uri": uri, "enabled": said.get("enabled", "1") == "1"},
    }
    data = project / "data" / said.get("name", "run")
    catalog = DataCatalog(
        {
            "identity": MemoryDataset(metadata={"track": "data"}),
            "models": Models(
                str(data / "models"),
                {
                    "track": "model",
                    "loader": "mini:load_words",
                    "registered_name": said.get("model", "mini.web1/binary"),
                },
            ),
            "metrics": MemoryDataset(metadata={"track": "metrics"}),
            "scores": PerModel(str(data / "scores"), {"track": "artifact"}),
            "report": TextFile(
                str(data / "report.html"), {"track": said.get("track", "artifact"), "tag": "report"}
            ),
            "parameters": MemoryDataset(config),
            "params:seed": MemoryDataset(3),
        }
    )
    run_session(pipeline, catalog, project, said.get("name", "run"))


def run_session(pipeline: Pipeline, catalog: DataCatalog, project: Path, name: str) -> None:
    """What Kedro's session does around a runner."""
    manager = _create_hook_manager()
    _register_hooks(manager, (HOOKS,))
    params = {"run_id": name, "project_path": str(project), "pipeline_names": ["mini"]}
    told = {"run_params": params, "pipeline": pipeline, "catalog": catalog}
    manager.hook.before_pipeline_run(**told)
    try:
        result = SequentialRunner().run(pipeline, catalog, manager, run_id=name)
    except Exception as error:
        manager.hook.on_pipeline_error(error=error, **told)
        raise
    manager.hook.after_pipeline_run(run_result=result, **told)


def finish(end: str, project: Path, name: str) -> None:
    if end == "fail":
        raise InputError("corpus.xml, byte 12: malformed XML\nsecond line")
    if end in ("kill_writer", "kill_both"):
        wait_until_recorded(project, name)
        assert HOOKS._recording is not None
        HOOKS._recording._process.kill()
        HOOKS._recording._process.wait()
    if end == "sigkill_with_child" and os.fork() == 0:
        assert HOOKS._recording is not None
        os.close(1), os.close(2)
        wait_for_the_end_of(HOOKS._recording._process.pid)
    if end in ("sigkill", "kill_both", "sigkill_with_child"):
        os.kill(os.getpid(), signal.SIGKILL)
    if end == "sigterm":
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)  # cut short by the signal


def wait_for_the_end_of(pid: int) -> None:
    """Waits for another process, at most 20 s, and ends this one."""
    for _ in range(400):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    os._exit(0)


def wait_until_recorded(project: Path, name: str) -> None:
    """Until the database has this run."""
    while True:
        try:
            with sqlite3.connect(project / "mlruns" / "mlflow.db") as database:
                query = "select count(*) from runs where name = ?"
                if database.execute(query, [f"mini {name}"]).fetchone()[0]:
                    return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.02)


if __name__ == "__main__":
    sys.modules["mini"] = sys.modules["__main__"]
    try:
        with interruptible():
            main(Path(sys.argv[1]), **dict(item.split("=", 1) for item in sys.argv[2:]))
    except Interrupted as stopped:
        sys.exit(stopped.exit_code)
    except SuperiorError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    finally:
        print("mlflow imported:", "mlflow" in sys.modules)
