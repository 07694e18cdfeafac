"""The durable store: what must survive a restart, in one SQLite file.

opening.py    a store by its name
absent.py     what a reader is told before the first run
sqlite.py     the Store port, async
worker.py     the one thread that owns the connection; many writes, one commit
queries.py    what is asked of the tables, in plain calls
alerts.py     alerts that were received
rows.py       values as they stand in rows, for every kind of database
retention.py  what is dropped, and what never is
schema.py     the tables, as numbered migrations
file.py       opening the file: who may read it, whether it is ours
filesystem.py  on what kind of disk a file lies
faults.py     SQLite's errors in our words, with the next step
"""

from autoscaler.store.opening import open_store
from autoscaler.store.retention import Retention
from autoscaler.store.sqlite import SqliteStore

__all__ = ["Retention", "SqliteStore", "open_store"]
