"""A policy over history: what it would have done, and how well that would have been.

series.py     what was measured, with its gaps; CSV files
plant.py      the service: replicas that need a while to start
replay.py     passes over it, by the code that decides in production
measures.py   how well replicas followed demand
"""
