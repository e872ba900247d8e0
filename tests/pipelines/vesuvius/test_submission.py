"""submission.zip: its bytes, what replaces it, what is refused."""

import hashlib
import time
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageSequence

from app.errors import InputError
from app.pipelines.vesuvius.submission import validate_submission, write_submission

RANDOM = np.random.default_rng(0)
MASKS = {
    "scroll3.tif": RANDOM.integers(0, 2, (5, 7, 3)).astype(np.uint8),
    "scroll1.tif": RANDOM.integers(0, 2, (3, 40, 41)).astype(np.uint8),
    "scroll2.tif": RANDOM.integers(0, 2, (1, 8, 8)).astype(np.uint8),
    "empty.tiff": np.zeros((4, 1, 1), dtype=np.uint8),
}
SHAPES = {name: mask.shape for name, mask in MASKS.items()}


def written(folder: Path) -> Path:
    write_submission(folder / "submission.zip", MASKS.items())
    return folder / "submission.zip"


def test_every_mask_comes_back_page_by_page(tmp_path: Path) -> None:
    path = tmp_path / "submission.zip"
    digest = write_submission(path, MASKS.items())
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert validate_submission(path, SHAPES) == digest
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == sorted(MASKS)
        for name, mask in MASKS.items():
            with Image.open(BytesIO(archive.read(name))) as pages:  # not who wrote it
                assert pages.info["compression"] == "tiff_lzw"
                read = [np.asarray(page) for page in ImageSequence.Iterator(pages)]
            assert np.array_equal(read, mask)


def test_the_same_masks_give_the_same_bytes(tmp_path: Path) -> None:
    first = written(tmp_path / "a").read_bytes()
    time.sleep(0.01)
    again = tmp_path / "b" / "submission.zip"
    as_bool = {name: mask.astype(bool) for name, mask in reversed(MASKS.items())}
    write_submission(again, as_bool.items())
    assert again.read_bytes() == first


def test_class_codes_where_there_are_several_classes(tmp_path: Path) -> None:
    path, mask = tmp_path / "submission.zip", np.full((2, 3, 4), 2, dtype=np.uint8)
    with pytest.raises(InputError, match=r"a\.tif: class code 2 of 1"):
        write_submission(path, [("a.tif", mask)])
    digest = write_submission(path, [("a.tif", mask)], n_classes=2)
    assert validate_submission(path, {"a.tif": (2, 3, 4)}, n_classes=2) == digest
    with pytest.raises(InputError, match=r"a\.tif: page 0 has the value 2, above 1"):
        validate_submission(path, {"a.tif": (2, 3, 4)})


@pytest.mark.parametrize(
    ("name", "mask", "said"),
    [
        ("a.png", np.zeros((1, 1, 1), np.uint8), r"'a.png'.*ends in .tif"),
        ("../a.tif", np.zeros((1, 1, 1), np.uint8), "plain name"),
        ("b\\a.tif", np.zeros((1, 1, 1), np.uint8), "plain name"),
        ("a.tif", np.zeros((2, 2), np.uint8), r"a\.tif: a mask is \(z, y, x\)"),
        ("a.tif", np.zeros((0, 2, 2), np.uint8), r"a\.tif: a mask is \(z, y, x\)"),
        ("a.tif", np.zeros((1, 2, 2), np.float32), r"a\.tif: a mask is uint8, not float32"),
        ("empty.tiff", np.zeros((1, 2, 2), np.uint8), r"empty\.tiff: two volumes"),
    ],
)
def test_a_refused_mask_leaves_the_earlier_submission(
    tmp_path: Path, name: str, mask: np.ndarray, said: str
) -> None:
    path = written(tmp_path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=said):
        write_submission(path, [*MASKS.items(), (name, mask)])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["submission.zip"]


def test_an_interrupt_leaves_the_earlier_submission(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = path.read_bytes()

    def masks() -> object:
        yield "scroll9.tif", MASKS["scroll1.tif"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_submission(path, masks())  # type: ignore[arg-type]
    assert path.read_bytes() == before


def test_nothing_to_submit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"submission\.zip: there is no volume"):
        write_submission(tmp_path / "submission.zip", [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (SHAPES | {"scroll9.tif": (1, 1, 1)}, r"lacks scroll9\.tif"),
        ({"scroll1.tif": (3, 40, 41)}, r"holds what is no volume's: empty\.tiff, scroll2"),
        (SHAPES | {"scroll1.tif": (4, 40, 41)}, r"scroll1\.tif has 3 pages, not 4"),
        (SHAPES | {"scroll1.tif": (3, 41, 40)}, r"scroll1\.tif: page 0 is \(40, 41\)"),
    ],
)
def test_what_is_not_expected_is_named(
    tmp_path: Path, expected: dict[str, tuple[int, ...]], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        validate_submission(written(tmp_path), expected)


@pytest.mark.parametrize(
    ("tiff", "said"),
    [
        (b"no tiff", r"a\.tif is no TIFF"),
        (b"", r"a\.tif is no TIFF"),
        ({"data": np.zeros((2, 3, 4), np.uint8)}, "no LZW"),
        ({"data": np.zeros((2, 3, 4), np.uint16), "compression": "lzw"}, "no LZW-compressed uint8"),
    ],
)
def test_another_kind_of_file_is_refused(
    tmp_path: Path, tiff: bytes | dict[str, Any], said: str
) -> None:
    path, content = tmp_path / "submission.zip", BytesIO()
    if isinstance(tiff, dict):
        tifffile.imwrite(content, photometric="minisblack", **tiff)
        tiff = content.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.tif", tiff)
    with pytest.raises(InputError, match=said):
        validate_submission(path, {"a.tif": (2, 3, 4)})


def test_absent_or_torn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"submission\.zip cannot be read"):
        validate_submission(tmp_path / "submission.zip", SHAPES)
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"submission\.zip cannot be read"):
        validate_submission(path, SHAPES)


def test_a_flipped_bit_in_a_mask_is_found_and_anywhere_it_is_an_input_error(
    tmp_path: Path,
) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("scroll1.tif")
    first = entry.header_offset + 30 + len(entry.filename)
    random = np.random.default_rng(1)
    for place in random.integers(0, len(whole), 300):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(random.integers(8))
        path.write_bytes(flipped)
        inside = first <= place < first + entry.file_size
        try:
            validate_submission(path, SHAPES)
        except InputError:
            continue
        assert not inside
