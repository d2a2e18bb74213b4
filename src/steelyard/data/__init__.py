"""Market data on disk: importers, a catalog of Parquet, checks, and downloads.

    file -> tables/captures -> shapes -> exact rows -> writing -> catalog -> BarColumns, Tape

A file of any known form becomes rows of one kind whose prices and sizes are whole numbers, exactly
what the file said. The catalog holds them with where they came from; what is missing in it is named
and never filled in. It knows no exchange and no strategy: the roof hands down what is listed.
"""
