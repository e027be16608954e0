"""What a run leaves behind: rollouts and their outcomes, the journal, snapshots, trajectories."""
