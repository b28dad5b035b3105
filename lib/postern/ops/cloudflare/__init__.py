"""Setting Cloudflare up through its API: what is wished, what is there, what must change, and how it is taken back."""
