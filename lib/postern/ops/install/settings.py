"""The settings step: what must be known goes into home/.env, keys and secrets are made, and nothing there is overwritten."""

from __future__ import annotations

from postern.base import config, relay_presets
from postern.base.errors import ConfigError
from postern.ops import keys
from postern.ops.install.answers import Question
from postern.ops.install.installation import Installation, Step

QUESTIONS = [
    Question("POSTERN_URL", "Public address of this site, such as https://alias.example.org"),
    Question("POSTERN_RELAY_HOST", "SMTP relay that takes outbound mail: host name"),
    Question("POSTERN_RELAY_PORT", "SMTP relay: port", "587", optional=True),
    Question("POSTERN_RELAY_USER", "SMTP relay: user (empty: no login)", optional=True),
    Question("POSTERN_RELAY_PASSWORD", "SMTP relay: password", secret=True, optional=True),
]
MADE = tuple(keys.fresh())
"""Variables that are made, never asked for."""

DATABASE = ("POSTERN_DB_HOST", "POSTERN_DB_NAME", "POSTERN_DB_USER", "POSTERN_DB_PASSWORD")


def _plan(site: Installation) -> str:
    have = site.env.values()
    missing = [
        question.name for question in _questions(site) if not question.optional and question.name not in have
    ]
    made = [name for name in MADE if name not in have]
    parts = [f"write {', '.join(missing)}"] if missing else []
    parts += [f"make {', '.join(made)}"] if made else []
    return f"{' and '.join(parts)} into {site.env.path}" if parts else ""


def _do(site: Installation) -> str:
    names = [name for name, _, _ in config.variables()]
    found = site.answers.settle(_questions(site))
    found.update({name: site.answers.get(name) for name in names if name not in DATABASE})
    have = site.env.values()
    _refuse_wrong({**found, **have})
    fresh = {name: value for name, value in keys.fresh().items() if not found.get(name)}
    if _keys_are_lost(site, have):
        raise ConfigError(
            f"{site.env.path} holds no keys, but this home was in use: what is in the database would never open again.",
            "Put POSTERN_SEAL_KEYS and POSTERN_INDEX_KEY back from your copy. To begin anew, remove "
            f"{site.note} and use an empty database.",
        )
    added = site.env.add({**found, **fresh})
    for name in site.answers.overruled(names):
        site.talk.say(f"\n    {name} in the environment is another than in {site.env.path}, which stays.")
    if any(name in added for name in MADE):
        site.next_steps.append(
            f"Keep a copy of {site.env.path} off this host: without its keys no mail and no backup opens again."
        )
    return f"{len(added)} written to {site.env.path}" if added else "complete, nothing was changed"


def _questions(site: Installation) -> list[Question]:
    """A preset that knows the relay's host and port answers for them (docs/relays.md)."""
    preset = relay_presets.find(site.answers.get("POSTERN_RELAY_PRESET"))
    known = {f"{config.PREFIX}RELAY_{name}" for name, _ in preset.settings()} if preset else set()
    return [question for question in QUESTIONS if question.name not in known]


def _keys_are_lost(site: Installation, have: dict[str, str]) -> bool:
    """New keys for an old database would be the end of what is in it."""
    return "POSTERN_INDEX_KEY" not in have and site.was_in_use()


def _refuse_wrong(values: dict[str, str]) -> None:
    """Before anything is written: with stand-ins for what comes later, no setting may be wrong."""
    stand_ins = {"POSTERN_DB_NAME": "x", "POSTERN_DB_USER": "x", **keys.fresh()}
    _, wrong = config.build("", {**stand_ins, **{name: value for name, value in values.items() if value}})
    if wrong:
        raise ConfigError(
            "\n".join(f"- {line}" for line in wrong),
            "Nothing was written. Answer anew: run install.sh again.",
        )


SETTINGS = Step("Settings", _plan, _do)
