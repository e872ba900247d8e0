"""The studies: one folder each, none importing another."""
