"""A scikit-learn object as a skops file: a zip of JSON and arrays, without pickle.

skops names parts by memory addresses and stamps them with the time; here they are renumbered and
the stamp is fixed, so that the same model gives the same bytes. See https://skops.readthedocs.io
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from app.errors import InputError

SCHEMA = "schema.json"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date a zip can hold

# The types our models are made of: nothing else is loaded. Those of the last line are followed
# without a look at bounds by the code that uses them; `_require_sound` looks.
TRUSTED = [
    "sklearn.feature_extraction.text.TfidfTransformer",
    "sklearn.feature_extraction.text.TfidfVectorizer",
    "sklearn.ensemble._forest.RandomForestClassifier",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.linear_model._perceptron.Perceptron",
    "sklearn.linear_model._stochastic_gradient.SGDClassifier",
    "sklearn.naive_bayes.ComplementNB",
    "sklearn.svm._classes.LinearSVC",
    "sklearn.svm._classes.SVC",
    "sklearn.tree._classes.DecisionTreeClassifier",
    "scipy.sparse._csr.csr_matrix",
    "sklearn.tree._tree.Tree",
]


def _skops_io() -> Any:
    """`skops.io`, imported with an empty list of scikit-learn's estimators.

    To trust every estimator there is, it would import all of scikit-learn, its test tools, and
    torch where that is installed: 2.2 s of CPU in each run, for types we do not want to trust.
    """
    import sklearn.utils

    listed = sklearn.utils.all_estimators
    sklearn.utils.all_estimators = list
    try:
        import skops.io
    finally:
        sklearn.utils.all_estimators = listed
    return skops.io


def write_skops(model: list[Any], file: Path) -> None:
    """Writes the fitted parts of `model` to `file`."""
    with zipfile.ZipFile(io.BytesIO(_skops_io().dumps(model))) as parts:
        schema = json.loads(parts.read(SCHEMA))
        names: dict[str, str] = {}
        schema = _renumbered(schema, {}, names)
        with zipfile.ZipFile(file, "w") as out:
            for old, new in names.items():
                _add(out, new, parts.read(old))
            _add(out, SCHEMA, json.dumps(schema).encode())


def read_skops(file: Path) -> list[Any]:
    """The parts in `file`; InputError when it holds a type our models are not made of."""
    skops_io = _skops_io()
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        model: list[Any] = skops_io.load(file, trusted=TRUSTED)
        for part in model:
            _require_sound(part)
        return model
    except UntrustedTypesFoundException as error:
        raise InputError(
            f"{file} was not written by this project and is not loaded: {error}"
        ) from error
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise InputError(f"{file} is damaged ({error}); train the model again") from error


def _require_sound(estimator: Any) -> None:
    """ValueError where an index would be followed out of its array, or round in a circle."""
    vectors = getattr(estimator, "support_vectors_", None)
    if vectors is not None and hasattr(vectors, "check_format"):
        vectors.check_format(full_check=True)
    for part in getattr(estimator, "estimators_", [estimator]):
        tree = getattr(part, "tree_", None)
        if tree is None:
            continue
        if not 0 < tree.node_count <= tree.capacity:
            raise ValueError("a tree counts more nodes than it has")
        left, right, feature = tree.children_left, tree.children_right, tree.feature
        places = np.arange(tree.node_count)
        inner = left != -1
        for children in (left[inner], right[inner]):
            if not ((children > places[inner]) & (children < tree.node_count)).all():
                raise ValueError("a tree has a child that is not after its parent")
        if not ((feature[inner] >= 0) & (feature[inner] < part.n_features_in_)).all():
            raise ValueError("a tree asks for a feature that does not exist")


def _renumbered(node: Any, ids: dict[int, int], names: dict[str, str]) -> Any:
    """The schema with memory addresses replaced by 0, 1, 2, ... in order of appearance, in ids
    and in the names of array files; `names` collects old name -> new name."""
    if isinstance(node, list):
        return [_renumbered(item, ids, names) for item in node]
    if not isinstance(node, dict):
        return node
    fresh: dict[str, Any] = {}
    for key, value in node.items():
        if key == "__id__":
            fresh[key] = ids.setdefault(value, len(ids))
        elif key == "file" and isinstance(value, str):
            fresh[key] = names.setdefault(value, f"{len(names)}{Path(value).suffix}")
        else:
            fresh[key] = _renumbered(value, ids, names)
    return fresh


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    archive.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=6)
