"""Memory does not grow with the corpus: reading ten times as much takes little more."""

import subprocess
import sys
from pathlib import Path

import pytest
from made_corpora import corpus, document

READ = """
import sys
from app.datasets.corpora import CorporaDataset
kind = {"classic": {"kind": "classic"}, "u": {"kind": "tei", "document": "u", "text": "seg"}}
described = {"path": sys.argv[1], "reader": kind[sys.argv[2]], "language": "fr", "modality": "x"}
dataset = {"dataset_id": "c", "corpus_ids": ["c"]}
corpora = CorporaDataset({"c": described}, dataset, "whitespace", 1).load()
count = sum(len(frame) for frame in corpora.frames())
peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(count, peak[0].split()[1])
"""
WORDS = "un deux trois quatre cinq six sept huit neuf dix " * 30


def peak_mb(path: Path, kind: str) -> tuple[int, float]:
    command = [sys.executable, "-c", READ, str(path), kind]
    paths = ":".join(part for part in sys.path if part)
    out = subprocess.run(
        command, capture_output=True, text=True, env={"PYTHONPATH": paths}, check=False
    )
    assert out.returncode == 0, out.stderr
    count, peak = out.stdout.split()
    return int(count), int(peak) / 1024


@pytest.mark.parametrize("kind", ["classic", "u"])
def test_memory_is_bounded(tmp_path: Path, kind: str) -> None:
    """Whole documents; and one huge <TEI> of many <u>, with notes between them."""
    peaks = []
    for size in (2_000, 20_000):
        file = tmp_path / f"{size}.xml"
        if kind == "classic":
            file.write_text(corpus(*(document(f"d{n}", f"<p>{WORDS}</p>") for n in range(size))))
        else:
            said = (f"<u><seg>{WORDS}</seg></u><note>x</note>\n" for _ in range(size))
            file.write_text(f"<TEI><teiHeader/><text><body>{''.join(said)}</body></text></TEI>")
        count, peak = peak_mb(file, kind)
        assert count == size
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 25, peaks  # 30 MB more of XML


def test_a_document_too_large_to_hold_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import polars as pl

    from app.datasets.corpora import CorporaDataset, cutting, inside

    monkeypatch.setattr(cutting, "MAX_DOCUMENT", 2**20)
    monkeypatch.setattr(inside, "MAX_DOCUMENT", 2**20)
    huge = f"<p>{'x ' * 1_500_000}</p>"
    file = tmp_path / "x.xml"
    file.write_text(corpus(document("a"), document("huge", huge), document("b"), document("c")))
    turns = tmp_path / "u.xml"
    u = "<u><seg>{}</seg></u>".format
    turns.write_text(f"<TEI>{u('x')}<u>{'<seg>y y</seg>' * 200_000}</u></TEI>")
    found = []
    for path, reader in (
        (file, {"kind": "classic"}),
        (turns, {"kind": "tei", "document": "u", "text": "seg"}),
    ):
        described = {"path": str(path), "reader": reader, "language": "fr", "modality": "x"}
        dataset = {"dataset_id": "c", "corpus_ids": ["c"]}
        found.append(pl.concat(CorporaDataset({"c": described}, dataset).load().frames()))
    assert found[0]["problem"].to_list() == [None, "larger than 1 MB", None, None]
    assert found[0]["id"].to_list() == ["c:a", "c:huge", "c:b", "c:c"]
    assert found[1]["problem"][0] is None
    assert found[1]["problem"][1].startswith("a document larger than 1 MB")
