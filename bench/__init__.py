"""Measurements of the product, each beside what it is measured against. See README.md."""
