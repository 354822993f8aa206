/**
 * The coordinator's state: one totally ordered log of records {kind, key, value}, kept short by snapshots. It is a partition
 * like any other, in its own folder, so that journal and recovery are the same; no protocol ever sees it.
 */
import type { FileSystem } from '../runtime/files.ts'
import { readInt16, writeInt16 } from '../util/big-endian.ts'
import { LOG_STATE_KINDS } from './kept-state.ts'
import type { LocalPartition } from './local-partition.ts'
import type { PartitionSettings, StateMachine, StateRecord } from './ports.ts'
import { type BatchRecord, batchSizeBytes, buildBatch, checkBatch, type RecordInput, readRecords } from './record-batch.ts'
import { replaceFile } from './small-file.ts'

export const STATE_FOLDER = 'state'
/** Small enough that a snapshot frees most of the log, large enough not to make many files. */
const STATE_SEGMENT_BYTES = 8 * 1_048_576
/** Records and bytes per batch of a snapshot. */
const SNAPSHOT_BATCH_RECORDS = 1_000
const SNAPSHOT_BATCH_BYTES = 1_048_576

export const STATE_SETTINGS: PartitionSettings = {
  segmentBytes: STATE_SEGMENT_BYTES,
  segmentMs: Number.MAX_SAFE_INTEGER,
  indexIntervalBytes: 65_536,
  retentionMs: -1,
  retentionBytes: -1,
  deleteOld: false,
}

/** One batch with the records of one append. */
export function encodeState(records: readonly StateRecord[], nowMs: number): Uint8Array {
  return buildBatch(records.map(({ kind, key, value }): RecordInput => ({ key: encodeKey(kind, key), value, timestampMs: nowMs })))
}

function encodeKey(kind: number, key: string): Uint8Array {
  const out = Buffer.allocUnsafe(2 + Buffer.byteLength(key))
  writeInt16(out, 0, kind)
  out.write(key, 2)
  return out
}

/** The state machines by kind. */
export class StateMachines {
  readonly #byKind = new Map<number, StateMachine>()

