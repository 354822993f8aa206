import type { World } from './world.ts'

/** From the moment it is made: whether the disk failed since. An answer of that time may arrive when all is well again. */
export class DiskWatch {
  readonly #world: World
  readonly #failing: boolean
  readonly #faults: number

  constructor(world: World) {
    this.#world = world
    this.#failing = world.diskFails
    this.#faults = world.diskFaults
  }

  get failed(): boolean {
    return this.#failing || this.#world.diskFails || this.#world.diskFaults !== this.#faults
  }
}
