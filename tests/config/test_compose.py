"""The config tree: what composes, and what is refused before any work."""

import shutil
from pathlib import Path

import pytest

from app.config.compose import compose
from app.config.ideo.balance import Oversample
from app.config.names import conf_digest, sweep_name
from app.config.overrides import overrides_from
from app.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf"


def test_default_config_is_the_ideo_study_on_the_embedded_corpus() -> None:
    config = compose([], CONF).config
    assert config.pipeline == "ideo"
    assert config.dataset.corpus_ids == ["web1"]
    assert config.models.root


def test_a_group_choice_and_a_value_reach_the_schema() -> None:
    config = compose(["balance=oversample", "split.train_prop=0.6"], CONF).config
    assert isinstance(config.balance.root, Oversample)
    assert config.split.train_prop == 0.6


def test_a_key_no_yaml_names_is_taken_when_the_schema_knows_it() -> None:
    assert compose(["filters.max_chars=900"], CONF).config.filters.max_chars == 900


def test_hydra_s_own_forms_of_a_key_are_taken() -> None:
    overrides = ["++filters.max_chars=900", "++seed=3"]
    config = compose(overrides, CONF).config
    assert (config.filters.max_chars, config.seed) == (900, 3)


def test_several_models_compose() -> None:
    models = compose(["models=[tfidf_svm_quick,tfidf_logreg]"], CONF).config.models
    assert set(models.root) == {"tfidf_svm_quick", "tfidf_logreg"}


def test_a_hyperparameter_is_an_override() -> None:
    composed = compose(["models=tfidf_svm_quick", "models.tfidf_svm_quick.estimator.C=0.25"], CONF)
    assert composed.tree["models"]["tfidf_svm_quick"]["estimator"]["C"] == 0.25


def test_kedro_parameters_become_overrides() -> None:
    params = {"balance": "oversample", "split": {"train_prop": 0.7}, "view": {"field": None}}
    assert overrides_from(params) == [
        "balance=oversample",
        "split.train_prop=0.7",
        "view.field=null",
    ]


@pytest.mark.parametrize("seed", [0, 1, 42])
def test_every_seed_is_itself(seed: int) -> None:
    """In the earlier system seed 0 and no seed both meant 42."""
    assert compose([f"seed={seed}"], CONF).config.seed == seed


