import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError } from '../../src/cli/command.ts'
import { parseStartAt, positionAt, type StartAt } from '../../src/cli/offset-language.ts'

const NOW = Date.parse('2026-01-31T12:00:00Z')
const parse = (words: string): StartAt => parseStartAt(words, NOW)

test('start, end, and so many after or before them', () => {
  assert.deepEqual(parse('start'), { kind: 'start', skip: 0 })
  assert.deepEqual(parse('+2'), { kind: 'start', skip: 2 })
  assert.deepEqual(parse('end'), { kind: 'end', back: 0 })
  assert.deepEqual(parse('-3'), { kind: 'end', back: 3 })
  assert.deepEqual(parse('47'), { kind: 'offset', offset: 47 })
})

test('a time is a date, milliseconds, or how long ago', () => {
  assert.deepEqual(parse('@2026-01-31T11:00:00Z'), { kind: 'time', timestampMs: NOW - 3_600_000 })
  assert.deepEqual(parse('@-1h'), { kind: 'time', timestampMs: NOW - 3_600_000 })
  assert.deepEqual(parse('@-90s'), { kind: 'time', timestampMs: NOW - 90_000 })
  assert.deepEqual(parse('@1769860800000'), { kind: 'time', timestampMs: NOW })
  assert.deepEqual(parse('@2026-01-31'), { kind: 'time', timestampMs: Date.parse('2026-01-31') })
})

test('what is neither is refused with all that there is', () => {
  for (const words of ['', 'begin', '@', '@yesterday', '@-1y', '--1', '1.5']) {
    assert.throws(
      () => parse(words),
      (error) => error instanceof CommandError && error.exitCode === 2,
      words,
    )
  }
})

test('positions stay within the log', () => {
  const at = (words: string, time = -1): number => positionAt(parse(words), 10, 20, time)
  assert.equal(at('start'), 10)
  assert.equal(at('+3'), 13)
  assert.equal(at('+300'), 20)
  assert.equal(at('end'), 20)
  assert.equal(at('-3'), 17)
  assert.equal(at('-300'), 10)
  assert.equal(at('5'), 10)
  assert.equal(at('15'), 15)
  assert.equal(at('25'), 20)
  assert.equal(at('@-1h', 12), 12)
  assert.equal(at('@-1h', -1), 20)
})
