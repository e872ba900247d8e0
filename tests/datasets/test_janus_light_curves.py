"""Six covariance matrices of light curves, and `.dataset` files, on small sets whose answer is
known."""

import gzip
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from app.config.janus.likelihood import DatasetFile, Tripp
from app.datasets.observations.dataset_file import read_dataset_file
from app.datasets.observations.files import Files
from app.datasets.observations.kinds import Array, LightCurves, Supernovae
from app.datasets.observations.light_curves import BLOCKS, read_tripp
from app.errors import InputError

ALPHA, BETA = 0.14, 3.1
NAMES = "name zcmb zhel dz mb dmb x1 dx1 color dcolor 3rdvar d3rdvar cov_m_s cov_m_c cov_s_c set"
FILES = dict(
    zip(
        ("mag", "stretch", "colour", "mag_stretch", "mag_colour", "stretch_colour"),
        BLOCKS,
        strict=True,
    )
)


@dataclass(frozen=True)
class Made:
    """Light curves whose covariance is known before it is cut into blocks."""

    columns: dict[str, Array]
    blocks: dict[str, Array]
    covariance: Array  # of mb + ALPHA x1 - BETA color, (n, n): A C A^T with the whole C


def made(n: int = 5) -> Made:
    """C = G G^T is that of (mb, x1, color) of all supernovae, (3n, 3n); the table has, beside
    it, 3 x 3 ones of each."""
    rng = np.random.default_rng(7)
    scale = np.repeat([0.02, 0.1, 0.01], n)
    root = scale[:, None] * rng.standard_normal((3 * n, 3 * n))
    whole = root @ root.T
    own = np.zeros((3 * n, 3 * n))
    for one in range(n):
        place = np.array([one, n + one, 2 * n + one])
        part = scale[place, None] * rng.standard_normal((3, 3))
        own[np.ix_(place, place)] = part @ part.T
    m, s, c = (slice(first * n, (first + 1) * n) for first in range(3))
    blocks = dict(
        zip(
            BLOCKS,
            (whole[pair] for pair in ((m, m), (s, s), (c, c), (m, s), (m, c), (s, c))),
            strict=True,
        )
    )
    to_mu = np.hstack([np.eye(n), ALPHA * np.eye(n), -BETA * np.eye(n)])
    diagonal = np.sqrt(np.diagonal(own))
    columns = {
        "name": np.arange(n) + 2000.0,
        "zcmb": np.linspace(0.02, 0.8, n),
        "zhel": np.linspace(0.021, 0.801, n),
        "dz": np.zeros(n),
        "mb": 20 + rng.standard_normal(n),
        "dmb": diagonal[m],
        "x1": rng.standard_normal(n),
        "dx1": diagonal[s],
        "color": 0.1 * rng.standard_normal(n),
        "dcolor": diagonal[c],
        "3rdvar": np.array([9.5, 10.0, 10.0001, 11.0, 8.0])[:n],
        "d3rdvar": np.zeros(n),
        "cov_m_s": np.diagonal(own[m, s]),
        "cov_m_c": np.diagonal(own[m, c]),
        "cov_s_c": np.diagonal(own[s, c]),
        "set": np.arange(n) % 4,
    }
    return Made(columns, blocks, to_mu @ (whole + own) @ to_mu.T)


def write(folder: Path, data: Made, names: str = NAMES, prefix: str = "few") -> None:
    names_written = names.split()
    rows = zip(*(data.columns[name] for name in names_written), strict=True)
    lines = ["#" + names] + [
        " ".join(
            f"{int(v)}" if k in ("name", "set") else repr(float(v))
            for k, v in zip(names_written, row, strict=True)
        )
        for row in rows
    ]
    (folder / f"{prefix}_lcparams.txt").write_text("\n".join(lines) + "\n")
    for number, (key, block) in enumerate(data.blocks.items()):
        text = f"{len(block)}\n" + "\n".join(repr(float(value)) for value in block.ravel())
        file = folder / f"{prefix}_{key}_covmatrix.dat"
        if number % 2:
            file.with_name(file.name + ".gz").write_bytes(gzip.compress(text.encode()))
        else:
            file.write_text(text)


def covariance(one: LightCurves) -> Array:
    """As `LightCurves` says it."""
    a, b, v = ALPHA, BETA, one.blocks
    dense = v["v0"] + a * a * v["va"] + b * b * v["vb"]
    dense = dense + 2 * a * v["v0a"] - 2 * b * v["v0b"] - 2 * a * b * v["vab"]
    own = one.dmb**2 + a * a * one.dx1**2 + b * b * one.dcolor**2 + one.further
    own = own + 2 * a * one.cov_m_s - 2 * b * one.cov_m_c - 2 * a * b * one.cov_s_c
    return np.asarray(dense + np.diag(own))


