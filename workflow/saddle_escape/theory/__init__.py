"""The paper's mathematics: pure functions of numbers, without training and without files."""