MISTAKES = {
    "group choice": (["balance=oversampel"], "balance=oversampel", "'oversample'"),
    "top-level key": (["balanc.strategy=none"], "balanc", "'balance'"),
    "key in a group": (
        ["balance=cap_docs", "balance.cap_per_labl=3"],
        "balance.cap_per_labl",
        "'cap_per_label'",
    ),
    "key of another strategy": (["balance.alpha=1"], "balance.alpha", "unknown key"),
    "strategy": (["balance.strategy=oversampl"], "balance.strategy=oversampl", "'oversample'"),
    "preset": (["balance=oversample", "balance.preset=partiy"], "'partiy'", "half, parity"),
    "train_prop above 1": (["split.train_prop=1.5"], "split.train_prop=1.5", "less than 1"),
    "train_prop 0": (["split.train_prop=0"], "split.train_prop=0", "greater than 0"),
    "train_prop negative": (["split.train_prop=-1"], "split.train_prop=-1", "greater than 0"),
    "wrong kind": (["split.train_prop=much"], "split.train_prop='much'", "number"),
    "merge mode": (["dataset.merge_mode=mergd"], "dataset.merge_mode=mergd", "'merged'"),
    "tokenizer": (["filters.tokenizer=wrods"], "filters.tokenizer='wrods'", "whitespace"),
    "hardware": (["hardware=smal"], "hardware=smal", "'small'"),
    "model": (["models=[tfidf_svm_quik]"], "models=tfidf_svm_quik", "'tfidf_svm_quick'"),
    "family": (
        ["models=tfidf_svm_quick", "models.tfidf_svm_quick.family=sklern"],
        "models.tfidf_svm_quick.family=sklern",
        "'sklearn'",
    ),
    "profile": (["profile=ideo_quik"], "profile=ideo_quik", "'ideo_quick'"),
    "corpus": (["dataset.corpus_ids=[webb1]"], "'webb1'", "'web1'"),
    "family for a model": (["models=check,sklearn"], "models=sklearn", "'sklearn_all'"),
    "family for a model in a list": (["models=[check,spacy]"], "models=spacy", "spacy_quick"),
    "field of the actor filter": (
        ["filters.actors.min_docs=3", "filters.actors.field=domian"],
        "filters.actors.field",
        "'domain'",
    ),
    "field": (["analysis.compare_by=[crawll]"], "'crawll'", "'crawl'"),
    "two corpora as single": (
        ["dataset.corpus_ids=[web1,asr1]"],
        "merge_mode=single",
        "merged, juxtaposed",
    ),
    "lengths out of order": (["filters.max_chars=10"], "min_chars=200", "max_chars=10"),
    "empty choice": (["balance="], "balance=", "known"),
    "no equals sign": (["seed"], "'seed'", "key=value"),
    "interpolation": (["view.name=${nope}"], "nope", "not found"),
    "train and evaluate on one corpus": (
        ["dataset.eval_dataset_id=web1"],
        "dataset.eval_dataset_id",
        "trained and evaluated",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_what_is_valid(mistake: str) -> None:
    overrides, *said = MISTAKES[mistake]
    with pytest.raises(ConfigError) as refused:
        compose(overrides, CONF)
    for part in said:
        assert part in str(refused.value)


def test_a_mistake_says_which_override_made_it() -> None:
    with pytest.raises(ConfigError, match=r"set by the override split\.train_prop=1\.5"):
        compose(["split.train_prop=1.5"], CONF)


def test_a_mistake_in_a_file_says_which_line(tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    split = conf / "split" / "stratified.yaml"
    split.write_text("# mine\nstrategy: stratified\ntrain_prop: 1.5\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"set in conf/split/stratified\.yaml, line 3"):
        compose([], conf)


def test_the_same_command_names_the_same_sweep() -> None:
    name = sweep_name(["balance=none,oversample", "seed=7"], CONF)
    assert name.startswith("ideo-")
    assert sweep_name(["seed=7", "++balance=none,oversample", "output_root=there"], CONF) == name
    assert sweep_name(["seed=7", "superior.parallel=2", "balance=none,oversample"], CONF) == name
    assert sweep_name(["seed=8", "balance=none,oversample"], CONF) != name


def test_a_sweep_of_an_experiment_is_called_like_it() -> None:
    assert sweep_name(["experiment=ideo_learning_curve", "superior.repeats=5"], CONF) == (
        "ideo_learning_curve"
    )
    assert sweep_name(["experiment=ideo_learning_curve", "seed=1"], CONF).startswith(
        "ideo_learning_curve-"
    )


def test_the_digest_of_conf_changes_with_its_files(tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    before = conf_digest(conf)
    assert before == conf_digest(CONF)
    (conf / "balance" / "none.yaml").write_text("strategy: none # as it was\n")
    assert conf_digest(conf) != before
    (conf / "balance" / "none.yaml").write_text("strategy: ${oc.env:STRATEGY}\n")
    assert conf_digest(conf) is None, "the environment may change what the files mean"


@pytest.mark.parametrize("profile", sorted(file.stem for file in (CONF / "profile").glob("*.yaml")))
def test_every_profile_composes(profile: str) -> None:
    assert compose([f"profile={profile}"], CONF).tree["profile"] == profile


@pytest.mark.parametrize(
    "choice",
    sorted(
        f"{group}={file.stem}"
        for group in ("dataset", "filters", "balance", "models", "hardware", "tracking")
        for file in (CONF / group).glob("*.yaml")
    ),
)
def test_every_choice_composes(choice: str) -> None:
    corpora = ["corpora=[web1,asr1,fr_mariagepourtous,at_parlamint,es_parlamint,r8]"]
    plain = ["view=label", "view.field=modality", "analysis=documents"]
    assert compose([*corpora, *plain, choice], CONF).config


@pytest.mark.parametrize("file", sorted(CONF.rglob("*.yaml")), ids=lambda file: file.stem)
def test_every_config_file_says_what_choosing_it_does(file: Path) -> None:
    first, *rest = [
        line
        for line in file.read_text(encoding="utf-8").splitlines()
        if not line.startswith("# @package")
    ]
    assert first.startswith("# ")
    assert len(first) > 10
    assert rest
