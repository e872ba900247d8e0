"""H(z), measured with cosmic chronometers."""

from app.config.janus.likelihood import HubbleRates
from app.datasets.observations.files import Files
from app.datasets.observations.kinds import Rates
from app.datasets.observations.tables import read_table
from app.errors import InputError


def read_rates(name: str, part: HubbleRates, files: Files) -> Rates:
    """The first three columns: z, H and its total standard deviation, in km/s/Mpc. What follows
    (HzTable_MM_BC03.dat: the statistical and the metallicity part of column three) is not added.

    Raises: InputError where a value is not above 0 or no number, or a header has z elsewhere.
    """
    table = read_table(files.read(part.path))
    if table.has("z") and table.names is not None and table.names[0] != "z":
        raise InputError(
            f"{table.place}: the columns are z, H, sd in this order, not {', '.join(table.names)}"
        )
    table.refuse_repeats()
    return Rates(
        name=name,
        z=table.numbers(0, "positive"),
        H=table.numbers(1, "positive"),
        covariance=table.numbers(2, "positive") ** 2,
    )
