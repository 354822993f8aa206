import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { Actor } from './support/actor.ts'
import { commitErrorOf, type Waiting, World } from './support/world.ts'

const ROUNDS = 120
const STEPS = 150
/** Longest wait of the protocol: a rebalance timeout, and sessions of those who died before it. */
const ROUNDS_TO_STABLE = 40
const ROUND_MS = 2_000

/** Random members join, leave, crash, commit, lose connections; the broker crashes too. */
class Run {
  readonly random: SeededRandom
  world: World
  readonly actors: Actor[] = []
  /** Who was given a partition in a generation: member id or, where static, instance id. */
  readonly #owners = new Map<string, string>()
  /** What a member was given in a generation. */
  readonly #given = new Map<string, string>()
  #nextOffset = 1
  #lastAcked = -1
  #commits: { readonly offset: number; readonly waiting: Waiting<unknown> }[] = []
  #instances = 0

  constructor(random: SeededRandom, world: World) {
    this.random = random
    this.world = world
  }

  chance(percent: number): boolean {
    return this.random.below(100) < percent
  }

  pick(): Actor | undefined {
    return this.actors[this.random.below(this.actors.length)]
  }

  async act(): Promise<void> {
    const dice = this.random.below(100)
    const actor = this.pick()
    if (dice < 8 && this.actors.filter(({ alive }) => alive).length < 6) this.enter()
    else if (dice < 60) this.step(actor)
    else if (dice < 75) this.world.log.commit(1 + this.random.below(3))
    else if (dice < 85) this.world.clock.advance(this.random.below(4_000))
    else if (dice < 88) actor?.crash()
    else if (dice < 90) this.leave(actor)
    else if (dice < 92) actor?.reconnect()
    else if (dice < 94) this.changeMetadata(actor)
    else if (dice < 97) this.commit(actor)
    else if (dice < 98) this.world.log.fail()
    else if (dice < 99) this.restartStatic(actor)
    else await this.restart()
    this.check()
  }

  enter(): void {
    const instanceId = this.chance(30) ? `i${this.#instances++}` : null
    this.actors.push(new Actor(instanceId, { knownMemberId: this.chance(70), skipAssignment: this.chance(50) }))
  }

  step(actor: Actor | undefined): void {
    if (actor === undefined) return
    const given = actor.step(this.world)
    if (given === null || given === '') return
    const owner = actor.instanceId ?? actor.memberId
    const key = `${actor.generation}/${given}`
    assert.equal(this.#owners.get(key) ?? owner, owner, `generation ${actor.generation} gave ${given} to two members`)
    this.#owners.set(key, owner)
    const mine = `${actor.generation}/${owner}`
    assert.equal(this.#given.get(mine) ?? given, given, `${owner} was given two assignments in generation ${actor.generation}`)
    this.#given.set(mine, given)
  }

  leave(actor: Actor | undefined): void {
    if (actor === undefined || !actor.alive || actor.memberId === '') return
    this.world.leave([{ memberId: actor.memberId, instanceId: actor.instanceId }])
    actor.alive = false
  }

  changeMetadata(actor: Actor | undefined): void {
    if (actor === undefined || !actor.alive || actor.waits) return
    actor.owned = `o${this.random.below(100)}`
    actor.rejoin(this.world)
  }

  /** The process of a static member restarts: same instance, no member id. */
  restartStatic(actor: Actor | undefined): void {
    if (actor === undefined || actor.instanceId === null || !actor.alive) return
    actor.crash()
    this.actors.push(new Actor(actor.instanceId, { knownMemberId: true, skipAssignment: this.chance(50) }))
  }

  commit(actor: Actor | undefined): void {
    const joined = actor?.joined
    if (actor === undefined || !actor.alive || joined == null) return
    const offset = this.#nextOffset++
    const waiting = this.world.commit({ by: joined, ...(actor.instanceId === null ? {} : { instanceId: actor.instanceId }), offset })
    this.#commits.push({ offset, waiting })
  }

  async restart(): Promise<void> {
    this.readCommits()
    const { log } = this.world
    const kept = this.random.below(log.waitingCount + 1)
    this.world = await this.world.restart(kept, this.random.below(1_000_000))
    this.#commits = []
    for (const actor of this.actors) actor.reconnect()
    assert.deepEqual(this.world.log.snapshot(), this.world.log.durable, 'a restart changed what is durable')
  }

  readCommits(): void {
    this.#commits = this.#commits.filter(({ offset, waiting }) => {
      if (waiting.result === undefined) return true
      if (commitErrorOf(waiting as never) === 'NONE') this.#lastAcked = Math.max(this.#lastAcked, offset)
      return false
    })
  }

  check(): void {
    this.readCommits()
    assert.ok(this.world.committed() >= this.#lastAcked, `offset ${this.#lastAcked} was acknowledged, ${this.world.committed()} is committed`)
    if (this.world.log.waitingCount === 0) assert.deepEqual(this.world.log.snapshot(), this.world.log.durable, 'memory and disk differ')
  }

  /** Everybody behaves from now on: the group must come to rest. */
  rest(): number {
    for (let round = 1; round <= ROUNDS_TO_STABLE; round++) {
      for (let turn = 0; turn < 4; turn++) {
        for (const actor of this.actors) this.step(actor)
        this.world.log.commit()
      }
      this.check()
      const alive = this.actors.filter((actor) => actor.alive)
      const generation = alive[0]?.generation
      const done = alive.every((actor) => actor.assignment !== null && actor.generation === generation)
      const members = this.world.groups.describe('g')?.members.length ?? 0
      if (done && members === alive.length) return round
      this.world.clock.advance(ROUND_MS)
    }
    throw new Error(`after ${ROUNDS_TO_STABLE} rounds the group is ${JSON.stringify(this.world.groups.describe('g'))}`)
  }
}

async function run(seed: number, settings: object): Promise<void> {
  const random = new SeededRandom(seed)
  const it = new Run(random, await new World({ offsetsRetentionCheckIntervalMs: 1e9, ...settings }, undefined, new ManualClock(), seed).open())
  it.world.topic('t')
  for (let step = 0; step < STEPS; step++) await it.act()
  it.rest()
  const alive = it.actors.filter((actor) => actor.alive)
  const given = alive.map(({ assignment }) => assignment)
  assert.equal(new Set(given).size, alive.length, `assignments at rest: ${given}`)
  for (const actor of it.actors) actor.crash()
  it.world.clock.advance(100_000)
  it.world.log.commit()
  assert.ok(['Empty', 'none'].includes(it.world.state()), `a group without living members is ${it.world.state()}`)
}

const first = process.env.SEED === undefined ? null : Number(process.env.SEED)

for (const [words, settings] of [
  ['as Kafka does', {}],
  ['with early expiry of closed connections', { disconnectGraceMs: 300 }],
  ['with an initial delay', { initialRebalanceDelayMs: 3_000 }],
] as const) {
  test(`members that come, go and crash, over a broker that crashes: one owner per partition and generation, no lost commit, no stuck group, ${words}`, async () => {
    const base = first ?? Math.floor(performance.now() * 1_000)
    for (let seed = base; seed < base + (first === null ? ROUNDS : 1); seed++) {
      try {
        await run(seed, settings)
      } catch (error) {
        throw new Error(`SEED=${seed} (${words})`, { cause: error })
      }
    }
  })
}
