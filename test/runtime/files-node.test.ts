import assert from 'node:assert/strict'
import test from 'node:test'
import { NodeFiles } from '../../src/runtime/files-node.ts'
import { temporaryFolder } from '../log/log-harness.ts'

test('a disk says how large it is and what is left of it', async (t) => {
  const { path, remove } = temporaryFolder()
  t.after(remove)
  const space = await new NodeFiles(path).space()
  assert.ok(space !== null && space.totalBytes > 0 && space.usableBytes > 0 && space.usableBytes <= space.totalBytes, JSON.stringify(space))
})
