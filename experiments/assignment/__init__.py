"""Assignment of variants: hash, eligibility, allocation epochs and the configuration cache."""
