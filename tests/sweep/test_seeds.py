"""Seeds follow from what a run is: they stay when the grid or the repeats grow."""

import random

from hypothesis import given
from hypothesis import strategies as st
from test_plan import planned

from app.config.superior import Superior
from app.sweep.ledger import RunState
from app.sweep.seeds import seed_of

STRATEGIES = ["fixed", "per_repeat", "per_run"]


def by_run(runs: list[RunState]) -> dict[str, int | None]:
    return {run.run_id: run.seed for run in runs}


@given(
    strategy=st.sampled_from(STRATEGIES),
    base=st.integers(0, 2**31),
    values=st.lists(st.integers(0, 50), min_size=1, max_size=4, unique=True),
    more=st.lists(st.integers(0, 50), max_size=4, unique=True),
    repeats=st.integers(1, 3),
    more_repeats=st.integers(0, 3),
    order=st.randoms(use_true_random=False),
)
def test_a_grid_that_grows_keeps_the_seeds_of_its_runs(
    strategy: str,
    base: int,
    values: list[int],
    more: list[int],
    repeats: int,
    more_repeats: int,
    order: random.Random,
) -> None:
    """A new axis `y` is there at its default, 0, in the runs that are known already."""
    jobs = [[f"x={x}", f"seed={base}"] for x in values]
    grown = [
        [f"x={x}", f"seed={base}", *([f"y={y}"] if y else [])]
        for x in {*values, *more}
        for y in (0, 1)
    ]
    order.shuffle(grown)
    few = Superior.model_validate({"repeats": repeats, "seed_strategy": strategy})
    many = few.model_copy(update={"repeats": repeats + more_repeats})
    before, after = by_run(planned(jobs, few).runs), by_run(planned(grown, many).runs)
    assert before.items() <= after.items()


@given(base=st.integers(0, 2**31), key=st.text("0123456789abcdef", min_size=32, max_size=32))
def test_each_strategy_does_what_its_name_says(base: int, key: str) -> None:
    assert {seed_of("fixed", base, key, repeat) for repeat in range(3)} == {base}
    per_repeat = [seed_of("per_repeat", base, key, repeat) for repeat in range(4)]
    assert per_repeat[0] == base
    assert per_repeat == [seed_of("per_repeat", base, "another", repeat) for repeat in range(4)]
    per_run = [seed_of("per_run", base, key, repeat) for repeat in range(4)]
    assert per_run != [seed_of("per_run", base, "another", repeat) for repeat in range(4)]
    assert len({*per_repeat, *per_run}) >= 7  # chance may make two of them equal
    assert all(0 <= seed < 2**32 for seed in per_repeat + per_run)


def test_the_seeds_of_sweeps_on_disk_stay_what_they_were() -> None:
    assert seed_of("per_repeat", 42, "", 1) == 633200935
    assert seed_of("per_run", 42, "0" * 32, 0) == 1004007362
