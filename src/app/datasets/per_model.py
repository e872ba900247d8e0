"""One result file for each model of a run: <folder>/<family>/<model_id>/<name>."""

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from app.durable.atomic import write_text

PART = "{}"  # in `name`: the place of a key's third name


class PerModelDataset(AbstractDataset[dict[str, Any], dict[str, Any]]):
    """`family/model_id` -> content: JSON where the name ends in .json, else text.

    Where the name holds `{}` (`metrics_by_{}.json`), keys have a third name that fills it:
    `family/model_id/party`. Each file is replaced atomically; files of models that are not saved
    stay, since other runs may own them.

    The option is not called `filename`: Kedro makes an absolute path of that, and one file would
    be written for all models.
    """

    def __init__(self, folder: str, name: str, metadata: dict[str, Any] | None = None) -> None:
        self.folder, self._name = Path(folder), name
        self.metadata = metadata

    def load(self) -> dict[str, Any]:
        found = self.folder.glob(f"*/*/{self._name.replace(PART, '*')}")
        return {self._key(path): self._read(path) for path in sorted(found)}

    def save(self, data: dict[str, Any]) -> None:
        for key, content in data.items():
            write_text(self.path_of(key), self._written(content))

    def path_of(self, key: str) -> Path:
        family, model_id, *part = key.split("/")
        return self.folder / family / model_id / self._name.replace(PART, "".join(part))

    def _key(self, path: Path) -> str:
        names = [path.parent.parent.name, path.parent.name]
        if PART in self._name:
            before, after = self._name.split(PART)
            names.append(path.name.removeprefix(before).removesuffix(after))
        return "/".join(names)

    def _read(self, path: Path) -> Any:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else text

    def _written(self, content: Any) -> str:
        if not self._name.endswith(".json"):
            return str(content)
        readable = json.dumps(
            content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False
        )
        return readable + "\n"

    def _exists(self) -> bool:
        return any(self.folder.glob(f"*/*/{self._name.replace(PART, '*')}"))

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self.folder), "name": self._name}