  add(machine: StateMachine): void {
    if (this.#byKind.has(machine.kind)) throw new Error(`two state machines own kind ${machine.kind}`)
    this.#byKind.set(machine.kind, machine)
  }

  all(): Iterable<StateMachine> {
    return this.#byKind.values()
  }

  /** Throws where the record belongs to nobody: a newer version wrote it. */
  apply(record: BatchRecord): void {
    const key = record.key as Uint8Array
    const kind = readInt16(key, 0)
    const machine = this.#byKind.get(kind)
    if (machine === undefined)
      throw new Error(`the data directory holds state of kind ${kind}, which this version does not know: start the newer version that wrote it`)
    machine.apply(Buffer.from(key.buffer, key.byteOffset + 2, key.length - 2).toString(), record.value)
  }
}

/** What the snapshots say. */
export interface LoadedSnapshot {
  /** The first state offset that is not in it; 0 where there is none. */
  readonly offset: number
  readonly sizeBytes: number
  /** The offset of the oldest snapshot that is kept: the log begins there, so that a damaged snapshot can be done without. */
  readonly oldestOffset: number
}

/** Applies the newest whole snapshot to the machines. `onDamage` is told of those that are damaged. */
export async function loadSnapshot(fileSystem: FileSystem, machines: StateMachines, onDamage: (file: string) => void): Promise<LoadedSnapshot> {
  const offsets = snapshotOffsets(fileSystem).sort((a, b) => b - a)
  for (const offset of offsets) {
    const content = await readFile(fileSystem, snapshotPath(offset))
    const records = snapshotRecords(content)
    if (records === null) onDamage(snapshotPath(offset))
    else {
      for (const record of records) machines.apply(record)
      return { offset, sizeBytes: content.length, oldestOffset: offsets.at(-1) ?? offset }
    }
  }
  return { offset: 0, sizeBytes: 0, oldestOffset: 0 }
}

/**
 * Applies all batches of the state log from `fromOffset` up to `endOffset`; bytes read. `onDamage` is told of what cannot be read, and throws
 * where that is not to be given up.
 */
export async function replayState(
  partition: LocalPartition,
  machines: StateMachines,
  { fromOffset, endOffset }: { readonly fromOffset: number; readonly endOffset: number },
  onDamage: (what: string) => void,
): Promise<number> {
  let offset = fromOffset
  let bytes = 0
  if (partition.logStartOffset > offset) {
    onDamage(`the state log begins at offset ${partition.logStartOffset}, but is needed from ${offset}`)
    offset = partition.logStartOffset
  }
  while (offset < endOffset) {
    const read = await partition.read(offset, { maxBytes: SNAPSHOT_BATCH_BYTES, atLeastOne: true, endOffset })
    if ('code' in read) {
      const what = `the state log cannot be read at offset ${offset}: ${read.message}`
      if (read.code !== 'corrupt') throw new Error(what, { cause: read.cause })
      onDamage(what)
      offset = read.resumeOffset ?? offset + 1
      continue
    }
    if (read.batches.length === 0) throw new Error(`the state log ends at offset ${offset}, but should reach ${endOffset}`)
    for (const batch of read.batches) {
      offset = applyBatch(batch, machines, offset)
    }
    bytes += read.sizeBytes
  }
  return bytes
}

/** Applies the records of a batch from `fromOffset` on; the offset behind it. */
export function applyBatch(batch: Uint8Array, machines: StateMachines, fromOffset: number): number {
  const records = readRecords(batch)
  if (!Array.isArray(records)) throw new Error(`the state log is damaged at offset ${fromOffset}: ${records.message}`)
  let offset = fromOffset
  for (const record of records) {
    if (record.offset < offset) continue
    machines.apply(record)
    offset = record.offset + 1
  }
  return offset
}

/** The state of all machines as it is now, as the bytes of a snapshot file. */
export function encodeSnapshot(machines: StateMachines, nowMs: number): Uint8Array[] {
  const batches: Uint8Array[] = []
  let records: RecordInput[] = []
  let bytes = 0
  let count = 0
  const seal = () => {
    if (records.length > 0) batches.push(buildBatch(records))
    records = []
    bytes = 0
  }
  for (const machine of machines.all()) {
    for (const [key, value] of machine.entries()) {
      records.push({ key: encodeKey(machine.kind, key), value, timestampMs: nowMs })
      bytes += value.length + key.length
      count++
      if (records.length >= SNAPSHOT_BATCH_RECORDS || bytes >= SNAPSHOT_BATCH_BYTES) seal()
    }
  }
  seal()
  batches.push(buildBatch([{ key: encodeKey(LOG_STATE_KINDS.snapshotEnd, String(count)), value: null, timestampMs: nowMs }]))
  return batches
}

/**
 * Writes a snapshot of everything below `offset`; on disk when it resolves. `previous`, the offset of the one before, is kept beside it, for
 * the day when this one is damaged; older ones go.
 */
export async function writeSnapshot(fileSystem: FileSystem, offset: number, previous: number, batches: readonly Uint8Array[]): Promise<void> {
  fileSystem.makeFolder(STATE_FOLDER)
  await replaceFile(fileSystem, snapshotPath(offset), batches)
  for (const older of snapshotOffsets(fileSystem)) if (older < offset && older !== previous) await fileSystem.remove(snapshotPath(older))
}

function snapshotPath(offset: number): string {
  return `${STATE_FOLDER}/snapshot-${String(offset).padStart(20, '0')}`
}

function snapshotOffsets(fileSystem: FileSystem): number[] {
  return fileSystem.list(STATE_FOLDER).flatMap((name) => (/^snapshot-\d{20}$/.test(name) ? [Number(name.slice(9))] : []))
}

/** Null where a batch is damaged or the end is missing. */
function snapshotRecords(content: Uint8Array): BatchRecord[] | null {
  const all: BatchRecord[] = []
  for (let at = 0; at < content.length; ) {
    const size = content.length - at < 61 ? 0 : batchSizeBytes(content, at)
    const batch = content.subarray(at, at + size)
    if (size < 61 || checkBatch(batch) !== null) return null
    const records = readRecords(batch)
    if (!Array.isArray(records)) return null
    for (const record of records) {
      const key = record.key as Uint8Array
      if (readInt16(key, 0) === LOG_STATE_KINDS.snapshotEnd) return Buffer.from(key.subarray(2)).toString() === String(all.length) ? all : null
      all.push(record)
    }
    at += size
  }
  return null
}

async function readFile(fileSystem: FileSystem, path: string): Promise<Uint8Array> {
  const file = fileSystem.open(path, 'read')
  try {
    const content = Buffer.alloc(file.size())
    return content.subarray(0, await file.read(content, 0))
  } finally {
    file.close()
  }
}
