"""Kedro dataset classes: how data of a study is read from and written to files."""
