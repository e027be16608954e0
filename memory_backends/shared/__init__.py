"""What several memories stand on: records, items, ranking, embeddings, reading a model's replies.

Imports no other room. Start at `records.py`, a memory but for its ranking.
"""
