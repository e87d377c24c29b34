"""What the numerical pieces cost beside what a reader would use instead; ``make bench`` runs it."""
