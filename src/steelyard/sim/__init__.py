"""Exchange and trader in one process, under virtual time: what proofs and drills are made of."""
