"""What several memories build on: records, items, ranking, embeddings, reading a model's replies.

Imports no other room. Start at `records.py`, a memory that lacks only its ranking.
"""
