"""Measure all that docs/PERFORMANCE.md tells, and write it anew: tests/bench/run [OPTION] [SECTION...]

--quick     as few rounds as show that it works; nothing is written
--baseline  `postern bench` as well, and what it finds becomes the baseline that comes with the program
--page      measure nothing, write the page of what was saved

Sections that are not named keep what was saved. About six minutes on two cores.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import by_cgi
import long_queue
import mail_in
import mail_out
import page
import persistent
import world

from postern.ops.bench import report

SECTIONS = {
    "cgi": by_cgi.measure,
    "persistent": persistent.measure,
    "in": mail_in.measure,
    "out": mail_out.measure,
    "queue": long_queue.measure,
}
BASELINE = page.TOP / "lib" / "postern" / "ops" / "bench" / "baseline.json"


def main(words: list[str]) -> None:
    if words == ["--page"]:
        page.write()
        return
    quick = "--quick" in words
    names = [word for word in words if not word.startswith("--")] or list(SECTIONS)
    saved = json.loads(page.RESULTS.read_text()) if page.RESULTS.exists() else {"sections": {}}
    load = round(os.getloadavg()[0], 1)
    with world.opened(quick) as here:
        for name in names:
            began = time.monotonic()
            saved["sections"][name] = SECTIONS[name](here).as_json()
            print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
            for goal in saved["sections"][name]["goals"]:
                print(
                    f"    {goal['what']}: {goal['reached']:.3g} {goal['unit']}, goal {goal['goal']:g}",
                    flush=True,
                )
        if "--baseline" in words:
            with here.instance.served() as address:
                here.instance.write_env(POSTERN_URL=address)
                run = [sys.executable, "-m", "postern", "bench", "--json"]
                text = subprocess.run(
                    run,
                    env=here.instance.environ,
                    cwd=page.TOP,
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                ).stdout
            if not quick:
                BASELINE.write_text(text)
    if not quick:
        saved.update(at=report.now(), machine=report.machine(), load=load)
        page.RESULTS.write_text(json.dumps(saved, indent=1) + "\n")
        page.write()


if __name__ == "__main__":
    os.environ.pop("POSTERN_HOME", None)
    main(sys.argv[1:])
