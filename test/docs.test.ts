import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { test } from 'node:test'
import { driftedPages } from '../scripts/docs/print.ts'
import { TOPIC_CONFIGS } from '../src/broker/topics/topic-config.ts'
import { loadSettings } from '../src/config/load.ts'
import { settingOf } from '../src/config/settings.ts'
import { staticConfigs } from '../src/server-settings.ts'

test('the pages of docs/reference are what their tables say (npm run docs)', async () => {
  assert.deepEqual(await driftedPages(), [])
})

test('the page of rules names sources and tests that are there', async () => {
  const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8')
  const page = await read('../docs/internals/kafka-rules.md')
  const cells = page.split('\n').flatMap((line) => line.split('|').map((cell) => cell.trim()))
  const missing: string[] = []
  for (const cell of cells) {
    const named = [...cell.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, path]) => path as string)
    let folder = ''
    const tests = await Promise.all(
      named.map((path) => {
        folder = path.includes('/') ? dirname(path) : folder
        return read(`${folder}/${basename(path)}`.replace(/^/, './')).catch(() => missing.push(path) && '')
      }),
    )
    // A name that is cut ends in "…"; those of loops stand in the file of questions.
    const questions = await read('./compat/differential/questions/transactions.ts')
    for (const [, name] of cell.matchAll(/"([^"]+)"/g)) {
      const begin = (name as string).replace(/ ?…$/, '')
      if (named.length > 0 && !`${tests.join()}${questions}`.includes(begin.replace(/^v[12]: ?/, ''))) missing.push(begin)
    }
  }
  assert.deepEqual(missing, [])
})

test('settings that are defaults of topic configs have the defaults of those', () => {
  const loaded = loadSettings()
  assert.ok('settings' in loaded)
  for (const { key, default: fallback } of staticConfigs(loaded.settings)) {
    const row = TOPIC_CONFIGS.find(({ synonym }) => synonym === key)
    if (row !== undefined) assert.equal(fallback, row.default, key)
  }
})

test('every setting says what it means in a sentence', () => {
  const loaded = loadSettings()
  assert.ok('settings' in loaded)
  for (const key of Object.keys(loaded.settings)) assert.match(settingOf(key as 'storage').doc, /^[A-Z].*\.$/s, key)
})
