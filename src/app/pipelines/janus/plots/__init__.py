"""The figures of a run, for a paper (PDF) and for its page (PNG)."""