def test_six_blocks_give_the_covariance_of_the_magnitudes(tmp_path: Path) -> None:
    data = made()
    assert np.abs(data.blocks["v0a"] - data.blocks["v0a"].T).max() > 1e-4  # A C A^T all the same
    write(tmp_path, data)
    part = Tripp(kind="tripp", path="few_lcparams.txt", covariance="few", mass_step=-0.07)
    files = Files(tmp_path)
    read = read_tripp("few", part, files)
    np.testing.assert_allclose(covariance(read), data.covariance, rtol=1e-12, atol=1e-16)
    for name, column in {
        "zcmb": read.z,
        "zhel": read.z_helio,
        "mb": read.mb,
        "x1": read.x1,
    }.items():
        np.testing.assert_array_equal(column, data.columns[name])
    np.testing.assert_array_equal(read.color, data.columns["color"])
    assert read.heavy.tolist() == [False, False, True, True, False]  # 10 itself is not above 10
    assert len(files.digests) == 7


def test_a_table_alone_without_its_covariances(tmp_path: Path) -> None:
    write(tmp_path, made())
    part = Tripp(kind="tripp", path="few_lcparams.txt", cross_covariances=False)
    read = read_tripp("few", part, Files(tmp_path))
    assert read.blocks == {}
    assert not read.cov_m_s.any()
    assert not read.cov_m_c.any()
    assert not read.cov_s_c.any()
    assert not read.heavy.any()


DATASET = """#Settings
name = few
data_file = data/few_lcparams.txt
pecz = 0.0005
intrinsicdisp = 0.13
intrinsicdisp0 = 0.0675
intrinsicdisp2 = 0.0815
twoscriptmfit = T
scriptmcut = 10.0
""" + "".join(
    f"has_{key}_covmat = T\n{key}_covmat_file = data/few_{block}_covmatrix.dat\n"
    for key, block in FILES.items()
)


def read_dataset(folder: Path, text: str = DATASET) -> Supernovae | LightCurves:
    (folder / "few.dataset").write_text(text)
    part = DatasetFile(kind="dataset", path="few.dataset")
    return read_dataset_file("few", part, Files(folder))


def test_a_dataset_file_in_the_form_of_snls3(tmp_path: Path) -> None:
    """Stretch s for x1, an intrinsic dispersion of each set, peculiar velocities; CosmoMC."""
    data = made()
    columns = dict(data.columns)
    columns["s"], columns["ds"] = columns.pop("x1") + 1.0, columns.pop("dx1")
    columns["dz"] = np.array([0.001, 0, 0, 0, 0])
    snls = Made(columns, data.blocks, data.covariance)
    (tmp_path / "data").mkdir()
    write(tmp_path / "data", snls, NAMES.replace("x1 dx1", "s ds"))
    read = read_dataset(tmp_path)
    assert isinstance(read, LightCurves)
    np.testing.assert_allclose(read.x1, data.columns["x1"], atol=1e-15)
    dispersions = np.array([0.0675, 0.13, 0.0815, 0.13, 0.0675])  # sets 0 1 2 3 0
    # dmu/dz of the first, by hand: 5/ln 10 * 1.02 / (0.02 * 1.01) = 109.6486068
    assert read.further[0] == pytest.approx(
        0.0675**2 + (0.001**2 + 0.0005**2) * 109.6486068**2, rel=1e-6
    )
    z = data.columns["zcmb"]
    slope = 5 / np.log(10) * (1 + z) / (z * (1 + z / 2))
    further = dispersions**2 + (columns["dz"] ** 2 + 0.0005**2) * slope**2
    np.testing.assert_allclose(read.further, further, rtol=1e-14)
    np.testing.assert_allclose(
        covariance(read), data.covariance + np.diag(further), rtol=1e-12, atol=1e-16
    )
    assert read.heavy.tolist() == [False, False, True, True, False]


