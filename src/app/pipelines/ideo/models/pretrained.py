"""Pretrained transformers, from the Hugging Face hub or a local folder."""

from pathlib import Path
from typing import Any

from app.errors import InputError, MissingExtraError


def libraries() -> tuple[Any, Any]:
    """torch and transformers; MissingExtraError without the extra `hf`."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtraError(
            f"models of family hf need the extra `hf` ({error.name} is not installed): "
            "pip install -e '.[hf]'"
        ) from error
    transformers.utils.logging.disable_progress_bar()  # `progress` shows ours
    return torch, transformers


def pretrained(model_id: str, source: str, labels: list[str]) -> tuple[Any, Any]:
    """Tokenizer and model of a hub name or local folder: its body, and a new head over `labels`
    drawn from torch's generator.

    Raises:
        InputError: there is no such model here or within reach.
        MissingExtraError: it needs a package that is not installed.
    """
    _, transformers = libraries()
    local = Path(source).is_dir()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, local_files_only=local)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(
            source,
            local_files_only=local,
            id2label=dict(enumerate(labels)),
            label2id={label: place for place, label in enumerate(labels)},
            ignore_mismatched_sizes=True,  # a checkpoint's own head is replaced
        )
    except ImportError as error:
        raise MissingExtraError(
            f"models.{model_id}.pretrained={source} needs a package that is not installed: {error}"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"models.{model_id}.pretrained={source} cannot be loaded: it is neither a "
            "folder with a tokenizer and a model (config.json, model.safetensors, tokenizer files) "
            "nor a model of the Hugging Face hub that is cached or can be reached from here. Give "
            f"the path of a local copy, or connect and run again. ({_first_line(error)})"
        ) from error
    return tokenizer, model


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
