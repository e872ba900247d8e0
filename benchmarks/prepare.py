"""Claim: reading a classic TEI corpus (id, metadata, text, token count, as checked data frames)
runs at 0.45 or more of a bare `lxml.etree.iterparse` loop over the same bytes on one core, at 0.8
or more with two worker processes, in under 150 MB for the whole process tree, growing by less than
30 MB from 20 to 1,000 MB.

    python benchmarks/prepare.py [DATA_FOLDER] [--rounds 5]

The corpus is grown from real speeches (DATA_FOLDER/tei/fr_mariagepourtous), wrapped as documents of
some 2.7 kB with ids of their own. Each measurement is a process of its own, ours and the anchor in
turn; memory is the resident set of the process and its workers, summed, sampled while it runs.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import psutil
from lxml import etree

from app.datasets.corpora import CorporaDataset

TEI = "{http://www.tei-c.org/ns/1.0}"
RESULTS = Path(__file__).parent / "results" / "prepare.json"
SIZES_MB = (20, 200, 1000)
TIMED_MB = 200
SAMPLE_S = 0.01
DOCUMENT = """<TEI xml:id="d{n}">
<teiHeader><fileDesc><titleStmt><title>d{n}</title></titleStmt><publicationStmt><p>web</p>
</publicationStmt><sourceDesc><p>web</p></sourceDesc></fileDesc>
<profileDesc><langUsage><language ident="fr"/></langUsage><textClass><keywords>
<term type="domain">site{site}.fr</term><term type="crawl">crawl{site}</term>
<term type="modality">web</term><term type="published">2013-02-{day:02}</term>
<term type="class">debate</term><term type="suffix">fr</term><term type="ideology">left</term>
<term type="actor">actor{site}</term>
</keywords></textClass></profileDesc></teiHeader>
<text><body><div><head>Document {n}</head>
{paragraphs}
</div></body></text>
</TEI>
"""


def grow(folder: Path, target: Path, megabytes: int) -> int:
    """Writes the corpus; returns its number of documents."""
    paragraphs = list(real_paragraphs(folder))
    texts = cycle(paragraphs)
    wanted = cycle((600, 1100, 1700, 2400, 3900))  # characters of text; documents of ~2.7 kB
    number = written = 0
    with target.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        file.write('<teiCorpus xmlns="http://www.tei-c.org/ns/1.0">\n')
        while written < megabytes * 1_000_000:
            parts: list[str] = []
            length = next(wanted)
            while sum(map(len, parts)) < length:
                parts.append(next(texts))
            body = "\n".join(f"<p>{part}</p>" for part in parts)
            text = DOCUMENT.format(n=number, site=number % 20, day=number % 28 + 1, paragraphs=body)
            written += len(text.encode())
            number += 1
            file.write(text)
        file.write("</teiCorpus>\n")
    return number


def real_paragraphs(folder: Path) -> Iterator[str]:
    for file in sorted((folder / "tei" / "fr_mariagepourtous").glob("*.xml")):
        for paragraph in etree.parse(file).iter(f"{TEI}p"):
            text = " ".join("".join(paragraph.itertext()).split())
            if len(text) > 20:
                yield escape(text)


def bare(file: Path) -> int:
    """The anchor: lxml tells of every document and frees it; nothing is read from it."""
    count = 0
    for _, element in etree.iterparse(file, events=("end",), tag=f"{TEI}TEI"):
        count += 1
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return count


def ours(file: Path, workers: int) -> int:
    reader = {"kind": "classic"}
    corpus = {"path": str(file), "reader": reader, "language": "fr", "modality": "web"}
    dataset = {"dataset_id": "bench", "corpus_ids": ["bench"]}
    corpora = CorporaDataset({"bench": corpus}, dataset, "whitespace", workers).load()
    return sum(len(frame) for frame in corpora.frames())


def child(what: str, file: Path) -> None:
    """One measurement, in this process: seconds of the loop and documents seen, as JSON."""
    started, cpu = time.perf_counter(), time.process_time()
    count = bare(file) if what == "bare" else ours(file, int(what))
    spent = {"seconds": time.perf_counter() - started, "cpu_s": time.process_time() - cpu}
    print(json.dumps({**spent, "documents": count}))


def measured(what: str, file: Path) -> dict[str, Any]:
    """A measurement in a fresh process, with the peak of the resident memory of its tree in MB."""
    command = [sys.executable, __file__, "--child", what, str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    root, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        peak = max(peak, tree_rss(root))
        time.sleep(SAMPLE_S)
    assert process.stdout is not None
    said = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{what} failed on {file}")
    return {**json.loads(said), "rss_mb": peak / 1e6}


def tree_rss(root: psutil.Process) -> int:
    total = 0
    try:
        for process in [root, *root.children(recursive=True)]:
            total += process.memory_info().rss
    except psutil.Error:  # one ended while we looked
        pass
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return
    kinds = {"bare": "bare iterparse", "1": "ours, 1 process", "2": "ours, 2 workers"}
    with tempfile.TemporaryDirectory() as folder:
        files = {size: Path(folder) / f"{size}.xml" for size in SIZES_MB}
        counts = {size: grow(options.data, file, size) for size, file in files.items()}
        runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
        for _ in range(options.rounds):
            for kind in kinds:
                runs[kind].append(measured(kind, files[TIMED_MB]))
        memory = {
            kind: {size: measured(kind, file)["rss_mb"] for size, file in files.items()}
            for kind in kinds
        }
        assert all(run["documents"] == counts[TIMED_MB] for each in runs.values() for run in each)
    report(kinds, runs, memory, counts)


def report(
    kinds: dict[str, str],
    runs: dict[str, list[dict[str, Any]]],
    memory: dict[str, dict[int, float]],
    counts: dict[int, int],
) -> None:
    rows = {}
    print(
        f"{'':18}{'MB/s':>8}{'of bare':>9}{'CPU':>7}"
        + "".join(f"{f'RSS {s} MB':>13}" for s in SIZES_MB)
    )
    for kind, name in kinds.items():
        seconds = [run["seconds"] for run in runs[kind]]
        ratios = against(runs["bare"], runs[kind], "seconds")
        cpu_ratios = against(runs["bare"], runs[kind], "cpu_s") if kind != "2" else []
        rows[name] = {
            "mb_per_s": TIMED_MB / statistics.median(seconds),
            "ratio_to_bare": statistics.median(ratios),
            "ratios": ratios,
            "cpu_ratio_to_bare": statistics.median(cpu_ratios) if cpu_ratios else None,
            "rss_mb": memory[kind],
        }
        resident = "".join(f"{memory[kind][size]:13.0f}" for size in SIZES_MB)
        row = rows[name]
        cpu = f"{row['cpu_ratio_to_bare']:7.2f}" if cpu_ratios else f"{'':7}"
        print(f"{name:18}{row['mb_per_s']:8.0f}{row['ratio_to_bare']:9.2f}{cpu}{resident}")
    RESULTS.parent.mkdir(exist_ok=True)
    outcome = {"timed_mb": TIMED_MB, "documents": counts, "rows": rows}
    RESULTS.write_text(json.dumps(outcome, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def against(anchor: list[dict[str, Any]], own: list[dict[str, Any]], unit: str) -> list[float]:
    """How fast ours is, as a part of the anchor's speed, round by round."""
    return [a[unit] / o[unit] for a, o in zip(anchor, own, strict=True)]


if __name__ == "__main__":
    main()
