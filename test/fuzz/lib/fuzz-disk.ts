import type { Clock, Timer } from '../../../src/runtime/clock.ts'
import { systemClock } from '../../../src/runtime/system-clock.ts'
import { MemoryFiles } from '../../../src/storage/memory-files.ts'

/** 2026-01-01T00:00:00Z */
export const START_MS = 1_767_225_600_000

/** Memory that is treated as a disk: what a killed process leaves, to the byte. */
export class FuzzDisk extends MemoryFiles {
  override readonly volatile = false
  override readonly bootId: string

  constructor(bootId = 'first boot') {
    super()
    this.bootId = bootId
  }

  /** All files below the root, by path. */
  dump(folder = ''): { path: string; bytes: Buffer }[] {
    return this.list(folder)
      .sort()
      .flatMap((name) => {
        const path = folder === '' ? name : `${folder}/${name}`
        const size = this.size(path)
        if (size < 0) return this.dump(path)
        const bytes = Buffer.alloc(size)
        this.open(path, 'read').readNow(bytes, 0)
        return [{ path, bytes }]
      })
  }

  put(path: string, bytes: Uint8Array): void {
    this.open(path, 'write').write([bytes], 0)
  }
}

/** Time stands still and no timer fires, so that the same appends give the same bytes. */
export class StillClock implements Clock {
  now(): number {
    return START_MS
  }

  monotonicMs(): number {
    return 0
  }

  after(_delayMs: number, _run: () => void): Timer {
    return { cancel: () => {} }
  }

  endOfTurn(run: () => void): void {
    systemClock.endOfTurn(run)
  }
}
