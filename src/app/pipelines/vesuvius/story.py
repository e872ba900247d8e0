"""What the journal of a run tells a reader: its curves, its progress against time, its restarts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
Points = list[tuple[float, float]]


@dataclass
class Story:
    """Times are seconds of the run's own processes."""

    curves: dict[int, dict[int, float]] = field(default_factory=dict)  # candidate -> iteration
    # over all epochs -> validation cross-entropy
    progress: Points = field(default_factory=list)  # seconds, fraction
    restarts: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)  # event -> how many

    def curve(self, candidate: int) -> Points:
        """Iteration and cross-entropy, in order; an iteration done again counts once."""
        return [(float(at), value) for at, value in sorted(self.curves.get(candidate, {}).items())]


def story_of(events: Iterable[Event], max_iter: int) -> Story:
    """Reads the events of one run, in order."""
    story, spent = Story(), 0.0
    for event in events:
        story.counts[event["event"]] += 1
        if "spent_s" in event:
            spent = max(spent, event["spent_s"])
        match event["event"]:
            case "BOOT" if story.counts["BOOT"] > 1:
                story.restarts.append(spent)
            case "GLOBAL_PROGRESS_REALTIME" | "PHASE_END" | "HEARTBEAT":
                story.progress.append((spent, event["percent"] / 100.0))
            case "PROGRESS_UPDATE" if event["stage"] == "fit_kpi":
                at = event["epoch"] * max_iter + event["iter"]
                pairs = zip(event["candidates"], event["cross_entropy"], strict=True)
                for candidate, value in pairs:
                    story.curves.setdefault(candidate, {})[at] = value
            case "EXEC_COMPLETE":
                spent = 0.0 if event["whole"] else spent
                if event["whole"]:  # what follows is another run of the same name
                    story.progress, story.restarts = [], []
                    story.counts = Counter()
    return story
