"""Chains of emcee's moves: they find known answers, and nothing that strikes changes a draw."""

import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import emcee
import numpy as np
import pytest
from known_posteriors import Box, Gaussian, banana, calling, digest, gaussian, sampled

from app.config.janus.sampler import Emcee, Move
from app.durable.alarm import DeadlineReached
from app.durable.interrupt import Interrupted
from app.errors import ConfigError, ResumeError, SuperiorError
from app.pipelines.janus.draws import Draws
from app.pipelines.janus.posterior import Posterior
from app.pipelines.janus.samplers.moves import MOVES, Stepper, starts

SHORT = Emcee(kind="emcee", walkers=8, ensembles=2, steps=300)
CALLS = 1400  # of the likelihood in a run of SHORT, about: 2 or 4 a step of each ensemble


STEPS = {"stretch": 1500, "walk": 500, "de": 1000, "de_snooker": 1000, "kde": 700}


def undisturbed(tmp_path: Path, **given: Any) -> Draws:
    return sampled(tmp_path / "undisturbed", gaussian(), SHORT, **given)


@pytest.mark.parametrize(
    ("posterior", "mean", "sd"),
    [(gaussian(3), [1, 1, 1], [1, 1, 1]), (banana(), [0, 0.5], [1, 0.75**0.5])],
    ids=["gaussian", "banana"],
)
def test_a_known_answer(tmp_path: Path, posterior: Posterior, mean: Any, sd: Any) -> None:
    chosen = Emcee(kind="emcee", walkers=32, ensembles=4, steps=8000)
    draws = sampled(tmp_path, posterior, chosen, adaptive=True)
    theta, weight = draws.kept()
    assert draws.ended == "converged"
    assert draws.theta.shape[1] < 8000
    assert weight.sum() == pytest.approx(1.0)
    assert np.abs(theta.mean(axis=0) - mean).max() < 0.05 * min(sd)
    assert theta.std(axis=0) == pytest.approx(np.array(sd, float), rel=0.05)
    assert draws.thin >= 2
    assert draws.log_likelihood.shape == draws.theta.shape[:-1]
    row = draws.theta[2, 50]
    assert np.array_equal(posterior.both(row)[0], draws.log_likelihood[2, 50])
    assert np.array_equal(posterior.both(row)[1], draws.log_prior[2, 50])


@pytest.mark.parametrize("name", sorted(MOVES))
def test_every_move_leaves_the_posterior_invariant(tmp_path: Path, name: Any) -> None:
    """emcee 3.1.6's own snooker move does not: its standard deviations are 11 % too small here."""
    chosen = Emcee(
        kind="emcee", walkers=24, ensembles=2, steps=STEPS[name], moves=[Move(name=name)]
    )
    theta, _ = sampled(tmp_path, gaussian(3), chosen).kept()
    assert theta.std() == pytest.approx(1.0, abs=0.04)
    assert theta.mean() == pytest.approx(1.0, abs=0.05)


@pytest.mark.filterwarnings("ignore:get_state and legacy:RuntimeWarning")
@pytest.mark.parametrize(
    "names", [["stretch"], ["walk"], ["de"], ["kde"], ["de", "stretch", "kde"]], ids=str
)
def test_the_draws_are_those_of_emcee(names: list[Any]) -> None:
    """Bit by bit, with the same generator."""
    posterior = gaussian(3)
    weights = [0.5, 0.3, 0.2][: len(names)]
    moves = [Move(name=name, weight=w) for name, w in zip(names, weights, strict=True)]
    theta, parts = starts(posterior, 12, np.random.default_rng(5))
    ours = np.random.RandomState(np.random.PCG64(3))
    stepper = Stepper(posterior, Emcee(kind="emcee", walkers=12, moves=moves), [ours])
    theirs = emcee.EnsembleSampler(
        12,
        3,
        posterior.log_prob,
        moves=[(MOVES[move.name](), move.weight) for move in moves],
        vectorize=True,
    )
    theirs._random = np.random.RandomState(np.random.PCG64(3))
    ensemble = stepper.begun(0, theta, parts)
    for state in theirs.sample(theta, iterations=30):
        ensemble = stepper.moved(0, ensemble)
        assert np.array_equal(ensemble.theta, state.coords)
        assert np.array_equal(ensemble.parts.sum(axis=1), state.log_prob)
    assert np.array_equal(ensemble.accepted, theirs.backend.accepted)


