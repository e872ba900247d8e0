"""Every failure a user can cause or mend is a `SuperiorError`.

    SuperiorError            exit 1   raised where the cause is known; `what to do` is in the text
      ConfigError            exit 2   a key, value, group or path of the config; no work was done
      InputError             exit 3   a corpus or another input file: names the file and place
        StaleInputError      exit 3   files prepared from another corpus, view or config
      LabelError             exit 4   labels that cannot be split, balanced or compared
      MissingExtraError      exit 5   an optional package is not installed
      TrackingError          exit 6   MLflow could not be written; every result was saved before
      SweepError             exit 7   runs of a sweep failed; the others, and the report, are whole
      ResumeError            exit 8   a checkpoint of another config, data or model

The doors print the message on one screen, without a traceback, and exit with the code.
"""

from collections.abc import Iterable, Iterator


class SuperiorError(Exception):
    """A failure with its cause and what to do in its text."""

    exit_code = 1


class ConfigError(SuperiorError):
    """The config is wrong; raised before any work."""

    exit_code = 2


class InputError(SuperiorError):
    """An input file is absent, malformed or hostile."""

    exit_code = 3


class StaleInputError(InputError):
    """Files on disk were made from another corpus, view or config than this run's."""


class LabelError(SuperiorError):
    """The labels do not allow what was asked."""

    exit_code = 4


class MissingExtraError(SuperiorError):
    """An optional package is needed; the message names the extra to install."""

    exit_code = 5


class TrackingError(SuperiorError):
    """A run did its work and saved its results, but MLflow does not have all of it."""

    exit_code = 6


class SweepError(SuperiorError):
    """Runs of a sweep failed, or the sweep cannot go on; finished runs are kept."""

    exit_code = 7


class ResumeError(SuperiorError):
    """A checkpoint does not fit this run; the message names each field that differs."""

    exit_code = 8


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x' or 'y'?` for names close to `name`, else the known ones, else ''."""
    from difflib import get_close_matches  # only errors need it

    names = sorted({str(item) for item in known})
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return "; did you mean " + " or ".join(repr(item) for item in close) + "?"
    return f"; known: {', '.join(names[:20])}" if names else ""
