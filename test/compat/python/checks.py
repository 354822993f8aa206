"""A tiny check runner: one JSON line a check, which the TypeScript side turns into tests. ONLY=TEXT runs those with that in their names."""
import json
import os
import sys
import time
import traceback
import uuid

_failed = 0


def check(name, run):
    global _failed
    if os.environ.get("ONLY", "") not in name:
        return
    began = time.monotonic()
    try:
        run()
        print(json.dumps({"check": name, "ok": True, "ms": round(1000 * (time.monotonic() - began))}), flush=True)
    except Exception:
        _failed += 1
        print(json.dumps({"check": name, "ok": False, "detail": traceback.format_exc()}), flush=True)


def until(what, condition, timeout_s=20.0):
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout_s} s for {what}")
        time.sleep(0.01)


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}: expected {wanted!r}, got {got!r}"[:4000])


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def logins():
    """A broker with users (test/compat/lib/secured-peer.ts), or None."""
    return json.loads(sys.argv[2]) if len(sys.argv) > 2 else None


def done():
    # Client threads that outlive a failed check must not keep the process alive.
    sys.stdout.flush()
    os._exit(0)
