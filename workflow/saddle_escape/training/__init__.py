"""Full networks: data, gradients, adaptive gradient flow and descent."""
