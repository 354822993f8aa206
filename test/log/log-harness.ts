import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalLog } from '../../src/log/local-log.ts'
import type { AppendGroup, LogFailure, PartitionLog, PartitionSettings, StateMachine } from '../../src/log/ports.ts'
import { type BatchRecord, buildBatch, readRecords } from '../../src/log/record-batch.ts'
import { DEFAULT_LOG_SETTINGS, type LogSettings } from '../../src/log/settings.ts'
import type { FileSystem } from '../../src/runtime/files.ts'
import { systemRandom } from '../../src/runtime/random.ts'
import { systemClock } from '../../src/runtime/system-clock.ts'

export const TOPIC_ID = 'q0Y9pCK3TtuXyPBV8uIcmQ'

export const SETTINGS: PartitionSettings = {
  segmentBytes: 1_073_741_824,
  segmentMs: 604_800_000,
  indexIntervalBytes: 4096,
  retentionMs: -1,
  retentionBytes: -1,
  deleteOld: true,
}

/** An open log, with machines that are nothing but maps. */
export async function openLog(fileSystem: FileSystem, settings: Partial<LogSettings> = {}, machines: StateMachine[] = []): Promise<LocalLog> {
  const log = new LocalLog(fileSystem, systemClock, systemRandom, null, { ...DEFAULT_LOG_SETTINGS, journalFileBytes: 1_048_576, ...settings })
  for (const machine of machines) log.register(machine)
  await log.open()
  return log
}

export function batchOf(...values: string[]): Uint8Array {
  return buildBatch(values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs: 1_700_000_000_000 })))
}

/** Appends and waits; the base offsets, or the failure. */
export function append(log: LocalLog, group: Partial<AppendGroup>): Promise<readonly number[] | LogFailure> {
  return new Promise((resolve) => {
    let offsets: readonly number[] = []
    log.append({
      batches: [],
      state: [],
      durability: 'durable',
      ...group,
      onAssigned: (assigned) => {
        offsets = assigned
      },
      onDone: (failure) => resolve(failure ?? offsets),
    })
  })
}

/** All values from `offset` to the high watermark, read from disk or memory. */
export async function valuesFrom(partition: PartitionLog, offset = partition.logStartOffset): Promise<string[]> {
  const values: string[] = []
  let next = offset
  while (next < partition.highWatermark) {
    const read = await partition.read(next, { maxBytes: 65_536, atLeastOne: true, endOffset: partition.highWatermark })
    if ('code' in read) throw new Error(`${read.code}: ${read.message}`)
    for (const batch of read.batches) {
      for (const record of readRecords(batch) as BatchRecord[]) {
        if (record.offset < next) continue
        values.push(Buffer.from(record.value as Uint8Array).toString())
        next = record.offset + 1
      }
    }
  }
  return values
}

/** State that is a map. */
export class MapMachine implements StateMachine {
  readonly kind: number
  readonly values = new Map<string, string>()

  constructor(kind: number) {
    this.kind = kind
  }

  apply(key: string, value: Uint8Array | null): void {
    if (value === null) this.values.delete(key)
    else this.values.set(key, Buffer.from(value).toString())
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    for (const [key, value] of this.values) yield [key, Buffer.from(value)]
  }
}

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'elytra-log-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
