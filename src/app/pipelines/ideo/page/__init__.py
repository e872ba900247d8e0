"""The page that shows a run: what is said (`findings`), what is drawn (`charts`), the templates."""
