"""What runs inside the sandbox: sent there as files, with nothing but the standard library."""
