"""Reading volumes of every format: the same voxels in the same order, or an error naming it."""

import contextlib
import gzip
import re
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from app.datasets.volume_files import natural, read_array, slice_files, volume_stem
from app.errors import InputError, MissingExtraError

SHAPE = (11, 7, 5)  # z, y, x: no two alike


def voxels(dtype: str = "uint16") -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 200, SHAPE).astype(dtype)


def nifti(path: Path, array: np.ndarray) -> None:
    nibabel.save(nibabel.Nifti1Image(array.T, np.diag([1.0, 2.0, 3.0, 1.0])), path)


def slices(folder: Path, array: np.ndarray, suffix: str = ".png", first: int = 1) -> Path:
    folder.mkdir()
    for number, plane in enumerate(array, first):
        Image.fromarray(plane).save(folder / f"{number}{suffix}")
    return folder


WRITERS: dict[str, Callable[[Path, np.ndarray], object]] = {
    "plain.tif": tifffile.imwrite,
    "lzw.tif": lambda path, a: tifffile.imwrite(path, a, compression="lzw"),
    "big_endian.tiff": lambda path, a: tifffile.imwrite(path, a, byteorder=">"),
    "predictor.tif": lambda path, a: tifffile.imwrite(path, a, compression="zlib", predictor=True),
    "imagej.tif": lambda path, a: tifffile.imwrite(path, a, imagej=True),
    "huge.tif": lambda path, a: tifffile.imwrite(path, a, bigtiff=True),
    "pages.tif": lambda path, a: tifffile.imwrite(path, a, metadata=None, compression="lzw"),
    "a.nii": nifti,
    "a.nii.gz": nifti,
    "a.npy": np.save,
    "fortran.npy": lambda path, a: np.save(path, np.asfortranarray(a)),
    "slices": slices,
}
MAPPED = {"plain.tif", "big_endian.tiff", "imagej.tif", "huge.tif", "a.nii", "a.npy", "fortran.npy"}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_voxels_as_z_y_x(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, voxels())
    read = read_array(tmp_path / name)
    np.testing.assert_array_equal(read, voxels())
    assert isinstance(read, np.memmap) == (name in MAPPED)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("name", ["lzw.tif", "a.nii.gz", "a.npy"])
def test_types_are_kept(tmp_path: Path, name: str, dtype: str) -> None:
    WRITERS[name](tmp_path / name, voxels(dtype))
    assert read_array(tmp_path / name).dtype == dtype


def test_scaled_nifti_is_read_in_its_units(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(voxels("float64").T / 7.0, np.eye(4), dtype=np.int16)
    nibabel.save(image, tmp_path / "a.nii")
    np.testing.assert_allclose(read_array(tmp_path / "a.nii"), voxels() / 7.0, atol=1e-2)


def test_axes_of_one_after_the_third_are_dropped(tmp_path: Path) -> None:
    nifti(tmp_path / "a.nii", voxels()[np.newaxis])
    np.testing.assert_array_equal(read_array(tmp_path / "a.nii"), voxels())


def test_slices_are_in_natural_order(tmp_path: Path) -> None:
    folder = slices(tmp_path / "s", voxels(), first=2)  # 2.png to 12.png
    (folder / "notes.txt").write_text("not a slice")
    (folder / "._2.png").write_bytes(b"what a file system left")
    assert [path.stem for path in slice_files(folder)] == [str(n) for n in range(2, 13)]
    np.testing.assert_array_equal(read_array(folder), voxels())


def test_natural_order_goes_by_the_value_of_numbers() -> None:
    names = ["b1", "a10", "a9", "a", "10", "9", "a09x"]
    assert sorted(names, key=natural) == ["9", "10", "a", "a9", "a09x", "a10", "b1"]


def test_a_mask_of_one_bit_is_zeros_and_ones(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", voxels() > 100)
    read = read_array(tmp_path / "a.npy")
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, voxels() > 100)


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a.b.nii.gz", "a.b"), ("A.TIF", "A"), ("x.npy", "x"), ("x.npz", None), ("x.gz", None)],
)
def test_names_lose_the_whole_suffix(name: str, stem: str | None) -> None:
    assert volume_stem(Path(name)) == stem


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "slices"])
def test_a_cut_file_is_refused_or_has_lost_nothing(tmp_path: Path, name: str) -> None:
    """Cut anywhere: tifffile alone would give the pages that are left."""
    path = tmp_path / name
    WRITERS[name](path, voxels())
    content = path.read_bytes()
    rng = np.random.default_rng(1)
    for length in [0, 1, 9, len(content) - 50, *rng.integers(0, len(content), 25).tolist()]:
        path.unlink()  # a new file: the old one may be mapped
        path.write_bytes(content[:length])
        with contextlib.suppress(InputError):
            np.testing.assert_array_equal(read_array(path), voxels())


