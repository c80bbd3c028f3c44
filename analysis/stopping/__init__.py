"""Rules that stay valid under repeated looks: sequential bounds and sceptical lifts."""
