# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that must not end half-way.

Private to the collection. Runs on node Pythons (3.8 and later), standard library only.
"""

from __future__ import annotations

import contextlib
import signal
import typing as t

_HELD_BACK = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


@contextlib.contextmanager
def signals_held_back() -> t.Iterator[None]:
    """A connection that breaks or a shutdown must not end us between two steps.

    The programs that are started meanwhile hold the same signals back. A result that nobody reads any more is no
    signal: Python ignores SIGPIPE, and the result is written when all is done.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
