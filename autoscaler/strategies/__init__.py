"""Strategies: pure steps from a sample to a recommendation. One file each."""
