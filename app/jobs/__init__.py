"""Background work: what is to be done stands in the database, a queue only wakes whoever does it."""
