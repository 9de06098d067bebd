"""Everything at once for long: random clients, random faults, and what must balance when all is over."""
