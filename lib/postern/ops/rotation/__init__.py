"""Keys and secrets over the years: what is under which key, changing them while mail flows, and the copy on paper."""