def test_what_a_dataset_file_does_not_say(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """pecz 0.001, no intrinsic dispersion, no mass step, no matrices; other keys are told."""
    data = made()
    write(tmp_path, data)
    with caplog.at_level(logging.INFO):
        read = read_dataset(tmp_path, "data_file = few_lcparams.txt\nnum_bins = 4\n")
    assert isinstance(read, LightCurves)
    z = data.columns["zcmb"]
    slope = 5 / np.log(10) * (1 + z) / (z * (1 + z / 2))
    np.testing.assert_allclose(read.further, (0.001 * slope) ** 2, rtol=1e-14)
    assert read.blocks == {}
    assert not read.heavy.any()
    assert "pecz is not given; it is 0.001" in caplog.text
    assert "not used: num_bins" in caplog.text


def test_files_of_a_dataset_file_may_lie_beside_it_whatever_folder_it_says(tmp_path: Path) -> None:
    write(tmp_path, made())
    assert isinstance(read_dataset(tmp_path), LightCurves)


def test_matrices_that_are_not_there_count_as_zero(tmp_path: Path) -> None:
    write(tmp_path, made())
    text = DATASET.replace("has_colour_covmat = T", "has_colour_covmat = F")
    read = read_dataset(tmp_path, text)
    assert isinstance(read, LightCurves)
    assert not read.blocks["vb"].any()
    assert read.blocks["va"].any()


BINNED = """#name zcmb zhel dz mb dmb x1 dx1 color dcolor 3rdvar d3rdvar cov_m_s cov_m_c cov_s_c set ra dec biascor
bin00 0.05 0.06 0.0 36.63 0.3 0 0 0 0 0 0 0 0 0 0 0 0
bin01 0.10 0.11 0.0 38.23 0.0 0 0 0 0 0 0 0 0 0 0 0 0
"""  # noqa: E501


def test_a_binned_compilation_is_a_hubble_diagram(tmp_path: Path) -> None:
    """As Union3's and Pantheon's in cobaya: zeros for stretch and colour."""
    (tmp_path / "Union").mkdir()
    (tmp_path / "Union" / "lcparam.txt").write_text(BINNED)
    (tmp_path / "Union" / "cov.txt").write_text("0.04 0.01\n0.01 0.09\n")
    text = "data_file = Union/lcparam.txt\nmag_covmat_file = Union/cov.txt\nhas_mag_covmat = T\n"
    read = read_dataset(tmp_path, text + "pecz = 0\ntwoscriptmfit = F\nhas_stretch_covmat = F\n")
    assert isinstance(read, Supernovae)
    np.testing.assert_array_equal(read.z, [0.05, 0.10])
    np.testing.assert_array_equal(read.z_helio, [0.06, 0.11])
    np.testing.assert_array_equal(read.mu, [36.63, 38.23])
    np.testing.assert_allclose(read.covariance, [[0.13, 0.01], [0.01, 0.09]])
    with pytest.raises(InputError, match=r"line 3: dmb = 0.0 is not above 0"):
        read_dataset(tmp_path, "data_file = Union/lcparam.txt\npecz = 0\n")
    with pytest.raises(InputError, match=r"names Union/cov.txt, but .*has no stretch and colour"):
        read_dataset(tmp_path, text + "stretch_covmat_file = Union/cov.txt\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("data_file = data/few_lcparams.txt", ""), "few.dataset has no data_file"),
        (("pecz = 0.0005", "pecz = small"), "pecz = small is not a number of 0 or more"),
        (("pecz = 0.0005", "pecz = -1"), "pecz = -1 is not a number of 0 or more"),
        (("twoscriptmfit = T", "twoscriptmfit = perhaps"), "perhaps is neither T nor F"),
        (("name = few", "INCLUDE(other.ini)"), "line 2: 'INCLUDE.other.ini.' is not .key = value."),
        (("name = few", "pecz = 0"), "line 4: pecz is given a second time"),
        (("name = few", "absdist_file = cepheids.txt"), "absolute distances .* not supported"),
        (("few_vb_cov", "few_vx_cov"), "no file .*data/few_vx_covmatrix.dat.* or .*few_vx_"),
        (("mag_covmat_file = data/few_v0_covmatrix.dat", ""), "has no mag_covmat_file"),
    ],
)
def test_a_wrong_dataset_file_is_refused(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    write(tmp_path, made())
    with pytest.raises(InputError, match=said):
        read_dataset(tmp_path, DATASET.replace(*change, 1))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"dmb": 0.0}, "line 2: dmb = 0.0 is not above 0"),
        ({"dcolor": -0.1}, "line 2: dcolor = -0.1 is not 0 or more"),
        ({"zcmb": 0.0}, "line 2: zcmb = 0.0 is not above 0"),
        ({"zhel": -9.0}, "line 2: zhel = -9 is no redshift"),
        ({"x1": np.nan}, "line 2, column x1: nan is not finite"),
        ({"3rdvar": np.inf}, "line 2, column 3rdvar: inf is not finite"),
    ],
)
def test_wrong_light_curves_are_refused(
    tmp_path: Path, columns: dict[str, float], said: str
) -> None:
    data = made()
    for name, value in columns.items():
        data.columns[name] = data.columns[name].astype(float)
        data.columns[name][0] = value
    write(tmp_path, data)
    part = Tripp(kind="tripp", path="few_lcparams.txt", mass_step="free")
    with pytest.raises(InputError, match=said):
        read_tripp("few", part, Files(tmp_path))


def test_blocks_of_another_size_or_with_a_negative_variance(tmp_path: Path) -> None:
    data = made()
    write(tmp_path, data)
    part = Tripp(kind="tripp", path="few_lcparams.txt", covariance="few")
    (tmp_path / "few_va_covmatrix.dat.gz").write_bytes(gzip.compress(b"1\n4\n"))
    with pytest.raises(InputError, match=r"few_va_covmatrix.dat.gz is 1 x 1, .*has 5 rows"):
        read_tripp("few", part, Files(tmp_path))
    negative = -np.eye(5)
    (tmp_path / "few_va_covmatrix.dat.gz").write_bytes(
        "\n".join(str(value) for value in negative.ravel()).encode()
    )
    with pytest.raises(InputError, match=r"few_va.*the variance of row 1 is -1, below 0"):
        read_tripp("few", part, Files(tmp_path))
