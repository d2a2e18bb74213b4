"""Server behaviour, pure: accounts and keys, the gate, the feed, the market's other side.

An exchange is one machine: what changes it is a journaled message with a time, and the same
messages give the same exchange. Sockets, disks, clocks and randomness are the roof's to bring.
"""
