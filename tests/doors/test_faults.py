"""Faults that need processes of their own to show: hash seeds, kills, commands."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kedro.io import DatasetError
from whole_run import SVM, corpus, files, meta_view, metrics, mine, refusal, two_classes, whole_run

from app.errors import StaleInputError

PROJECT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def start(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=PROJECT,
        env={**os.environ, "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_nothing_of_a_run_depends_on_the_hash_seed(tmp_path: Path) -> None:
    """hash() of labels chose documents: three runs of one seed gave three datasets."""
    choice = [
        "dataset=web1_asr1",
        "models=[check,tfidf_svm_quick,spacy_bow_quick]",
        "models.spacy_bow_quick.epochs=1",
        "filters.max_docs_global=120",
        "balance=cap_docs",
        "balance.cap_per_label=40",
        "tracking=off",
    ]
    roots = [tmp_path / f"hash{seed}" for seed in (1, 2)]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "app", *choice, f"output_root={root}"],
            cwd=PROJECT,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed, root in enumerate(roots, start=1)
    ]
    said = [process.communicate(timeout=300)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    one, two = map(files, roots)
    assert [name for name in one if one[name] != two.get(name)] == []
    assert one.keys() == two.keys()
    names = " ".join(one)
    for name in ("train.tsv", "spacy_bow_quick/metrics.json", "textcat/model", "report.html"):
        assert name in names


# Ends the process by SIGKILL at the n-th file or folder that takes its place.
KILLED = """
import os, signal, sys
n, replace = int(sys.argv[1]), os.replace
def replaced(*args, **options):
    global n
    replace(*args, **options)
    n -= not str(args[1]).endswith("status.json")  # no result of the run
    if n == 0:
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = replaced
sys.argv[1:] = sys.argv[2:]
from app.__main__ import main
main()
"""


TRAIN_TSV = 3  # its place: after documents.parquet and job.tsv, before meta_view.json


@pytest.mark.parametrize("at", [1, TRAIN_TSV, 5])
def test_no_stage_goes_on_from_a_killed_prepare(tmp_path: Path, at: int) -> None:
    """After a prepare that failed, train and evaluate succeeded on what was there before."""
    file, root = tmp_path / "corpus.xml", tmp_path / "out"
    file.write_text(corpus(two_classes()), encoding="utf-8")
    run = [*SVM, *mine(file)]
    whole_run(root, *run)
    before = metrics(root, "tfidf_svm_quick")
    other = [*run, "balance=oversample", "tracking=off", f"output_root={root}"]
    killed = start(sys.executable, "-c", KILLED, str(at), *other, "pipeline=prepare")
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    for stage in ("train", "evaluate", "report"):
        code, said = refusal(root, *run, "balance=oversample", f"pipeline={stage}")
        assert (code, "run the stage" in said) == (3, True), said
    # The earlier config goes on with its own files, or not at all.
    if at == TRAIN_TSV:
        code, said = refusal(root, *run, "pipeline=evaluate")
        assert (code, "train.tsv is not the file" in said) == (3, True), said
    with contextlib.suppress(DatasetError, StaleInputError):
        whole_run(root, *run, "pipeline='train,evaluate'")
    assert metrics(root, "tfidf_svm_quick") == before
    whole_run(root, *run, "balance=oversample")
    assert meta_view(root)["balance"]["strategy"] == "oversample"
    assert metrics(root, "tfidf_svm_quick")["identity"] != before["identity"]


def test_kedro_ideology_skeleton_writes_both_files(tmp_path: Path) -> None:
    command = [str(BIN / "kedro"), "ideology-skeleton", "--corpus", "asr1"]
    ended = start(*command, "--output", str(tmp_path))
    assert ended.returncode == 0, ended.stderr
    actors = (tmp_path / "ideology_actors_asr1.yml").read_text(encoding="utf-8")
    counts = (tmp_path / "actors_counts_asr1.tsv").read_text(encoding="utf-8")
    assert "side_binary" in actors
    assert counts.startswith("actor\tdoc_count\t")
    whole_run(
        tmp_path / "out",
        "dataset=asr1",
        *SVM,
        f"view.actors_file={tmp_path / 'ideology_actors_asr1.yml'}",
        "filters.max_docs_global=100",
    )
    assert set(meta_view(tmp_path / "out")["labels"]) == {"left", "right"}


def test_a_hostile_corpus_through_the_door_is_one_message_and_exit_3(tmp_path: Path) -> None:
    file = tmp_path / "corpus.xml"
    bomb = '<!DOCTYPE b [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>\n<teiCorpus'
    file.write_text(corpus(two_classes()).replace("<teiCorpus", bomb), encoding="utf-8")
    command = [sys.executable, "-m", "app", *SVM, *mine(file), "tracking=off"]
    ended = start(*command, f"output_root={tmp_path / 'out'}")
    assert ended.returncode == 3
    (message,) = [line for line in ended.stderr.splitlines() if line.startswith("superior:")]
    assert "corpus.xml, line 2: DOCTYPE" in message
    assert "Traceback" not in ended.stderr
