"""MLflow as a projection of runs: Kedro hooks say what happened, one writer process records it."""
