"""The command line: one file per command, each a typed signature, `configure` and `run`."""