def test_a_step_leaves_the_ensemble_before_it(tmp_path: Path) -> None:
    posterior = gaussian(2)
    theta, parts = starts(posterior, 8, np.random.default_rng(5))
    stepper = Stepper(posterior, SHORT, [np.random.RandomState(np.random.PCG64(3))])
    before = stepper.begun(0, theta.copy(), parts.copy())
    for _ in range(20):
        stepper.moved(0, before)
    assert np.array_equal(before.theta, theta)
    assert np.array_equal(before.parts, parts)
    assert not before.accepted.any()


def test_the_same_seed_gives_the_same_draws(tmp_path: Path) -> None:
    one, same, other = (
        sampled(tmp_path / str(at), gaussian(), SHORT, seed=seed)
        for at, seed in enumerate([7, 7, 8])
    )
    assert digest(one) == digest(same) != digest(other)
    assert not np.array_equal(one.theta[0], one.theta[1])  # ensembles know nothing of each other


def struck(at: int, error: type[BaseException]) -> Callable[[int], None]:
    def call(number: int) -> None:
        if number == at:
            raise error("struck")

    return call


@pytest.mark.parametrize("error", [KeyboardInterrupt, Interrupted, ValueError, SuperiorError])
def test_an_exception_in_the_likelihood_changes_no_draw(
    tmp_path: Path, error: type[BaseException]
) -> None:
    """At several calls of as many processes, one after the other: in starts, in the first half of
    a step, the second, and in the other ensemble."""
    chance = random.Random(error.__name__)
    run, strikes = tmp_path / "run", 0
    for at in [1, 2, *(chance.randrange(3, CALLS // 5) for _ in range(4))]:
        with pytest.raises(error):
            sampled(run, calling(gaussian(), struck(at, error)), SHORT)
        strikes += 1
    assert strikes == 6
    assert digest(sampled(run, gaussian(), SHORT)) == digest(undisturbed(tmp_path))


def test_what_was_done_when_it_was_interrupted_is_kept(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        sampled(tmp_path / "run", calling(gaussian(), struck(1000, KeyboardInterrupt)), SHORT)
    calls: list[int] = []
    sampled(tmp_path / "run", calling(gaussian(), calls.append), SHORT)
    whole: list[int] = []
    sampled(tmp_path / "whole", calling(gaussian(), whole.append), SHORT)
    assert len(whole) <= 999 + len(calls) <= len(whole) + 8  # the step that was cut, made again


@pytest.mark.parametrize("at", [3, 203, 377, 768, 1203])
def test_a_process_that_is_killed_changes_no_draw(tmp_path: Path, at: int) -> None:
    run = tmp_path / "run"

    def kill(number: int) -> None:
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        sampled(run, calling(gaussian(), kill), SHORT)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert digest(sampled(run, gaussian(), SHORT)) == digest(undisturbed(tmp_path))


def traced(strike: int) -> Iterator[None]:
    """A KeyboardInterrupt at the `strike`th line of the chain's own code."""
    own = ("emcee_chain.py", "chain_state.py", "chain_file.py", "looks.py", "moves.py")
    left = strike

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.endswith(own) or frame.f_code.co_name == "save_after":
            return None
        if event == "line":
            left -= 1
            if left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)


def struck_at_line(run: Path, line: int) -> bool:
    """Whether the run was long enough to be struck there."""
    try:
        for _ in traced(line):
            sampled(run, gaussian(), SHORT, every=7)
    except KeyboardInterrupt:
        return True
    return False


def lines_anywhere(count: int, seed: int) -> list[int]:
    chance = random.Random(seed)
    return [int(10 ** chance.uniform(1.5, 4.3)) for _ in range(count)]


def check_lines(tmp_path: Path, lines: list[int]) -> None:
    expected = digest(undisturbed(tmp_path))
    strikes = 0
    for number, line in enumerate(lines):
        run = tmp_path / f"{number}"
        strikes += struck_at_line(run, line) + struck_at_line(run, line // 3)
        assert digest(sampled(run, gaussian(), SHORT)) == expected, line
    assert strikes > len(lines)


def test_an_interrupt_at_any_line_changes_no_draw(tmp_path: Path) -> None:
    check_lines(tmp_path, lines_anywhere(6, 0))


@pytest.mark.soak
def test_interrupts_at_many_lines_change_no_draw(tmp_path: Path) -> None:
    check_lines(tmp_path, lines_anywhere(150, 1))


def test_an_adaptive_run_is_resumed_exactly_too(tmp_path: Path) -> None:
    """Its looks, the steps they discard and its end are those of the undisturbed one."""
    chosen = Emcee(kind="emcee", walkers=16, ensembles=2, steps=4000)
    expected = sampled(tmp_path / "undisturbed", gaussian(), chosen, adaptive=True)
    assert len(expected.details["looks"]) > 2
    run = tmp_path / "run"
    for at in (600, 701, 3, 900):
        with pytest.raises(Interrupted):
            posterior = calling(gaussian(), struck(at, Interrupted))
            sampled(run, posterior, chosen, adaptive=True, every=100)
    assert digest(sampled(run, gaussian(), chosen, adaptive=True)) == digest(expected)


def test_a_resume_finishes_the_total_and_adds_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        sampled(tmp_path, calling(gaussian(), struck(700, KeyboardInterrupt)), SHORT)
    first = sampled(tmp_path, gaussian(), SHORT)
    assert first.theta.shape == (2, 300, 8, 2)
    assert first.ended == "steps"
    calls: list[int] = []
    again = sampled(tmp_path, calling(gaussian(), calls.append), SHORT)
    assert not calls
    assert digest(again) == digest(first)


@pytest.mark.parametrize("adaptive", [False, True])
def test_more_steps_go_on_as_if_asked_for_from_the_start(tmp_path: Path, adaptive: bool) -> None:
    """Past a look that only the end of the shorter chain had."""
    longer = SHORT.model_copy(update={"steps": 700})
    expected = sampled(tmp_path / "at once", gaussian(), longer, adaptive=adaptive, ess=1e5)
    run = tmp_path / "run"
    assert sampled(run, gaussian(), SHORT, adaptive=adaptive, ess=1e5).ended == "steps"
    posterior = gaussian()
    again = sampled(run, posterior, longer, adaptive=adaptive, ess=1e5)
    assert digest(again) == digest(expected)
    assert again.details["looks"] == expected.details["looks"]
    assert (
        posterior.evaluations < 0.7 * expected.evaluations
    )  # the first 300 steps are not repeated


def test_a_stricter_target_goes_on(tmp_path: Path) -> None:
    chosen = Emcee(kind="emcee", walkers=16, ensembles=2, steps=4000)
    first = sampled(tmp_path / "run", gaussian(), chosen, adaptive=True, ess=200.0)
    expected = sampled(tmp_path / "at once", gaussian(), chosen, adaptive=True, ess=3000.0)
    assert first.ended == expected.ended == "converged"
    assert first.theta.shape[1] < expected.theta.shape[1]
    again = sampled(tmp_path / "run", gaussian(), chosen, adaptive=True, ess=3000.0)
    assert digest(again) == digest(expected)


def test_fewer_steps_than_there_are_are_refused(tmp_path: Path) -> None:
    sampled(tmp_path, gaussian(), SHORT)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.f64")}
    with pytest.raises(ResumeError, match=r"sampler\.steps=100: .* has 300 already; give at least"):
        sampled(tmp_path, gaussian(), SHORT.model_copy(update={"steps": 100}))
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*.f64")}


def test_another_signature_is_refused(tmp_path: Path) -> None:
    told = {"posterior": {"data": "gaussian", "files": {"a": "6c91"}}, "seed": 7}
    sampled(tmp_path, gaussian(), SHORT, signature=told)
    other = {"posterior": {"data": "gaussian", "files": {"a": "77aa"}}, "seed": 8}
    with pytest.raises(ResumeError) as refused:
        sampled(tmp_path, gaussian(), SHORT, signature=other)
    assert "posterior.files.a: '6c91' in the checkpoint, '77aa' in this run" in str(refused.value)
    assert "seed: 7 in the checkpoint, 8 in this run" in str(refused.value)


def test_a_torn_tail_of_the_chain_changes_no_draw(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        sampled(run, calling(gaussian(), struck(700, KeyboardInterrupt)), SHORT)
    with (run / "sampling" / "model" / "chain.f64").open("ab") as file:
        file.write(b"torn" * 77)
    assert digest(sampled(run, gaussian(), SHORT)) == digest(undisturbed(tmp_path))


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        sampled(run, calling(gaussian(), struck(700, KeyboardInterrupt)), SHORT)
    newest = max((run / "checkpoints-model").glob("*.ckpt"))
    newest.write_bytes(newest.read_bytes()[:-9])
    assert digest(sampled(run, gaussian(), SHORT)) == digest(undisturbed(tmp_path))


def test_a_changed_chain_is_refused(tmp_path: Path) -> None:
    sampled(tmp_path, gaussian(), SHORT)
    chain = tmp_path / "sampling" / "model" / "chain.f64"
    content = bytearray(chain.read_bytes())
    content[4321] ^= 64
    chain.write_bytes(content)
    with pytest.raises(ResumeError, match=r"chain\.f64: its first \d+ bytes are not those"):
        sampled(tmp_path, gaussian(), SHORT)


@pytest.mark.parametrize("at", [500, 501, 503])
def test_a_deadline_leaves_whole_steps(tmp_path: Path, at: int) -> None:
    run, whole = tmp_path / "run", undisturbed(tmp_path)
    cut = sampled(run, calling(gaussian(), struck(at, DeadlineReached)), SHORT)
    steps = cut.theta.shape[1]
    assert cut.ended == "deadline"
    assert 0 < steps < 300
    assert np.array_equal(cut.theta, whole.theta[:, :steps])
    assert np.array_equal(cut.log_likelihood, whole.log_likelihood[:, :steps])
    assert digest(sampled(run, gaussian(), SHORT)) == digest(whole)


def test_the_alarm_of_a_real_deadline_does_so_too(tmp_path: Path) -> None:
    endless = SHORT.model_copy(update={"steps": 10_000_000})
    cut = sampled(tmp_path / "run", gaussian(), endless, budget=1.0)
    assert cut.ended == "deadline"
    again = sampled(tmp_path / "run", gaussian(), endless, budget=1e-9)  # over as it begins
    assert digest(again) == digest(cut)
    whole = sampled(tmp_path / "b", gaussian(), SHORT)
    steps = min(300, cut.theta.shape[1])
    assert np.array_equal(cut.theta[:, :steps], whole.theta[:, :steps])


def test_a_deadline_before_the_first_step_is_told(tmp_path: Path) -> None:
    with pytest.raises(SuperiorError, match="before the first step of model"):
        sampled(tmp_path, calling(gaussian(), struck(2, DeadlineReached)), SHORT)


def test_starts_that_are_far_away_are_discarded(tmp_path: Path) -> None:
    """Walkers come from a prior 1000 times as wide as the posterior: a fifth is not enough."""
    prior = Box(2, 0.0, 1000.0)
    posterior = Posterior(prior, lambda theta: -0.5 * (theta**2).sum(axis=1), {})
    chosen = Emcee(kind="emcee", walkers=32, ensembles=2, steps=300)
    draws = sampled(tmp_path, posterior, chosen, seed=2)
    assert draws.log_likelihood[:, 300 // 5 :].min() < -100.0
    assert draws.log_likelihood[:, draws.discard :].min() > -30.0


def test_steps_to_discard_and_thin_can_be_told(tmp_path: Path) -> None:
    chosen = SHORT.model_copy(update={"discard": 123, "thin": 4})
    draws = sampled(tmp_path, gaussian(), chosen)
    assert (draws.discard, draws.thin) == (123, 4)
    assert len(draws.kept()[0]) == 2 * (300 - 123) * 8


def test_where_the_model_does_not_exist_no_walker_goes(tmp_path: Path) -> None:
    def log_likelihood(theta: np.ndarray) -> np.ndarray:
        return np.where(theta[:, 0] > 1.0, -0.5 * (theta**2).sum(axis=1), -np.inf)

    posterior = Posterior(Gaussian(2, 0.0, 3.0), log_likelihood, {})
    draws = sampled(tmp_path, posterior, SHORT)
    assert (draws.theta[..., 0] > 1.0).all()
    assert np.isfinite(draws.log_likelihood).all()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"walkers": 4}, "sampler.walkers: 4 are too few for 3 parameters"),
        ({"walkers": 6, "moves": [Move(name="kde")]}, "at least 8"),
        ({"discard": 300}, "sampler.discard: 300 of 300 steps leave nothing"),
    ],
)
def test_choices_that_cannot_work_are_refused(tmp_path: Path, changed: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        sampled(tmp_path, gaussian(3), SHORT.model_copy(update=changed))


def test_a_prior_without_a_posterior_is_told(tmp_path: Path) -> None:
    posterior = Posterior(Box(2, 0.0, 1.0), lambda theta: np.full(len(theta), -np.inf), {})
    with pytest.raises(SuperiorError, match="only 0 of 8000 draws of the prior"):
        sampled(tmp_path, posterior, SHORT)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_told(tmp_path: Path, value: float) -> None:
    def log_likelihood(theta: np.ndarray) -> np.ndarray:
        return np.where(theta[:, 0] > 2.0, value, 0.0)

    posterior = Posterior(Box(2, 0.0, 3.0), log_likelihood, {})
    with pytest.raises(SuperiorError, match=rf"log-posterior is {value} .* at \{{'a': 2\."):
        sampled(tmp_path, posterior, SHORT)
