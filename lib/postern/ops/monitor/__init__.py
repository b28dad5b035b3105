"""The monitor: looks at an instance again and again, and tells its operator what changed."""
