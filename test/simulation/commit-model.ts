import type { World } from './world.ts'

interface Attempt {
  readonly offset: number
  readonly metadata: string
}

/**
 * The commits of one group for one partition, in the order in which they were sent: each has its own words, so that what OffsetFetch says is
 * one of them. It may be an older one only as long as no later one was acknowledged, whatever way its offset went.
 */
export class CommitModel {
  readonly #world: World
  readonly #what: string
  readonly #attempts: Attempt[] = []
  #acknowledged = -1

  constructor(world: World, what: string) {
    this.#world = world
    this.#what = what
  }

  /** Of the last commit that was acknowledged; -1 for none. */
  get offset(): number {
    return this.#attempts[this.#acknowledged]?.offset ?? -1
  }

  /** To be taken before OffsetFetch is asked. */
  get floor(): number {
    return this.#acknowledged
  }

  /** A commit is sent: its number and its words. */
  send(offset: number, by: string): { readonly number: number; readonly metadata: string } {
    const number = this.#attempts.length
    const metadata = `${by} ${number}`
    this.#attempts.push({ offset, metadata })
    return { number, metadata }
  }

  acknowledged(number: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, number)
  }

  /** OffsetFetch said; `floor` was acknowledged before it was asked. */
  fetched(offset: number, metadata: string, floor: number): void {
    if (offset < 0) {
      if (floor >= 0) this.#world.violate(`${this.#what}: no offset is committed, but ${this.#attempts[floor]?.offset} was acknowledged`)
      return
    }
    const number = this.#attempts.findIndex((attempt) => attempt.offset === offset && attempt.metadata === metadata)
    if (number < 0) this.#world.violate(`${this.#what}: offset ${offset} is committed with "${metadata}", which nobody sent`)
    else if (number < floor) this.#world.violate(`${this.#what}: commit ${number} (offset ${offset}) is told, ${floor} was acknowledged`)
    else this.acknowledged(number)
  }
}

/**
 * A group whose members keep what they have through a rebalance (KIP-429): in a generation nobody is given a partition that another
 * member said it holds when it joined that generation.
 */
export class CooperativeModel {
  readonly groupId: string
  readonly #world: World
  /**
   * By generation and partition: who said it holds it, who was given it. Only what was given is on disk: a generation that a crash took
   * before may come again with the same number, so what was held is kept by start of the broker.
   */
  readonly #held = new Map<string, string>()
  readonly #given = new Map<string, string>()
  readonly #commits = new Map<string, CommitModel>()
  generation = -1

  constructor(world: World, groupId: string) {
    this.#world = world
    this.groupId = groupId
  }

  commits(partition: string): CommitModel {
    let commits = this.#commits.get(partition)
    if (commits === undefined) {
      commits = new CommitModel(this.#world, `group ${this.groupId}, ${partition}`)
      this.#commits.set(partition, commits)
    }
    return commits
  }

  joined(generation: number, member: string, holds: readonly string[]): void {
    if (generation < this.generation) this.#world.violate(`group ${this.groupId}: ${member} joined generation ${generation}, ${this.generation} had begun`)
    for (const partition of holds) {
      const key = `${generation} ${partition}`
      const other = this.#given.get(`${this.#world.boots} ${key}`)
      if (other !== undefined && other !== member)
        this.#world.violate(`group ${this.groupId}: in generation ${generation} ${partition} was given to ${other}, ${member} holds it`)
      this.#held.set(`${this.#world.boots} ${key}`, member)
    }
  }

  assigned(generation: number, member: string, partitions: readonly string[]): void {
    this.generation = Math.max(this.generation, generation)
    for (const partition of partitions) {
      const key = `${generation} ${partition}`
      const now = `${this.#world.boots} ${key}`
      for (const other of [this.#given.get(key), this.#held.get(now)]) {
        if (other !== undefined && other !== member)
          this.#world.violate(`group ${this.groupId}: in generation ${generation} ${partition} is given to ${member}, ${other} has it`)
      }
      this.#given.set(key, member)
      this.#given.set(now, member)
    }
  }
}
