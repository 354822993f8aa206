import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError } from '../../src/cli/command.ts'
import { formatRecord, parseFormat, type ShownRecord } from '../../src/cli/record-format.ts'
import { formatParser, jsonParser } from '../../src/cli/record-input.ts'
import { recordToJson } from '../../src/cli/record-json.ts'

const record: ShownRecord = {
  topic: 'orders',
  partition: 2,
  offset: 7,
  timestampMs: Date.parse('2026-01-31T12:00:00Z'),
  key: Buffer.from('eu/42'),
  value: Buffer.from([0xff, 0x00]),
  headers: [
    { key: 'a', value: Buffer.from('1') },
    { key: 'a', value: null },
  ],
}
const print = (format: string, of: ShownRecord = record): string => formatRecord(parseFormat(format), of).toString('latin1')

test('every field has its letter', () => {
  assert.equal(print('%t %p %o %d %k %K %V %%\\n'), 'orders 2 7 1769860800000 eu/42 5 2 %\n')
  assert.equal(print('%d{iso}'), '2026-01-31T12:00:00.000Z')
  assert.equal(print('%h{%k=%v;}'), 'a=1;a=;')
})

test('bytes are written as they are, as hex or as base64', () => {
  assert.equal(print('%v'), '\xff\x00')
  assert.equal(print('%v{hex} %v{base64}'), 'ff00 /wA=')
  assert.equal(print('%k', { ...record, key: null }), '')
})

test('escapes', () => {
  assert.equal(print('\\t\\n\\r\\0\\x41\\\\'), '\t\n\r\0A\\')
})

test('what is no format is refused', () => {
  for (const format of ['%x', '%', '%v{utf7}', '%d{us}', '%h', '%h{%k', '\\q']) {
    assert.throws(() => parseFormat(format), CommandError, format)
  }
})

const feed = (format: string, ...chunks: string[]): [string | null, string | null][] => {
  const parser = formatParser(parseFormat(format))
  const records = chunks.flatMap((chunk) => parser.push(Buffer.from(chunk, 'latin1')))
  return [...records, ...parser.end()].map(({ key, value }) => [
    key === null ? null : Buffer.from(key).toString('latin1'),
    value === null ? null : Buffer.from(value).toString('latin1'),
  ])
}

test('a format is read as it is written, whatever the chunks', () => {
  assert.deepEqual(feed('%v\\n', 'a\nb', 'c\n'), [
    [null, 'a'],
    [null, 'bc'],
  ])
  assert.deepEqual(feed('%k\\t%v\\n', 'k1\tv1\nk', '2\t', 'v2'), [
    ['k1', 'v1'],
    ['k2', 'v2'],
  ])
  assert.deepEqual(feed('%v{hex} %k{base64};', 'ff00 YQ==;'), [['a', '\xff\x00']])
})

test('an empty line is an empty value, and no input is no record', () => {
  assert.deepEqual(feed('%v\\n', '\n'), [[null, '']])
  assert.deepEqual(feed('%v\\n'), [])
})

test('input that ends within a record, and formats that cannot be read, are refused', () => {
  assert.throws(() => feed('%k\\t%v\\n', 'only a key'), /ended within a record/)
  for (const format of ['%k%v\\n', '%v', '%o\\n', '\\n', '#%v\\n', '%h{%k}\\n']) assert.throws(() => feed(format, 'x'), CommandError, format)
})

test('the JSON of consume is what produce reads', () => {
  const parser = jsonParser()
  const [read] = parser.push(Buffer.from(`${recordToJson(record)}\n`))
  assert.deepEqual(Buffer.from(read?.key ?? []), record.key)
  assert.deepEqual(Buffer.from(read?.value ?? []), record.value)
  assert.deepEqual(
    read?.headers.map(({ key, value }) => [key, value === null ? null : Buffer.from(value).toString()]),
    [
      ['a', '1'],
      ['a', null],
    ],
  )
})

test('a JSON line may hold the message itself, and headers as an object', () => {
  const [read] = jsonParser().push(Buffer.from('{"value":{"total":7},"headers":{"h":"x"}}\n'))
  assert.equal(Buffer.from(read?.value ?? []).toString(), '{"total":7}')
  assert.equal(read?.key, null)
  assert.equal(read?.headers[0]?.key, 'h')
})

test('a wrong JSON line names its number', () => {
  const parser = jsonParser()
  assert.throws(() => parser.push(Buffer.from('{"value":1}\n\n{"key":2}\n')), /line 3: has no "value"/)
  assert.throws(() => jsonParser().push(Buffer.from('nonsense\n')), /line 1: no JSON/)
})
