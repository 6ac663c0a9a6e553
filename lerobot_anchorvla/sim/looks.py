"""Colours and light of an episode."""
