"""What is sent to a machine that is reached by single calls: what runs the commands there."""
