"""At which steps of a chain convergence is looked at: 256, and each time it has grown by 1.3.

A matter of steps alone, so that a chain that goes on is looked at where one that never stopped is.
"""

import math

FIRST_LOOK = 256  # steps
GROWTH = 1.3


def next_look(step: int) -> int:
    """The first look after `step`."""
    look = FIRST_LOOK
    while look <= step:
        look = math.ceil(GROWTH * look)
    return look


def is_due(step: int) -> bool:
    """Whether there is one at `step`."""
    return next_look(step - 1) == step
