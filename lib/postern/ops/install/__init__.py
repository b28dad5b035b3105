"""The installer: what install.sh does once there is a Python. Steps in order, each safe to repeat, each with its way back."""
