"""Claim: reading a classic TEI corpus (id, metadata, text, token count, as checked data frames)
runs at 0.45 or more of a bare `lxml.etree.iterparse` loop over the same bytes on one core, at 0.8
or more with two worker processes, in under 150 MB for the whole process tree, growing by less than
30 MB from 20 to 1,000 MB.

    python benchmarks/prepare.py [DATA_FOLDER] [--rounds 5]

The corpus is grown from real speeches (DATA_FOLDER/tei/fr_mariagepourtous), wrapped as documents of
some 2.7 kB with ids of their own. Each measurement is a process of its own, started with its
imports done; ours and the anchor in turn, after one turn that is not counted. Memory is measured in
runs of its own, because looking at it slows what is looked at. Needs Linux (/proc).
"""

import argparse
import json
import resource
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

from lxml import etree

TEI = "{http://www.tei-c.org/ns/1.0}"
RESULTS = Path(__file__).parent / "results" / "prepare.json"
SIZES_MB = (20, 200, 1000)
TIMED_MB = 200
SAMPLE_S = 0.02
KINDS = {  # what is measured: its name, and the processes that read
    "bare": ("bare iterparse", 1),
    "1": ("ours, 1 process", 1),
    "2": ("ours, parent + 2 workers", 2),
}
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
    from app.datasets.corpora import CorporaDataset

    reader = {"kind": "classic"}
    corpus = {"path": str(file), "reader": reader, "language": "fr", "modality": "web"}
    dataset = {"dataset_id": "bench", "corpus_ids": ["bench"]}
    corpora = CorporaDataset({"bench": corpus}, dataset, "whitespace", workers).load()
    return sum(len(frame) for frame in corpora.frames())


def child(what: str, file: Path) -> None:
    """One measurement, in this process: seconds of the loop and documents seen, as JSON."""
    if what != "bare":
        import app.datasets.corpora.dataset  # noqa: F401  # imports are benchmarks/startup.py's

    started, cpu = time.perf_counter(), cpu_s()
    count = bare(file) if what == "bare" else ours(file, int(what))
    spent = {"seconds": time.perf_counter() - started, "cpu_s": cpu_s() - cpu}
    print(json.dumps({**spent, "documents": count}))


def cpu_s() -> float:
    """CPU seconds of this process and of those it started and waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def timed(what: str, file: Path) -> dict[str, Any]:
    """Speed, in a fresh process; `others`: the cores that other work on the machine kept busy."""
    before, own, started = busy_s(), cpu_s(), time.perf_counter()
    command = [sys.executable, __file__, "--child", what, str(file)]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    elsewhere = busy_s() - before - (cpu_s() - own)
    return {**json.loads(said), "others": elsewhere / (time.perf_counter() - started)}


def busy_s() -> float:
    """CPU seconds the whole machine has spent."""
    import psutil  # here, so that no measured process holds it

    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def resident(what: str, file: Path) -> dict[str, float]:
    """Peak memory of the process and its workers in MB. `rss`: resident sets, summed; `pss`: a page
    that n processes share counts 1/n in each, so that their sum is what the machine has to give."""
    command = [sys.executable, __file__, "--child", what, str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    rss = pss = 0
    while process.poll() is None:
        now = tree_memory(process.pid)
        rss, pss = max(rss, now["Rss"]), max(pss, now["Pss"])
        time.sleep(SAMPLE_S)
    if process.returncode:
        raise SystemExit(f"{what} failed on {file}")
    return {"rss": rss * 1024 / 1e6, "pss": pss * 1024 / 1e6}


def tree_memory(pid: int) -> dict[str, int]:
    """Rss and Pss of a process and all under it, in kB."""
    import psutil

    total = {"Rss": 0, "Pss": 0}
    try:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
            for line in rollup.splitlines()[1:]:
                name, value, *_ = line.split()
                if name.removesuffix(":") in total:
                    total[name.removesuffix(":")] += int(value)
    except (psutil.Error, OSError):  # one ended while we looked
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
    runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        files = {size: Path(folder) / f"{size}.xml" for size in SIZES_MB}
        counts = {size: grow(options.data, file, size) for size, file in files.items()}
        for at in range(options.rounds + 1):
            for kind in KINDS:
                run = timed(kind, files[TIMED_MB])
                assert run["documents"] == counts[TIMED_MB]
                if at > 0:  # the first turn compiles bytecode and fills the page cache
                    runs[kind].append(run)
        memory = {
            kind: {size: resident(kind, file) for size, file in files.items()} for kind in KINDS
        }
    report(runs, memory, counts)


def report(
    runs: dict[str, list[dict[str, Any]]],
    memory: dict[str, dict[int, dict[str, float]]],
    counts: dict[int, int],
) -> None:
    """Prints the table (medians) and writes it with every round."""
    rows: dict[str, dict[str, Any]] = {}
    for kind, (name, processes) in KINDS.items():
        ratios = against(runs["bare"], runs[kind], "seconds")
        by_cpu = [ratio * processes for ratio in against(runs["bare"], runs[kind], "cpu_s")]
        rows[name] = {
            "processes_that_read": processes,
            "mb_per_s": TIMED_MB / statistics.median(run["seconds"] for run in runs[kind]),
            "ratio_to_bare": statistics.median(ratios),
            "ratio_by_cpu": statistics.median(by_cpu),
            "other_cores_busy": statistics.median(run["others"] for run in runs[kind]),
            "memory_mb": memory[kind],
            "ratios": ratios,
            "ratios_by_cpu": by_cpu,
        }
    print(f"{TIMED_MB} MB, medians of {len(runs['bare'])} rounds. Columns:")
    print("of bare: speed as a part of the anchor's")
    print("by CPU:  the same by CPU time, as if each process that reads had a core of its own")
    print("others:  cores that other work kept busy meanwhile; above 0.3, go by CPU")
    print("at N MB: peak memory in MB, RSS summed over parent and workers / PSS, shared pages once")
    columns = ["MB/s", "of bare", "by CPU", "others", *(f"at {size} MB" for size in counts)]
    print(f"{'':26}" + "".join(f"{column:>12}" for column in columns))
    for name, row in rows.items():
        numbers = (row["ratio_to_bare"], row["ratio_by_cpu"], row["other_cores_busy"])
        cells = [f"{row['mb_per_s']:.0f}", *(f"{number:.2f}" for number in numbers)]
        cells += [f"{peak['rss']:.0f} / {peak['pss']:.0f}" for peak in row["memory_mb"].values()]
        print(f"{name:26}" + "".join(f"{cell:>12}" for cell in cells))
    RESULTS.parent.mkdir(exist_ok=True)
    outcome = {"timed_mb": TIMED_MB, "documents": counts, "rows": rows}
    RESULTS.write_text(json.dumps(outcome, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def against(anchor: list[dict[str, Any]], own: list[dict[str, Any]], unit: str) -> list[float]:
    """How fast ours is, as a part of the anchor's speed, round by round."""
    return [a[unit] / o[unit] for a, o in zip(anchor, own, strict=True)]


if __name__ == "__main__":
    main()
