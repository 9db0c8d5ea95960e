"""Background work: what is to be done stands in the table `job`, Huey only wakes whoever does it."""
