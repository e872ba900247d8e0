"""What the journal of a run tells a reader: its curves, its progress against time, its restarts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from app.durable.history import NEW_BUDGET

Event = dict[str, Any]
Points = list[tuple[float, float]]


@dataclass
class Story:
    """Times are seconds of the run's own processes, the pauses between them left out."""

    curves: dict[int, dict[int, float]] = field(default_factory=dict)  # candidate -> iteration
    # over all epochs -> validation cross-entropy
    seconds: float = 0.0
    phases_s: dict[str, float] = field(default_factory=dict)
    progress: Points = field(default_factory=list)  # seconds, fraction
    restarts: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)  # event -> how many

    def curve(self, candidate: int) -> Points:
        """Iteration and cross-entropy, in order; an iteration done again counts once."""
        return [(float(at), value) for at, value in sorted(self.curves.get(candidate, {}).items())]


def story_of(events: Iterable[Event], max_iter: int) -> Story:
    """Reads the events of one run, in order."""
    story, last_ns = Story(), 0
    phases: dict[str, float] = {}  # as they were told last, of the present budget
    for event in events:
        name, ts_ns = event["event"], event["ts_ns"]
        story.counts[name] += 1
        if name == "BOOT":
            if story.seconds:
                story.restarts.append(story.seconds)
        else:
            story.seconds += max(ts_ns - last_ns, 0) / 1e9
        last_ns = ts_ns
        if "phases_s" in event:
            for phase, spent in event["phases_s"].items():
                more = spent - phases.get(phase, 0.0)
                story.phases_s[phase] = story.phases_s.get(phase, 0.0) + more
            phases = event["phases_s"]
        match name:
            case "GLOBAL_PROGRESS_REALTIME" | "PHASE_END" | "HEARTBEAT":
                story.progress.append((story.seconds, event["percent"] / 100.0))
            case "PROGRESS_UPDATE" if event["stage"] == "fit_kpi":
                at = event["epoch"] * max_iter + event["iter"]
                pairs = zip(event["candidates"], event["cross_entropy"], strict=True)
                for candidate, value in pairs:
                    story.curves.setdefault(candidate, {})[at] = value
            case "EXEC_COMPLETE":
                if event["cause"] in NEW_BUDGET:
                    phases = {}
                if event["whole"]:  # what follows is another run of the same name
                    story = Story(curves=story.curves)
    return story
