import assert from 'node:assert/strict'
import { test } from 'node:test'
import { didYouMean, editDistance } from '../../src/util/did-you-mean.ts'

test('the distance counts letters inserted, deleted and replaced', () => {
  assert.equal(editDistance('kitten', 'sitting'), 3)
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(editDistance('same', 'same'), 0)
})

test('the nearest word is suggested, and a far one is not', () => {
  assert.equal(didYouMean('consme', ['consume', 'produce']), 'consume')
  assert.equal(didYouMean('xyzzy', ['consume', 'produce']), null)
})
