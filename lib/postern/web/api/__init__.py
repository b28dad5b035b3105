"""The HTTP APIs that clients of other alias services speak: SimpleLogin's and addy.io's. Every request comes in at door.py."""