def test_a_chain_of_pages_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, voxels(), metadata=None)
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        first, last = file.pages[0].offset, file.pages[len(file.pages) - 1].offset
    tags = int.from_bytes(content[last : last + 2], "little")
    after = last + 2 + 12 * tags
    content[after : after + 4] = first.to_bytes(4, "little")
    path.unlink()
    path.write_bytes(content)
    with pytest.raises(InputError, match="comes twice"):
        read_array(path)


def refused(path: Path, match: str) -> None:
    with pytest.raises(InputError, match=match) as error:
        read_array(path)
    assert re.search(re.escape(str(path)), str(error.value))


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return print, ("it ran",)

    np.save(tmp_path / "a.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    refused(tmp_path / "a.npy", "Python objects")


def test_what_is_no_volume_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "flat.npy", np.zeros((4, 5)))
    refused(tmp_path / "flat.npy", r"\(4, 5\); a volume is \(z, y, x\)")
    np.save(tmp_path / "empty.npy", np.zeros((0, 4, 5)))
    refused(tmp_path / "empty.npy", r"\(0, 4, 5\)")
    np.save(tmp_path / "complex.npy", np.zeros(SHAPE, dtype=complex))
    refused(tmp_path / "complex.npy", "complex128")
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((4, 8, 9, 3), np.uint8), photometric="rgb")
    refused(tmp_path / "rgb.tif", "in colour")
    with tifffile.TiffWriter(tmp_path / "mixed.tif") as file:
        file.write(np.zeros((8, 9), np.uint8), metadata=None)
        file.write(np.zeros((8, 5), np.uint8), metadata=None)
    refused(tmp_path / "mixed.tif", "2 shapes")
    nifti(tmp_path / "time.nii", np.zeros((3, *SHAPE), np.uint8))
    refused(tmp_path / "time.nii", r"\(3, 11, 7, 5\)")
    (tmp_path / "text.nii.gz").write_bytes(gzip.compress(b"no image"))
    refused(tmp_path / "text.nii.gz", "cannot be read")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_no_number_are_named_by_slice(tmp_path: Path, value: float) -> None:
    array = voxels("float32")
    array[6, 2, 3] = value
    np.save(tmp_path / "a.npy", array)
    refused(tmp_path / "a.npy", "slice 6 has voxels that are NaN or infinite")


def test_slices_that_differ_are_named(tmp_path: Path) -> None:
    folder = slices(tmp_path / "s", voxels("uint8"))
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(folder / "5.png")
    with pytest.raises(InputError, match=re.escape(f"{folder / '5.png'}: (3, 3) uint8")):
        read_array(folder)
    Image.new("RGB", SHAPE[:0:-1]).save(folder / "5.png")
    with pytest.raises(InputError, match=r"5\.png.*no 2D image in grey values"):
        read_array(folder)
    (folder / "5.png").write_bytes((folder / "6.png").read_bytes()[:40])
    with pytest.raises(InputError, match=r"5\.png.*cannot be read"):
        read_array(folder)
    (tmp_path / "none").mkdir()
    refused(tmp_path / "none", "no slice")


@pytest.mark.parametrize(("name", "package"), [("lzw.tif", "tifffile"), ("a.nii.gz", "nibabel")])
def test_a_decoder_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    WRITERS[name](tmp_path / name, voxels())
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package} is needed\n.*superior\[volumes\]"):
        read_array(tmp_path / name)
