"""What happens where chi2 of supernovae cannot be compressed."""

import logging

from app.config.janus.likelihood import Likelihood
from app.errors import ConfigError

NOT_SMOOTH = "the model's distances are not smooth enough in z"

log = logging.getLogger(__name__)


def refuse_or_say(name: str, config: Likelihood, why: str) -> None:
    """A line in the log, as chi2 will be computed densely.

    Raises:
        ConfigError: the config asks for nothing but `compressed`.
    """
    if config.method == "compressed":
        raise ConfigError(
            f"likelihood.method=compressed: chi2 of {name} does not come within "
            f"likelihood.tolerance={config.tolerance:g} of the whole covariance's: {why}\n"
            "  take likelihood.method=auto, which computes it densely then, or a larger tolerance"
        )
    log.warning("%s: chi2 is computed densely at every step: %s", name, why)
