const SEED = 0x9747b28c
const M = 0x5bd1e995

/**
 * MurmurHash2 of 32 bits as Kafka's Java client computes it (`org.apache.kafka.common.utils.Utils.murmur2`), as a signed
 * 32-bit number.
 */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  let hash = SEED ^ length
  const whole = length & ~3
  for (let at = 0; at < whole; at += 4) {
    let k = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)
    k = Math.imul(k, M)
    k ^= k >>> 24
    hash = Math.imul(hash, M) ^ Math.imul(k, M)
  }
  const left = length & 3
  if (left === 3) hash ^= (bytes[whole + 2] as number) << 16
  if (left >= 2) hash ^= (bytes[whole + 1] as number) << 8
  if (left >= 1) hash = Math.imul(hash ^ (bytes[whole] as number), M)
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return hash ^ (hash >>> 15)
}

/** The partition that Kafka's default partitioner gives a record with this key: 0 to `partitions` - 1. */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}
