"""The keys that seal mail and addresses, and the secrets that the Worker signs with."""

from __future__ import annotations

from postern.ops.doctor.item import ADVICE, CRITICAL, IMPORTANT, Item, fail, judged, ok, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene
    from postern.ops.rotation.census import Census


def _strong(scene: Scene) -> Check:
    return ok(f"{len(scene.context.ring.ids)} keys, the newest is {scene.context.ring.ids[0]}")


def _webhook(scene: Scene) -> Check:
    from postern.mail.envelope import parse_secrets

    return ok(f"{len(parse_secrets(scene.config.webhook_secrets))} secrets")


def _census(scene: Scene) -> Census:
    from postern.ops.rotation import census

    return scene.once("census", lambda: census.take(scene.context))


def _complete(scene: Scene) -> Check:
    """A row under a key that is gone is lost unless the key comes back."""
    lost = [
        f"{many} rows and files need key {name or '(none)'}"
        for name in _census(scene).keys_seen()
        if name not in scene.context.ring.ids and (many := _census(scene).left(name))
    ]
    return judged("; ".join(lost), "everything that is sealed is under a key of the ring")


def _backups(scene: Scene) -> Check:
    lost = [
        f"{len(files)} backups need key {name}"
        for name, files in _census(scene).backups.items()
        if name not in scene.context.ring.ids
    ]
    return warn("; ".join(lost)) if lost else ok("every backup here is under a key of the ring")


def _retired(scene: Scene) -> Check:
    newest, *older = scene.context.ring.ids
    idle = [name for name in older if not _census(scene).left(name)]
    if idle:
        return warn(f"nothing but backups is under {', '.join(idle)}")
    return ok(f"{newest} is the only one" if not older else "each key is needed")


def _distinct(scene: Scene) -> Check:
    """One secret for two purposes: who learns one has both."""
    config = scene.config
    values = [config.db_password, config.relay_password, config.index_key, config.cloudflare_token]
    given = [value for value in values if value]
    return fail("one password is used for two things") if len(set(given)) < len(given) else ok("all differ")


CHECKS = (
    Item(
        "keys.strong",
        "SH-10",
        CRITICAL,
        "The keys are random, 32 bytes each, and none comes twice",
        "Make them with `postern keys new`; never type one.",
        "docs/keys.md",
        _strong,
        needs=("env.settings",),
        audit=True,
        symptom="Nothing starts: a key is weak or not base64",
    ),
    Item(
        "keys.webhook",
        "SH-10",
        CRITICAL,
        "The Worker's secrets are long enough, and random",
        "Make them with `postern keys new`.",
        "docs/keys.md",
        _webhook,
        needs=("env.settings",),
        audit=True,
    ),
    Item(
        "keys.distinct",
        "SH-10",
        IMPORTANT,
        "No secret serves two purposes",
        "Give each service a password of its own.",
        "docs/keys.md",
        _distinct,
        needs=("env.settings",),
        audit=True,
    ),
    Item(
        "keys.sheet",
        "SH-10",
        CRITICAL,
        "The recovery sheet is kept away from this host",
        "Write it with `postern keys sheet --to sheet.txt`, print it, and delete the file.",
        "docs/keys.md",
        question="Is the recovery sheet of the present keys kept away from this host, and apart from the backups?",
        audit=True,
    ),
    Item(
        "keys.complete",
        "SH-10",
        CRITICAL,
        "Everything that is sealed is under a key that is there",
        "Put the missing key back into POSTERN_SEAL_KEYS, behind the others; it stands on the recovery sheet.",
        "docs/keys.md",
        _complete,
        needs=("keys.strong", "database.migrated"),
        symptom="Mail or addresses do not open: a key is missing",
    ),
    Item(
        "keys.backups",
        "SH-16",
        IMPORTANT,
        "Every backup is under a key that is there",
        "Keep the older recovery sheets as long as these backups.",
        "docs/keys.md",
        _backups,
        needs=("keys.complete",),
    ),
    Item(
        "keys.retired",
        "SH-10",
        ADVICE,
        "No old key stays in the ring without need",
        "See `postern keys list`, then: postern keys retire ID --yes",
        "docs/keys.md",
        _retired,
        needs=("keys.complete",),
    ),
)
