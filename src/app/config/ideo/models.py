"""The models inventory: every entry of `models` is one classifier this run trains.

Families: `check` (counts only), `sklearn` (TF-IDF and a linear, tree or Bayes estimator), `spacy`
(textcat), `hf` (a transformer for sequence classification).
"""

from typing import Annotated, Literal, Self

from pydantic import Field, RootModel, model_validator

from app.config.base import NAME, Group

ClassWeight = Literal["none", "balanced", "from_balance"]  # from_balance: weights of the view


class CheckModel(Group):
    """Trains nothing: counts what it was given, and predicts the majority label."""

    family: Literal["check"]


class Tfidf(Group):
    ngram_min: int = Field(default=1, ge=1)
    ngram_max: int = Field(default=2, ge=1)
    max_features: int | None = Field(default=50_000, ge=1)
    min_df: int = Field(default=5, ge=1)  # documents a term must occur in
    sublinear_tf: bool = False

    @model_validator(mode="after")
    def _grams_in_order(self) -> Self:
        if self.ngram_min > self.ngram_max:
            raise ValueError(f"ngram_min={self.ngram_min} is above ngram_max={self.ngram_max}")
        return self


class LinearSvc(Group):
    name: Literal["linear_svc"]
    C: float = Field(default=1.0, gt=0)
    class_weight: ClassWeight = "from_balance"


class RbfSvc(Group):
    name: Literal["rbf_svc"]
    C: float = Field(default=1.0, gt=0)
    gamma: Literal["scale", "auto"] = "scale"
    class_weight: ClassWeight = "from_balance"


class Perceptron(Group):
    name: Literal["perceptron"]
    max_iter: int = Field(default=50, ge=1)
    tol: float = Field(default=1e-3, gt=0)
    class_weight: ClassWeight = "from_balance"


class LogisticRegression(Group):
    name: Literal["logistic_regression"]
    C: float = Field(default=1.0, gt=0)
    max_iter: int = Field(default=1000, ge=1)
    class_weight: ClassWeight = "from_balance"


class ComplementNB(Group):
    name: Literal["complement_nb"]
    alpha: float = Field(default=1.0, gt=0)


class DecisionTree(Group):
    name: Literal["decision_tree"]
    max_depth: int | None = Field(default=None, ge=1)
    min_samples_split: int = Field(default=2, ge=2)
    min_samples_leaf: int = Field(default=1, ge=1)
    splitter: Literal["best", "random"] = "best"
    class_weight: ClassWeight = "from_balance"


class RandomForest(Group):
    name: Literal["random_forest"]
    n_estimators: int = Field(default=200, ge=1)
    max_depth: int | None = Field(default=None, ge=1)
    min_samples_leaf: int = Field(default=1, ge=1)
    class_weight: ClassWeight = "from_balance"


Estimator = Annotated[
    LinearSvc
    | RbfSvc
    | Perceptron
    | LogisticRegression
    | ComplementNB
    | DecisionTree
    | RandomForest,
    Field(discriminator="name"),
]


class SklearnModel(Group):
    family: Literal["sklearn"]
    tfidf: Tfidf = Tfidf()
    estimator: Estimator


class SpacyModel(Group):
    family: Literal["spacy"]
    architecture: Literal["bow", "cnn"]
    epochs: int = Field(ge=1)
    dropout: float = Field(default=0.2, ge=0.0, lt=1.0)
    patience: int = Field(default=1600, ge=0)  # steps without a better dev macro-F1; 0: never stop
    eval_steps: int = Field(default=200, ge=1)  # steps between looks at dev
    batch_start: int = Field(default=100, ge=1)  # words a batch, compounding
    batch_stop: int = Field(default=1000, ge=1)
    batch_compound: float = Field(default=1.001, ge=1.0)
    learn_rate: float = Field(default=0.001, gt=0)
    ngram_size: int | None = Field(default=None, ge=1)  # bow only; null: 1

    @model_validator(mode="after")
    def _grams_are_for_bow(self) -> Self:
        if self.architecture == "cnn" and self.ngram_size is not None:
            raise ValueError("ngram_size is not read with architecture=cnn")
        return self


class HfModel(Group):
    family: Literal["hf"]
    pretrained: str  # a hub name or a local folder
    learning_rate: float = Field(default=2e-5, gt=0)
    batch_size: int = Field(default=8, ge=1)
    epochs: int = Field(default=3, ge=1)
    warmup_ratio: float = Field(default=0.0, ge=0.0, le=1.0)
    weight_decay: float = Field(default=0.0, ge=0.0)
    max_length: int = Field(default=512, ge=8)  # word pieces; longer texts are cut
    patience: int = Field(default=0, ge=0)  # epochs without a better dev macro-F1; 0: never stop
    class_weight: ClassWeight = "from_balance"


Model = Annotated[
    CheckModel | SklearnModel | SpacyModel | HfModel,
    Field(discriminator="family"),
]


ModelId = Annotated[str, Field(pattern=NAME)]  # names its folder


class Models(RootModel[dict[ModelId, Model]]):
    """model_id -> its specification."""

    def of(self, family: str) -> dict[str, Model]:
        """The entries of one family, in the order they were configured."""
        return {name: spec for name, spec in self.root.items() if spec.family == family}

    def families(self) -> list[str]:
        """The families there is a model of, sorted."""
        return sorted({spec.family for spec in self.root.values()})
