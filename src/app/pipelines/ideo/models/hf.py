"""Family `hf`: a pretrained transformer with a head for sequence classification, fine-tuned.

After Devlin et al. (2019), BERT: AdamW, a linear warm-up and then a linear decay of the learning
rate, gradients clipped at norm 1. Saved as safetensors, with its tokenizer.
See https://huggingface.co/docs/transformers
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from app.config.ideo.models import HfModel
from app.config.ideo.split import Split
from app.datasets.models import TrainedModel
from app.durable.progress import progress
from app.pipelines.ideo.models.dev import DevSelection
from app.pipelines.ideo.models.pretrained import libraries, pretrained
from app.pipelines.ideo.models.threads import pinned_torch
from app.pipelines.ideo.models.training_set import TrainingSet
from app.pipelines.ideo.split import cut_dev

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors")
SHUFFLE = 43  # the use of the seed: the order of the documents of an epoch
PREDICT_DOCS = 32  # documents predicted at once
CLIP_NORM = 1.0

_FOLDER = "transformer"


@dataclass(frozen=True)
class HfPredictor:
    """A fine-tuned transformer and its tokenizer."""

    labels: list[str]
    tokenizer: Any
    model: Any
    max_length: int
    threads: int

    def predict(self, texts: Sequence[str]) -> list[str]:
        return self.predict_scored(texts)[0]

    def predict_scored(self, texts: Sequence[str]) -> tuple[list[str], list[float]]:
        import torch

        predicted: list[str] = []
        scores: list[float] = []
        self.model.eval()
        with pinned_torch(self.threads), torch.inference_mode():
            for start in range(0, len(texts), PREDICT_DOCS):
                pieces = self.pieces(texts[start : start + PREDICT_DOCS])
                best = torch.softmax(self.model(**pieces).logits, dim=-1).max(dim=-1)
                predicted += [self.labels[place] for place in best.indices.tolist()]
                scores += best.values.tolist()
        return predicted, scores

    def pieces(self, texts: Sequence[str]) -> Any:
        """Word pieces of a batch as tensors, padded to its longest text, cut at `max_length`."""
        return self.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self.max_length,
            return_tensors="pt",
        )


def train(model_id: str, spec: HfModel, given: TrainingSet, split: Split) -> TrainedModel:
    """Fine-tunes on `given.rows` (label, text), but for a dev part."""
    torch, _ = libraries()
    fit, dev = cut_dev(given.rows, split, given.seed)
    weights = given.class_weights(spec.class_weight)
    with pinned_torch(given.threads):
        torch.manual_seed(given.seed)
        tokenizer, model = pretrained(model_id, spec.pretrained, given.labels)
        longest = min(spec.max_length, tokenizer.model_max_length)
        predictor = HfPredictor(given.labels, tokenizer, model, longest, given.threads)
        selection = _fit(model_id, spec, given, predictor, fit, dev, weights)
    card = given.card(
        model_id,
        spec,
        PACKAGES,
        class_weights=weights,
        max_length=predictor.max_length,
        n_dev_docs=dev.height,
        history=selection.history,
        best_epoch=selection.best_at,
    )
    return TrainedModel(model_id, spec.family, card, partial(_write, predictor))


def load(folder: Path, card: dict[str, Any]) -> HfPredictor:
    _, transformers = libraries()
    saved = folder / _FOLDER
    tokenizer = transformers.AutoTokenizer.from_pretrained(saved, local_files_only=True)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        saved, local_files_only=True, use_safetensors=True
    )
    return HfPredictor(card["labels"], tokenizer, model, card["max_length"], card["threads"])


def _fit(
    model_id: str,
    spec: HfModel,
    given: TrainingSet,
    predictor: HfPredictor,
    fit: pl.DataFrame,
    dev: pl.DataFrame,
    weights: dict[str, float] | None,
) -> DevSelection:
    """Fine-tunes the predictor's model in place; it ends with the weights best on dev."""
    torch, _ = libraries()
    model, texts = predictor.model, fit["text"].to_list()
    truth = torch.tensor([given.labels.index(label) for label in fit["label"]])
    of_class = None if weights is None else torch.tensor([weights[name] for name in given.labels])
    loss_of = torch.nn.CrossEntropyLoss(weight=of_class)
    optimizer = torch.optim.AdamW(_groups(model, spec.weight_decay), lr=spec.learning_rate)
    schedule = _schedule(optimizer, spec, fit.height)
    selection = DevSelection(dev, given.labels, spec.patience)
    best = None
    with progress(model_id, float(spec.epochs * fit.height)) as shown:
        for epoch in range(1, spec.epochs + 1):
            model.train()
            order = np.random.default_rng([given.seed, SHUFFLE, epoch]).permutation(fit.height)
            for start in range(0, fit.height, spec.batch_size):
                batch = order[start : start + spec.batch_size]
                logits = model(**predictor.pieces([texts[place] for place in batch])).logits
                loss_of(logits, truth[batch]).backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                shown.advance(len(batch), selection.note())
            guesses = predictor.predict(dev["text"].to_list())
            if selection.better(guesses, at=epoch, epoch=epoch):
                best = {name: value.clone() for name, value in model.state_dict().items()}
            if selection.exhausted():
                break
    model.load_state_dict(best)
    return selection


def _groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters that decay, and those that do not: biases and normalisations, all vectors."""
    decays = [value for value in model.parameters() if value.ndim > 1]
    stays = [value for value in model.parameters() if value.ndim <= 1]
    return [
        {"params": decays, "weight_decay": weight_decay},
        {"params": stays, "weight_decay": 0.0},
    ]


def _schedule(optimizer: Any, spec: HfModel, n_docs: int) -> Any:
    """The learning rate rises linearly for `warmup_ratio` of the steps, then falls to 0."""
    import torch

    total = spec.epochs * -(-n_docs // spec.batch_size)
    warm = round(spec.warmup_ratio * total)

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return (total - step) / max(1, total - warm)

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _write(predictor: HfPredictor, folder: Path) -> None:
    predictor.model.save_pretrained(folder / _FOLDER)
    predictor.tokenizer.save_pretrained(folder / _FOLDER)
