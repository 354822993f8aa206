import type { FileNode } from '../../src/testing/disk-nodes.ts'
import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import { atRest, contentOf, type Stretch } from './damage.ts'
import type { World } from './world.ts'

/** Sectors go wrong as a whole. */
const SECTOR_BYTES = 512

/** Topics whose readers know what to do: of all kinds of Kafka clients, groups, transactions and MQTT clients. */
const TOPICS = [
  ...['events', 'orders', 'ledger', 'mixed-acks', 'configured'],
  ...['tasks', 'chores', 'jobs', 'errands', 'mixed'],
  ...['paid', 'shipped'],
  ...['mq', 'packed', 'ms', 'both', 'opts', 'kept', 'wills', 'late'],
]
const RECORDS = new RegExp(`^topics/(${TOPICS.join('|')})-\\d+/\\d{20}\\.log$`)

/** What is damaged equally often; the files of each. */
const KINDS: readonly ((path: string) => boolean)[] = [
  (path) => RECORDS.test(path),
  (path) => RECORDS.test(path),
  (path) => /\.(index|timeindex|txnindex)$/.test(path),
  (path) => /^journal-\d$/.test(path),
  (path) => /^state\/\d{20}\.log$/.test(path),
  (path) => /^state\/snapshot-\d{20}$/.test(path),
  (path) => /(\.json|partition\.metadata|leader-epoch-checkpoint)$/.test(path),
]

/** One bit of what is stored is another. */
export function flipBit(world: World, random: SeededRandom): void {
  const stretch = anyStretch(world, random, 1)
  if (stretch === null) return
  const byte = contentOf(stretch.file)[stretch.position] as number
  const bit = random.below(8)
  world.damage.overwrite(stretch, Uint8Array.of(byte ^ (1 << bit)))
  tell(world, `bit ${bit} flips`, stretch)
  world.count('bits flipped')
}

/** A write of one place landed at another: there it destroys what was, and its own place keeps what it had before, which was nothing. */
export function misdirectWrite(world: World, random: SeededRandom): void {
  const from = anyStretch(world, random, SECTOR_BYTES)
  const to = anyStretch(world, random, from?.length ?? 0)
  if (from === null || to === null || from.length !== to.length || from.file === to.file) return
  const written = Uint8Array.from(contentOf(from.file).subarray(from.position, from.position + from.length))
  world.damage.overwrite(from, new Uint8Array(from.length))
  world.damage.overwrite(to, written)
  tell(world, 'a write that should be here landed elsewhere', from)
  tell(world, 'a write landed here', to)
  world.count('writes misdirected')
}

function tell(world: World, what: string, { path, position, length }: Stretch): void {
  world.trace('damage', `${path} ${position}..${position + length}: ${what}`)
}

/** Up to `length` bytes, in sectors where it is more than one, of some file that is on disk. */
function anyStretch(world: World, random: SeededRandom, length: number): Stretch | null {
  const isKind = random.pick(KINDS)
  const places = world.disk
    .files()
    // Once in a segment: what lies between two damaged headers is given up where its index is lost too (docs/internals/log-and-journal.md).
    .filter(([path]) => isKind(path) && !(RECORDS.test(path) && world.damage.touched(path)))
    .flatMap(([path, file]) => atRest(world.disk, path, file).map((place) => ({ path, file, ...place })))
  if (places.length === 0) return null
  const { path, file, from, to } = random.pick(places)
  const position = random.between(from, to - 1)
  if (length === 1) return { path, file, position, length }
  const begin = Math.floor(position / SECTOR_BYTES) * SECTOR_BYTES
  return withinRest(world, { path, file, position: begin, length: Math.min(length, file.cached.size - begin) })
}

/** Null where part of it must not be damaged. */
function withinRest(world: World, stretch: Stretch): Stretch | null {
  const covered = atRest(world.disk, stretch.path, stretch.file as FileNode).reduce(
    (sum, { from, to }) => sum + Math.max(0, Math.min(to, stretch.position + stretch.length) - Math.max(from, stretch.position)),
    0,
  )
  return covered === stretch.length ? stretch : null
}
