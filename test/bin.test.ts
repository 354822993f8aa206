import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../bin/elytra.js', import.meta.url))

let folder: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'elytra-bin-'))
  mkdirSync(join(folder, 'bin'))
  cpSync(BIN, join(folder, 'bin/elytra.js'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
})
after(() => rmSync(folder, { recursive: true, force: true }))

/** Runs a copy of bin/elytra.js in a folder where only it stands; `version` is what its Node says it is. */
function runBin(words: readonly string[], version = process.versions.node) {
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '${version}' }); Object.defineProperty(process, 'version', { value: 'v${version}' })`
  const preload = join(folder, 'pretend.cjs')
  writeFileSync(preload, pretend)
  return spawnSync(process.execPath, ['--require', preload, join(folder, 'bin/elytra.js'), ...words], { encoding: 'utf8' })
}

test('an old Node without a newer one beside it is told what to do', () => {
  const run = runBin(['--version'], '20.19.2')
  assert.equal(run.status, 1)
  assert.match(run.stderr, /^elytra: needs Node\.js 24 or newer, and this is v20\.19\.2\. Install it/)
})

test('an old Node runs the newer one that the package node brings, with its words and its exit code', () => {
  mkdirSync(join(folder, 'node_modules/node/bin'), { recursive: true })
  const newer = join(folder, 'node_modules/node/bin/node')
  writeFileSync(newer, '#!/bin/sh\nshift\necho "newer: $*"\nexit 7\n', { mode: 0o755 })
  const run = runBin(['topic', 'list'], '20.19.2')
  assert.equal(run.stdout, 'newer: topic list\n')
  assert.equal(run.status, 7)
  rmSync(join(folder, 'node_modules'), { recursive: true })
})

test('a checkout that was not built is told to build', () => {
  mkdirSync(join(folder, 'src/cli'), { recursive: true })
  writeFileSync(join(folder, 'src/cli/main.ts'), '')
  const run = runBin(['start'])
  assert.equal(run.status, 1)
  assert.match(run.stderr, /is missing; build it first: npm run build/)
})

test('what was built is run', () => {
  mkdirSync(join(folder, 'dist/cli'), { recursive: true })
  writeFileSync(join(folder, 'dist/cli/main.js'), 'export async function main() { console.log(process.argv.slice(2).join()) }')
  assert.equal(runBin(['a', 'b']).stdout, 'a,b\n')
})
