import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { DAMAGE, FAULTS, heal } from './faults.ts'
import type { World } from './world.ts'

/** One thing that goes wrong: what, when, and the seed of its own random source, so that leaving one out does not change the others. */
export interface ScheduledFault {
  readonly name: string
  readonly atMs: number
  readonly seed: number
}

const SEEDS = 0x1_0000_0000
/** Between two faults, on average, at a rate of 1. */
const MEAN_MS = 2_000
/** Of the runs in which nothing goes wrong: there nobody has an excuse. */
const NOTHING = 0.05
/** Of the runs in which everything may go wrong; the others take some faults, so that one does not always end what another began. */
const EVERYTHING = 0.4
const TAKEN = 0.5
/** Of the runs in which bytes on disk are damaged. */
const DAMAGED = 0.15

/** What goes wrong in a run, in order of time; all of it drawn before the run begins. */
export function drawFaults(random: SeededRandom, untilMs: number): ScheduledFault[] {
  const rate = random.pick([0.3, 1, 3])
  if (random.chance(NOTHING)) return []
  const names = namesOf(random)
  const drawn: ScheduledFault[] = drawDamage(random.named('damage'), untilMs)
  for (let atMs = 0; ; ) {
    atMs += Math.ceil((random.fraction() * 2 * MEAN_MS) / rate)
    if (atMs >= untilMs) return drawn.sort((a, b) => a.atMs - b.atMs)
    drawn.push({ name: random.pick(names), atMs, seed: random.below(SEEDS) })
  }
}

/** Damage to bytes at rest, once or twice, in some of the runs. */
function drawDamage(random: SeededRandom, untilMs: number): ScheduledFault[] {
  if (!random.chance(DAMAGED)) return []
  const names = Object.keys(FAULTS).filter((name) => FAULTS[name]?.weight === DAMAGE)
  return Array.from({ length: random.between(1, 2) }, () => ({ name: random.pick(names), atMs: random.below(untilMs), seed: random.below(SEEDS) }))
}

function namesOf(random: SeededRandom): readonly string[] {
  const all = random.chance(EVERYTHING)
  const table = Object.entries(FAULTS).filter(([, { weight }]) => weight !== DAMAGE)
  const taken = table.filter(() => all || random.chance(TAKEN))
  return (taken.length === 0 ? table : taken).flatMap(([name, { weight }]) => Array<string>(weight).fill(name))
}

/** `power-loss@1500#7,pause@2310#8`: as `--faults` takes them. */
export function printFaults(faults: readonly ScheduledFault[]): string {
  return faults.length === 0 ? 'none' : faults.map(({ name, atMs, seed }) => `${name}@${atMs}#${seed}`).join(',')
}

/** What `printFaults` printed. Throws where it is something else. */
export function parseFaults(text: string): ScheduledFault[] {
  if (text === 'none') return []
  return text.split(',').map((part) => {
    const [, name = '', atMs, seed] = /^([a-z0-9-]+)@(\d+)#(\d+)$/.exec(part) ?? []
    if (FAULTS[name] === undefined) throw new Error(`${part} is no fault as --faults takes them, name@ms#seed: ${Object.keys(FAULTS).join(', ')}`)
    return { name, atMs: Number(atMs), seed: Number(seed) }
  })
}

/** Lets them happen; `end` makes peace. */
export function scheduleFaults(world: World, faults: readonly ScheduledFault[]): { end(): void } {
  let ended = false
  for (const { name, atMs, seed } of faults) {
    world.time.after(atMs - world.time.nowMs, null, () => {
      if (ended) return
      world.trace('fault', name)
      world.disturb()
      FAULTS[name]?.run(world, new SeededRandom(seed))
    })
  }
  return {
    end: () => {
      ended = true
      world.trace('fault', 'no more')
      world.disturb()
      heal(world)
      if (!world.broker.alive) world.start()
    },
  }
}
