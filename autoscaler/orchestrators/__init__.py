"""Orchestrators: adapters to clusters that run services. None imports another."""
