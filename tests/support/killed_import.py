"""An opening stock that stops in the middle of its transaction, to be killed there.

`python -m tests.support.killed_import CONFIG FILE N` says when N parts are written, and then waits for ever.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from syncd.cli.opening import file_key, read_opening
from syncd.cli.session import Session, in_session
from syncd.cli.stock_import import parts
from syncd.ledger.store import Outcome


def main() -> None:
    """Begin, and stop."""
    config, file, wanted = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

    def stop_at(number: int) -> None:
        if number == wanted:
            print(f"{number} parts are written", flush=True)
            signal.pause()

    async def work(session: Session) -> Outcome[int]:
        rows, _ = read_opening(file, session.config.locations, lambda _done, _total: None)
        now = session.clock.now()
        return await session.writer.submit_together(
            lambda: parts(file_key(rows), rows, file.name, session.actor, now), stop_at
        )

    in_session(config, work)
    raise SystemExit("nobody came to kill it")


if __name__ == "__main__":
    main()
