"""Journeys of people, in a real browser. A package, so that pytest keeps one Chromium as long as it is in here."""
