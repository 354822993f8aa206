import type { World } from './world.ts'

/** What clients were told of one consumer group. */
export class GroupModel {
  readonly groupId: string
  /** By member id: the partitions it was told last, in order. */
  readonly told = new Map<string, string>()
  readonly #world: World
  readonly #owners = new Map<string, string>()
  readonly #committed = new Map<string, number>()
  #generation = -1

  constructor(world: World, groupId: string) {
    this.#world = world
    this.groupId = groupId
  }

  /** The newest generation that a member was given its partitions in. */
  get generation(): number {
    return this.#generation
  }

  /** A SyncGroup was answered. */
  assigned(generation: number, member: string, partitions: readonly string[]): void {
    this.#generation = Math.max(this.#generation, generation)
    for (const partition of partitions) {
      const key = `${generation} ${partition}`
      const owner = this.#owners.get(key)
      if (owner !== undefined && owner !== member) {
        this.#world.violate(`group ${this.groupId}: in generation ${generation} ${partition} belongs to ${owner} and to ${member}`)
      }
      this.#owners.set(key, member)
    }
  }

  /** The largest offset whose commit was acknowledged; -1 for none. */
  committed(partition: string): number {
    return this.#committed.get(partition) ?? -1
  }

  /** A commit was acknowledged; `newest` is the newest generation when it was sent. */
  acknowledged(partition: string, offset: number, generation: number, newest: number): void {
    if (generation < newest) this.#world.violate(`group ${this.groupId}: a commit of generation ${generation} was accepted, ${newest} had begun`)
    this.#committed.set(partition, Math.max(offset, this.committed(partition)))
  }

  /** OffsetFetch said `offset`; `floor` was acknowledged before it was asked. */
  fetched(partition: string, offset: number, floor: number): void {
    if (offset < floor) this.#world.violate(`group ${this.groupId}: the committed offset of ${partition} is ${offset}, but ${floor} was acknowledged`)
    // What was shown once stays, though its commit may never have been answered.
    this.#committed.set(partition, Math.max(offset, this.committed(partition)))
  }
}
