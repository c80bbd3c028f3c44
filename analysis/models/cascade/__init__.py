"""Word of mouth: new members per member (K-factor) and reach."""
