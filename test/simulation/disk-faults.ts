import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { World } from './world.ts'

/** Every call of the operating system may do less than it is asked for, for a while. */
export function shortTransfers(world: World, random: SeededRandom): void {
  const { disk, time } = world
  disk.faults.shortTransfer = random.pick([0.05, 0.5, 0.95])
  world.count('short transfers')
  time.after(random.below(4_000), null, () => {
    disk.faults.shortTransfer = 0
  })
}

/** Reads answer EIO for a while, and nobody starts anything anew: what is asked again later is there. */
export function failingReads(world: World, random: SeededRandom): void {
  const { disk, time } = world
  if (world.diskFails) return
  world.diskFails = true
  world.diskFaults++
  disk.faults.readFailure = random.pick([0.05, 0.5, 1])
  world.count('failing reads')
  world.trace('disk', 'reads fail')
  time.after(random.below(3_000), null, () => {
    disk.faults.readFailure = 0
    world.trace('disk', 'reads work again')
    world.diskFails = false
  })
}
