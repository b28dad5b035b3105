"""env.example and docs/settings.md: what the declarations of base/settings.py look like to people."""

from __future__ import annotations

from postern.base import config, settings


def example() -> str:
    """The text of env.example: every setting, what it means, its default, and how to make a secret."""
    lines = [
        "# Settings of Postern. Copy to ~/.postern/.env, chmod 600, and fill in what is marked REQUIRED.",
        "# Made by `postern env example`; a commented line shows the default.",
    ]
    for name, _, notes in config.variables():
        lines += ["", f"# {notes['text']}"]
        if notes["choices"]:
            lines.append(f"# One of: {', '.join(notes['choices'])}")
        if notes["make"]:
            lines.append(f"# Make it with: {notes['make']}")
        if notes["default"] is settings.REQUIRED:
            lines += ["# REQUIRED", f"{name}="]
        else:
            lines.append(f"#{name}={notes['default']}")
    return "\n".join(lines) + "\n"


def table() -> str:
    """The text of docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "Variables of `~/.postern/.env` (mode 600) or of the environment, which wins.",
        "Made by `postern env table`; a test keeps it true.",
        "",
        "| variable | default | what it is |",
        "| --- | --- | --- |",
    ]
    for name, _, notes in config.variables():
        default = (
            "**required**"
            if notes["default"] is settings.REQUIRED
            else f"`{notes['default']}`"
            if notes["default"] != ""
            else ""
        )
        text = notes["text"] + (f" One of: {', '.join(notes['choices'])}." if notes["choices"] else "")
        text += (" Secret." if notes["secret"] else "") + (
            f" Make it with `{notes['make']}`." if notes["make"] else ""
        )
        lines.append(f"| `{name}` | {default} | {text} |")
    return "\n".join(lines) + "\n"
