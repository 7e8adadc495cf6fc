"""What a runner is, and the one place that starts processes."""
