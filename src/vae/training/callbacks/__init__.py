"""What happens beside training: progress, pictures, averages."""
