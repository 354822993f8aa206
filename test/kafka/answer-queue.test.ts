import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerQueue } from '../../src/kafka/answer-queue.ts'

function setup() {
  const written: string[] = []
  const queue = new AnswerQueue((chunks) => written.push(Buffer.concat(chunks).toString()))
  return { queue, written }
}

const chunks = (text: string) => [Buffer.from(text)]

test('an answer that is ready leaves at once where nothing waits', () => {
  const { queue, written } = setup()
  queue.add(chunks('a'), 10)
  assert.deepEqual(written, ['a'])
  assert.equal(queue.waiting, 0)
  assert.equal(queue.waitingBytes, 0)
})

test('answers leave in the order of their requests, whatever order they are ready in', () => {
  const { queue, written } = setup()
  const first = queue.promise(10)
  const second = queue.promise(20)
  queue.add(chunks('third'), 5)
  second(chunks('second'))
  assert.deepEqual(written, [])
  assert.equal(queue.waiting, 3)
  assert.equal(queue.waitingBytes, 10 + 20 + 5 + 'second'.length + 'third'.length)
  first(chunks('first'))
  assert.deepEqual(written, ['first', 'second', 'third'])
  assert.equal(queue.waiting, 0)
  assert.equal(queue.waitingBytes, 0)
})

test('a request without an answer holds nobody back', () => {
  const { queue, written } = setup()
  const none = queue.promise(7)
  const second = queue.promise(9)
  second(chunks('second'))
  none(null)
  assert.deepEqual(written, ['second'])
  assert.equal(queue.waitingBytes, 0)
})
