"""Environments in which policies are evaluated."""
