"""What is sent into a sandbox: it imports nothing of SeqSWE, which the sandbox lacks."""
