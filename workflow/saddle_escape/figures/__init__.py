"""How each figure is drawn from its table; no physics is computed here."""
