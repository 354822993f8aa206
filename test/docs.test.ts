import assert from 'node:assert/strict'
import { test } from 'node:test'
import { driftedPages } from '../scripts/docs/print.ts'
import { TOPIC_CONFIGS } from '../src/broker/topics/topic-config.ts'
import { loadSettings } from '../src/config/load.ts'
import { settingOf } from '../src/config/settings.ts'
import { staticConfigs } from '../src/server-settings.ts'

test('the pages of docs/reference are what their tables say (npm run docs)', async () => {
  assert.deepEqual(await driftedPages(), [])
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
