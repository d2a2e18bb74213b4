"""Files: the journal, snapshots, data directories, recordings. They do not know what is in them."""
