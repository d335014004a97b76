"""From what was written by hand to trajectories: each module makes the exchanges of one kind, `make` puts them together."""
