# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every source file names its licence in its first lines, and every Python file imports annotations from __future__."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADER = """\
# Copyright: (c) 2026, the airgap.nodes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
SUFFIXES = {".py", ".yml", ".yaml", ".sh"}


def faults(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    found = []
    if HEADER not in text[:400]:
        found.append("the licence header is missing or differs")
    if path.suffix == ".py" and "import " in text and "\nfrom __future__ import annotations\n" not in text:
        found.append("`from __future__ import annotations` is missing")
    return [f"{path.relative_to(ROOT)}: {fault}" for fault in found]


def main() -> int:
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    paths = [ROOT / name for name in names if Path(name).suffix in SUFFIXES and (ROOT / name).is_file()]
    found = [fault for path in paths for fault in faults(path)]
    print("\n".join(found) or f"{len(paths)} files carry the header")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
