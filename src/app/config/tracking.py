"""Where runs are recorded."""

from pydantic import Field

from app.config.base import Group


class Tracking(Group):
    enabled: bool = True
    uri: str | None = None  # null: sqlite:///<project>/mlruns/mlflow.db; else a server or database
    experiment: str = Field(min_length=1)
    run_name: str | None = None  # null: the pipeline and the time
    register_models: bool = True  # log each model, with a version and an alias
    alias: str = Field(default="champion", pattern=r"^[A-Za-z][A-Za-z_-]*$")  # of the best version
