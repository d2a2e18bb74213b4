"""The words: units, instruments, orders, messages, ledger. No venue spelling, no I/O, no clock."""
