"""What people see of runs: the run page, the inbox, the start form, and the words for all of it."""
