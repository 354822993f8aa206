"""A tiny check runner: one JSON line a check, which the TypeScript side turns into tests."""
import json
import sys
import time
import traceback

_failed = 0


def check(name, run):
    global _failed
    try:
        run()
        print(json.dumps({"check": name, "ok": True}), flush=True)
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


def done():
    # Client threads that outlive a failed check must not keep the process alive.
    sys.stdout.flush()
    import os

    os._exit(0)
