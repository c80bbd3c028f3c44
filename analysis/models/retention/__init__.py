"""How long members keep coming back: half-life, retention by day and its tail."""
