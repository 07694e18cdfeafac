"""How many deliberate mistakes in what decides its own tests find: `python -m bench.mutation`.

mutants.py    the mistakes: mutmut's operators, on each function by itself
touches.py    which tests touch which line
trials.py     whether one of them fails on a mistake
results.py    what became of each, kept from run to run, and its tables
"""
