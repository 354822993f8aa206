/**
 * One pass over the records of a batch that allocates nothing but its answer: what Produce must know of records that are not
 * compressed, at about the price of their CRC (10 ns a record of 100 bytes).
 */

/** What a whole section of records has. */
export interface RecordsSeen {
  /** The smallest and the largest timestamp, relative to the batch's base timestamp. */
  readonly leastTimestampDelta: number
  readonly mostTimestampDelta: number
  /** Whether any record has no key. */
  readonly hasKeyless: boolean
}

/** `malformed`: fields and records do not end where they should, or there are not as many as said; `length`: a record's length is no varint. */
export type WalkFault = 'malformed' | 'length'

/** The last byte of a varint of 32 bits begins at this bit; one of 64 bits has at most so many bytes. */
const MAX_SHIFT = 28
const MAX_LONG_BYTES = 10

/**
 * Walks `count` records (at least one) that must fill `bytes` from `start` to their end. As in Kafka, a blob of any negative
 * length is null. Loops are written out: a call for each field would cost twice as much.
 */
export function walkRecords(bytes: Uint8Array, start: number, count: number): RecordsSeen | WalkFault {
  const end = bytes.length
  let at = start
  let leastTimestampDelta = Number.POSITIVE_INFINITY
  let mostTimestampDelta = Number.NEGATIVE_INFINITY
  let hasKeyless = false
  for (let left = count; left > 0; left--) {
    if (at >= end) return 'malformed'
    let byte = bytes[at++] as number
    let value = byte & 0x7f
    for (let shift = 7; byte > 0x7f; shift += 7) {
      if (at >= end) return 'malformed'
      if (shift > MAX_SHIFT) return 'length'
      byte = bytes[at++] as number
      value |= (byte & 0x7f) << shift
    }
    const recordEnd = at + ((value >>> 1) ^ -(value & 1))
    if (recordEnd < at + LEAST_BODY_BYTES || recordEnd > end) return 'malformed'

    // Behind the attributes: the timestamp, the only one that may be longer than 32 bits.
    at++
    byte = bytes[at++] as number
    let long = byte & 0x7f
    for (let bytesOfIt = 1, scale = 128; byte > 0x7f; bytesOfIt++, scale *= 128) {
      if (at >= recordEnd || bytesOfIt === MAX_LONG_BYTES) return 'malformed'
      byte = bytes[at++] as number
      long += (byte & 0x7f) * scale
    }
    const timestampDelta = long % 2 === 0 ? long / 2 : -(long + 1) / 2
    if (timestampDelta < leastTimestampDelta) leastTimestampDelta = timestampDelta
    if (timestampDelta > mostTimestampDelta) mostTimestampDelta = timestampDelta

    // The offset: what it says is of no meaning here.
    if (at >= recordEnd) return 'malformed'
    byte = bytes[at++] as number
    for (let shift = 7; byte > 0x7f; shift += 7) {
      if (at >= recordEnd || shift > MAX_SHIFT) return 'malformed'
      byte = bytes[at++] as number
    }

    // The key.
    if (at >= recordEnd) return 'malformed'
    byte = bytes[at++] as number
    value = byte & 0x7f
    for (let shift = 7; byte > 0x7f; shift += 7) {
      if (at >= recordEnd || shift > MAX_SHIFT) return 'malformed'
      byte = bytes[at++] as number
      value |= (byte & 0x7f) << shift
    }
    if ((value & 1) === 0) at += value >>> 1
    else hasKeyless = true

    // The value.
    if (at >= recordEnd) return 'malformed'
    byte = bytes[at++] as number
    value = byte & 0x7f
    for (let shift = 7; byte > 0x7f; shift += 7) {
      if (at >= recordEnd || shift > MAX_SHIFT) return 'malformed'
      byte = bytes[at++] as number
      value |= (byte & 0x7f) << shift
    }
    if ((value & 1) === 0) at += value >>> 1

    if (at >= recordEnd) return 'malformed'
    if (bytes[at] === 0) at++
    else at = endOfHeaders(bytes, at, recordEnd)
    if (at !== recordEnd) return 'malformed'
  }
  return at === end ? { leastTimestampDelta, mostTimestampDelta, hasKeyless } : 'malformed'
}

/** Attributes, timestamp, offset, key, value and headers, a byte each. */
const LEAST_BODY_BYTES = 6

/** Where the headers of a record end, their number at `at`; -1 where they are malformed. */
function endOfHeaders(bytes: Uint8Array, start: number, recordEnd: number): number {
  let at = start
  // The number of headers, then a key and a value for each of them.
  for (let field = 0, fields = 1; field < fields; field++) {
    if (at >= recordEnd) return -1
    let byte = bytes[at++] as number
    let value = byte & 0x7f
    for (let shift = 7; byte > 0x7f; shift += 7) {
      if (at >= recordEnd || shift > MAX_SHIFT) return -1
      byte = bytes[at++] as number
      value |= (byte & 0x7f) << shift
    }
    const isNegative = (value & 1) === 1
    if (field === 0) {
      if (isNegative || value >>> 1 > recordEnd - at) return -1
      fields += 2 * (value >>> 1)
    } else if (!isNegative) at += value >>> 1
    // A header has a key; its value may be null.
    else if (field % 2 === 1) return -1
  }
  return at
}
