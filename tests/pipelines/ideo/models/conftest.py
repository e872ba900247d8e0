import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_study import COMMON, TELLING

HERE = Path(__file__).parent


@pytest.fixture
def hash_in_process(tmp_path: Path) -> Callable[[str, dict[str, Any], str], str]:
    """Trains in a process of its own with a PYTHONHASHSEED; the hash of what it wrote."""

    def run(family: str, spec: dict[str, Any], hash_seed: str) -> str:
        done = subprocess.run(
            [
                sys.executable,
                HERE / "train_and_hash.py",
                tmp_path / hash_seed,
                family,
                json.dumps(spec),
            ],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip().splitlines()[-1]

    return run


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of one small layer with random weights, and a WordPiece vocabulary of whole words."""
    torch = pytest.importorskip("torch", reason="needs the extra hf")
    transformers = pytest.importorskip("transformers", reason="needs the extra hf")
    folder = tmp_path_factory.mktemp("tiny_bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *COMMON, *TELLING["left"]]
    words += TELLING["right"]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    tokenizer = transformers.BertTokenizerFast(
        vocab={word: place for place, word in enumerate(words)},
        do_lower_case=True,
        strip_accents=False,
        model_max_length=64,
    )
    assert tokenizer.tokenize("égalité mot1") == ["égalité", "mot1"]
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
