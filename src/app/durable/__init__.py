"""What makes long work safe: files that are whole or absent, and progress that tells the truth."""
