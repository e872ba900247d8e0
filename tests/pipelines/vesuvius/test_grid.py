import numpy as np
import pytest

from app.config.vesuvius.training import Grid
from app.pipelines.vesuvius.coarse import coarse, finer
from app.pipelines.vesuvius.grid import batches, candidates, fingerprint, problems, solved_as

FULL = Grid()


def test_full_grid_has_135_candidates_in_a_fixed_order() -> None:
    tried = candidates(FULL, seed=0)
    assert [each.index for each in tried] == list(range(135))
    assert [(each.l1, each.l2) for each in tried[:4]] == [
        (1e-2, 1e-2),
        (1e-2, 1e-3),
        (1e-2, 1e-4),
        (3e-3, 1e-2),
    ]
    assert [each.meta_neuron for each in tried[::15]] == list(range(9))
    repeated = candidates(Grid(repeats=2), seed=0)
    assert repeated[:135] == tried
    assert {each.repeat for each in repeated[135:]} == {1}


def test_a_larger_grid_moves_no_seed() -> None:
    small = candidates(Grid(meta_neurons=2, l1=[1e-3], l2=[1e-3]), seed=7)
    seeds = {(each.meta_neuron, each.repeat): each.seed for each in candidates(FULL, seed=7)}
    assert all(each.seed == seeds[each.meta_neuron, each.repeat] for each in small)
    assert len(set(seeds.values())) == 9
    assert candidates(FULL, seed=8)[0].seed != candidates(FULL, seed=7)[0].seed


def test_folds_part_the_rows() -> None:
    of = problems(FULL, candidates(FULL, 0), rows=1003, columns=20, classes=2)
    folds = [of[m, 0].left_out for m in range(9)]
    assert np.concatenate([np.arange(*fold) for fold in folds]).tolist() == list(range(1003))
    for problem in of.values():
        assert problem.columns.sum() == 16
        assert problem.weights.shape == (20, 2)
        assert (problem.weights[~problem.columns] == 0).all()
        assert (problem.weights[problem.columns] != 0).all()


@pytest.mark.parametrize("grid", [Grid(leave_out=False), Grid(meta_neurons=1)])
def test_nothing_is_left_out_unless_there_are_others(grid: Grid) -> None:
    of = problems(grid, candidates(grid, 0), 100, 5, 1)
    assert {problem.left_out for problem in of.values()} == {(0, 0)}


def test_one_column_is_seen_however_small_the_share() -> None:
    grid = Grid(column_share=0.01)
    of = problems(grid, candidates(grid, 0), 100, 5, 1)
    assert {int(problem.columns.sum()) for problem in of.values()} == {1}


def test_the_same_fit_is_solved_once() -> None:
    same = Grid(leave_out=False, column_share=1.0, init_scale=0.0, l1=[1e-3, 1e-3, 1e-2])
    tried = candidates(same, 0)
    as_ = solved_as(tried, problems(same, tried, 100, 5, 1))
    assert len(set(as_.values())) == 2 * 3
    assert all(
        (tried[first].l1, tried[first].l2) == (tried[index].l1, tried[index].l2)
        for index, first in as_.items()
    )


def test_first_weights_matter_only_before_the_optimum() -> None:
    grid = Grid(leave_out=False, column_share=1.0)
    tried = candidates(grid, 0)
    of = problems(grid, tried, 100, 5, 1)
    assert len(set(solved_as(tried, of).values())) == 135
    assert len(set(solved_as(tried, of, first_weights=False).values())) == 15


def test_fingerprints_differ_by_each_thing_a_fit_follows_from() -> None:
    tried = candidates(FULL, 0)
    of = problems(FULL, tried, 1000, 20, 1)
    first = fingerprint(tried[0], of[0, 0])
    assert first == fingerprint(tried[0], problems(FULL, tried, 1000, 20, 1)[0, 0])
    others = [
        fingerprint(tried[1], of[0, 0]),
        fingerprint(tried[3], of[0, 0]),
        fingerprint(tried[0], of[1, 0]),
        fingerprint(tried[0], problems(FULL, tried, 1100, 20, 1)[0, 0]),
        fingerprint(tried[0], problems(FULL, candidates(FULL, 1), 1000, 20, 1)[0, 0]),
    ]
    assert len({first, *others}) == 6


def test_the_first_candidate_is_alone() -> None:
    sizes = [len(batch) for batch in batches(candidates(FULL, 0), 45)]
    assert sizes == [1, 45, 45, 44]
    assert [len(batch) for batch in batches(candidates(FULL, 0)[:1], 45)] == [1]


def test_coarse_tries_every_other_penalty_of_every_meta_neuron() -> None:
    tried = candidates(FULL, 0)
    rough = coarse(tried)
    assert {each.l1 for each in rough} == {1e-4, 1e-3, 1e-2}
    assert {each.l2 for each in rough} == {1e-4, 1e-2}
    assert {each.meta_neuron for each in rough} == set(range(9))
    assert len(rough) == 9 * 6


def test_finer_tries_what_is_beside_the_best() -> None:
    tried = candidates(Grid(meta_neurons=2), 0)
    scores = np.full(len(tried), np.nan)
    for each in coarse(tried):
        scores[each.index] = each.index
    best = next(e for e in tried if (e.meta_neuron, e.l1, e.l2) == (1, 1e-3, 1e-4))
    scores[best.index] = -1.0
    found = finer(tried, scores, keep=1)
    assert {(each.l1, each.l2) for each in found} == {
        (3e-4, 1e-4),
        (3e-4, 1e-3),
        (1e-3, 1e-3),
        (3e-3, 1e-4),
        (3e-3, 1e-3),
    }
    assert {each.meta_neuron for each in found} == {1}
    assert [each.index for each in found] == sorted(each.index for each in found)
    assert len(finer(tried, scores, keep=2)) > len(found)
    assert finer(tried, np.zeros(len(tried)), keep=3) == []
