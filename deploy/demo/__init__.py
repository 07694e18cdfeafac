"""The demonstration: a real Swarm, a real queue, and the autoscaler in between.

    python -m deploy.demo

`stage` sets everything up and takes it down again, `jobs` is the queue, `worker.sh` works on
them in Swarm tasks, `load` says how many come when, `watch` writes down what is seen, `live` and
`plain` show it, and `verdict` says whether the service really followed its load.
"""
