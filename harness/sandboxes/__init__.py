"""Where commands run: `docker` isolates, `local` does not."""
