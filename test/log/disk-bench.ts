import assert from 'node:assert/strict'
import { LocalLog } from '../../src/log/local-log.ts'
import type { LogFailure, PartitionLog } from '../../src/log/ports.ts'
import { DEFAULT_LOG_SETTINGS, type LogSettings } from '../../src/log/settings.ts'
import { systemRandom } from '../../src/runtime/random.ts'
import { CrashingDisk } from '../../src/testing/crashing-disk.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { append, batchOf, MapMachine } from './log-harness.ts'

/** A log on a disk that a test can break, with time and disk going on by themselves. */
export class Bench {
  readonly disk: CrashingDisk
  readonly clock = new ManualClock()
  readonly machine = new MapMachine(1)
  readonly log: LocalLog

  constructor(disk = new CrashingDisk(new SeededRandom(1)), settings: Partial<LogSettings> = {}) {
    this.disk = disk
    this.log = new LocalLog(disk, this.clock, systemRandom, null, { ...DEFAULT_LOG_SETTINGS, journalFileBytes: 65_536, ...settings })
    this.log.register(this.machine)
  }

  async until<T>(work: Promise<T>): Promise<T> {
    let settled = false
    const watched = work.finally(() => {
      settled = true
    })
    watched.catch(() => {})
    for (let i = 0; i < 10_000 && !settled; i++) await this.step()
    assert.ok(settled, 'it never came to an end')
    return watched
  }

  async step(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    this.clock.endTurn()
    this.disk.step()
  }

  /** Time passes: checkpoints run. */
  async pass(ms: number): Promise<void> {
    for (let part = 0; part < 10; part++) {
      this.clock.advance(ms / 10)
      for (let i = 0; i < 40; i++) await this.step()
    }
  }

  append(partition: PartitionLog, value: string, durability: 'durable' | 'written' = 'durable'): Promise<readonly number[] | LogFailure> {
    return this.appendBatch(partition, batchOf(value), durability)
  }

  appendBatch(partition: PartitionLog, bytes: Uint8Array, durability: 'durable' | 'written' = 'durable'): Promise<readonly number[] | LogFailure> {
    return this.until(append(this.log, { batches: [{ partition, bytes }], durability }))
  }

  appendState(key: string): Promise<readonly number[] | LogFailure> {
    return this.until(append(this.log, { state: [{ kind: 1, key, value: Buffer.from('x') }] }))
  }
}

/** `ok`, or why not. */
export function code(result: readonly number[] | LogFailure): string {
  return 'code' in result ? result.code : 'ok'
}
