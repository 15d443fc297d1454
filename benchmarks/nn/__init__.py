"""Networks: dense baselines, gates, tickets and pruners under one training loop (see README.md in this folder)."""
