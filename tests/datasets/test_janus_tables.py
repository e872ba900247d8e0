"""Tables and covariances in text files: what is read, and what is refused with its place."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from app.datasets.observations.covariances import read_covariance, read_matrix, symmetric
from app.datasets.observations.files import Content, Files
from app.datasets.observations.tables import Table, read_table
from app.errors import InputError

ROWS = "0.1 33.5 0.1\n0.2 35.1 0.2\n"


def content(data: str | bytes) -> Content:
    return Content(Path("FILE"), data.encode() if isinstance(data, str) else data, "")


def table(data: str | bytes) -> Table:
    return read_table(content(data))


@pytest.mark.parametrize(
    "data",
    [
        "# z mu sd\n" + ROWS,
        "# one of Labbe's \"own\n#z,mu,sd\n0.1,33.5,0.1\n0.2,35.1,0.2\n",
        "z mu sd\n" + ROWS,
        "# of a paper\n\n#z\tmu sd\n\n" + ROWS + "# the end\n\n",
        "# made by us\nz mu sd\n" + ROWS,  # a comment of as many words is no header
        "z,mu,sd\n0.1,33.5,0.1\n0.2, 35.1 ,0.2\n",
        '"z","mu","sd"\n0.1,"33.5",0.1\n0.2,35.1,0.2\n',
        "# %ECSV 1.0\n# schema: astropy 2.0\nz mu sd\n" + ROWS,
        ("z mu sd\n" + ROWS).replace("\n", "\r\n"),
        ("z mu sd\n" + ROWS).replace("\n", "\r"),
        b"\xef\xbb\xbf" + ("z mu sd\n" + ROWS).encode(),
        ("z mu sd\n" + ROWS).encode("utf-16"),
        b"# Labb\xe9 2023\nz mu sd\n" + ROWS.encode(),  # Latin-1
        "z mu sd\n\t 0.1\t33.5  0.1 # the nearest\n0.2 35.1 0.2",
    ],
)
def test_one_table_in_every_form(data: str | bytes) -> None:
    read = table(data)
    assert read.names == ("z", "mu", "sd")
    np.testing.assert_array_equal(read.numbers("z"), [0.1, 0.2])
    np.testing.assert_array_equal(read.numbers("mu"), [33.5, 35.1])
    np.testing.assert_array_equal(read.numbers(2), [0.1, 0.2])


def test_without_a_header_columns_have_numbers() -> None:
    read = table("#2023\n#Chronometers\n#CC z Hz errHz a b\n1 2 3 4 5\n6 7 8 9 10\n")
    assert read.names is None
    np.testing.assert_array_equal(read.numbers(3), [4, 9])
    with pytest.raises(InputError, match="has no header, so no column 'z'; number them from 0"):
        read.numbers("z")


def test_cosmomc_names_more_columns_than_its_binned_tables_have() -> None:
    read = table("#name zcmb zhel dz mb dmb ra dec\n1 .1 .2 0 14 .1\n")
    assert read.names == ("name", "zcmb", "zhel", "dz", "mb", "dmb")


def test_names_of_things_may_have_a_hash_and_an_index_no_name() -> None:
    read = table(",name,z\n0,Pop III #2,12.5\n")
    assert read.names == ("", "name", "z")
    assert read.texts("name") == ["Pop III #2"]


def test_an_empty_value_is_written_with_quotes() -> None:
    assert table('a b\n1 ""\n"2 x" 3\n').texts("b") == ["", "3"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "FILE has no rows"),
        ("# z mu\n\n", "FILE has no rows"),
        ("z mu sd\n", "FILE has no rows below its header"),
        ("z mu sd\n0.1 33.5 0.1\n0.2 35.1\n", "FILE, line 3 has 2 columns; the others have 3"),
        ("# z mu sd\n\n0.1 33.5 0.1\n0.2 35.1 0.2 7\n", "FILE, line 4 has 4 columns; .* 3"),
        ("z mu sd\n0.1 33.5 nan\n", "FILE, line 2, column sd: nan is not finite"),
        ("z mu sd\n0.1 33.5 0.1\n.2 35 1e999\n", "FILE, line 3, column sd: 1e999 is not finite"),
        ("z mu sd\n0.1 33.5 0,1\n", "FILE, line 2, column sd: '0,1' is not a number"),
        ("z mu sd\n0.1 33.5 1_0\n", "FILE, line 2, column sd: '1_0' is not a number"),
        ("# z mu sd\n-- -- --\n0.1 33.5 1\n", "FILE, line 2, column sd: '--' is not a number"),
        ("z,mu,sd\n0.1,33.5,\n", "FILE, line 2, column sd: the value is missing"),
        ("z mu sd\n0.1 33.5 0\n", "FILE, line 2: sd = 0 is not above 0"),
        ("z mu sd\n0.1 33.5 -1\n", "FILE, line 2: sd = -1 is not above 0"),
        ("z mu err\n0.1 33.5 1\n", "FILE has no column 'sd'; known: err, mu, z"),
        ("z mu SD\n0.1 33.5 1\n", "FILE has no column 'sd'"),
        ("z sd sd\n0.1 33.5 1\n", "FILE has 2 columns 'sd'"),
        ('z,"mu,sd\n0.1,33.5,1\n', "FILE, line 1 cannot be cut into columns"),
        (b"z mu sd\n0.1 \x00 1\n", "FILE is not a text file"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(data: str | bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        table(data).numbers("sd", "positive")


def test_columns_count_from_0() -> None:
    for number in (-1, 3):
        with pytest.raises(InputError, match=rf"no column number {number}: it has 3, from 0"):
            table(ROWS).numbers(number)


def test_a_row_that_is_there_twice_is_refused() -> None:
    with pytest.raises(InputError, match="line 5 repeats line 2; take one of them out"):
        table("z mu sd\n" + ROWS + "\n" + ROWS).refuse_repeats()
    table("z mu sd\n" + ROWS + "0.1 33.5 0.2\n").refuse_repeats()  # another of that redshift


def test_files_are_found_unpacked_and_noted(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "t.txt").write_text(ROWS)
    (tmp_path / "a" / "u.txt.gz").write_bytes(gzip.compress(ROWS.encode(), mtime=0))
    files = Files(tmp_path)
    assert files.read("a/t.txt").data == files.read("a/u.txt").data == ROWS.encode()
    assert files.read("data/t.txt", tmp_path / "a").path == tmp_path / "a" / "t.txt"
    assert set(files.digests) == {"a/t.txt", "a/u.txt.gz"}
    of_rows = "e8d771f77c4f9359c1e795c7b94eaec942841b2c16af5eee3853fd58035b2e89"  # sha256sum
    assert files.digests["a/t.txt"] == of_rows != files.digests["a/u.txt.gz"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    whole = gzip.compress(ROWS.encode() * 99)
    (tmp_path / "torn.gz").write_bytes(whole[:-20])
    (tmp_path / "wrong.gz").write_bytes(whole[:40] + b"XXXX" + whole[44:])
    files = Files(tmp_path)
    for name, said in {
        "torn.gz": "torn.gz is a damaged gzip file",
        "wrong.gz": "wrong.gz is a damaged gzip file",
        "tron.gz": "there is no file .*tron.gz; did you mean 'torn.gz'",
        "none/torn.gz": "no file .*none/torn.gz, nor its folder; see data_root",
        ".": "is a folder",
    }.items():
        with pytest.raises(InputError, match=said):
            files.read(name)


MATRIX = np.array([[4.0, 0.5, 0.25], [0.5, 9.0, -1.0], [0.25, -1.0, 1.0]])
ALL = np.ones(3, dtype=np.bool_)


def written(matrix: np.ndarray, separator: str = "\n") -> str:
    return separator.join(str(value) for value in matrix.ravel())


@pytest.mark.parametrize(
    "data",
    [
        "3\n" + written(MATRIX),
        "3\r\n" + written(MATRIX, "\r\n"),
        "  3 " + written(MATRIX, " ") + " \n\n",
        "4 0.5 0.25\n0.5 9 -1\n0.25 -1 1\n",
        "# of three_bins\n3 # rows\n" + written(MATRIX) + "\n# the end",
        b"\xef\xbb\xbf3\n" + written(MATRIX).encode(),
    ],
)
def test_one_matrix_in_every_form(data: str | bytes) -> None:
    np.testing.assert_array_equal(read_covariance(content(data), ALL, "TABLE"), MATRIX)


def test_the_cut_goes_through_rows_and_columns() -> None:
    keep = np.array([True, False, True])
    kept = read_covariance(content("3\n" + written(MATRIX)), keep, "TABLE")
    np.testing.assert_array_equal(kept, [[4.0, 0.25], [0.25, 1.0]])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "FILE holds no numbers"),
        (
            "3\n" + written(MATRIX[:, :2]),
            "says that it is 3 x 3, .* 9 values; it holds 6: .* short",
        ),
        ("3\n" + written(MATRIX)[:-4], "it holds 8: it is cut short"),  # 9 numbers, but no 3 x 3
        ("3\n" + written(MATRIX) + "\n1", "it holds 10: it holds something else too"),
        ("2.5 1 2", "holds 3 values, which is neither N and N.2 nor N.2"),
        ("4\n" + written(np.eye(4)), "FILE is 4 x 4, TABLE has 3 rows$"),
        (written(np.eye(2)), "FILE is 2 x 2, TABLE has 3 rows$"),
        ("3\n" + written(MATRIX).replace("9.0", "9.0x"), "line 6: '9.0x' is not a number"),
        ("3\n" + written(MATRIX).replace("9.0", "9_0"), "line 6: '9_0' is not a number"),
        ("3\n" + written(MATRIX).replace("9.0", "1.5-3"), "line 6: '1.5-3' is not a number"),
        ("3\n#\n" + written(MATRIX).replace("9.0", "nan"), "line 7: nan is not finite"),
        (
            "3\n" + written(MATRIX).replace("0.25", "0.26", 1),
            "not symmetric: .1, 3. is 0.26, .3, 1",
        ),
        ("3\n" + written(MATRIX).replace("9.0", "0"), "the variance of row 2 is 0, not above 0"),
        ("3\n" + written(MATRIX).replace("9.0", "-9"), "the variance of row 2 is -9, not above 0"),
    ],
)
def test_a_wrong_covariance_is_refused_with_its_place(data: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_covariance(content(data), ALL, "TABLE")


def test_a_covariance_of_cut_rows_is_told_from_one_of_all() -> None:
    keep = np.array([True, False, True, True, False])
    for size, said in {
        3: "FILE is 3 x 3, TABLE has 5 rows .3 after the cut.*seems to be cut already",
        4: "FILE is 4 x 4, TABLE has 5 rows .3 after the cut.*of all rows",
    }.items():
        with pytest.raises(InputError, match=said):
            read_covariance(content(f"{size}\n" + written(np.eye(size))), keep, "TABLE")


def test_rounding_is_no_asymmetry() -> None:
    rounded = MATRIX.copy()
    rounded[0, 1] += 1e-7
    read = symmetric(rounded, content(""))
    np.testing.assert_array_equal(read, read.T)
    np.testing.assert_allclose(read, MATRIX, atol=1e-7)


def test_garbage_far_into_a_long_file_has_its_line() -> None:
    words = ["400", *["0.25"] * 160_000]
    words[150_000] = "0.2S"
    with pytest.raises(InputError, match=r"line 150001: '0.2S' is not a number"):
        read_matrix(content("\n".join(words)), 400, "TABLE")
    words[150_000] = "inf"
    with pytest.raises(InputError, match="line 150001: inf is not finite"):
        read_matrix(content("\n".join(words)), 400, "TABLE")
