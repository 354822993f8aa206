import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatRecord, parseFormat, type ShownRecord } from '../../src/cli/record-format.ts'
import { formatParser, jsonParser, type RecordParser } from '../../src/cli/record-input.ts'
import { recordToJson } from '../../src/cli/record-json.ts'

const bytes = fc.uint8Array({ maxLength: 40 })
const shown: fc.Arbitrary<ShownRecord> = fc.record({
  topic: fc.constant('t'),
  partition: fc.nat(9),
  offset: fc.nat(),
  timestampMs: fc.nat(),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: fc.option(bytes) }), { maxLength: 4 }),
})

/** Feeds text in chunks of that size. */
function parse(parser: RecordParser, text: Buffer, chunkBytes: number) {
  const records = []
  for (let at = 0; at < text.length; at += chunkBytes) records.push(...parser.push(text.subarray(at, at + chunkBytes)))
  return [...records, ...parser.end()]
}

const hex = (part: Uint8Array | null): string | null => (part === null ? null : Buffer.from(part).toString('hex'))

test('whatever consume --json prints, produce --json reads as the same records', () => {
  fc.assert(
    fc.property(fc.array(shown, { maxLength: 8 }), fc.integer({ min: 1, max: 50 }), (records, chunkBytes) => {
      const text = Buffer.from(records.map((record) => `${recordToJson(record)}\n`).join(''))
      const read = parse(jsonParser(), text, chunkBytes)
      const bare = ({ key, value, headers }: Pick<ShownRecord, 'key' | 'value' | 'headers'>) => ({
        key: hex(key),
        value: hex(value),
        headers: headers.map((header) => [header.key, hex(header.value)]),
      })
      assert.deepEqual(read.map(bare), records.map(bare))
    }),
  )
})

test('whatever consume prints in hex or base64, produce reads with the same format', () => {
  const formats = ['%k{hex}\\t%v{hex}\\n', '%v{base64} %k{base64}\\0']
  fc.assert(
    fc.property(fc.constantFrom(...formats), fc.array(shown, { maxLength: 8 }), fc.integer({ min: 1, max: 50 }), (format, records, chunkBytes) => {
      const parts = parseFormat(format)
      const text = Buffer.concat(records.map((record) => formatRecord(parts, record)))
      const read = parse(formatParser(parts), text, chunkBytes)
      // A format has no word for null: it is read back as empty.
      const filled = records.map(({ key, value }) => [hex(key ?? Buffer.alloc(0)), hex(value ?? Buffer.alloc(0))])
      assert.deepEqual(
        read.map(({ key, value }) => [hex(key), hex(value)]),
        filled,
      )
    }),
  )
})
