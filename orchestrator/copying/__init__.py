"""Moving to another database: everything that SQLite holds, on MongoDB, or the other way round.

Rows are read and written as the drivers have them, JSON as its text, so that nothing is decoded, rounded or
numbered anew on the way. Each table is then counted and hashed on both sides.
"""
