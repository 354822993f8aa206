import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { murmur2, partitionOfKey } from '../../src/util/murmur2.ts'

// Values of org.apache.kafka.common.utils.UtilsTest.testMurmur2 (Apache Kafka 4).
const KAFKA: readonly (readonly [text: string, hash: number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
]

test('murmur2 is what the Java client computes', () => {
  for (const [text, hash] of KAFKA) assert.equal(murmur2(Buffer.from(text)), hash, text)
})

test('a key of "foobar" is in partition 6 of 10, as toPositive(murmur2) % 10 says', () => {
  assert.equal(partitionOfKey(Buffer.from('foobar'), 10), (-790332482 & 0x7fffffff) % 10)
})

test('murmur2 is what kafka-clients 4.4.0 computed for keys of all lengths and scripts', async () => {
  const golden = new URL('../golden/kafka/murmur2-kafka-clients-4.4.0.json', import.meta.url)
  const rows = JSON.parse(await readFile(golden, 'utf8')) as [hex: string, hash: number][]
  assert.ok(rows.length > 10)
  for (const [hex, hash] of rows) assert.equal(murmur2(Buffer.from(hex, 'hex')), hash, hex)
})
