"""The store in a PostgreSQL database: for a controller whose node may be lost.

store.py      the Store port
writer.py     writes that wait together are committed together
line.py       one connection, made anew when it breaks, with a deadline on every call
address.py    where the database is, how it may be shown, and the password
tenure.py     who acts: one controller at a time
queries.py    what is asked of the tables
alerts.py     alerts that were received
revisions.py  templates of releases that ran well
retention.py  what is dropped, and what never is
schema.py     the tables, as numbered migrations
faults.py     PostgreSQL's errors in our words, with the next step
"""

from autoscaler.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
