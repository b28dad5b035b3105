"""Floor 2: what happens when. A flow opens the transactions; it knows neither HTTP nor argparse."""
