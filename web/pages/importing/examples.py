"""Small example files of each form, shown beside the upload and ready to download."""

EXAMPLES: dict[str, str] = {
    "members": (
        "unit,variant,exposed_at,country,device\n"
        "m-1001,Old headline,2026-03-01T09:14:00Z,DE,mobile\n"
        "m-1002,New headline,2026-03-01T09:20:00Z,AT,desktop\n"
        "m-1003,New headline,2026-03-01T10:02:00Z,DE,mobile\n"
        "m-1004,Old headline,2026-03-02T18:45:00Z,CH,tablet\n"
    ),
    "events": (
        "unit,type,at,value\n"
        "m-1001,click,2026-03-01T09:14:21Z,\n"
        "m-1002,click,2026-03-01T09:20:40Z,\n"
        "m-1002,purchase,2026-03-03T20:11:00Z,49.90\n"
        "m-1003,share,2026-03-01T10:05:00Z,\n"
    ),
    "wide": (
        "customer_no,group,country,visits,spend\n"
        "1,Old headline,DE,1,0\n"
        "2,New headline,AT,2,49.90\n"
        "3,New headline,DE,0,0\n"
        "4,Old headline,CH,1,0\n"
    ),
    "counts": (
        "variant,members,clicks,headline\n"
        "a,3910,142,New season: new colours\n"
        "b,3872,122,Meet the people who make it\n"
        "c,3794,67,Only this week: 20 % off\n"
    ),
}
"""Text by name; each one can be imported as it is."""
