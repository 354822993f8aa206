/**
 * A transactional history with real clients: Java 4.4 and 4.1 (KIP-890) and librdkafka produce in transactions, consume, transform and
 * produce, with offsets in the transactions, while the broker is killed and all of them are paused. `TEST_SEED` replays the decisions.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { systemRandom } from '../../../src/runtime/random.ts'
import { javaMissing, pythonMissing } from '../lib/toolchain.ts'
import { checkHistory, type HistoryEvent, IN, OUT } from './check-history.ts'
import { tell } from './story.ts'

const SEED = Number(process.env.TEST_SEED ?? systemRandom.below(1_000_000))
const FOR_MS = Number(process.env.TEST_MS ?? 20_000)

describe('transactional history', { skip: process.env.COMPAT_KAFKA ? 'the broker is not ours to kill' : javaMissing() || pythonMissing() }, () => {
  test('nothing is lost, doubled, out of order or seen though aborted, whoever is killed or paused', { timeout: 220_000 }, async (t) => {
    t.diagnostic(`TEST_SEED=${SEED}`)
    const { events, deeds } = await tell(SEED, FOR_MS)
    for (const deed of deeds) if (deed.e === 'note') t.diagnostic(deed.text)
    const ended = (end: string) => events.filter((event) => event.e === 'txn' && event.end === end).length
    const records = events.filter(({ e }) => e === 'final').length
    t.diagnostic(`transactions: ${ended('committed')} committed, ${ended('aborted')} aborted, ${ended('unknown')} unknown; ${records} records`)
    for (const text of notes(events)) t.diagnostic(text)
    const complaints = checkHistory(events)
    if (complaints.length > 0 || process.env.TEST_KEEP) t.diagnostic(`the history is in ${await keep([...events, ...deeds])}`)
    assert.deepEqual(complaints.slice(0, 20), [])
    assert.ok(ended('committed') >= 20 && ended('aborted') >= 5, 'the clients did something')
  })
})

/** Writes the events down, a line each, in the order in which they were. */
async function keep(events: readonly HistoryEvent[]): Promise<string> {
  const file = join(tmpdir(), `elytra-history-${SEED}.jsonl`)
  const sorted = events.toSorted((a, b) => (a.at ?? 0) - (b.at ?? 0))
  await writeFile(file, sorted.map((event) => `${JSON.stringify(event)}\n`).join(''))
  return file
}

/** What clients complained of, and how often: for people. */
function notes(events: readonly HistoryEvent[]): string[] {
  const counts = new Map<string, number>()
  for (const event of events) {
    if (event.e !== 'note') continue
    const text = `${event.by.split('-')[0]}: ${event.text.replace(/[0-9]+/g, 'N').slice(0, 160)}`
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  return [...counts].map(([text, count]) => `${count} x ${text}`)
}

describe('the checker of histories', () => {
  const record = (e: 'saw' | 'final', t: string, o: number, id: string): HistoryEvent => ({ e, by: 'reader', t, p: 0, o, id })
  const txn = (end: 'committed' | 'aborted' | 'unknown', ...ids: string[]): HistoryEvent => ({ e: 'txn', by: 'a', end, ids: ids.map((id) => [0, id] as const) })
  const both = (...ids: string[]): HistoryEvent[] => [IN, OUT].flatMap((t) => ids.map((id, i) => record('final', t, i * 2, id)))
  const good = [txn('committed', 'a.1.0', 'a.1.1'), txn('aborted', 'a.2.0'), txn('unknown', 'a.3.0')]
  const whole = both('a.1.0', 'a.1.1')

  test('takes a history in which all is well', () => {
    assert.deepEqual(checkHistory([...good, ...whole, record('saw', IN, 0, 'a.1.0')]), [])
    assert.deepEqual(checkHistory([...good, ...both('a.1.0', 'a.1.1', 'a.3.0')]), [])
  })

  const faults: Readonly<Record<string, readonly [events: readonly HistoryEvent[], complaint: RegExp]>> = {
    'a lost record': [[...good, ...both('a.1.0')], /^lost/],
    'an aborted record': [[...good, ...both('a.1.0', 'a.1.1', 'a.2.0')], /^visible/],
    'half of a transaction': [[...good, txn('unknown', 'a.4.0', 'a.4.1'), ...both('a.1.0', 'a.1.1', 'a.4.0')], /^torn/],
    'a record that is there twice': [[...good, ...both('a.1.0', 'a.1.1', 'a.1.1')], /there twice/],
    'records in the wrong order': [[...good, ...both('a.1.1', 'a.1.0')], /^out of order/],
    'a record that nobody sent': [[...good, ...both('a.1.0', 'a.1.1', 'b.1.0')], /nobody sent/],
    'a record that was not transformed': [[...good, ...whole.slice(0, 3)], /^transformed/],
    'a record that was transformed twice': [[...good, ...whole, record('final', OUT, 9, 'a.1.1')], /^transformed/],
    'a record seen that is gone': [[...good, ...whole, record('saw', IN, 0, 'a.2.0')], /^reader saw/],
    'a record seen twice': [[...good, ...whole, record('saw', IN, 0, 'a.1.0'), record('saw', IN, 0, 'a.1.0')], /^reader saw/],
    'what a client itself saw': [[...good, ...whole, { e: 'broken', by: 'a', text: 'that cannot be' }], /that cannot be/],
  }
  for (const [name, [events, complaint]] of Object.entries(faults)) {
    test(`finds ${name}`, () => {
      assert.ok(checkHistory(events).some((line) => complaint.test(line)))
    })
  }
})
