"""What the repository says of itself: costs, README, configuration page, comparison, notebooks."""
