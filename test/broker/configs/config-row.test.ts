import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigProblem, configRow, parseConfig } from '../../../src/broker/configs/config-row.ts'

const LONG = configRow('a.long', 'long', '0', 'A long.')
const INT = configRow('an.int', 'int', '0', 'An int.', { min: -1 })
const DOUBLE = configRow('a.double', 'double', '0.5', 'A double.', { min: 0, max: 1 })
const LIST = configRow('a.list', 'list', '', 'A list.', { values: ['a', 'b'] })
const FLAG = configRow('a.flag', 'boolean', 'true', 'A flag.')

const parsed = (row: typeof LONG, text: string) => {
  const value = parseConfig(row, text)
  return value instanceof ConfigProblem ? null : value
}

test('numbers are kept exactly, within the range of their type (as Kafka 4.4 reads them)', () => {
  assert.equal(parsed(LONG, ' 9223372036854775807 '), '9223372036854775807')
  assert.equal(parsed(LONG, '-9223372036854775808'), '-9223372036854775808')
  assert.equal(parsed(LONG, '9223372036854775808'), null)
  for (const wrong of ['', 'x', '1.5', '1e3', '0x10']) assert.equal(parsed(LONG, wrong), null, wrong)
  assert.equal(parsed(INT, '2147483647'), '2147483647')
  assert.equal(parsed(INT, '2147483648'), null)
  assert.equal(parsed(INT, '-2'), null)
})

test('doubles look like those of Java', () => {
  assert.deepEqual(
    ['0', '1', '1e-2', '0.25'].map((text) => parsed(DOUBLE, text)),
    ['0.0', '1.0', '0.01', '0.25'],
  )
  assert.equal(parsed(DOUBLE, '1.1'), null)
  assert.equal(parsed(DOUBLE, 'Infinity'), null)
})

test('items of a list are there once, an empty list is one', () => {
  assert.equal(parsed(LIST, ' a , b,a'), 'a,b')
  assert.equal(parsed(LIST, ''), '')
  assert.equal(parsed(LIST, 'a,c'), null)
})

test('flags are true or false, however written', () => {
  assert.equal(parsed(FLAG, 'TRUE'), 'true')
  assert.equal(parsed(FLAG, 'yes'), null)
})
