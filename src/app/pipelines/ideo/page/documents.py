"""What a reader must know of the documents: where they went, what is wrong with them."""

from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]

BALANCE_SIDES = ("train_before_balance", "train_after", "job")
FEW_DOCUMENTS = 10  # of a label, below which its F1 is mostly chance
FEW_UNITS = 20  # groups below which the cluster bootstrap gives intervals that are too narrow


def flow(meta_view: Mapping[str, Any]) -> list[Row]:
    """Documents seen, dropped by reason, kept, and how the kept ones were used."""
    seen = meta_view["n_docs_raw"]
    dropped = meta_view["dropped"]
    kept = seen - sum(dropped.values())
    rows = [("seen", seen)]
    rows += [
        (f"dropped: {reason}", n)
        for reason, n in sorted(dropped.items(), key=lambda one: (-one[1], one[0]))
    ]
    rows += [
        ("kept", kept),
        ("train, before balancing", meta_view["n_docs_train_raw"]),
        ("train, after balancing", meta_view["n_docs_train_balanced"]),
        ("job (evaluated)", meta_view["n_docs_job"]),
    ]
    return [{"what": what, "n": n, "share": n / seen if seen else 0.0} for what, n in rows]


def flow_sentence(meta_view: Mapping[str, Any]) -> str:
    seen, dropped = meta_view["n_docs_raw"], sum(meta_view["dropped"].values())
    return f"{seen:,} seen = {seen - dropped:,} kept + {dropped:,} dropped."


def class_balance(meta_view: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Documents of each label on each side; one training side where balancing changed nothing."""
    counts = {side: meta_view[f"label_counts_{side}"] for side in BALANCE_SIDES}
    if counts["train_before_balance"] == counts["train_after"]:
        del counts["train_before_balance"]
    return counts


def capped(cards: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Models that learned from fewer documents than the training side has."""
    return [
        f"{model_id} learned from {card['n_train_docs']:,} of {card['capped_from']:,} training "
        "documents (hardware.max_train_docs)"
        for model_id, card in sorted(cards.items())
        if card.get("capped_from")
    ]


def warnings_of_labels(meta_view: Mapping[str, Any]) -> list[str]:
    """Labels that macro-F1 weighs like the others although few documents speak for them."""
    few = [
        f"{label} ({n})"
        for label, n in sorted(meta_view["label_counts_job"].items())
        if 0 < n < FEW_DOCUMENTS
    ]
    if not few:
        return []
    return [
        f"{', '.join(few)}: fewer than {FEW_DOCUMENTS} evaluated documents, and as much of "
        "macro-F1 as any other label"
    ]


def warnings_of_documents(meta_view: Mapping[str, Any], group_field: str | None) -> list[str]:
    """Leakage between the sides, documents that could not be read."""
    return [
        *_leaks(meta_view["leakage"], meta_view["n_docs_job"], group_field),
        *_unread(meta_view),
    ]


def warnings_of_intervals(meta_eval: Mapping[str, Any]) -> list[str]:
    """Too few independent groups for the intervals to be trusted."""
    if meta_eval["n_units"] >= FEW_UNITS:
        return []
    return [
        f"Intervals are drawn over only {meta_eval['n_units']} {meta_eval['unit']}s: "
        "with so few, they are too narrow"
    ]


def _leaks(leakage: Mapping[str, Any], n_job: int, group_field: str | None) -> list[str]:
    kinds = {
        "same_text": "have the text of a training document",
        "near_duplicates": "have a near duplicate among the training documents",
    }
    found = []
    for kind, said in kinds.items():
        if (shared := leakage[kind]) and shared["job_docs"]:
            found.append(f"{_of_job(shared['job_docs'], n_job)} {said}")
    shared = leakage["groups"].get(group_field)
    if shared and shared["job_docs"]:
        found.append(
            f"{_of_job(shared['job_docs'], n_job)} have their {group_field} in training too: "
            f"scores say little about a new {group_field} (a group_disjoint split would)"
        )
    return found


def _of_job(n: int, n_job: int) -> str:
    return f"{n:,} of {n_job:,} evaluated documents ({n / n_job:.1%})"


def _unread(meta_view: Mapping[str, Any]) -> list[str]:
    """Corpora that were partly unreadable: how many documents, and why the first was."""
    problems = meta_view["problems"]
    if not problems:
        return []
    first = problems[0]
    place = f" ({first['place']})" if first["place"] else ""
    return [
        f"Some documents could not be read; the first is {first['id']}: {first['problem']}{place}. "
        "They are counted below"
    ]
