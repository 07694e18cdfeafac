"""Fakes, contract tests and private real servers, for this project and for its plugins."""
