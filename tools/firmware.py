"""Build the firmware that a board runs into a folder, as host/ossicle/board/build.py does it.

    python3 tools/firmware.py                   into build/firmware-xtensawin, for the ESP32, S2 and S3
    python3 tools/firmware.py --arch rv32imc    into build/firmware-rv32imc, for the C3 and C6
    python3 tools/firmware.py --arch x86        the same for the 32-bit unix port, with the emulated board

What is in the folder is copied to a board by mpremote.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "host"))

from ossicle.board.build import ARCHS, BuildError, build  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--arch", choices=ARCHS, default="xtensawin", help="default: xtensawin")
    parser.add_argument("--out", type=Path, help="folder; default: build/firmware-ARCH")
    parser.add_argument(
        "--lines", action="store_true", help="tracebacks with line numbers and names, for 10 KB of memory"
    )
    args = parser.parse_args()
    folder = args.out or ROOT / "build" / f"firmware-{args.arch}"
    try:
        build(args.arch, folder, args.lines)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    sizes = [path.stat().st_size for path in folder.rglob("*.*py")]
    print(f"{folder}: {len(sizes)} files, {sum(sizes)} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
