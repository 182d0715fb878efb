"""Fakes that several test modules share, one module for each topic."""
