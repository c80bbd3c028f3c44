"""Who gets which variant: hash, eligibility, allocation epochs and the configuration cache."""
