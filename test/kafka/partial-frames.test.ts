import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PartialFrames } from '../../src/kafka/partial-frames.ts'

function setup(maxBytes: number) {
  const closed: string[] = []
  const frames = new PartialFrames(maxBytes)
  const receiver = (name: string) => ({
    close: () => {
      closed.push(name)
    },
  })
  return { closed, frames, receiver }
}

test('beyond the bound the frame that began first loses its connection', () => {
  const { closed, frames, receiver } = setup(100)
  const [slow, quick, big] = [receiver('slow'), receiver('quick'), receiver('big')]
  frames.update(slow, 10, true)
  frames.update(quick, 40, true)
  frames.update(quick, 0, false)
  frames.update(big, 50, true)
  frames.update(quick, 30, true)
  assert.deepEqual(closed, [])
  frames.update(big, 80, false)
  assert.deepEqual(closed, ['slow', 'big'])
  assert.equal(frames.totalBytes, 30)
})

test('a connection that begins its next frame is the youngest again', () => {
  const { closed, frames, receiver } = setup(100)
  const [first, second] = [receiver('first'), receiver('second')]
  frames.update(first, 40, true)
  frames.update(second, 40, true)
  frames.update(first, 40, true)
  frames.update(first, 70, false)
  assert.deepEqual(closed, ['second'])
  assert.equal(frames.totalBytes, 70)
})
