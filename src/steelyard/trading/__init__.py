"""The trader as pure machines: what it sees, what it may do, what it has done."""
