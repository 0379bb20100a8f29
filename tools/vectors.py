"""Write the valid vectors of shared_spec/vectors from the oracle, or check that they are up to date.

    python3 tools/vectors.py            write them
    python3 tools/vectors.py --check    fail, and say which differ, when they are not what would be written

A vector has an id, the clauses it tests, a note that says why it is there, and its data. Bytes are
hex. Files named *_invalid.json are written by hand and are not touched.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from topics import aggregator, codec, packets, ring, sealed, serial, session

FOLDER = Path(__file__).resolve().parents[1] / "shared_spec" / "vectors"
TOPICS = {
    "ring": ring,
    "packet": packets,
    "serial": serial,
    "codec": codec,
    "session": session,
    "sealed": sealed,
    "aggregator": aggregator,
}


def text(vectors: list[dict[str, Any]]) -> str:
    """One vector a line, so that a change shows as the lines it changes."""
    ids = [vector["id"] for vector in vectors]
    if len(set(ids)) != len(ids):
        raise ValueError(f"two vectors are called {max(ids, key=ids.count)}")
    rows = ",\n".join("  " + json.dumps(vector, ensure_ascii=False) for vector in vectors)
    return f'{{"written_by": "tools/vectors.py", "vectors": [\n{rows}\n]}}\n'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 on a difference")
    args = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    stale = []
    for name, topic in TOPICS.items():
        path = FOLDER / f"{name}.json"
        wanted = text(topic.vectors())
        if path.exists() and path.read_text(encoding="utf-8") == wanted:
            continue
        stale.append(path.name)
        if not args.check:
            path.write_text(wanted, encoding="utf-8")
            print(f"wrote {path.name}")
    if args.check and stale:
        print(f"not what the oracle says: {', '.join(stale)}; run python3 tools/vectors.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
