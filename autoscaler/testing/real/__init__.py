"""The real thing, private: a Docker Swarm, a Prometheus and an Alertmanager of one's own.

Each is started in a temporary directory, on ports or in namespaces that nobody else uses, and
ends with whoever started it, even when that one is killed. What was on the machine before is
neither used nor touched. `dockerd` is the place to start reading.
"""
