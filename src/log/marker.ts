/**
 * The control batch that ends a transaction in one partition: it takes an offset, no reader gets it as a record (KIP-98).
 * Its one record has the key {version int16, type int16} and the value {version int16, coordinator epoch int32}.
 */
import { readInt16, writeInt16, writeInt32 } from '../util/big-endian.ts'
import { batchIsControl, buildBatch, CONTROL_BIT, readRecords, TRANSACTIONAL_BIT } from './record-batch.ts'

const KEY_BYTES = 4
const VALUE_BYTES = 6
const VERSION = 0

/** The types of a marker; others (leader change, snapshots) belong to KRaft and end no transaction. */
const TYPES = { abort: 0, commit: 1 } as const

export type MarkerType = keyof typeof TYPES

export interface Marker {
  readonly type: MarkerType
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly timestampMs: number
}

/** A whole batch, ready to append. */
export function buildMarker(marker: Marker): Uint8Array {
  const key = Buffer.alloc(KEY_BYTES)
  writeInt16(key, 0, VERSION)
  writeInt16(key, 2, TYPES[marker.type])
  const value = Buffer.alloc(VALUE_BYTES)
  writeInt16(value, 0, VERSION)
  writeInt32(value, 2, marker.coordinatorEpoch)
  return buildBatch([{ key, value, timestampMs: marker.timestampMs }], {
    attributes: TRANSACTIONAL_BIT | CONTROL_BIT,
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
  })
}

/** What a batch ends; null where it is no marker. */
export function markerTypeOf(batch: Uint8Array): MarkerType | null {
  if (!batchIsControl(batch)) return null
  const records = readRecords(batch)
  const key = Array.isArray(records) ? records[0]?.key : null
  if (key === null || key === undefined || key.length < KEY_BYTES) return null
  const type = readInt16(key, 2)
  if (type === TYPES.abort) return 'abort'
  return type === TYPES.commit ? 'commit' : null
}
