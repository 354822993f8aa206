import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { ALL, ClassicActor, type MixedActor, NewActor, Ownership, SESSION_MS, TOPICS } from './support/mixed-actors.ts'
import { World } from './support/world.ts'

const ROUNDS = 150
const STEPS = 250
const STEPS_TO_SETTLE = 60
const ROUND_MS = 1_000

type Kinds = 'new' | 'classic' | 'both'

/** Random members of one or both protocols come, go, die; the disk fails and the broker crashes. */
class Run {
  readonly random: SeededRandom
  readonly ownership = new Ownership()
  readonly #kinds: Kinds
  world: World
  readonly #dead = new Set<MixedActor>()
  #names = 0

  constructor(random: SeededRandom, world: World, kinds: Kinds) {
    this.random = random
    this.world = world
    this.#kinds = kinds
  }

  get actors(): MixedActor[] {
    return [...this.ownership.actors]
  }

  get living(): MixedActor[] {
    return this.actors.filter((actor) => !this.#dead.has(actor))
  }

  async act(): Promise<void> {
    const dice = this.random.below(1_000)
    const { living } = this
    const actor = living[this.random.below(living.length)]
    if (dice < 60 && living.length < 6) this.enter()
    else if (dice < 700) actor?.step(this.world)
    else if (dice < 850) this.world.log.commit(1 + this.random.below(3))
    else if (dice < 930) this.world.clock.advance(this.random.below(1_500))
    else if (dice < 945) this.world.clock.advance(this.random.below(2) * SESSION_MS)
    else if (dice < 960) this.depart(actor, (one) => one.leave(this.world))
    else if (dice < 970) this.die(actor)
    else if (dice < 980) actor?.disconnected()
    else if (dice < 988) this.world.log.fail()
    else if (dice < 995) await this.restart()
  }

  enter(): void {
    const isClassic = this.#kinds === 'classic' || (this.#kinds === 'both' && this.random.below(2) === 0)
    const name = `${isClassic ? 'classic' : 'new'}-${this.#names++}`
    // An instance that left or died comes back under another member id.
    const wanted = this.random.below(3) === 0 ? `i${this.random.below(2)}` : null
    const instanceId = this.living.some((actor) => actor.instanceId === wanted) ? null : wanted
    this.ownership.actors.add(isClassic ? new ClassicActor(name, this.ownership) : new NewActor(name, this.ownership, instanceId))
  }

  depart(actor: MixedActor | undefined, goodbye: (actor: MixedActor) => void): void {
    if (actor === undefined) return
    goodbye(actor)
    this.ownership.actors.delete(actor)
  }

  /** Without a word: it stays among the owners. */
  die(actor: MixedActor | undefined): void {
    if (actor !== undefined) this.#dead.add(actor)
  }

  async restart(): Promise<void> {
    this.world = await this.world.restart(this.random.below(3), this.random.below(1_000_000))
    for (const actor of this.ownership.actors) actor.disconnected()
  }

  /** Everybody does its part, nothing fails: every partition has one owner, and nobody has two more than another. */
  settle(): void {
    const { living } = this
    if (living.length === 0) return
    for (let step = 0; step < STEPS_TO_SETTLE; step++) {
      for (const actor of living) {
        actor.step(this.world)
        this.world.log.commit()
        actor.step(this.world)
        this.world.log.commit()
      }
      this.world.clock.advance(ROUND_MS)
    }
    assert.deepEqual(living.flatMap(({ owned }) => [...owned]).sort(), [...ALL].sort(), `owned in the end, ${this.describe(living)}`)
    const counts = living.map(({ owned }) => owned.size)
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `shared evenly in the end, ${this.describe(living)}`)
  }

  describe(living: readonly MixedActor[]): string {
    return living.map(({ name, owned, isCalm }) => `${name}${isCalm ? '' : ' (waiting)'}: ${[...owned]}`).join('; ')
  }
}

for (const kinds of ['new', 'classic', 'both'] as const) {
  test(`whatever happens, no partition has two owners, and the group settles: members of ${kinds === 'both' ? 'both protocols' : `the ${kinds} protocol`}`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const seed = Number(process.env.SEED ?? 4_000 + round)
      try {
        await play(seed, kinds)
      } catch (error) {
        throw new Error(`SEED=${seed}`, { cause: error })
      }
      if (process.env.SEED !== undefined) return
    }
  })
}

async function play(seed: number, kinds: Kinds): Promise<void> {
  const random = new SeededRandom(seed)
  const settings = { consumerSessionTimeoutMs: SESSION_MS, consumerAssignmentIntervalMs: random.below(2) * 1_000 }
  const world = await new World(settings, undefined, new ManualClock(), seed).open()
  for (const [topic, partitions] of Object.entries(TOPICS)) world.topic(topic, partitions)
  const run = new Run(random, world, kinds)
  for (let step = 0; step < STEPS; step++) await run.act()
  run.settle()
  run.world.groups.close()
  assert.equal(run.world.clock.pendingTimers, 0)
}
