import type { World } from './world.ts'

/** What stands at a place: null for nothing. */
interface Bookmark {
  readonly offset: number
  readonly metadata: string
  /** From when on it may be gone, by wall clocks; infinite where it stays. */
  readonly expiresAtMs: number
}

type State = Bookmark | null

/**
 * The committed offsets of one group that one client alone commits, one request after the other. A request without an answer leaves two
 * possibilities; what is told later decides.
 */
export class BookmarkModel {
  readonly groupId: string
  readonly #world: World
  readonly #places = new Map<number, State[]>()
  /** The group was deleted, and nothing was asked of it since. */
  #isGone = true

  constructor(world: World, groupId: string, partitions: number) {
    this.#world = world
    this.groupId = groupId
    for (let index = 0; index < partitions; index++) this.#places.set(index, [null])
  }

  /** A change is sent: from now on either stands there. The answer says what does: `decide`. */
  send(index: number, state: State): void {
    this.#isGone = false
    this.#places.set(index, [...this.#of(index), state])
  }

  decide(index: number, state: State): void {
    this.#places.set(index, [state])
  }

  /** The deletion of all is sent. */
  sendDeletion(): void {
    for (const index of this.#places.keys()) this.#places.set(index, [...this.#of(index), null])
  }

  /** The group is not there, says the broker. */
  deleted(): void {
    this.#isGone = true
    for (const index of this.#places.keys()) this.decide(index, null)
  }

  /** OffsetFetch said; -1 for nothing. */
  fetched(index: number, offset: number, metadata: string): void {
    const states = this.#of(index)
    const { highestWallMs } = this.#world.time
    const told = states.find((state) => (state === null ? offset < 0 : state.offset === offset && state.metadata === metadata))
    const expired = offset < 0 && states.some((state) => state !== null && state.expiresAtMs <= highestWallMs)
    if (told === undefined && !expired)
      this.#world.violate(`group ${this.groupId}: partition ${index} is told to be at ${offset} "${metadata}", it is one of ${JSON.stringify(states)}`)
    // What a failing disk refused may be in the journal all the same: the next start says.
    if (!this.#world.diskFails) this.decide(index, told ?? null)
    else if (expired) this.send(index, null)
  }

  /** Whether the group must be there, by its offsets. */
  get mustExist(): boolean {
    const { highestWallMs } = this.#world.time
    return [...this.#places.values()].some((states) => states.every((state) => state !== null && state.expiresAtMs > highestWallMs))
  }

  get mustBeGone(): boolean {
    return this.#isGone
  }

  /** Places that expired so long ago that they cannot be there any more. */
  isOverdue(index: number, nowMs: number): boolean {
    return this.#of(index).every((state) => state === null || state.expiresAtMs < nowMs)
  }

  #of(index: number): readonly State[] {
    return this.#places.get(index) as State[]
  }
}
