import { type BatchOptions, buildBatch } from '../../../src/log/record-batch.ts'

/** A batch of the values, one record each, all of the same moment. */
export function batchOf(values: readonly string[], options: BatchOptions & { readonly timestampMs?: number } = {}): Uint8Array {
  const timestampMs = options.timestampMs ?? 1_700_000_000_000
  return buildBatch(
    values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs })),
    options,
  )
}
