"""Checkpoints come back exactly, whole or not at all, and never to a run they do not fit."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from app.durable import checkpoint as module
from app.durable.checkpoint import MANIFEST, Checkpoints, Snapshot
from app.durable.checkpoint_file import DamagedError, pack, unpack
from app.durable.sealed import Head
from app.errors import ResumeError, SuperiorError

SIGNATURE: dict[str, Any] = {"data": "6c91", "grid": {"l1": [1e-4, 0.1], "meta_neurons": 9}}
FIELDS = (
    "ts_ns", "run_id", "version", "git_sha", "cursor", "model_state", "optimizer_state",
    "rng_states", "best_metrics", "data_cursor", "signature", "merkle_prev", "merkle_curr",
    "sha512_payload",
)  # fmt: skip


def snapshot(step: int) -> Snapshot:
    return Snapshot(
        {"epoch": 1, "iter": step},
        {"weights": np.full((3, 2), float(step)), "b": np.array(step, np.int32)},
        {"best_metrics": {"loss": 1 / (step + 1)}, "note": f"step {step}"},
    )


def checkpoints(folder: Path, **changes: Any) -> Checkpoints:
    return Checkpoints(folder, {**SIGNATURE, **changes}, "run-1")


@pytest.mark.parametrize("left", ["older", "torn", "none"])
def test_a_kill_between_a_checkpoint_and_its_copy_is_mended(tmp_path: Path, left: str) -> None:
    """Though no further checkpoint is written, as by a run that had ended."""
    own, copy, partial = (
        checkpoints(tmp_path),
        tmp_path / MANIFEST,
        tmp_path / f".{MANIFEST}.partial",
    )
    own.save(snapshot(1))
    before = copy.read_bytes()
    newest = own.save(snapshot(2))
    copy.unlink()
    if left != "none":
        copy.write_bytes(before if left == "older" else before[: len(before) // 2])
        partial.write_bytes(before[:9])
    loaded = checkpoints(tmp_path).load()
    assert loaded is not None
    assert loaded.manifest == newest == json.loads(copy.read_bytes())
    assert not partial.exists()


def step_of(folder: Path) -> int | None:
    loaded = checkpoints(folder).load()
    if loaded is None:
        return None
    step = loaded.snapshot.cursor["iter"]
    assert loaded.snapshot.arrays["weights"].tolist() == [[step] * 2] * 3
    assert loaded.snapshot.state == snapshot(step).state
    return step


def test_nothing_is_loaded_where_nothing_was_saved(tmp_path: Path) -> None:
    assert checkpoints(tmp_path / "none").load() is None


def test_the_newest_comes_back_and_two_generations_stay(tmp_path: Path) -> None:
    saved = checkpoints(tmp_path)
    for step in range(5):
        manifest = saved.save(snapshot(step), Head(10 * step, f"{step}" * 64))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "00000004.ckpt", "00000005.ckpt", MANIFEST,
    ]  # fmt: skip
    loaded = checkpoints(tmp_path).load()
    assert loaded is not None
    assert (loaded.snapshot.cursor, loaded.refused) == ({"epoch": 1, "iter": 4}, [])
    assert loaded.manifest == manifest == json.loads((tmp_path / MANIFEST).read_text())
    assert set(FIELDS) <= manifest.keys()
    assert manifest["merkle_prev"] == {"events": 30, "root": "3" * 64}
    assert manifest["merkle_curr"] == {"events": 40, "root": "4" * 64}


DTYPES = st.one_of(
    arrays_of.boolean_dtypes(),
    arrays_of.integer_dtypes(endianness="?"),
    arrays_of.floating_dtypes(endianness="?"),
    arrays_of.complex_number_dtypes(),
    arrays_of.unicode_string_dtypes(),
    arrays_of.datetime64_dtypes(endianness="="),
)


@given(
    arrays_of.arrays(DTYPES, arrays_of.array_shapes(min_dims=0, min_side=0, max_side=4)),
    st.sampled_from(["C", "F"]),
)
@settings(max_examples=150, deadline=None)
def test_an_array_comes_back_to_the_bit(array: Any, order: Any) -> None:
    array = np.asarray(array, order=order)
    _, content = pack({}, {"first": array, "second": np.arange(3)})
    _, back = unpack(content)
    assert (back["first"].dtype, back["first"].shape) == (array.dtype, array.shape)
    assert back["first"].tobytes("A") == array.tobytes("A")
    assert back["first"].flags.f_contiguous == array.flags.f_contiguous
    assert back["first"].flags.writeable
    assert back["second"].tolist() == [0, 1, 2]


def test_a_state_comes_back_equal_with_its_generator(tmp_path: Path) -> None:
    for bits in (np.random.PCG64(7), np.random.Philox(7), np.random.MT19937(7)):
        rng = np.random.Generator(bits)
        rng.random(5)
        state = {
            "rng_states": dict(rng.bit_generator.state),
            "best_metrics": None,
            "loss": 0.1 + 0.2,
            "never": float("-inf"),
            "seen": 2**100,
            "ö": [True, None, {"of": []}],
        }
        checkpoints(tmp_path).save(Snapshot({}, {}, state))
        loaded = checkpoints(tmp_path).load()
        assert loaded is not None
        back = dict(loaded.snapshot.state)
        again = type(bits)(0)
        again.state = back.pop("rng_states")
        assert np.random.Generator(again).random() == rng.random()
        assert back == {name: item for name, item in state.items() if name != "rng_states"}


@pytest.mark.parametrize(
    ("arrays", "state", "named"),
    [
        ({"o": np.array([object()])}, {}, "'o' has dtype object"),
        ({"m": np.ma.masked_array([1], mask=[True])}, {}, "'m' is masked"),
        ({}, {"optimizer_state": {"at": Path("x")}}, "state.optimizer_state.at"),
        ({}, {"best": {3: 0.5}}, "state.best: the key 3"),
    ],
)
def test_what_would_not_come_back_is_not_taken(
    arrays: dict[str, Any], state: dict[str, Any], named: str, tmp_path: Path
) -> None:
    taken = Snapshot({}, arrays, state)
    with pytest.raises(TypeError, match=named):
        taken.copy()
    with pytest.raises(TypeError, match=named):
        checkpoints(tmp_path).save(taken)
    assert not list(tmp_path.glob("*.ckpt"))


def test_any_byte_flipped_or_cut_leaves_the_generation_before(tmp_path: Path) -> None:
    saved = checkpoints(tmp_path)
    saved.save(snapshot(1))
    saved.save(snapshot(2))
    path = tmp_path / "00000002.ckpt"
    content = path.read_bytes()
    damaged = [content[:length] for length in range(0, len(content), 7)]
    for at in range(len(content)):
        damaged.append(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
    damaged.append(content + b"\0")
    for bad in damaged:
        with pytest.raises(DamagedError):
            unpack(bad)
    for bad in damaged[:: len(damaged) // 20]:
        path.write_bytes(bad)
        loaded = checkpoints(tmp_path).load()
        assert loaded is not None
        assert loaded.snapshot.cursor["iter"] == 1
        (why,) = loaded.refused
        assert why.startswith(f"{path} was not used: its") or "it is empty" in why


def test_a_damaged_generation_is_not_counted_among_those_kept(tmp_path: Path) -> None:
    saved = checkpoints(tmp_path)
    saved.save(snapshot(1))
    saved.save(snapshot(2))
    (tmp_path / "00000002.ckpt").write_bytes(b"torn")
    again = checkpoints(tmp_path)
    assert again.load() is not None
    again.save(snapshot(3))
    assert sorted(path.name for path in tmp_path.glob("*.ckpt")) == [
        "00000001.ckpt", "00000003.ckpt",
    ]  # fmt: skip
    (tmp_path / "00000003.ckpt").write_bytes(b"")
    assert step_of(tmp_path) == 1


def test_when_every_generation_is_damaged_nothing_begins_anew_unasked(tmp_path: Path) -> None:
    checkpoints(tmp_path).save(snapshot(1))
    (tmp_path / "00000001.ckpt").write_bytes(b"torn\n")
    with pytest.raises(ResumeError, match=r"(?s)every checkpoint is damaged.*00000001\.ckpt"):
        checkpoints(tmp_path).load()


def test_another_format_is_refused_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.durable.checkpoint_file.FORMAT", 0)
    checkpoints(tmp_path).save(snapshot(1))
    monkeypatch.undo()
    with pytest.raises(ResumeError, match=r"00000001\.ckpt is of checkpoint format 0.*reads 1"):
        checkpoints(tmp_path).load()


CALLS = ("open", "fsync", "replace")
CALLS_OF_A_SAVE = 6  # open, fsync, replace, open, fsync of the folder; replace of the copy
FULL = pytest.raises(SuperiorError, match="No space left on device")


@pytest.mark.parametrize("number", range(1, CALLS_OF_A_SAVE + 2))
def test_a_save_that_fails_at_any_call_leaves_the_one_before(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints(tmp_path).save(snapshot(1))
    saving, calls = checkpoints(tmp_path), [0]

    def failing(real: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            calls[0] += 1
            if calls[0] == number:
                raise OSError(28, "No space left on device")
            return real(*given, **named)

        return call

    with monkeypatch.context() as patched:
        for name in CALLS:
            patched.setattr(os, name, failing(getattr(os, name)))
        with contextlib.nullcontext() if number > CALLS_OF_A_SAVE else FULL:
            saving.save(snapshot(2))
    failed = calls[0] == number
    assert failed == (number <= CALLS_OF_A_SAVE)
    assert step_of(tmp_path) in ({1, 2} if failed else {2})
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")] or failed
    saving.save(snapshot(3))  # the disk has room again
    assert step_of(tmp_path) == 3


def test_a_published_copy_is_taken_when_it_is_newer(tmp_path: Path) -> None:
    local, published = tmp_path / "local", tmp_path / "published"
    far = checkpoints(published)
    for step in range(1, 8):
        far.save(snapshot(step))
    near = checkpoints(local)
    near.import_from(published)
    taken = near.load()
    assert taken is not None
    assert (taken.snapshot.cursor["iter"], taken.path.parent) == (7, published)
    near.save(snapshot(8))
    assert [path.name for path in local.glob("*.ckpt")] == ["00000008.ckpt"]
    assert near.newest() == local / "00000008.ckpt"
    later = checkpoints(local)
    later.import_from(published)
    taken = later.load()
    assert taken is not None
    assert (taken.snapshot.cursor["iter"], taken.path.parent) == (8, local)


def test_a_damaged_published_copy_leaves_the_local_one(tmp_path: Path) -> None:
    local, published = tmp_path / "local", tmp_path / "published"
    checkpoints(local).save(snapshot(1))
    checkpoints(published).save(snapshot(2))
    (published / "00000001.ckpt").write_bytes(b"half")
    near = checkpoints(local)
    near.import_from(published)
    taken = near.load()
    assert taken is not None
    assert taken.snapshot.cursor["iter"] == 1
    assert str(published) in taken.refused[0]


def test_a_folder_without_checkpoints_cannot_be_imported(tmp_path: Path) -> None:
    with pytest.raises(ResumeError, match="holds no checkpoint"):
        checkpoints(tmp_path / "local").import_from(tmp_path)


def test_a_clock_set_back_does_not_make_an_older_one_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = checkpoints(tmp_path)
    first = saved.save(snapshot(1))
    monkeypatch.setattr(module.time, "time_ns", lambda: 5)
    assert saved.save(snapshot(2))["ts_ns"] > first["ts_ns"]
    assert step_of(tmp_path) == 2
