"""Healing rules: pure steps that say what is sick. What to do about it, the policy says."""
