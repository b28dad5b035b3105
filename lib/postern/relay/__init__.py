"""Floor 1: handing one message to the relay, and what the relay's answer means."""
