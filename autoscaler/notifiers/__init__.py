"""Adapters that send messages to people and machines."""
