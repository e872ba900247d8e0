"""submission.zip: one TIFF of each volume, which replaces an earlier one only when it is valid.

Each is a multi-page LZW-compressed uint8 TIFF, a page for each slice, of values 0 and 1, or of
class codes where there are several classes. The same masks give the same bytes: members are in
the order of their names, their dates are fixed, no TIFF says when or by what it was written.
"""

import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np

from app.durable.atomic import atomic_file
from app.errors import InputError

SUBMISSION = "submission.zip"  # of a run
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first date a zip file can hold
READABLE = 0o644 << 16
LZW = 5
TIFF_SUFFIXES = (".tif", ".tiff")


def write_submission(
    zip_path: Path, masks: Iterable[tuple[str, np.ndarray]], n_classes: int = 1
) -> str:
    """Writes (file name, mask (z, y, x) uint8 or bool) pairs; the SHA-256 of the file, in hex.

    The file is read back before it replaces the one that is there. Raises InputError naming the
    mask that cannot be submitted; an earlier submission then stays as it was.
    """
    tiffs: dict[str, bytes] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, mask in masks:
        _check(name, mask, n_classes)
        if name in tiffs:
            raise InputError(f"{name}: two volumes have this file name; rename one of them")
        tiffs[name], shapes[name] = _tiff(mask), mask.shape
    with atomic_file(zip_path) as partial:
        with zipfile.ZipFile(partial, "w") as archive:
            for name in sorted(tiffs):
                entry = zipfile.ZipInfo(name, EARLIEST)
                entry.external_attr, entry.create_system = READABLE, 3
                archive.writestr(entry, tiffs[name])
        return _read_back(partial, zip_path.name, shapes, n_classes)


def validate_submission(
    zip_path: Path, expected: Mapping[str, tuple[int, ...]], n_classes: int = 1
) -> str:
    """The SHA-256, in hex, of a submission that holds what it should: `expected` is file name ->
    shape (z, y, x). Raises InputError naming the file and what is wrong with it."""
    return _read_back(zip_path, zip_path.name, expected, n_classes)


def _check(name: str, mask: np.ndarray, n_classes: int) -> None:
    if PurePosixPath(name).name != name or "\\" in name or not name.endswith(TIFF_SUFFIXES):
        raise InputError(f"{name!r}: a mask's file name is a plain name that ends in .tif")
    if mask.ndim != 3 or mask.size == 0:
        raise InputError(f"{name}: a mask is (z, y, x), not of shape {mask.shape}")
    if mask.dtype not in (np.uint8, np.bool_):
        raise InputError(f"{name}: a mask is uint8, not {mask.dtype}")
    if int(mask.max()) > n_classes:
        raise InputError(f"{name}: class code {int(mask.max())} of {n_classes} in the mask")


def _tiff(mask: np.ndarray) -> bytes:
    from tifffile import imwrite

    file = BytesIO()
    imwrite(
        file,
        mask.astype(np.uint8),
        photometric="minisblack",  # whatever its shape, no axis is a colour
        compression="lzw",
        metadata=None,
        software=False,
    )
    return file.getvalue()


def _read_back(
    path: Path, called: str, expected: Mapping[str, tuple[int, ...]], n_classes: int
) -> str:
    if not expected:
        raise InputError(f"{called}: there is no volume to submit")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            _check_names(called, names, expected)
            for name in names:
                tiff = archive.read(name)  # checks its CRC
                _check_tiff(f"{called}: {name}", tiff, expected[name], n_classes)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise InputError(f"{called} cannot be read ({error}); write it again") from error


def _check_names(called: str, names: list[str], expected: Mapping[str, object]) -> None:
    missing = sorted(set(expected) - set(names))
    strange = sorted(set(names) - set(expected))
    twice = sorted({name for name in names if names.count(name) > 1})
    for what, found in (
        ("lacks", missing),
        ("holds what is no volume's:", strange),
        ("holds twice", twice),
    ):
        if found:
            raise InputError(f"{called} {what} {', '.join(found)}; write it again")


def _check_tiff(where: str, content: bytes, shape: tuple[int, ...], n_classes: int) -> None:
    from tifffile import TiffFile, TiffFileError

    try:
        with TiffFile(BytesIO(content)) as file:
            if len(file.pages) != shape[0]:
                raise InputError(f"{where} has {len(file.pages)} pages, not {shape[0]}")
            for number, page in enumerate(file.pages):
                values = page.asarray()
                if values.shape != tuple(shape[1:]):
                    raise InputError(
                        f"{where}: page {number} is {values.shape}, not {tuple(shape[1:])}"
                    )
                if values.dtype != np.uint8 or page.aspage().compression != LZW:
                    raise InputError(f"{where}: page {number} is no LZW-compressed uint8 image")
                if (largest := int(values.max())) > n_classes:
                    raise InputError(
                        f"{where}: page {number} has the value {largest}, above {n_classes}"
                    )
    except (TiffFileError, ValueError, RuntimeError) as error:
        raise InputError(f"{where} is no TIFF that can be read ({error})") from error
