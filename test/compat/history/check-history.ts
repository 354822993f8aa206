/** Judges what clients of transactions wrote down: nothing may be lost, doubled, out of order, or seen though it was aborted. */

/** `at`: when it was written down, in milliseconds of the wall clock; for people. */
export type HistoryEvent = { readonly at?: number } /** `by` ended a transaction; `ids` are the records it sent, with their partitions, in order. */ & (
  | {
      readonly e: 'txn'
      readonly by: string
      readonly end: 'committed' | 'aborted' | 'unknown'
      readonly ids: readonly (readonly [partition: number, id: string])[]
    }
  /** A reader of committed records was given one; `final` is the reader of everything, after the end. */
  | { readonly e: 'saw' | 'final'; readonly by: string; readonly t: string; readonly p: number; readonly o: number; readonly id: string }
  /** What a client saw itself that must not be. */
  | { readonly e: 'broken'; readonly by: string; readonly text: string }
  | { readonly e: 'note'; readonly by: string; readonly text: string }
  | { readonly e: 'done'; readonly by: string }
)

type Saw = Extract<HistoryEvent, { readonly o: number }>

/** Topic of the producers, and what the transformers make of it, partition by partition. */
export const IN = 'history-in'
export const OUT = 'history-out'

/** What is wrong with a history, a line each; none where it could have been without kills and pauses. */
export function checkHistory(events: readonly HistoryEvent[]): string[] {
  const complaints = events.flatMap((event) => (event.e === 'broken' ? [`${event.by}: ${event.text}`] : []))
  const finals = places(events.filter((event): event is Saw => event.e === 'final'))
  const partitionOf = new Map<string, number>()
  for (const [place, records] of finals) {
    if (!place.startsWith(`${IN}/`)) continue
    for (const { id, p } of records) {
      if (partitionOf.has(id)) complaints.push(`${id} is there twice`)
      partitionOf.set(id, p)
    }
  }
  complaints.push(...checkTransactions(events, partitionOf))
  for (const [place, records] of finals) complaints.push(...checkOrder(place, records))
  complaints.push(...checkTransformed(finals), ...checkReaders(events, finals))
  return complaints
}

/** All of a transaction or nothing; all that was committed, nothing that was aborted, nothing that nobody sent. */
function checkTransactions(events: readonly HistoryEvent[], partitionOf: ReadonlyMap<string, number>): string[] {
  const complaints: string[] = []
  const sent = new Set<string>()
  for (const event of events) {
    if (event.e !== 'txn') continue
    const there = event.ids.filter(([partition, id]) => partitionOf.get(id) === partition)
    const label = `a transaction of ${event.by} with ${event.ids.map(([, id]) => id).join(' ')}`
    for (const [, id] of event.ids) sent.add(id)
    if (event.end === 'committed' && there.length < event.ids.length) complaints.push(`lost: ${label}, committed, of which only ${there.length} are there`)
    if (event.end === 'aborted' && there.length > 0) complaints.push(`visible: ${label}, aborted, of which ${there.length} are there`)
    if (event.end === 'unknown' && there.length > 0 && there.length < event.ids.length) complaints.push(`torn: ${label}, of which ${there.length} are there`)
  }
  for (const id of partitionOf.keys()) if (!sent.has(id)) complaints.push(`nobody sent ${id}`)
  return complaints
}

/** Of one sender (`SENDER.TRANSACTION.RECORD`), later ones come later. */
function checkOrder(place: string, records: readonly Saw[]): string[] {
  const last = new Map<string, readonly [transaction: number, record: number]>()
  const complaints: string[] = []
  for (const { id, o } of records) {
    const [sender = '', transaction, record] = id.split('.')
    const now = [Number(transaction), Number(record)] as const
    const before = last.get(sender)
    if (before !== undefined && (before[0] > now[0] || (before[0] === now[0] && before[1] >= now[1]))) {
      complaints.push(`out of order: ${id} at ${place} offset ${o} after ${sender}.${before.join('.')}`)
    }
    last.set(sender, now)
  }
  return complaints
}

/** What was consumed and produced with its offsets is there once each, in the same order. */
function checkTransformed(finals: ReadonlyMap<string, readonly Saw[]>): string[] {
  const partitions = new Set([...finals.keys()].map((place) => place.split('/')[1]))
  return [...partitions].flatMap((partition) => {
    const wanted = (finals.get(`${IN}/${partition}`) ?? []).map(({ id }) => id)
    const made = (finals.get(`${OUT}/${partition}`) ?? []).map(({ id }) => id)
    const at = wanted.findIndex((id, i) => made[i] !== id)
    if (at < 0 && made.length === wanted.length) return []
    const where = at < 0 ? wanted.length : at
    return [`transformed: ${OUT}/${partition} has ${made.length} records of ${wanted.length}; number ${where} is ${made[where]}, not ${wanted[where]}`]
  })
}

/** What a reader saw on its way is how everything began. */
function checkReaders(events: readonly HistoryEvent[], finals: ReadonlyMap<string, readonly Saw[]>): string[] {
  const readers = new Map<string, Saw[]>()
  for (const event of events) {
    if (event.e !== 'saw') continue
    const seen = readers.get(event.by) ?? []
    seen.push(event)
    readers.set(event.by, seen)
  }
  const line = (record: Saw | undefined) => (record === undefined ? 'nothing' : `${record.id} at ${record.o}`)
  return [...readers].flatMap(([by, all]) =>
    [...places(all)].flatMap(([place, seen]) => {
      const final = finals.get(place) ?? []
      const at = seen.findIndex((record, i) => line(record) !== line(final[i]))
      return at < 0 ? [] : [`${by} saw ${line(seen[at])} as number ${at} of ${place}, where in the end there is ${line(final[at])}`]
    }),
  )
}

function places(records: readonly Saw[]): Map<string, Saw[]> {
  const found = new Map<string, Saw[]>()
  for (const record of records) {
    const place = `${record.t}/${record.p}`
    const there = found.get(place)
    if (there === undefined) found.set(place, [record])
    else there.push(record)
  }
  return found
}
