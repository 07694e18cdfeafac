"""An autoscaler and health monitor for Docker Swarm.

The story starts in `app.py`, which builds the adapters, and goes on in
`controller.py` (what wakes a pass), `reconciler.py` (what a pass is) and
`decide.py` (what comes out of it). `model.py` holds the nouns of all of them.
"""

__version__ = "0.1.0"
