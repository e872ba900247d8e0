"""Reading one 3D array from a file, or from a folder of slices, as (z, y, x).

TIFF       a page is a slice; memory-mapped when it is stored whole and uncompressed
NIfTI      (x, y, z) in the file, turned round; memory-mapped when it is not compressed or scaled
.npy       (z, y, x); memory-mapped; never a pickle
slices     a folder of 2D images; z is the natural order of their names: 2.png before 10.png
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from app.errors import InputError, MissingExtraError, SuperiorError

if TYPE_CHECKING:
    import tifffile

VOLUME_SUFFIXES = (".tif", ".tiff", ".nii", ".nii.gz", ".npy")
SLICE_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")

_ORDER: Final[dict[str, Literal["little", "big"]]] = {"<": "little", ">": "big"}


def volume_stem(path: Path) -> str | None:
    """The name without the suffix of a volume; None for any other file."""
    for suffix in sorted(VOLUME_SUFFIXES, key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return None


def slice_files(folder: Path) -> list[Path]:
    """The 2D images of a folder in natural order; [] if it holds none."""
    files = (path for path in folder.iterdir() if path.suffix.lower() in SLICE_SUFFIXES)
    return sorted(
        (path for path in files if path.is_file() and not path.name.startswith(".")),
        key=lambda path: natural(path.name),
    )


def natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A key that sorts numbers in a name by their value: slice2 before slice10."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts], name


def read_array(path: Path) -> np.ndarray:
    """The voxels of a file or of a folder of slices, (z, y, x), a memmap where possible.

    Raises:
        InputError: unreadable, not 3D, in colour, no real numbers, or with voxels that are NaN or
            infinite; names the file.
        MissingExtraError: the package that decodes it is not installed.
    """
    if path.is_dir():
        array = _read_slices(path)
    else:
        with _naming(path):
            array = _reader(path)(path)
    return _checked(array, path)


def _reader(path: Path) -> Callable[[Path], np.ndarray]:
    name = path.name.lower()
    if name.endswith((".tif", ".tiff")):
        return _read_tiff
    return _read_npy if name.endswith(".npy") else _read_nifti


def _read_tiff(path: Path) -> np.ndarray:
    import tifffile

    with tifffile.TiffFile(path) as file:
        _require_whole(file)
        if len(file.series) != 1:
            raise InputError(
                f"{path}: its pages are of {len(file.series)} shapes or types; a volume is a stack "
                "of equal slices"
            )
        (stack,) = file.series
        if "S" in stack.axes:
            raise InputError(f"{path}: it is in colour (axes {stack.axes}); save it in grey values")
        mapped = stack.dataoffset is not None and stack.keyframe.is_memmappable
        array: np.ndarray = tifffile.memmap(path, mode="r") if mapped else stack.asarray()
    return array[np.newaxis] if array.ndim == 2 else array


def _require_whole(file: "tifffile.TiffFile") -> None:
    """Follows the chain of pages to its end: of a cut file tifffile reads those that are left."""
    form, handle = file.tiff, file.filehandle
    handle.seek(form.offsetsize)  # of the first page's place: after the mark, or the mark and size
    place = int.from_bytes(handle.read(form.offsetsize), _ORDER[form.byteorder])
    seen: set[int] = set()
    while place:
        if place in seen:
            raise ValueError(f"its page at byte {place} comes twice")
        seen.add(place)
        handle.seek(place)
        tags = int.from_bytes(handle.read(form.tagnosize), _ORDER[form.byteorder])
        handle.seek(place + form.tagnosize + tags * form.tagsize)
        said = handle.read(form.offsetsize)
        if len(said) < form.offsetsize:
            raise EOFError(f"it ends after {handle.size} bytes, within its pages")
        place = int.from_bytes(said, _ORDER[form.byteorder])


def _read_nifti(path: Path) -> np.ndarray:
    import nibabel

    image = nibabel.load(path, mmap="r")
    voxels: np.ndarray = np.asanyarray(image.dataobj)
    while voxels.ndim > 3 and voxels.shape[-1] == 1:
        voxels = voxels[..., 0]
    return voxels.T


def _read_npy(path: Path) -> np.ndarray:
    array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _read_slices(folder: Path) -> np.ndarray:
    files = slice_files(folder)
    if not files:
        raise InputError(
            f"{folder}: it holds no slice; a slice is a file {', '.join(SLICE_SUFFIXES)}"
        )
    with _naming(files[0]):
        first = _read_slice(files[0])
    stack = np.empty((len(files), *first.shape), dtype=first.dtype)
    for slot, path in zip(stack, files, strict=True):
        with _naming(path):
            voxels = _read_slice(path)
        if voxels.shape != first.shape or voxels.dtype != first.dtype:
            raise InputError(
                f"{path}: {voxels.shape} {voxels.dtype}, but {files[0].name} is {first.shape} "
                f"{first.dtype}; the slices of a volume are alike"
            )
        slot[...] = voxels
    return stack


def _read_slice(path: Path) -> np.ndarray:
    if path.suffix.lower() in (".tif", ".tiff"):
        import tifffile

        voxels: np.ndarray = tifffile.imread(path)
    else:
        from PIL import Image

        with Image.open(path) as image:
            image.load()
            if image.mode == "P":
                raise InputError(f"{path}: its values are a palette's; save it in grey values")
            voxels = np.asarray(image)
    if voxels.ndim != 2:
        raise InputError(f"{path}: {voxels.shape} is no 2D image in grey values")
    return voxels


def _checked(array: np.ndarray, path: Path) -> np.ndarray:
    if array.ndim != 3 or 0 in array.shape:
        raise InputError(f"{path}: its shape is {array.shape}; a volume is (z, y, x)")
    if array.dtype == bool:
        array = array.view(np.uint8)
    if array.dtype.kind not in "iuf":
        raise InputError(f"{path}: its values are {array.dtype}; voxels are integers or floats")
    if array.dtype.kind == "f":
        for z, voxels in enumerate(array):
            if not np.isfinite(voxels).all():
                raise InputError(f"{path}: slice {z} has voxels that are NaN or infinite")
    return array


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """A decoder's failure, whatever its type, as an InputError that names the file; an absent one
    as a MissingExtraError."""
    try:
        yield
    except (SuperiorError, MemoryError):
        raise
    except ImportError as error:
        raise MissingExtraError(
            f"{path}: to read it, {error.name} is needed\n  pip install 'superior[volumes]'"
        ) from error
    except Exception as error:
        what = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"{path}: it cannot be read ({what}); is it whole?") from error
